import { formatDuration, formatPercent, formatThroughput, trimmed } from '../format.ts';
import type { GraphEdge } from '../model.ts';

export type EdgeLabelKind = 'responseTime' | 'throughput' | 'trafficDistribution' | 'trafficRate';

/** Lines of an edge's label. A rate alone stands without its unit, unless the edge is selected; errors follow the rate. */
export function edgeLabel(edge: GraphEdge, kinds: ReadonlySet<EdgeLabelKind>, selected: boolean): readonly string[] {
  if (edge.protocol === undefined || edge.idle) return [];
  const lines: string[] = [];
  const units = selected || kinds.size > 1;
  const add = (kind: EdgeLabelKind, value: number | undefined, format: (value: number) => string): void => {
    if (kinds.has(kind) && value !== undefined) lines.push(format(value));
  };
  add('responseTime', edge.responseTimeMs, formatDuration);
  add('throughput', edge.throughputBps, formatThroughput);
  // All of the traffic of a source is no news.
  add('trafficDistribution', (edge.sharePercent ?? 100) < 100 ? edge.sharePercent : undefined, formatPercent);
  if (kinds.has('trafficRate')) lines.push(...rateLines(edge, units));
  return lines;
}

function rateLines(edge: GraphEdge, units: boolean): readonly string[] {
  const rate = edge.protocol === 'tcp' ? formatThroughput(edge.rates.total) : `${trimmed(edge.rates.total)}${units ? 'rps' : ''}`;
  return edge.errorPercent > 0 ? [rate, `${trimmed(edge.errorPercent, 1)}%err`] : [rate];
}
