import type { EdgeData, GraphResponse, GraphType, HealthStatus, NodeData } from '../api/kiali.ts';
import { codesHealth, parseHealth, worst } from './health.ts';

export type Protocol = 'grpc' | 'http' | 'tcp';
export type Shape = 'circle' | 'square' | 'triangle' | 'trapezoid' | 'hexagon' | 'box';
type BoxKind = 'app' | 'cluster' | 'namespace';

/** Requests per second by outcome; for TCP bytes per second in `total`. */
export interface Rates {
  readonly total: number;
  readonly ok: number;
  readonly redirect: number;
  readonly clientError: number;
  readonly serverError: number;
  readonly noResponse: number;
}

export interface GraphNode {
  readonly id: string;
  readonly parent: string | undefined;
  readonly shape: Shape;
  readonly box: BoxKind | undefined;
  /** Letter of the kind: A, S, W, SE, O, NS, C. */
  readonly badge: string;
  readonly label: string;
  readonly health: HealthStatus;
  readonly idle: boolean;
  /** Injected between caller and workload: its traffic is the callers' again. */
  readonly service: boolean;
  readonly data: NodeData;
  readonly inbound: Readonly<Partial<Record<Protocol, number>>>;
  readonly outbound: Readonly<Partial<Record<Protocol, number>>>;
}

export interface GraphEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly protocol: Protocol | undefined;
  readonly health: HealthStatus;
  readonly idle: boolean;
  readonly rates: Rates;
  /** Percent of the requests that failed. */
  readonly errorPercent: number;
  /** Percent of what the source sends out by this protocol. */
  readonly sharePercent: number | undefined;
  readonly mtlsPercent: number;
  readonly responseTimeMs: number | undefined;
  readonly throughputBps: number | undefined;
  readonly data: EdgeData;
}

/** One frame of the graph, ready to lay out, draw, search and sum up. */
export interface GraphModel {
  readonly graphType: GraphType;
  /** End of the window, milliseconds since the epoch. */
  readonly endMs: number;
  readonly durationSeconds: number;
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly edges: ReadonlyMap<string, GraphEdge>;
}

export const NO_RATES: Rates = { total: 0, ok: 0, redirect: 0, clientError: 0, serverError: 0, noResponse: 0 };

/** The server's graph as a model. Edges whose ends are missing are left out, so that everything after may rely on both. */
export function buildModel(response: GraphResponse): GraphModel {
  const edges = new Map<string, GraphEdge>();
  const known = new Set(response.elements.nodes.map((node) => node.data.id));
  for (const { data } of response.elements.edges) {
    if (known.has(data.source) && known.has(data.target)) edges.set(data.id, buildEdge(data));
  }
  const boxes = new Map(
    response.elements.nodes.filter((node) => node.data.isBox !== undefined || node.data.nodeType === 'box').map((node) => [node.data.id, node.data]),
  );
  const nodes = new Map<string, GraphNode>();
  for (const { data } of response.elements.nodes) nodes.set(data.id, buildNode(data, response.graphType, boxes));
  return { graphType: response.graphType, endMs: response.timestamp * 1000, durationSeconds: response.duration, nodes, edges };
}

function buildNode(data: NodeData, graphType: GraphType, boxes: ReadonlyMap<string, NodeData>): GraphNode {
  const box = data.nodeType === 'box' || data.isBox !== undefined ? asBox(data.isBox) : undefined;
  const parent = boxes.get(data.parent ?? '');
  return {
    id: data.id,
    parent: parent?.id,
    box,
    ...(box === undefined
      ? {
          shape: shapeOf(data),
          badge: badgeOf(data),
          label: labelOf(data, graphType, parent?.isBox === 'app')
            .split('\n')
            .map(shortened)
            .join('\n'),
        }
      : { shape: 'box', badge: { app: 'A', cluster: 'C', namespace: 'NS' }[box], label: shortened(boxLabel(data, box)) }),
    health: nodeHealth(data),
    idle: data.isIdle === true || data.isDead === true,
    service: data.nodeType === 'service' && data.isServiceEntry === undefined,
    data,
    inbound: nodeRates(data, 'In'),
    outbound: nodeRates(data, 'Out'),
  };
}

function nodeRates(data: NodeData, direction: 'In' | 'Out'): Partial<Record<Protocol, number>> {
  const rates: Partial<Record<Protocol, number>> = {};
  for (const traffic of data.traffic ?? []) {
    const protocol = asProtocol(traffic.protocol);
    const rate = protocol === undefined ? undefined : number(traffic.rates?.[protocol + direction]);
    if (protocol !== undefined && rate !== undefined) rates[protocol] = rate;
  }
  return rates;
}

function asBox(text: string | undefined): BoxKind {
  return text === 'namespace' || text === 'cluster' ? text : 'app';
}

function shapeOf(data: NodeData): Shape {
  if (data.isServiceEntry !== undefined || data.nodeType === 'serviceentry') return 'trapezoid';
  if (data.nodeType === 'service') return 'triangle';
  if (data.nodeType === 'aggregate') return 'hexagon';
  return data.nodeType === 'app' ? 'square' : 'circle';
}

