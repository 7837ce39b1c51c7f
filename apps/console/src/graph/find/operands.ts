import type { GraphEdge, GraphNode } from '../model.ts';

/** What a node criterion may ask besides the node itself. */
export interface FindContext {
  /** Rank of a node, 1 is the busiest; undefined without traffic. */
  readonly rank: (node: GraphNode) => number | undefined;
}

/** An option of the graph that an expression needs to be meaningful, switched on with it. */
export type Needs = 'badgeSecurity' | 'badgeSidecar' | 'idleEdges' | 'idleNodes' | 'rank' | 'responseTime' | 'throughput' | 'badgeVS';

interface OperandBase {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly help: string;
  readonly needs?: Needs;
}

type NodeOperand = OperandBase & { readonly target: 'node' } & (
    | { readonly type: 'text'; readonly values: (node: GraphNode, key: string) => readonly (string | undefined)[] }
    | { readonly type: 'number'; readonly value: (node: GraphNode, context: FindContext) => number | undefined }
    | { readonly type: 'flag'; readonly test: (node: GraphNode) => boolean; readonly testNot?: (node: GraphNode) => boolean }
  );

type EdgeOperand = OperandBase & { readonly target: 'edge' } & (
    | { readonly type: 'text'; readonly values: (edge: GraphEdge) => readonly (string | undefined)[] }
    | { readonly type: 'number'; readonly value: (edge: GraphEdge) => number | undefined }
    | { readonly type: 'flag'; readonly test: (edge: GraphEdge) => boolean }
  );

export type Operand = NodeOperand | EdgeOperand;

const NODE_KINDS: Readonly<Record<string, string>> = {
  aggregate: 'operation',
  app: 'app',
  service: 'service',
  serviceentry: 'service',
  workload: 'workload',
  unknown: 'unknown',
  box: 'box',
};

function text(
  name: string,
  aliases: readonly string[],
  help: string,
  values: (node: GraphNode, key: string) => readonly (string | undefined)[],
): NodeOperand {
  return { target: 'node', type: 'text', name, aliases, help, values };
}

function rate(name: string, help: string, value: (node: GraphNode) => number | undefined): NodeOperand {
  return { target: 'node', type: 'number', name, aliases: [], help, value };
}

function flag(name: string, aliases: readonly string[], help: string, test: (node: GraphNode) => boolean): NodeOperand {
  return { target: 'node', type: 'flag', name, aliases, help, test };
}

/** An operand that means something only with an option of the graph, which it switches on. */
function needing<T extends Operand>(needs: Needs, operand: T): T {
  return { ...operand, needs };
}

/** All operands that name a node's properties, by the words Kiali's users know. */
const NODE_OPERANDS: readonly NodeOperand[] = [
  text('app', [], 'application', (node) => [node.data.app]),
  text('cluster', [], 'cluster', (node) => [node.data.cluster]),
  rate('grpcin', 'incoming gRPC requests per second', (node) => node.inbound.grpc),
  rate('grpcout', 'outgoing gRPC requests per second', (node) => node.outbound.grpc),
  rate('httpin', 'incoming HTTP requests per second', (node) => node.inbound.http),
  rate('httpout', 'outgoing HTTP requests per second', (node) => node.outbound.http),
  text('label', [], 'label:<name>, alone or with a value', (node, key) => [node.data.labels?.[key]]),
  text('name', [], 'application, operation, service, version or workload of this name', (node) => [
    node.data.app,
    node.data.aggregateValue,
    node.data.service,
    node.data.version,
    node.data.workload,
    node.data.nodeType === 'unknown' ? 'unknown' : undefined,
  ]),
  text('namespace', ['ns'], 'namespace', (node) => [node.data.namespace]),
  text('node', [], 'kind of node: app, operation, service, workload, unknown', (node) => [NODE_KINDS[node.data.nodeType]]),
  text('operation', ['op'], 'operation', (node) => [node.data.aggregateValue]),
  {
    target: 'node',
    type: 'number',
    name: 'rank',
    aliases: [],
    help: 'rank by traffic, 1 is the busiest',
    value: (node, context) => context.rank(node),
    needs: 'rank',
  },
  text('service', ['svc'], 'service', (node) => [node.data.service, ...(node.data.destServices ?? []).map((service) => service.name)]),
  rate('tcpin', 'incoming TCP bytes per second', (node) => node.inbound.tcp),
  rate('tcpout', 'outgoing TCP bytes per second', (node) => node.outbound.tcp),
  text('version', [], 'version', (node) => [node.data.version]),
  text('workload', ['wl'], 'workload', (node) => [node.data.workload]),
  flag('circuitbreaker', ['cb'], 'has a circuit breaker', (node) => node.data.hasCB === true),
  flag('faultinjection', ['fi'], 'has fault injection', (node) => node.data.hasFaultInjection === true),
  {
    target: 'node',
    type: 'flag',
    name: 'healthy',
    aliases: [],
    help: 'is healthy',
    test: (node) => node.health === 'Healthy',
    testNot: (node) => node.health !== 'Healthy' && node.health !== 'NA',
  },
  needing(
    'idleNodes',
    flag('idle', [], 'has no traffic', (node) => node.idle),
  ),
  flag('mirroring', [], 'has mirroring', (node) => node.data.hasMirroring === true),
  needing(
    'badgeSidecar',
    flag('outofmesh', ['om', 'sidecar'], 'has no sidecar', (node) => node.data.isOutOfMesh === true),
  ),
  flag('outside', ['outsider'], 'is outside the chosen namespaces', (node) => node.data.isOutside === true),
  flag('requestrouting', ['rr'], 'has request routing', (node) => node.data.hasRequestRouting === true),
  flag('requesttimeout', ['rto'], 'has a request timeout', (node) => node.data.hasRequestTimeout === true),
  flag('serviceentry', ['se'], 'is a service entry', (node) => node.shape === 'trapezoid'),
  flag('tcptrafficshifting', ['tcpts'], 'has TCP traffic shifting', (node) => node.data.hasTCPTrafficShifting === true),
  flag('trafficshifting', ['ts'], 'has traffic shifting', (node) => node.data.hasTrafficShifting === true),
  flag('trafficsource', ['root'], 'is where traffic starts', (node) => node.data.isRoot === true),
  needing(
    'badgeVS',
    flag('virtualservice', ['vs'], 'has a virtual service', (node) => node.data.hasVS !== undefined && node.data.hasVS !== false),
  ),
  flag('workloadentry', ['we'], 'is a workload entry', (node) => (node.data.hasWorkloadEntry?.length ?? 0) > 0),
];

