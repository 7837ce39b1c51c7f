import type { Span } from '@meltemi/telemetry/recording';
import { formatFlags, type StreamInfo } from '../types.ts';

/** Names of the proxy's own workload on spans. */
export interface SpanIdentity {
  /** `reviews.bookinfo`. */
  readonly service: string;
  readonly nodeId: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly namespace: string;
  readonly cluster: string;
  readonly meshId: string;
}

/** Makes the span of a finished request. Only sampled requests come here. */
export interface SpanMaker {
  record(info: StreamInfo): void;
}

export function createSpanMaker(identity: SpanIdentity, emit: (span: Span) => void): SpanMaker {
  return { record: (info) => emit(toSpan(identity, info)) };
}

function toSpan(identity: SpanIdentity, info: StreamInfo): Span {
  const error = info.responseCode >= 500 || info.responseCode === 0;
  return {
    ...spanIds(info),
    name: info.route?.config.operation ?? `${info.authority === '' ? info.clusterName : info.authority}/*`,
    kind: info.chain.listener.direction === 'inbound' ? 'SERVER' : 'CLIENT',
    start_us: Math.round(info.startTimeMs * 1_000),
    duration_us: Math.max(0, Math.round((info.endMs - info.startMs) * 1_000)),
    ...(error ? { error: true } : {}),
    service: identity.service,
    tags: { ...requestTags(info), ...workloadTags(identity), ...(error ? { error: 'true' } : {}) },
  };
}

function spanIds({ trace }: StreamInfo): Pick<Span, 'trace_id' | 'span_id' | 'parent_span_id'> {
  if (trace === undefined) return {};
  const { traceId, spanId, parentSpanId } = trace;
  return { trace_id: traceId, span_id: spanId, ...(parentSpanId === '' ? {} : { parent_span_id: parentSpanId }) };
}

/** Envoy's tags. */
function requestTags(info: StreamInfo): Readonly<Record<string, string>> {
  return {
    component: 'proxy',
    'http.method': info.method,
    'http.url': `http://${info.authority}${info.originalPath}`,
    'http.protocol': info.httpVersion,
    'http.status_code': String(info.responseCode),
    'guid:x-request-id': info.requestId,
    user_agent: info.userAgent,
    request_size: String(info.bytesReceived),
    response_size: String(info.bytesSent),
    response_flags: formatFlags(info.flags),
    upstream_cluster: info.clusterName,
    'upstream_cluster.name': info.clusterName,
    'peer.address': info.connection.remoteAddress,
    ...(info.grpc ? { 'grpc.status_code': info.grpcStatus } : {}),
  };
}

/** Istio's tags. */
function workloadTags(identity: SpanIdentity): Readonly<Record<string, string>> {
  return {
    node_id: identity.nodeId,
    'istio.canonical_service': identity.canonicalService,
    'istio.canonical_revision': identity.canonicalRevision,
    'istio.namespace': identity.namespace,
    'istio.cluster_id': identity.cluster,
    'istio.mesh_id': identity.meshId,
  };
}
