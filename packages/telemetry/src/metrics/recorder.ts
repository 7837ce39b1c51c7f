import { PEER_HOLD_MS, type Peer } from './peer.ts';
import { observe, type HistogramSeries, type Labels, type LabelSource, type MetricRegistry, type ScalarSeries } from './registry.ts';
import {
  METRIC,
  NO_FLAGS,
  STANDARD_BOUNDS,
  STANDARD_METRICS,
  UNKNOWN,
  type ConnectionSecurityPolicy,
  type DestinationService,
  type Reporter,
  type RequestProtocol,
  type WorkloadLabels,
} from './standard.ts';

/** Everything that two requests must have in common to be counted by one {@link EdgeRecorder}. */
export interface EdgeIdentity {
  /** `source`: we are the client side, the peer is the destination. `destination`: the other way round. */
  readonly reporter: Reporter;
  readonly peer: Peer;
  readonly service: DestinationService;
  readonly protocol: RequestProtocol;
  /** What the server side knows; the client side reports `unknown`. */
  readonly security: ConnectionSecurityPolicy;
  /** SPIFFE IDs of both ends, where the connection proved them. */
  readonly sourcePrincipal?: string | undefined;
  readonly destinationPrincipal?: string | undefined;
}

/** How a call ended. */
export interface CallOutcome {
  /** 0 when no response was sent or received (`DC`). */
  readonly responseCode: number;
  /** Envoy's short form; `-` or `''` for none. */
  readonly flags: string;
  /** Undefined unless the protocol is gRPC. */
  readonly grpcStatus: number | undefined;
}

/** A finished request. Sizes are those of the bodies. */
export interface RequestOutcome extends CallOutcome {
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** Counts what happens between two workloads. Bind it once per connection or endpoint; each method is cheap enough for the request path. */
export interface EdgeRecorder {
  request(outcome: RequestOutcome): void;
  /** gRPC messages since the last call. */
  messages(outcome: CallOutcome, request: number, response: number): void;
  tcpOpened(): void;
  tcpClosed(flags: string): void;
  /** Bytes since the last call: `received` came from the client, `sent` went back to it. */
  tcpBytes(received: number, sent: number): void;
}

/** Istio's standard metrics of one proxy. */
export interface StandardMetrics {
  /** The recorder for an identity; the same identity answers the same recorder. `nowMs` becomes the birth of new series. */
  edge(identity: EdgeIdentity): EdgeRecorder;
}

export interface StandardMetricsOptions {
  readonly registry: MetricRegistry;
  /** Labels of the proxy's own workload. */
  readonly local: WorkloadLabels;
  /** Wall clock in milliseconds: asked only when a series is made. */
  readonly now: () => number;
}

interface RequestCell {
  readonly requests: ScalarSeries;
  readonly duration: HistogramSeries;
  readonly requestBytes: HistogramSeries;
  readonly responseBytes: HistogramSeries;
}

export function createStandardMetrics(options: StandardMetricsOptions): StandardMetrics {
  for (const metric of STANDARD_METRICS) options.registry.describe(metric.name, metric.help);
  const perPeer = new WeakMap<Peer, Map<string, EdgeRecorder>>();
  return {
    edge(identity) {
      let edges = perPeer.get(identity.peer);
      if (edges === undefined) perPeer.set(identity.peer, (edges = new Map()));
      const { service } = identity;
      const key = `${identity.reporter} ${identity.protocol} ${identity.security} ${service.host} ${service.name} ${service.namespace} ${identity.sourcePrincipal ?? ''} ${identity.destinationPrincipal ?? ''}`;
      let edge = edges.get(key);
      if (edge === undefined) edges.set(key, (edge = new Edge(options, identity)));
      return edge;
    },
  };
}

class Edge implements EdgeRecorder {
  readonly #options: StandardMetricsOptions;
  readonly #identity: EdgeIdentity;
  /** By code and gRPC status as one number: the common case builds no string. */
  readonly #plain = new Map<number, RequestCell>();
  readonly #flagged = new Map<string, RequestCell>();
  readonly #counters = new Map<string, ScalarSeries>();
  #generation: number;
  #tcpSent: ScalarSeries | undefined;
  #tcpReceived: ScalarSeries | undefined;

  constructor(options: StandardMetricsOptions, identity: EdgeIdentity) {
    this.#options = options;
    this.#identity = identity;
    this.#generation = identity.peer.generation;
  }

  request(outcome: RequestOutcome): void {
    const series = this.#cell(outcome);
    series.requests.value++;
    observe(series.duration, outcome.durationMs);
    observe(series.requestBytes, outcome.requestBytes);
    observe(series.responseBytes, outcome.responseBytes);
  }

  messages(outcome: CallOutcome, request: number, response: number): void {
    const extra = requestLabels(outcome);
    const key = `${outcome.responseCode} ${outcome.flags} ${outcome.grpcStatus ?? ''}`;
    if (request > 0) this.#counter(METRIC.requestMessages, key, extra).value += request;
    if (response > 0) this.#counter(METRIC.responseMessages, key, extra).value += response;
  }

