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

/** Envoy's tags for HTTP, and Istio's for the workload. */
function toSpan(identity: SpanIdentity, info: StreamInfo): Span {
  const { trace, connection } = info;
  const inbound = info.chain.listener.direction === 'inbound';
  const error = info.responseCode >= 500 || info.responseCode === 0;
  return {
    trace_id: trace?.traceId ?? '',
    span_id: trace?.spanId ?? '',
    ...(trace === undefined || trace.parentSpanId === '' ? {} : { parent_span_id: trace.parentSpanId }),
    name: info.route?.config.operation ?? `${info.authority === '' ? info.clusterName : info.authority}/*`,
    kind: inbound ? 'SERVER' : 'CLIENT',
    start_us: Math.round(info.startTimeMs * 1_000),
    duration_us: Math.max(0, Math.round((info.endMs - info.startMs) * 1_000)),
    ...(error ? { error: true } : {}),
    service: identity.service,
    tags: {
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
      'peer.address': connection.remoteAddress,
      node_id: identity.nodeId,
      'istio.canonical_service': identity.canonicalService,
      'istio.canonical_revision': identity.canonicalRevision,
      'istio.namespace': identity.namespace,
      'istio.cluster_id': identity.cluster,
      'istio.mesh_id': identity.meshId,
      ...(info.grpc ? { 'grpc.status_code': info.grpcStatus } : {}),
      ...(error ? { error: 'true' } : {}),
    },
  };
}
