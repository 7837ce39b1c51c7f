import { formatDuration, formatPercent, formatThroughput, trimmed } from '../format.ts';
import type { GraphEdge } from '../model.ts';

export type EdgeLabelKind = 'responseTime' | 'throughput' | 'trafficDistribution' | 'trafficRate';

/** Lines of an edge's label. A rate alone stands without its unit, unless the edge is selected; errors follow the rate. */
export function edgeLabel(edge: GraphEdge, kinds: ReadonlySet<EdgeLabelKind>, selected: boolean): readonly string[] {
  if (edge.protocol === undefined || edge.idle) return [];
  const lines: string[] = [];
  const units = selected || kinds.size > 1;
  if (kinds.has('responseTime') && edge.responseTimeMs !== undefined) lines.push(formatDuration(edge.responseTimeMs));
  if (kinds.has('throughput') && edge.throughputBps !== undefined) lines.push(formatThroughput(edge.throughputBps));
  if (kinds.has('trafficDistribution') && edge.sharePercent !== undefined && edge.sharePercent < 100) lines.push(formatPercent(edge.sharePercent));
  if (kinds.has('trafficRate')) {
    if (edge.protocol === 'tcp') lines.push(formatThroughput(edge.rates.total));
    else lines.push(`${trimmed(edge.rates.total)}${units ? 'rps' : ''}`);
    if (edge.errorPercent > 0) lines.push(`${trimmed(edge.errorPercent, 1)}%err`);
  }
  return lines;
}
