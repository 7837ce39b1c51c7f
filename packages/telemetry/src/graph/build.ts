import { APPENDERS } from './appenders/index.ts';
import { createContext, type AppenderContext, type GraphQuery } from './appenders/context.ts';
import { focusOn } from './focus.ts';
import type { GraphMesh } from './mesh.ts';
import { rateMetrics, rateQuery, trafficSelectors } from './queries.ts';
import { reduceToServices } from './service-graph.ts';
import { addTraffic } from './traffic.ts';
import { createTrafficMap, type AppenderName, type GraphOptions, type TrafficMap } from './types.ts';

/** Run on the graph of workloads, because they read series by the labels of workloads. */
const BEFORE_REDUCTION: readonly AppenderName[] = ['responseTime', 'securityPolicy', 'throughput'];
/** What runs when nobody names appenders: idle nodes are only there for those who ask. */
export const DEFAULT_APPENDERS: ReadonlySet<AppenderName> = new Set(APPENDERS.map((one) => one.name).filter((name) => name !== 'idleNode'));
/** These always run: the graph is not understandable without. */
const ALWAYS: readonly AppenderName[] = ['outsider', 'trafficGenerator', 'labeler'];

/**
 * The graph of a time window: nodes and edges from the rates of Istio's metrics, then what the appenders add. Asks `query` a dozen
 * times, however many namespaces there are.
 */
export async function buildGraph(options: GraphOptions, query: GraphQuery, mesh: GraphMesh): Promise<TrafficMap> {
  let map = createTrafficMap();
  if (options.namespaces.length === 0) return map;
  const context = createContext(options, query, mesh);
  const draft = { map, options, seen: new Set<string>() };
  for (const { metric, protocol, selector, labels } of rateMetrics(options)) {
    for (const traffic of trafficSelectors(options)) {
      const all = selector === '' ? traffic : `${traffic},${selector}`;
      addTraffic(draft, { metric, protocol }, await query(rateQuery(metric, all, labels, options), options.queryTimeMs));
    }
  }
  await append(map, context, (name) => BEFORE_REDUCTION.includes(name));
  if (options.graphType === 'service') map = reduceToServices(map);
  if (options.focus !== undefined) map = focusOn(map, options.focus);
  await append(map, context, (name) => !BEFORE_REDUCTION.includes(name));
  return map;
}

async function append(map: TrafficMap, context: AppenderContext, wanted: (name: AppenderName) => boolean): Promise<void> {
  for (const appender of APPENDERS) {
    if (!wanted(appender.name)) continue;
    if (context.options.appenders.has(appender.name) || ALWAYS.includes(appender.name)) await appender.run(map, context);
  }
}