  tcpOpened(): void {
    this.#counter(METRIC.tcpConnectionsOpened, '', { response_flags: NO_FLAGS }).value++;
  }

  tcpClosed(flags: string): void {
    this.#counter(METRIC.tcpConnectionsClosed, flags, { response_flags: flags || NO_FLAGS }).value++;
  }

  tcpBytes(received: number, sent: number): void {
    this.#refresh();
    if (this.#tcpSent === undefined || this.#tcpSent.retired) this.#tcpSent = this.#counter(METRIC.tcpSentBytes, '', { response_flags: NO_FLAGS });
    if (this.#tcpReceived === undefined || this.#tcpReceived.retired)
      this.#tcpReceived = this.#counter(METRIC.tcpReceivedBytes, '', { response_flags: NO_FLAGS });
    this.#tcpSent.value += sent;
    this.#tcpReceived.value += received;
  }

  /** Labels learnt late begin new series: what was exported as `unknown` stays that. */
  #refresh(): void {
    const { generation } = this.#identity.peer;
    if (this.#generation === generation) return;
    this.#generation = generation;
    this.#plain.clear();
    this.#flagged.clear();
    this.#counters.clear();
    this.#tcpSent = undefined;
    this.#tcpReceived = undefined;
  }

  #cell(outcome: CallOutcome): RequestCell {
    this.#refresh();
    const { flags } = outcome;
    const number = outcome.responseCode * 64 + (outcome.grpcStatus ?? 63);
    const isPlain = flags === NO_FLAGS || flags === '';
    const known = isPlain ? this.#plain.get(number) : this.#flagged.get(`${number} ${flags}`);
    if (known !== undefined && !known.requests.retired) return known;
    const made = this.#makeCell(outcome);
    if (isPlain) this.#plain.set(number, made);
    else this.#flagged.set(`${number} ${flags}`, made);
    return made;
  }

  #makeCell(outcome: CallOutcome): RequestCell {
    const { registry, local, now } = this.#options;
    const labels = edgeLabels(local, this.#identity, requestLabels(outcome));
    const atMs = now();
    return {
      requests: registry.counter(METRIC.requests, labels, atMs),
      duration: registry.histogram(METRIC.requestDuration, labels, STANDARD_BOUNDS, atMs),
      requestBytes: registry.histogram(METRIC.requestBytes, labels, STANDARD_BOUNDS, atMs),
      responseBytes: registry.histogram(METRIC.responseBytes, labels, STANDARD_BOUNDS, atMs),
    };
  }

  #counter(name: string, key: string, extra: Labels): ScalarSeries {
    this.#refresh();
    const known = this.#counters.get(`${name} ${key}`);
    if (known !== undefined && !known.retired) return known;
    const { registry, local, now } = this.#options;
    const made = registry.counter(name, edgeLabels(local, this.#identity, extra), now());
    this.#counters.set(`${name} ${key}`, made);
    return made;
  }
}

function requestLabels({ responseCode, flags, grpcStatus }: CallOutcome): Labels {
  const labels = { response_flags: flags || NO_FLAGS, response_code: String(responseCode) };
  return grpcStatus === undefined ? labels : { ...labels, grpc_response_status: String(grpcStatus) };
}

function edgeLabels(local: WorkloadLabels, identity: EdgeIdentity, extra: Labels): LabelSource {
  return (nowMs) => {
    const { peer } = identity;
    if (peer.labels === undefined && nowMs - peer.seenAtMs < PEER_HOLD_MS) return undefined;
    const isClient = identity.reporter === 'source';
    return {
      reporter: identity.reporter,
      ...sideLabels('source', isClient ? local : peer.labels, identity.sourcePrincipal),
      ...sideLabels('destination', isClient ? peer.labels : local, identity.destinationPrincipal),
      destination_service: identity.service.host || UNKNOWN,
      destination_service_name: identity.service.name || UNKNOWN,
      destination_service_namespace: identity.service.namespace || UNKNOWN,
      request_protocol: identity.protocol,
      connection_security_policy: identity.security,
      ...extra,
    };
  };
}

/** Label suffixes of one side, and where their values come from. */
const SIDE: readonly (readonly [label: string, of: keyof WorkloadLabels])[] = [
  ['workload', 'workload'],
  ['workload_namespace', 'namespace'],
  ['app', 'app'],
  ['version', 'version'],
  ['canonical_service', 'canonicalService'],
  ['canonical_revision', 'canonicalRevision'],
  ['cluster', 'cluster'],
];

function sideLabels(side: 'source' | 'destination', of: WorkloadLabels | undefined, principal: string | undefined): Labels {
  const known = SIDE.map(([label, key]) => [`${side}_${label}`, of?.[key] || UNKNOWN] as const);
  return { ...Object.fromEntries(known), [`${side}_principal`]: principal || UNKNOWN };
}
