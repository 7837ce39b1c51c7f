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

/** Counts what happens between two workloads. Bind it once per connection or endpoint; each method is cheap enough for the request path. */
export interface EdgeRecorder {
  /**
   * A finished request. `responseCode` is 0 when none was sent or received (`DC`); `flags` is Envoy's short form (`-` or `''` for none);
   * `grpcStatus` is undefined unless the protocol is gRPC; sizes are those of the bodies.
   */
  request(responseCode: number, flags: string, grpcStatus: number | undefined, durationMs: number, requestBytes: number, responseBytes: number): void;
  /** gRPC messages since the last call. */
  messages(responseCode: number, flags: string, grpcStatus: number | undefined, request: number, response: number): void;
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
      if (edge === undefined) edges.set(key, (edge = createEdge(options, identity)));
      return edge;
    },
  };
}

function createEdge({ registry, local, now }: StandardMetricsOptions, identity: EdgeIdentity): EdgeRecorder {
  const { peer } = identity;
  const plain = new Map<number, RequestCell>();
  const flagged = new Map<string, RequestCell>();
  const counters = new Map<string, ScalarSeries>();
  let generation = peer.generation;
  let tcpSent: ScalarSeries | undefined;
  let tcpReceived: ScalarSeries | undefined;

  /** Labels learnt late begin new series: what was exported as `unknown` stays that. */
  function refresh(): void {
    if (generation === peer.generation) return;
    generation = peer.generation;
    plain.clear();
    flagged.clear();
    counters.clear();
    tcpSent = undefined;
    tcpReceived = undefined;
  }

  function cell(code: number, flags: string, grpcStatus: number | undefined): RequestCell {
    refresh();
    const simple = flags === NO_FLAGS || flags === '';
    // One number for code and gRPC status: the common case builds no string.
    const number = code * 64 + (grpcStatus ?? 63);
    const key = simple ? '' : `${number} ${flags}`;
    const known = simple ? plain.get(number) : flagged.get(key);
    if (known !== undefined && !known.requests.retired) return known;
    const labels = edgeLabels(local, identity, requestLabels(code, flags, grpcStatus));
    const at = now();
    const made: RequestCell = {
      requests: registry.counter(METRIC.requests, labels, at),
      duration: registry.histogram(METRIC.requestDuration, labels, STANDARD_BOUNDS, at),
      requestBytes: registry.histogram(METRIC.requestBytes, labels, STANDARD_BOUNDS, at),
      responseBytes: registry.histogram(METRIC.responseBytes, labels, STANDARD_BOUNDS, at),
    };
    if (simple) plain.set(number, made);
    else flagged.set(key, made);
    return made;
  }

  function counter(name: string, key: string, extra: Labels): ScalarSeries {
    refresh();
    const known = counters.get(`${name} ${key}`);
    if (known !== undefined && !known.retired) return known;
    const made = registry.counter(name, edgeLabels(local, identity, extra), now());
    counters.set(`${name} ${key}`, made);
    return made;
  }

  return {
    request(code, flags, grpcStatus, durationMs, requestBytes, responseBytes) {
      const series = cell(code, flags, grpcStatus);
      series.requests.value++;
      observe(series.duration, durationMs);
      observe(series.requestBytes, requestBytes);
      observe(series.responseBytes, responseBytes);
    },
    messages(code, flags, grpcStatus, request, response) {
      const extra = requestLabels(code, flags, grpcStatus);
      const key = `${code} ${flags} ${grpcStatus ?? ''}`;
      if (request > 0) counter(METRIC.requestMessages, key, extra).value += request;
      if (response > 0) counter(METRIC.responseMessages, key, extra).value += response;
    },
    tcpOpened() {
      counter(METRIC.tcpConnectionsOpened, '', { response_flags: NO_FLAGS }).value++;
    },
    tcpClosed(flags) {
      counter(METRIC.tcpConnectionsClosed, flags, { response_flags: flags || NO_FLAGS }).value++;
    },
    tcpBytes(received, sent) {
      refresh();
      if (tcpSent === undefined || tcpSent.retired) tcpSent = counter(METRIC.tcpSentBytes, '', { response_flags: NO_FLAGS });
      if (tcpReceived === undefined || tcpReceived.retired) tcpReceived = counter(METRIC.tcpReceivedBytes, '', { response_flags: NO_FLAGS });
      tcpSent.value += sent;
      tcpReceived.value += received;
    },
  };
}

function requestLabels(code: number, flags: string, grpcStatus: number | undefined): Labels {
  const grpc = grpcStatus === undefined ? '' : String(grpcStatus);
  return { response_flags: flags || NO_FLAGS, response_code: String(code), ...(grpc === '' ? {} : { grpc_response_status: grpc }) };
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

function sideLabels(side: 'source' | 'destination', of: WorkloadLabels | undefined, principal: string | undefined): Labels {
  return {
    [`${side}_workload`]: of?.workload || UNKNOWN,
    [`${side}_workload_namespace`]: of?.namespace || UNKNOWN,
    [`${side}_principal`]: principal || UNKNOWN,
    [`${side}_app`]: of?.app || UNKNOWN,
    [`${side}_version`]: of?.version || UNKNOWN,
    [`${side}_canonical_service`]: of?.canonicalService || UNKNOWN,
    [`${side}_canonical_revision`]: of?.canonicalRevision || UNKNOWN,
    [`${side}_cluster`]: of?.cluster || UNKNOWN,
  };
}
