import { METRIC } from '../../metrics/standard.ts';
import { edgesOf, pathOf } from '../identity.ts';
import { EDGE_LABELS, trafficSelectors, window } from '../queries.ts';
import { edgeKey, type GraphOptions, type TrafficMap } from '../types.ts';
import type { Appender, AppenderContext } from './context.ts';
import { requestProtocol } from './series.ts';

/**
 * Response time of edges. Quantiles cannot be averaged, so each kind of edge is asked for with the labels that make it: buckets add up.
 * What servers report wins; clients fill the gaps.
 */
export const responseTimeAppender: Appender = {
  name: 'responseTime',
  async run(map, context) {
    const { options } = context;
    const [, inbound = '', outbound = ''] = trafficSelectors(options);
    const drops: readonly Drop[] = options.injectServiceNodes || options.graphType === 'service' ? ['destination_workload', 'source'] : ['none'];
    for (const selector of [inbound, outbound]) {
      for (const drop of drops) await apply(map, context, selector, drop);
    }
  },
};

/** Which end is left out of the grouping: the workload behind the service, or the caller. */
type Drop = 'none' | 'destination_workload' | 'source';

function groupLabels(drop: Drop): string[] {
  const kept = EDGE_LABELS.filter((label) => {
    if (drop === 'source') return !label.startsWith('source_');
    if (drop === 'destination_workload')
      return label.startsWith('source_') || label === 'destination_cluster' || label.startsWith('destination_service');
    return true;
  });
  return [...kept, 'request_protocol'];
}

function queryOf(options: GraphOptions, selector: string, labels: readonly string[]): string {
  const by = labels.join(',');
  const rate = (suffix: string, more: string): string =>
    `sum(rate(${METRIC.requestDuration}${suffix}{${selector}}[${window(options)}])) by (${more}${by})`;
  if (options.responseTime === 'avg') return `${rate('_sum', '')} / ${rate('_count', '')} > 0`;
  return `histogram_quantile(0.${options.responseTime},${rate('_bucket', 'le,')}) > 0`;
}

async function apply(map: TrafficMap, { options, query }: AppenderContext, selector: string, drop: Drop): Promise<void> {
  for (const sample of await query(queryOf(options, selector, groupLabels(drop)), options.queryTimeMs)) {
    if (!Number.isFinite(sample.value)) continue;
    // What was dropped is filled with a placeholder, so that the path has its usual shape; only the edge without it is used.
    const filled =
      drop === 'destination_workload'
        ? { ...sample.labels, destination_workload: '-', destination_workload_namespace: '-', destination_canonical_service: '-' }
        : sample.labels;
    const path = pathOf(filled, options);
    if (path === undefined || (drop !== 'none' && path.service === undefined)) continue;
    const edges = edgesOf(path, options.graphType);
    const wanted = drop === 'source' ? edges.slice(1) : edges.slice(0, 1);
    for (const [source, target] of wanted) {
      const edge = map.edges.get(edgeKey(source, target, requestProtocol(sample.labels)));
      if (edge !== undefined) edge.responseTimeMs ??= sample.value;
    }
  }
}
