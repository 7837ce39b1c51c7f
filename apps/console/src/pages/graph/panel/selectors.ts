import { matcher } from '../../../api/prometheus.ts';
import type { GraphNode } from '../../../graph/model.ts';

type Side = 'destination' | 'source';

/** The labels of Istio's metrics that mean a node of the graph, as source or as destination. */
function nodeLabels(node: GraphNode, side: Side): readonly string[] {
  const { data } = node;
  if (data.nodeType === 'unknown') return [`${side}_workload="unknown"`];
  if (data.nodeType === 'service' || data.nodeType === 'serviceentry') {
    return side === 'source' ? [] : [...some('destination_service_name', data.service), ...some('destination_service_namespace', data.namespace)];
  }
  const namespace = some(`${side}_workload_namespace`, data.namespace);
  if (data.workload !== undefined) return [...some(`${side}_workload`, data.workload), ...namespace];
  return [...some(`${side}_app`, data.app), ...namespace, ...some(`${side}_version`, data.version)];
}

function some(label: string, value: string | undefined): readonly string[] {
  return value === undefined || value === '' ? [] : [matcher(label, [value])];
}

/** The selector of what flows into or out of a node, each request counted once. */
export function nodeSelector(node: GraphNode, direction: 'inbound' | 'outbound'): string {
  // Services have no proxy of their own: their callers' proxies know them, also when no endpoint answers.
  const reporter = direction === 'outbound' || node.data.nodeType === 'service' || node.data.nodeType === 'serviceentry' ? 'source' : 'destination';
  return [`reporter="${reporter}"`, ...nodeLabels(node, direction === 'inbound' ? 'destination' : 'source')].join(',');
}

/** The selector of one edge. */
export function edgeSelector(source: GraphNode, target: GraphNode): string {
  const labels = [...nodeLabels(source, 'source'), ...nodeLabels(target, 'destination')];
  const via = source.data.nodeType === 'service' ? nodeLabels(source, 'destination') : [];
  return ['reporter="source"', ...new Set([...labels, ...via])].join(',');
}

export function namespaceSelector(namespaces: readonly string[], direction: 'inbound' | 'outbound' | 'total'): string {
  const [source, destination] = [matcher('source_workload_namespace', namespaces), matcher('destination_workload_namespace', namespaces)];
  if (direction === 'total') return `reporter="destination",${destination}`;
  if (direction === 'inbound') return `reporter="destination",${destination},${negate(source)}`;
  return `reporter="source",${source},${negate(matcher('destination_service_namespace', namespaces))}`;
}

function negate(match: string): string {
  return match.includes('=~') ? match.replace('=~', '!~') : match.replace('=', '!=');
}
