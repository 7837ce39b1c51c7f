import type { GraphEdge, GraphNode, GraphOptions, Rates, ResponseDetail, TrafficMap } from '@meltemi/telemetry';

/** SHA-256 as lower-case hexadecimal: ids of nodes and edges are hashes, as in Kiali. */
export type HashPort = (text: string) => string;

export interface GraphJson {
  /** Seconds since the epoch: the end of the window. */
  readonly timestamp: number;
  /** Seconds. */
  readonly duration: number;
  readonly graphType: string;
  readonly elements: { readonly nodes: readonly { readonly data: NodeJson }[]; readonly edges: readonly { readonly data: EdgeJson }[] };
}

export interface TrafficJson {
  readonly protocol: string;
  /** Per second with two decimals, percents with one. */
  readonly rates: Readonly<Record<string, string>>;
  readonly responses?: Readonly<
    Record<string, { readonly flags: Readonly<Record<string, string>>; readonly hosts: Readonly<Record<string, string>> }>
  >;
}

/** A node as Kiali's graph API writes it; absent is false or empty. */
export interface NodeJson {
  readonly id: string;
  parent?: string;
  readonly nodeType: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly workload?: string;
  readonly app?: string;
  readonly version?: string;
  readonly service?: string;
  readonly destServices?: readonly { readonly cluster: string; readonly namespace: string; readonly name: string }[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly traffic?: readonly TrafficJson[];
  readonly healthData?: object | null;
  readonly healthStatus?: string;
  readonly hasCB?: boolean;
  readonly hasFaultInjection?: boolean;
  readonly hasMirroring?: boolean;
  readonly hasRequestRouting?: boolean;
  readonly hasRequestTimeout?: boolean;
  readonly hasTCPTrafficShifting?: boolean;
  readonly hasTrafficShifting?: boolean;
  readonly hasVS?: { readonly hostnames: readonly string[] };
  readonly hasWorkloadEntry?: readonly { readonly name: string }[];
  readonly isBox?: 'app' | 'cluster' | 'namespace';
  readonly isDead?: boolean;
  readonly isGateway?: {
    readonly ingressInfo?: { readonly hostnames: readonly string[] };
    readonly egressInfo?: { readonly hostnames: readonly string[] };
  };
  readonly isIdle?: boolean;
  readonly isOutOfMesh?: boolean;
  readonly isOutside?: boolean;
  readonly isRoot?: boolean;
  readonly isServiceEntry?: { readonly hosts: readonly string[]; readonly location: string; readonly namespace: string };
}

export interface EdgeJson {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly destPrincipal?: string;
  readonly sourcePrincipal?: string;
  readonly healthStatus?: string;
  /** Percent. */
  readonly isMTLS?: string;
  /** Milliseconds. */
  readonly responseTime?: string;
  /** Bytes per second. */
  readonly throughput?: string;
  readonly traffic: TrafficJson;
}

export type BoxBy = 'app' | 'cluster' | 'namespace';

/** The graph in Kiali's shape. Nodes of one application are always boxed in graphs of applications; other boxes on request. */
export function graphJson(
  map: TrafficMap,
  options: Pick<GraphOptions, 'graphType' | 'durationMs' | 'queryTimeMs'>,
  boxBy: readonly BoxBy[],
  hash: HashPort,
): GraphJson {
  const nodes = [...map.nodes.values()].map((node) => nodeJson(node, hash));
  const edges = [...map.edges.values()].map((edge) => edgeJson(edge, map, hash));
  if (boxBy.includes('app') || options.graphType === 'app' || options.graphType === 'versionedApp') box(nodes, 'app', hash);
  if (boxBy.includes('namespace')) box(nodes, 'namespace', hash);
  if (boxBy.includes('cluster')) box(nodes, 'cluster', hash);
  nodes.sort(compareNodes);
  edges.sort((a, b) => compareTexts([a.source, a.target, a.traffic.protocol], [b.source, b.target, b.traffic.protocol]));
  return {
    timestamp: Math.floor(options.queryTimeMs / 1000),
    duration: Math.round(options.durationMs / 1000),
    graphType: options.graphType,
    elements: { nodes: nodes.map((data) => ({ data })), edges: edges.map((data) => ({ data })) },
  };
}

function nodeJson(node: GraphNode, hash: HashPort): NodeJson {
  const { badges } = node;
  const flag = <K extends keyof NodeJson>(name: K, value: boolean | undefined): object => (value === true ? { [name]: true } : {});
  const some = (name: keyof NodeJson, value: string): object => (value === '' ? {} : { [name]: value });
  const traffic = nodeTraffic(node.rates);
  return {
    id: hash(node.id),
    nodeType: node.nodeType,
    cluster: node.cluster,
    namespace: node.namespace,
    ...some('workload', node.workload),
    ...some('app', node.app),
    ...some('version', node.version),
    ...some('service', node.service),
    ...(node.destServices.size === 0
      ? {}
      : {
          destServices: [...node.destServices.values()].toSorted((a, b) =>
            compareTexts([a.cluster, a.namespace, a.name], [b.cluster, b.namespace, b.name]),
          ),
        }),
    ...(node.labels === undefined ? {} : { labels: node.labels }),
    ...(traffic.length === 0 ? {} : { traffic }),
    healthData: node.health === undefined ? null : healthJson(node),
    ...(node.health === undefined ? {} : { healthStatus: node.health.status }),
    ...flag('hasCB', badges.hasCircuitBreaker),
    ...flag('hasFaultInjection', badges.hasFaultInjection),
    ...flag('hasMirroring', badges.hasMirroring),
    ...flag('hasRequestRouting', badges.hasRequestRouting),
    ...flag('hasRequestTimeout', badges.hasRequestTimeout),
    ...flag('hasTCPTrafficShifting', badges.hasTcpTrafficShifting),
    ...flag('hasTrafficShifting', badges.hasTrafficShifting),
    ...(badges.virtualServiceHosts === undefined ? {} : { hasVS: { hostnames: badges.virtualServiceHosts } }),
    ...(node.workloadEntries.length === 0 ? {} : { hasWorkloadEntry: node.workloadEntries.map((name) => ({ name })) }),
    ...flag('isDead', node.isDead),
    ...(node.gateway === undefined
      ? {}
      : { isGateway: { [node.gateway.kind === 'ingress' ? 'ingressInfo' : 'egressInfo']: { hostnames: node.gateway.hostnames } } }),
    ...flag('isIdle', node.isIdle),
    ...flag('isOutOfMesh', node.isOutOfMesh),
    ...flag('isOutside', node.isOutside),
    ...flag('isRoot', node.isRoot),
    ...(node.serviceEntry === undefined ? {} : { isServiceEntry: node.serviceEntry }),
  };
}

function healthJson({ health, nodeType, workload }: GraphNode): object | null {
  if (health === undefined) return null;
  const { requests, workloads, status } = health;
  if (nodeType === 'service') return { requests, status };
  return nodeType === 'workload' || workload !== ''
    ? { workloadStatus: workloads[0] ?? null, requests, status }
    : { workloadStatuses: workloads, requests, status };
}

/** Names of a node's rates per protocol, in Kiali's order. */
const NODE_RATES = {
  grpc: ['grpcIn', 'grpcInErr', 'grpcInNoResponse', 'grpcOut'],
  http: ['httpIn', 'httpIn3xx', 'httpIn4xx', 'httpIn5xx', 'httpInNoResponse', 'httpOut'],
  tcp: ['tcpIn', 'tcpOut'],
} as const;

const EDGE_RATES = {
  grpc: { all: ['grpc', 'grpcErr', 'grpcNoResponse'], errors: ['grpcErr', 'grpcNoResponse'] },
  http: { all: ['http', 'http3xx', 'http4xx', 'http5xx', 'httpNoResponse'], errors: ['http4xx', 'http5xx', 'httpNoResponse'] },
  tcp: { all: ['tcp'], errors: [] },
} as const;

function nodeTraffic(rates: Rates): TrafficJson[] {
  return (['grpc', 'http', 'tcp'] as const).flatMap((protocol) => {
    const shown = pick(rates, NODE_RATES[protocol]);
    return Object.keys(shown).length === 0 ? [] : [{ protocol, rates: shown }];
  });
}

function pick(rates: Rates, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => ((rates[name] ?? 0) > 0 ? [[name, rateText(rates[name] ?? 0)]] : [])));
}

