import { effectiveCode, isErrorCode } from '../health/rules.ts';
import type { Labels } from '../metrics/registry.ts';
import type { VectorSample } from '../promql/query.ts';
import { createNode, pathOf, type NodeFacts, type Path } from './identity.ts';
import { addRate, createEdge, edgeKey, type GraphEdge, type GraphNode, type GraphOptions, type Protocol, type TrafficMap } from './types.ts';

/** The graph that is being built. `seen` holds the series that were counted already. */
export interface TrafficDraft {
  readonly map: TrafficMap;
  readonly options: GraphOptions;
  readonly seen: Set<string>;
}

/** What a query was about; without a protocol each series says its own. */
export interface TrafficQuery {
  readonly metric: string;
  readonly protocol: Protocol | undefined;
}

/** Adds the samples of one query to the graph. */
export function addTraffic(draft: TrafficDraft, query: TrafficQuery, samples: readonly VectorSample[]): void {
  for (const sample of samples) {
    const path = pathOf(sample.labels, draft.options);
    if (path === undefined) continue;
    const amount = amountOf(query, sample);
    const key = seriesKey(query.metric, sample.labels, amount);
    if (draft.seen.has(key)) continue;
    draft.seen.add(key);
    addAlong(draft, path, amount);
  }
}

function addAlong({ map, options }: TrafficDraft, path: Path, amount: Amount): void {
  const source = nodeFor(map, path.source, options);
  const dest = nodeFor(map, path.dest, options);
  const stops = path.service === undefined ? [source, dest] : [source, nodeFor(map, path.service, options), dest];
  for (const [i, to] of stops.entries()) {
    const from = stops[i - 1];
    if (from !== undefined) addToEdge(from, to, edgeFor(map, from, to, amount.protocol), amount);
  }
  if (path.requested === undefined || dest.nodeType === 'service') return;
  dest.destServices.set(`${path.requested.cluster} ${path.requested.namespace} ${path.requested.name}`, path.requested);
}

function amountOf({ protocol }: TrafficQuery, { labels, value }: VectorSample): Amount {
  const kind = protocol ?? (labels['request_protocol'] === 'grpc' ? 'grpc' : 'http');
  return {
    protocol: kind,
    value,
    code: codeOf(kind, labels, protocol === undefined ? '' : '200'),
    flags: labels['response_flags'] ?? '-',
    host: labels['destination_service'] ?? '',
    isMessages: protocol === 'grpc',
  };
}

function codeOf(protocol: Protocol, labels: Labels, fallback: string): string {
  return protocol === 'tcp' ? '-' : effectiveCode(protocol, labels['response_code'] ?? fallback, labels['grpc_response_status'] ?? '');
}

const KEY_LABELS = [
  'source_cluster',
  'source_workload_namespace',
  'source_workload',
  'destination_cluster',
  'destination_workload_namespace',
  'destination_workload',
  'destination_service',
];

function seriesKey(metric: string, labels: Labels, { protocol, code, flags }: Amount): string {
  return `${metric} ${KEY_LABELS.map((name) => labels[name] ?? '').join(' ')} ${protocol} ${code} ${flags}`;
}

function nodeFor(map: TrafficMap, facts: NodeFacts, options: Pick<GraphOptions, 'graphType'>): GraphNode {
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