function badgeOf(data: NodeData): string {
  if (data.isServiceEntry !== undefined || data.nodeType === 'serviceentry') return 'SE';
  return { service: 'S', app: 'A', workload: 'W', aggregate: 'O', box: '', serviceentry: 'SE', unknown: '' }[data.nodeType];
}

/** App and version, workload or service: what names a node. */
function labelOf(data: NodeData, graphType: GraphType, boxed: boolean): string {
  switch (data.nodeType) {
    case 'service':
    case 'serviceentry':
    case 'unknown':
      return data.service ?? 'unknown';
    case 'aggregate':
      return data.aggregateValue ?? data.aggregate ?? 'unknown';
    case 'workload':
      return data.workload ?? 'unknown';
    case 'app':
    case 'box':
      return appLabel(data, graphType, boxed);
  }
}

const LABEL_LENGTH = 38;

/** A name as the picture has room for it: its beginning and its end, which tell most names apart. The panel has all of it. */
function shortened(name: string): string {
  return name.length <= LABEL_LENGTH ? name : `${name.slice(0, LABEL_LENGTH - 11)}…${name.slice(-10)}`;
}

/** Inside an app's box the version alone names a node. */
function appLabel({ app, workload, version }: NodeData, graphType: GraphType, boxed: boolean): string {
  const name = app ?? workload ?? 'unknown';
  if (graphType === 'app' || version === undefined || version === 'unknown') return name;
  return boxed ? version : `${name}\n${version}`;
}

function boxLabel(data: NodeData, box: BoxKind): string {
  return { app: data.app, namespace: data.namespace, cluster: data.cluster }[box] ?? '';
}

function nodeHealth(data: NodeData): HealthStatus {
  const given = parseHealth(data.healthStatus);
  if (given !== undefined) return given;
  let status: HealthStatus = 'NA';
  for (const traffic of data.traffic ?? []) {
    const protocol = asProtocol(traffic.protocol);
    if (protocol === undefined || protocol === 'tcp') continue;
    for (const direction of ['In', 'Out']) status = worst(status, codesHealth(protocol, codeClasses(protocol, traffic.rates ?? {}, direction)));
  }
  return status;
}

function codeClasses(protocol: Protocol, rates: Readonly<Record<string, string>>, suffix: string): Record<string, number> {
  const rate = (name: string): number => number(rates[`${protocol}${suffix}${name}`]) ?? number(rates[`${protocol}${name}${suffix}`]) ?? 0;
  const total = rate('');
  if (protocol === 'grpc') return { '0': Math.max(0, total - rate('Err') - rate('NoResponse')), '2': rate('Err'), '-': rate('NoResponse') };
  const bad = rate('4xx') + rate('5xx') + rate('NoResponse');
  return { '200': Math.max(0, total - bad), '400': rate('4xx'), '500': rate('5xx'), '-': rate('NoResponse') };
}

function buildEdge(data: EdgeData): GraphEdge {
  const protocol = asProtocol(data.traffic?.protocol);
  const values = data.traffic?.rates ?? {};
  const rates = protocol === undefined ? NO_RATES : edgeRates(protocol, values);
  return {
    id: data.id,
    source: data.source,
    target: data.target,
    protocol,
    rates,
    idle: rates.total === 0,
    health: parseHealth(data.healthStatus) ?? edgeHealth(protocol, values),
    errorPercent: number(values[`${protocol}PercentErr`]) ?? errorShare(rates),
    sharePercent: number(values[`${protocol}PercentReq`]),
    mtlsPercent: number(data.isMTLS) ?? 0,
    responseTimeMs: number(data.responseTime),
    throughputBps: number(data.throughput),
    data,
  };
}

function edgeHealth(protocol: Protocol | undefined, values: Readonly<Record<string, string>>): HealthStatus {
  return protocol === undefined || protocol === 'tcp' ? 'NA' : codesHealth(protocol, codeClasses(protocol, values, ''));
}

/** Percent of the requests that failed; 0 without requests. */
export function errorShare(rates: Rates): number {
  return rates.total > 0 ? ((rates.clientError + rates.serverError + rates.noResponse) / rates.total) * 100 : 0;
}

function edgeRates(protocol: Protocol, values: Readonly<Record<string, string>>): Rates {
  const rate = (name: string): number => number(values[`${protocol}${name}`]) ?? 0;
  const total = rate('');
  if (protocol === 'tcp') return { ...NO_RATES, total, ok: total };
  const noResponse = rate('NoResponse');
  if (protocol === 'grpc')
    return { total, ok: Math.max(0, total - rate('Err') - noResponse), redirect: 0, clientError: 0, serverError: rate('Err'), noResponse };
  const [redirect, clientError, serverError] = [rate('3xx'), rate('4xx'), rate('5xx')];
  return { total, ok: Math.max(0, total - redirect - clientError - serverError - noResponse), redirect, clientError, serverError, noResponse };
}

function asProtocol(text: string | undefined): Protocol | undefined {
  if (text === 'http' || text === 'grpc' || text === 'tcp') return text;
  return text === 'http2' ? 'http' : undefined;
}

function number(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