/** Two decimals, or as many (up to five) as the first figure that is not zero needs. */
function rateText(value: number): string {
  if (value >= 0.01) return value.toFixed(2);
  const needed = Math.ceil(-Math.log10(value));
  return value.toFixed(Math.min(5, Math.max(2, needed)));
}

function edgeJson(edge: GraphEdge, map: TrafficMap, hash: HashPort): EdgeJson {
  const source = hash(edge.source);
  const target = hash(edge.target);
  return {
    id: hash(`${source}.${target}.${edge.protocol}`),
    source,
    target,
    ...(edge.destPrincipal === undefined ? {} : { destPrincipal: edge.destPrincipal }),
    ...(edge.sourcePrincipal === undefined ? {} : { sourcePrincipal: edge.sourcePrincipal }),
    ...(edge.health === undefined ? {} : { healthStatus: edge.health }),
    ...(edge.mtlsPercent === undefined ? {} : { isMTLS: edge.mtlsPercent.toFixed(0) }),
    ...(edge.responseTimeMs === undefined ? {} : { responseTime: edge.responseTimeMs.toFixed(0) }),
    ...(edge.throughputBps === undefined ? {} : { throughput: edge.throughputBps.toFixed(0) }),
    traffic: edgeTraffic(edge, map.nodes.get(edge.source)),
  };
}

