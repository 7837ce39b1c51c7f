/** Istio's standard metrics, as names; the one table that proxy, agent, store and console read. */
export const METRIC = {
  requests: 'istio_requests_total',
  requestDuration: 'istio_request_duration_milliseconds',
  requestBytes: 'istio_request_bytes',
  responseBytes: 'istio_response_bytes',
  requestMessages: 'istio_request_messages_total',
  responseMessages: 'istio_response_messages_total',
  tcpSentBytes: 'istio_tcp_sent_bytes_total',
  tcpReceivedBytes: 'istio_tcp_received_bytes_total',
  tcpConnectionsOpened: 'istio_tcp_connections_opened_total',
  tcpConnectionsClosed: 'istio_tcp_connections_closed_total',
  build: 'istio_build',
} as const;

export type StandardMetricName = (typeof METRIC)[keyof typeof METRIC];

/** One row of the table: what the metric is and which names the Telemetry API has for it. */
export interface StandardMetric {
  readonly name: StandardMetricName;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly unit: '' | 'milliseconds' | 'bytes';
  /** `REQUEST_COUNT` and the like, of `telemetry.istio.io`; empty for what cannot be switched off. */
  readonly apiName: string;
  /** Whether `response_code` (and `grpc_response_status` for gRPC) are among its labels. */
  readonly protocol: 'request' | 'tcp' | 'none';
}

/**
 * The table. Istio's TCP names are seen from the server: *sent* are the bytes that go back to the client, *received* those that the
 * client sent.
 */
export const STANDARD_METRICS: readonly StandardMetric[] = [
  { name: METRIC.requests, type: 'counter', unit: '', apiName: 'REQUEST_COUNT', protocol: 'request', help: 'Requests handled by the proxy.' },
  {
    name: METRIC.requestDuration,
    type: 'histogram',
    unit: 'milliseconds',
    apiName: 'REQUEST_DURATION',
    protocol: 'request',
    help: 'Time from the first byte of the request to the last byte of the response.',
  },
  { name: METRIC.requestBytes, type: 'histogram', unit: 'bytes', apiName: 'REQUEST_SIZE', protocol: 'request', help: 'Size of request bodies.' },
  { name: METRIC.responseBytes, type: 'histogram', unit: 'bytes', apiName: 'RESPONSE_SIZE', protocol: 'request', help: 'Size of response bodies.' },
  {
    name: METRIC.requestMessages,
    type: 'counter',
    unit: '',
    apiName: 'GRPC_REQUEST_MESSAGES',
    protocol: 'request',
    help: 'gRPC messages sent by clients.',
  },
  {
    name: METRIC.responseMessages,
    type: 'counter',
    unit: '',
    apiName: 'GRPC_RESPONSE_MESSAGES',
    protocol: 'request',
    help: 'gRPC messages sent by servers.',
  },
  {
    name: METRIC.tcpSentBytes,
    type: 'counter',
    unit: 'bytes',
    apiName: 'TCP_SENT_BYTES',
    protocol: 'tcp',
    help: 'Bytes sent to the client of a TCP connection.',
  },
  {
    name: METRIC.tcpReceivedBytes,
    type: 'counter',
    unit: 'bytes',
    apiName: 'TCP_RECEIVED_BYTES',
    protocol: 'tcp',
    help: 'Bytes received from the client of a TCP connection.',
  },
  {
    name: METRIC.tcpConnectionsOpened,
    type: 'counter',
    unit: '',
    apiName: 'TCP_OPENED_CONNECTIONS',
    protocol: 'tcp',
    help: 'TCP connections opened.',
  },
  {
    name: METRIC.tcpConnectionsClosed,
    type: 'counter',
    unit: '',
    apiName: 'TCP_CLOSED_CONNECTIONS',
    protocol: 'tcp',
    help: 'TCP connections closed.',
  },
  { name: METRIC.build, type: 'gauge', unit: '', apiName: '', protocol: 'none', help: 'Version of a component; the value is always 1.' },
];

/** Envoy's ladder of histogram bounds, as Istio's metrics use it (milliseconds or bytes). */
export const STANDARD_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
];

/** What stands where a label has no value. */
export const UNKNOWN = 'unknown';

/** `response_flags` of a request that nothing is to be said of. */
export const NO_FLAGS = '-';

/** The 25 labels of request metrics, in Istio's order. TCP metrics lack the last two. */
export const REQUEST_LABELS = [
  'reporter',
  'source_workload',
  'source_workload_namespace',
  'source_principal',
  'source_app',
  'source_version',
  'source_canonical_service',
  'source_canonical_revision',
  'source_cluster',
  'destination_workload',
  'destination_workload_namespace',
  'destination_principal',
  'destination_app',
  'destination_version',
  'destination_service',
  'destination_service_name',
  'destination_service_namespace',
  'destination_canonical_service',
  'destination_canonical_revision',
  'destination_cluster',
  'request_protocol',
  'response_flags',
  'connection_security_policy',
  'response_code',
  'grpc_response_status',
] as const;

export type Reporter = 'source' | 'destination' | 'waypoint';
export type RequestProtocol = 'http' | 'grpc' | 'tcp';
export type ConnectionSecurityPolicy = 'mutual_tls' | 'none' | 'unknown';

/** What a workload is called in metrics. An empty string is written as `unknown`. */
export interface WorkloadLabels {
  readonly workload: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly cluster: string;
}

/** The service that was asked for. `host` is its full name, `reviews.bookinfo.svc.cluster.local`. */
export interface DestinationService {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

/** Labels of a workload from its object labels, with Istio's fall-backs for the canonical names and `app`. */
export function workloadLabels(workload: string, namespace: string, labels: Readonly<Record<string, string>>, cluster: string): WorkloadLabels {
  const recommended = labels['app.kubernetes.io/name'] ?? '';
  const canonicalService = labels['service.istio.io/canonical-name'] ?? (recommended || labels['app'] || workload);
  const canonicalRevision = labels['service.istio.io/canonical-revision'] ?? (labels['app.kubernetes.io/version'] || labels['version'] || 'latest');
  return {
    workload,
    namespace,
    app: labels['app'] ?? (recommended || canonicalService),
    version: labels['version'] ?? canonicalRevision,
    canonicalService,
    canonicalRevision,
    cluster,
  };
}
