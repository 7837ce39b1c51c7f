import type { HealthStatus, RequestHealth, WorkloadStatus } from '../health/types.ts';

export type GraphType = 'app' | 'versionedApp' | 'workload' | 'service';
export type NodeType = 'app' | 'service' | 'workload' | 'unknown';
export type Protocol = 'http' | 'grpc' | 'tcp';

/** Rates by Kiali's names (`httpIn`, `http5xx`, …), per second. */
export type Rates = Record<string, number>;

/** A service that was asked for to reach a node. */
export interface ServiceName {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** What configuration does to the service of a node. */
export interface NodeBadges {
  readonly hasCircuitBreaker?: boolean;
  readonly hasFaultInjection?: boolean;
  readonly hasMirroring?: boolean;
  readonly hasRequestRouting?: boolean;
  readonly hasRequestTimeout?: boolean;
  readonly hasTrafficShifting?: boolean;
  readonly hasTcpTrafficShifting?: boolean;
  /** Hosts of the VirtualServices on it. */
  readonly virtualServiceHosts?: readonly string[];
}

/** A node of the graph. Empty strings are "does not apply". */
export interface GraphNode {
  readonly id: string;
  readonly nodeType: NodeType;
  readonly cluster: string;
  readonly namespace: string;
  readonly workload: string;
  readonly app: string;
  readonly version: string;
  service: string;
  readonly rates: Rates;
  readonly destServices: Map<string, ServiceName>;
  labels: Readonly<Record<string, string>> | undefined;
  badges: NodeBadges;
  gateway: { readonly kind: 'ingress' | 'egress'; readonly hostnames: readonly string[] } | undefined;
  serviceEntry: { readonly hosts: readonly string[]; readonly location: string; readonly namespace: string } | undefined;
  workloadEntries: readonly string[];
  isDead: boolean;
  isIdle: boolean;
  isOutOfMesh: boolean;
  isOutside: boolean;
  isRoot: boolean;
  health: NodeHealth | undefined;
}

/** `requests` are those of the graph's own window; `workloads` the replicas behind the node. */
export interface NodeHealth {
  readonly status: HealthStatus;
  readonly requests: RequestHealth;
  readonly workloads: readonly WorkloadStatus[];
}

/** Share of the edge's traffic per second, by response flag and by host. */
export interface ResponseDetail {
  readonly flags: Record<string, number>;
  readonly hosts: Record<string, number>;
}

/** Traffic of one protocol from one node to another. */
export interface GraphEdge {
  readonly source: string;
  readonly target: string;
  readonly protocol: Protocol;
  readonly rates: Rates;
  readonly responses: Record<string, ResponseDetail>;
  /** Percent. */
  mtlsPercent: number | undefined;
  sourcePrincipal: string | undefined;
  destPrincipal: string | undefined;
  responseTimeMs: number | undefined;
  throughputBps: number | undefined;
  health: HealthStatus | undefined;
}

/** The graph: nodes by id, edges by `source target protocol`. */
export interface TrafficMap {
  readonly nodes: Map<string, GraphNode>;
  readonly edges: Map<string, GraphEdge>;
}

export type GrpcRate = 'none' | 'requests' | 'sent' | 'received' | 'total';
export type TcpRate = 'none' | 'sent' | 'received' | 'total';
export type ResponseTime = 'avg' | '50' | '95' | '99';

/** Names in Kiali's parameter `appenders`. */
export type AppenderName =
  | 'serviceEntry'
  | 'deadNode'
  | 'workloadEntry'
  | 'responseTime'
  | 'securityPolicy'
  | 'throughput'
  | 'idleNode'
  | 'meshCheck'
  | 'outsider'
  | 'istio'
  | 'health'
  | 'labeler'
  | 'trafficGenerator';

/** Centre of a graph of one node and its neighbours. */
export interface FocusNode {
  readonly namespace: string;
  readonly app?: string;
  readonly version?: string;
  readonly workload?: string;
  readonly service?: string;
}

export interface GraphOptions {
  readonly namespaces: readonly string[];
  readonly graphType: GraphType;
  readonly durationMs: number;
  readonly queryTimeMs: number;
  readonly injectServiceNodes: boolean;
  readonly includeIdleEdges: boolean;
  readonly rateHttp: 'none' | 'requests';
  readonly rateGrpc: GrpcRate;
  readonly rateTcp: TcpRate;
  readonly responseTime: ResponseTime;
  readonly throughputType: 'request' | 'response';
  readonly appenders: ReadonlySet<AppenderName>;
  readonly focus?: FocusNode | undefined;
}

export const UNKNOWN_NODE = 'unknown';

export function createTrafficMap(): TrafficMap {
  return { nodes: new Map(), edges: new Map() };
}

export function edgeKey(source: string, target: string, protocol: Protocol): string {
  return `${source} ${target} ${protocol}`;
}

export function createEdge(source: string, target: string, protocol: Protocol): GraphEdge {
  return {
    source,
    target,
    protocol,
    rates: {},
    responses: {},
    mtlsPercent: undefined,
    sourcePrincipal: undefined,
    destPrincipal: undefined,
    responseTimeMs: undefined,
    throughputBps: undefined,
    health: undefined,
  };
}

/** Adds to a rate; nothing for zero, so that absent and zero are the same. */
export function addRate(rates: Rates, name: string, value: number): void {
  if (value > 0) rates[name] = (rates[name] ?? 0) + value;
}
