import { formatDuration, formatPercent, formatThroughput, trimmed } from '../../graph/format.ts';
import type { GraphEdge, GraphModel, GraphNode } from '../../graph/model.ts';

/** A node's name in one line: `reviews v2`. */
export function nodeName(node: GraphNode | undefined): string {
  if (node === undefined) return 'unknown';
  const { data } = node;
  if (node.box === undefined && data.nodeType === 'app' && data.app !== undefined)
    return data.version === undefined || data.version === 'unknown' || !node.label.includes(data.version) ? data.app : `${data.app} ${data.version}`;
  return node.label.replaceAll('\n', ' ');
}

const KIND_WORDS: Readonly<Record<string, string>> = {
  A: 'app',
  S: 'service',
  W: 'workload',
  SE: 'service entry',
  O: 'operation',
  NS: 'namespace',
  C: 'cluster',
};

export function rateWords(edge: GraphEdge): string {
  if (edge.protocol === undefined || edge.idle) return 'no traffic';
  if (edge.protocol === 'tcp') return `${formatThroughput(edge.rates.total)} TCP`;
  return `${trimmed(edge.rates.total)} rps ${edge.protocol.toUpperCase()}${edge.errorPercent > 0 ? `, ${formatPercent(edge.errorPercent)} errors` : ''}`;
}

/** One thing of the graph in a sentence, for a hover and for screen readers. */
export function describe(model: GraphModel, id: string): string {
  const edge = model.edges.get(id);
  if (edge !== undefined) {
    const parts = [`${nodeName(model.nodes.get(edge.source))} → ${nodeName(model.nodes.get(edge.target))}`, rateWords(edge)];
    if (edge.responseTimeMs !== undefined) parts.push(formatDuration(edge.responseTimeMs));
    if (edge.mtlsPercent > 0) parts.push(`mTLS ${formatPercent(edge.mtlsPercent)}`);
    return parts.join(' · ');
  }
  const node = model.nodes.get(id);
  if (node === undefined) return '';
  const health = node.health === 'NA' ? [] : [node.health];
  return [
    `${KIND_WORDS[node.badge] ?? 'source'} ${nodeName(node)}`,
    ...(node.data.namespace === undefined || node.box === 'namespace' ? [] : [`namespace ${node.data.namespace}`]),
    ...health,
  ].join(' · ');
}
