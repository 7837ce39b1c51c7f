import { createHistogram, type Histogram } from '@meltemi/runtime';

/** What is counted of a connection manager, by Envoy's names behind `http.<stat_prefix>.`. */
export const HTTP_COUNTERS = {
  cxTotal: 'downstream_cx_total',
  cxHttp1: 'downstream_cx_http1_total',
  cxHttp2: 'downstream_cx_http2_total',
  cxSsl: 'downstream_cx_ssl_total',
  cxDestroy: 'downstream_cx_destroy',
  cxDestroyRemote: 'downstream_cx_destroy_remote',
  cxDestroyLocal: 'downstream_cx_destroy_local',
  cxDestroyBusy: 'downstream_cx_destroy_active_rq',
  cxDestroyRemoteBusy: 'downstream_cx_destroy_remote_active_rq',
  cxRxBytes: 'downstream_cx_rx_bytes_total',
  cxTxBytes: 'downstream_cx_tx_bytes_total',
  cxProtocolError: 'downstream_cx_protocol_error',
  rqTotal: 'downstream_rq_total',
  rqHttp1: 'downstream_rq_http1_total',
  rqHttp2: 'downstream_rq_http2_total',
  rqCompleted: 'downstream_rq_completed',
  rq1xx: 'downstream_rq_1xx',
  rq2xx: 'downstream_rq_2xx',
  rq3xx: 'downstream_rq_3xx',
  rq4xx: 'downstream_rq_4xx',
  rq5xx: 'downstream_rq_5xx',
  rqRxReset: 'downstream_rq_rx_reset',
  rqTooLarge: 'downstream_rq_too_large',
  rqOverload: 'downstream_rq_overload_close',
  rqTimeout: 'downstream_rq_timeout',
  rqHeaderTimeout: 'downstream_rq_header_timeout',
  rqIdleTimeout: 'downstream_rq_idle_timeout',
  rqMaxDuration: 'downstream_rq_max_duration_reached',
  rqNoUpgrade: 'downstream_rq_ws_on_non_ws_route',
  rqBadPath: 'downstream_rq_failed_path_normalization',
  rqRoutes: 'rq_total',
  noRoute: 'no_route',
  noCluster: 'no_cluster',
  direct: 'rq_direct_response',
  tapped: 'tap.rq_tapped',
  tapSkipped: 'tap.rq_sampled_out',
} as const;

/** What goes up and down. */
export const HTTP_GAUGES = {
  cxActive: 'downstream_cx_active',
  cxHttp1Active: 'downstream_cx_http1_active',
  cxHttp2Active: 'downstream_cx_http2_active',
  cxSslActive: 'downstream_cx_ssl_active',
  rqActive: 'downstream_rq_active',
} as const;

type Field = keyof typeof HTTP_COUNTERS | keyof typeof HTTP_GAUGES;

/** One object for each prefix of a thread: counting is an addition, and nothing is looked up by a name. */
export type HttpCounts = Record<Field, number> & { readonly rqTime: Histogram; readonly cxLength: Histogram };

const ZERO = zero<Field>({ ...HTTP_COUNTERS, ...HTTP_GAUGES });

export function createHttpCounts(): HttpCounts {
  return { ...ZERO, rqTime: createHistogram(), cxLength: createHistogram() };
}

/** Responses by class, as a listener counts them for each connection manager: `listener.<address>.http.<stat_prefix>.`. */
export const CLASS_COUNTERS = {
  rqCompleted: 'downstream_rq_completed',
  rq1xx: 'downstream_rq_1xx',
  rq2xx: 'downstream_rq_2xx',
  rq3xx: 'downstream_rq_3xx',
  rq4xx: 'downstream_rq_4xx',
  rq5xx: 'downstream_rq_5xx',
} as const;

export type ClassCounts = Record<keyof typeof CLASS_COUNTERS, number>;

const NO_CLASSES = zero<keyof typeof CLASS_COUNTERS>(CLASS_COUNTERS);

export function createClassCounts(): ClassCounts {
  return { ...NO_CLASSES };
}

/** What is counted of a listener: `listener.<address>.`. */
export const LISTENER_COUNTERS = {
  cxTotal: 'downstream_cx_total',
  cxDestroy: 'downstream_cx_destroy',
  noChain: 'no_filter_chain_match',
  detectionTimeout: 'downstream_pre_cx_timeout',
  handshakes: 'ssl.handshake',
  handshakeErrors: 'ssl.connection_error',
} as const;

export type ListenerCounts = Record<keyof typeof LISTENER_COUNTERS | 'cxActive', number> & { readonly cxLength: Histogram };

const NO_LISTENER = zero<keyof typeof LISTENER_COUNTERS | 'cxActive'>({ ...LISTENER_COUNTERS, cxActive: '' });

export function createListenerCounts(): ListenerCounts {
  return { ...NO_LISTENER, cxLength: createHistogram() };
}

/** What is counted of a TCP proxy: `tcp.<stat_prefix>.`. */
export const TCP_COUNTERS = {
  cxTotal: 'downstream_cx_total',
  cxNoRoute: 'downstream_cx_no_route',
  cxRxBytes: 'downstream_cx_rx_bytes_total',
  cxTxBytes: 'downstream_cx_tx_bytes_total',
  idleTimeout: 'idle_timeout',
  maxDuration: 'max_downstream_connection_duration',
} as const;

export type TcpCounts = Record<keyof typeof TCP_COUNTERS, number>;

const NO_TCP = zero<keyof typeof TCP_COUNTERS>(TCP_COUNTERS);

export function createTcpCounts(): TcpCounts {
  return { ...NO_TCP };
}

function zero<K extends string>(names: Readonly<Record<K, string>>): Record<K, number> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, 0])) as Record<K, number>;
}
