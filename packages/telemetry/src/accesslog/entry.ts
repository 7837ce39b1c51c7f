/**
 * One request or connection as the access log knows it. Undefined and empty are written as `-` (text) or null (JSON). Field names
 * follow the keys of Istio's JSON format.
 */
export interface AccessLogEntry {
  /** Milliseconds since the epoch. */
  readonly startTimeMs: number;
  readonly method?: string | undefined;
  /** `x-envoy-original-path` if there was one, else the path; with its query. */
  readonly path?: string | undefined;
  /** `HTTP/1.1`, `HTTP/2`; undefined for TCP. */
  readonly protocol?: string | undefined;
  /** 0 when there was none. */
  readonly responseCode: number;
  /** Envoy's short form, comma-separated. */
  readonly responseFlags?: string | undefined;
  readonly responseCodeDetails?: string | undefined;
  readonly connectionTerminationDetails?: string | undefined;
  readonly upstreamTransportFailureReason?: string | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  /** `x-envoy-upstream-service-time`, milliseconds. */
  readonly upstreamServiceTime?: string | undefined;
  readonly forwardedFor?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly requestId?: string | undefined;
  readonly authority?: string | undefined;
  readonly upstreamHost?: string | undefined;
  readonly upstreamCluster?: string | undefined;
  readonly upstreamLocalAddress?: string | undefined;
  readonly downstreamLocalAddress?: string | undefined;
  readonly downstreamRemoteAddress?: string | undefined;
  readonly requestedServerName?: string | undefined;
  readonly routeName?: string | undefined;
}