function edgeTraffic(edge: GraphEdge, source: GraphNode | undefined): TrafficJson {
  const { protocol } = edge;
  const names = EDGE_RATES[protocol];
  const rates = pick(edge.rates, names.all);
  const total = edge.rates[protocol] ?? 0;
  if (total > 0) {
    const errors = names.errors.reduce((sum, name) => sum + (edge.rates[name] ?? 0), 0);
    if (errors > 0) rates[`${protocol}PercentErr`] = ((errors / total) * 100).toFixed(1);
    const out = source?.rates[`${protocol}Out`] ?? 0;
    if (out > 0 && protocol !== 'tcp') rates[`${protocol}PercentReq`] = ((total / out) * 100).toFixed(1);
  }
  const responses = Object.entries(edge.responses).map(([code, detail]) => [code, detailJson(detail, total)] as const);
  return { protocol, rates, ...(responses.length === 0 ? {} : { responses: Object.fromEntries(responses) }) };
}

function detailJson(detail: ResponseDetail, total: number): { flags: Record<string, string>; hosts: Record<string, string> } {
  const percents = (rates: Record<string, number>): Record<string, string> =>
    Object.fromEntries(Object.entries(rates).map(([key, value]) => [key, ((value / total) * 100).toFixed(1)]));
  return { flags: percents(detail.flags), hosts: percents(detail.hosts) };
}

function boxKey(by: BoxBy, node: NodeJson): string | undefined {
  if (by === 'app') return node.app === undefined || node.isBox !== undefined ? undefined : `box_${node.cluster}_${node.namespace}_${node.app}`;
  if (node.parent !== undefined) return undefined;
  if (by === 'namespace') return node.namespace === 'unknown' ? undefined : `box_${node.cluster}_${node.namespace}`;
  return node.cluster === 'unknown' ? undefined : `box_${node.cluster}`;
}

/** Puts a frame around nodes that belong together: two or more versions of an application; namespaces and clusters only when there are several. */
function box(nodes: NodeJson[], by: BoxBy, hash: HashPort): void {
  const groups = Map.groupBy(nodes, (node) => boxKey(by, node));
  groups.delete(undefined);
  if (by !== 'app' && groups.size < 2) return;
  for (const [key, members] of groups) {
    const [first] = members;
    if (key === undefined || first === undefined || members.length < 2) continue;
    const frame = frameOf(by, hash(key), first, members);
    for (const member of members) member.parent = frame.id;
    nodes.push(frame);
  }
}

/** The frame of one group; an application's takes over what holds for any of its versions. */
function frameOf(by: BoxBy, id: string, first: NodeJson, members: readonly NodeJson[]): NodeJson {
  const frame = { id, nodeType: 'box', cluster: first.cluster, namespace: by === 'cluster' ? '' : first.namespace, isBox: by, healthData: null };
  if (by !== 'app') return frame;
  return {
    ...frame,
    app: first.app ?? '',
    ...(members.some((one) => one.isOutOfMesh === true) ? { isOutOfMesh: true } : {}),
    ...(members.some((one) => one.isOutside === true) ? { isOutside: true } : {}),
  };
}

const BOX_RANK: Readonly<Record<BoxBy, number>> = { cluster: 0, namespace: 1, app: 2 };

/** Frames first, the outer ones before the inner: readers meet a parent before its children. */
function compareNodes(a: NodeJson, b: NodeJson): number {
  const rank = (node: NodeJson): number => (node.isBox === undefined ? 3 : BOX_RANK[node.isBox]);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  const key = (node: NodeJson): string[] => [
    node.cluster,
    node.namespace,
    node.app ?? '',
    node.version ?? '',
    node.service ?? '',
    node.workload ?? '',
  ];
  return compareTexts(key(a), key(b));
}

function compareTexts(a: readonly string[], b: readonly string[]): number {
  for (const [i, text] of a.entries()) {
    const other = b[i] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}
