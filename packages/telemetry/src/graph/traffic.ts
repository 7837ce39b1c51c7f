import { effectiveCode, isErrorCode } from '../health/rules.ts';
import type { Labels } from '../metrics/registry.ts';
import type { VectorSample } from '../promql/query.ts';
import { createNode, pathOf, type NodeFacts } from './identity.ts';
import { addRate, createEdge, edgeKey, type GraphEdge, type GraphNode, type GraphOptions, type Protocol, type TrafficMap } from './types.ts';

/** Adds the samples of one query to the graph. `seen` holds the series that were counted already. */
export function addTraffic(
  map: TrafficMap,
  samples: readonly VectorSample[],
  metric: string,
  protocol: Protocol | undefined,
  options: GraphOptions,
  seen: Set<string>,
): void {
  for (const sample of samples) {
    const { labels } = sample;
    const path = pathOf(labels, options);
    if (path === undefined) continue;
    const kind = protocol ?? (labels['request_protocol'] === 'grpc' ? 'grpc' : 'http');
    const code =
      kind === 'tcp'
        ? '-'
        : effectiveCode(kind, labels['response_code'] ?? (protocol === undefined ? '' : '200'), labels['grpc_response_status'] ?? '');
    const flags = labels['response_flags'] ?? '-';
    const host = labels['destination_service'] ?? '';
    const series = seriesKey(metric, labels, kind, code, flags);
    if (seen.has(series)) continue;
    seen.add(series);
    const source = nodeFor(map, path.source, options);
    const dest = nodeFor(map, path.dest, options);
    const add = (from: GraphNode, to: GraphNode): void =>
      addToEdge(from, to, edgeFor(map, from, to, kind), { protocol: kind, value: sample.value, code, flags, host, isMessages: protocol === 'grpc' });
    if (path.service === undefined) add(source, dest);
    else {
      const service = nodeFor(map, path.service, options);
      add(source, service);
      add(service, dest);
    }
    if (path.requested !== undefined && dest.nodeType !== 'service') {
      dest.destServices.set(`${path.requested.cluster} ${path.requested.namespace} ${path.requested.name}`, path.requested);
    }
  }
}

function seriesKey(metric: string, labels: Labels, protocol: string, code: string, flags: string): string {
  const names = [
    'source_cluster',
    'source_workload_namespace',
    'source_workload',
    'destination_cluster',
    'destination_workload_namespace',
    'destination_workload',
    'destination_service',
  ];
  return `${metric} ${names.map((name) => labels[name] ?? '').join(' ')} ${protocol} ${code} ${flags}`;
}

export function nodeFor(map: TrafficMap, facts: NodeFacts, options: Pick<GraphOptions, 'graphType'>): GraphNode {
  const made = createNode(facts, options.graphType);
  const known = map.nodes.get(made.id);
  if (known !== undefined) return known;
  map.nodes.set(made.id, made);
  return made;
}

function edgeFor(map: TrafficMap, from: GraphNode, to: GraphNode, protocol: Protocol): GraphEdge {
  const key = edgeKey(from.id, to.id, protocol);
  let edge = map.edges.get(key);
  if (edge === undefined) map.edges.set(key, (edge = createEdge(from.id, to.id, protocol)));
  return edge;
}

interface Amount {
  readonly protocol: Protocol;
  readonly value: number;
  readonly code: string;
  readonly flags: string;
  readonly host: string;
  /** gRPC messages have no outcome. */
  readonly isMessages: boolean;
}

function addToEdge(from: GraphNode, to: GraphNode, edge: GraphEdge, amount: Amount): void {
  const { protocol, value, code } = amount;
  if (!(value > 0)) return;
  addRate(from.rates, `${protocol}Out`, value);
  addRate(to.rates, `${protocol}In`, value);
  addRate(edge.rates, protocol, value);
  for (const suffix of errorSuffixes(amount)) {
    addRate(to.rates, `${protocol}In${suffix}`, value);
    addRate(edge.rates, `${protocol}${suffix}`, value);
  }
  const detail = (edge.responses[code] ??= { flags: {}, hosts: {} });
  addRate(detail.flags, amount.flags, value);
  if (amount.host !== '') addRate(detail.hosts, amount.host, value);
}

/** Names of the rates besides the total that an amount belongs to. */
function errorSuffixes({ protocol, code, isMessages }: Amount): readonly string[] {
  if (protocol === 'tcp' || isMessages) return [];
  if (protocol === 'grpc') return code === '-' ? ['NoResponse'] : isErrorCode('grpc', code) ? ['Err'] : [];
  if (code === '-') return ['NoResponse'];
  return /^[345]/.test(code) ? [`${code.charAt(0)}xx`] : [];
}