function ofProtocol(edge: GraphEdge, protocol: string, value: number | undefined): number | undefined {
  return edge.protocol === protocol ? value : undefined;
}

function percent(name: string, aliases: readonly string[], help: string, value: (edge: GraphEdge) => number | undefined): EdgeOperand {
  return { target: 'edge', type: 'number', name, aliases, help, value };
}

const EDGE_OPERANDS: readonly EdgeOperand[] = [
  {
    target: 'edge',
    type: 'text',
    name: 'destprincipal',
    aliases: [],
    help: 'principal of the destination',
    values: (edge) => [edge.data.destPrincipal],
    needs: 'badgeSecurity',
  },
  {
    target: 'edge',
    type: 'text',
    name: 'sourceprincipal',
    aliases: [],
    help: 'principal of the source',
    values: (edge) => [edge.data.sourcePrincipal],
    needs: 'badgeSecurity',
  },
  percent('grpc', [], 'gRPC requests per second', (edge) => ofProtocol(edge, 'grpc', edge.rates.total)),
  percent('%grpcerr', ['%grpcerror'], 'share of failed gRPC requests', (edge) => ofProtocol(edge, 'grpc', edge.errorPercent)),
  percent('%grpctraffic', [], 'share of the source’s gRPC requests', (edge) => ofProtocol(edge, 'grpc', edge.sharePercent ?? 100)),
  percent('http', [], 'HTTP requests per second', (edge) => ofProtocol(edge, 'http', edge.rates.total)),
  percent('%httperr', ['%httperror', '%error'], 'share of failed HTTP requests', (edge) => ofProtocol(edge, 'http', edge.errorPercent)),
  percent('%httptraffic', ['%traffic'], 'share of the source’s HTTP requests', (edge) => ofProtocol(edge, 'http', edge.sharePercent ?? 100)),
  { target: 'edge', type: 'text', name: 'protocol', aliases: [], help: 'http, grpc or tcp', values: (edge) => [edge.protocol] },
  needing(
    'responseTime',
    percent('responsetime', ['rt', 'response time'], 'response time in milliseconds', (edge) => edge.responseTimeMs),
  ),
  percent('tcp', [], 'TCP bytes per second', (edge) => ofProtocol(edge, 'tcp', edge.rates.total)),
  needing(
    'throughput',
    percent('throughput', [], 'bytes per second', (edge) => edge.throughputBps),
  ),
  {
    target: 'edge',
    type: 'flag',
    name: 'mtls',
    aliases: [],
    help: 'carries mutual TLS',
    test: (edge) => edge.mtlsPercent > 0,
    needs: 'badgeSecurity',
  },
  { target: 'edge', type: 'flag', name: 'traffic', aliases: [], help: 'has traffic', test: (edge) => !edge.idle, needs: 'idleEdges' },
];

/** Every operand of the language, in the order in which help lists them. */
export const OPERANDS: readonly Operand[] = [...NODE_OPERANDS, ...EDGE_OPERANDS];
