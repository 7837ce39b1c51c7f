import type { GraphQuery } from '../graph/appenders/context.ts';
import { alternatives, quoted } from '../graph/queries.ts';
import type { Labels } from '../metrics/registry.ts';
import { METRIC } from '../metrics/standard.ts';
import { effectiveCode } from './rules.ts';
import type { RatesByCode } from './types.ts';

/** Inbound and outbound rates of one application, service or workload. */
export interface TrafficRates {
  readonly inbound: RatesByCode;
  readonly outbound: RatesByCode;
}

/** Rates of everything in some namespaces; keys are `namespace name`. */
export interface NamespaceTraffic {
  readonly apps: ReadonlyMap<string, TrafficRates>;
  readonly services: ReadonlyMap<string, TrafficRates>;
  readonly workloads: ReadonlyMap<string, TrafficRates>;
}

type ByReporter = Record<'source' | 'destination', RatesByCode>;

interface Draft {
  readonly inbound: ByReporter;
  readonly outbound: RatesByCode;
}

const LABELS = [
  'reporter',
  'source_workload_namespace',
  'source_workload',
  'source_canonical_service',
  'destination_service_namespace',
  'destination_service_name',
  'destination_workload_namespace',
  'destination_workload',
  'destination_canonical_service',
  'request_protocol',
  'response_code',
  'grpc_response_status',
];

/** Asks two queries, whatever the number of namespaces. */
export async function collectTraffic(
  query: GraphQuery,
  namespaces: readonly string[],
  intervalMs: number,
  timeMs: number,
): Promise<NamespaceTraffic> {
  const apps = new Map<string, Draft>();
  const services = new Map<string, Draft>();
  const workloads = new Map<string, Draft>();
  if (namespaces.length > 0) {
    const names = quoted(alternatives(namespaces));
    const window = `${Math.max(1, Math.round(intervalMs / 1000))}s`;
    const ask = (selector: string): ReturnType<GraphQuery> =>
      query(`sum(rate(${METRIC.requests}{${selector}}[${window}])) by (${LABELS.join(',')}) > 0`, timeMs);
    // A caller's report is its outbound and its target's inbound at once: series of traffic within the namespaces come once.
    for (const { labels, value } of await ask(`destination_service_namespace=~${names}`)) {
      const get = (name: string): string => labels[name] ?? '';
      const workloadNamespace = get('destination_workload_namespace');
      const reporter = labels['reporter'] === 'source' ? 'source' : 'destination';
      add(draft(apps, workloadNamespace, get('destination_canonical_service'))?.inbound[reporter], labels, value);
      add(draft(workloads, workloadNamespace, get('destination_workload'))?.inbound[reporter], labels, value);
      add(draft(services, get('destination_service_namespace'), get('destination_service_name'))?.inbound[reporter], labels, value);
    }
    for (const { labels, value } of await ask(`reporter="source",source_workload_namespace=~${names}`)) {
      const namespace = labels['source_workload_namespace'] ?? '';
      add(draft(apps, namespace, labels['source_canonical_service'])?.outbound, labels, value);
      add(draft(workloads, namespace, labels['source_workload'])?.outbound, labels, value);
    }
  }
  return { apps: finished(apps), services: finished(services), workloads: finished(workloads) };
}

function draft(map: Map<string, Draft>, namespace: string, name: string | undefined): Draft | undefined {
  if (name === undefined || name === '' || name === 'unknown') return undefined;
  const key = `${namespace} ${name}`;
  let one = map.get(key);
  if (one === undefined) map.set(key, (one = { inbound: { source: {}, destination: {} }, outbound: {} }));
  return one;
}

function add(rates: RatesByCode | undefined, labels: Labels, value: number): void {
  if (rates === undefined) return;
  const protocol = labels['request_protocol'] ?? 'http';
  const code = effectiveCode(protocol, labels['response_code'] ?? '', labels['grpc_response_status'] ?? '');
  const codes = (rates[protocol] ??= {});
  codes[code] = (codes[code] ?? 0) + value;
}

/** Both ends report the same requests: of each code the higher rate counts, so that neither failures on the way nor retries are lost. */
function finished(map: Map<string, Draft>): Map<string, TrafficRates> {
  return new Map(
    [...map].map(([key, { inbound: both, outbound }]) => {
      const merged: RatesByCode = {};
      for (const rates of [both.source, both.destination]) {
        for (const [protocol, codes] of Object.entries(rates)) {
          const into = (merged[protocol] ??= {});
          for (const [code, rate] of Object.entries(codes)) into[code] = Math.max(into[code] ?? 0, rate);
        }
      }
      return [key, { inbound: merged, outbound }];
    }),
  );
}
