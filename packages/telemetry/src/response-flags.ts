/** What an Envoy response flag is: the one table that proxy, agent and reference share. */
export interface ResponseFlagInfo {
  /** As `%RESPONSE_FLAGS%` prints it. */
  readonly flag: string;
  /** As `%RESPONSE_FLAGS_LONG%` prints it. */
  readonly long: string;
  /** Field of `envoy.data.accesslog.v3.ResponseFlags`; undefined = that message has none for it. */
  readonly field: readonly [number: number, name: string] | undefined;
  /** In a line, for people. */
  readonly meaning: string;
}

/** All of them, in the order in which Envoy numbers and prints them. */
export const RESPONSE_FLAG_TABLE = [
  { flag: 'LH', long: 'FailedLocalHealthCheck', field: [1, 'failed_local_healthcheck'], meaning: 'the local health check has failed' },
  { flag: 'UH', long: 'NoHealthyUpstream', field: [2, 'no_healthy_upstream'], meaning: 'no healthy upstream host' },
  { flag: 'UT', long: 'UpstreamRequestTimeout', field: [3, 'upstream_request_timeout'], meaning: 'upstream request timeout' },
  { flag: 'LR', long: 'LocalReset', field: [4, 'local_reset'], meaning: 'the proxy itself reset the stream' },
  { flag: 'UR', long: 'UpstreamRemoteReset', field: [5, 'upstream_remote_reset'], meaning: 'the upstream reset the stream' },
  { flag: 'UF', long: 'UpstreamConnectionFailure', field: [6, 'upstream_connection_failure'], meaning: 'upstream connection failure' },
  { flag: 'UC', long: 'UpstreamConnectionTermination', field: [7, 'upstream_connection_termination'], meaning: 'the upstream closed the connection' },
  { flag: 'UO', long: 'UpstreamOverflow', field: [8, 'upstream_overflow'], meaning: 'a circuit breaker is open' },
  { flag: 'NR', long: 'NoRouteFound', field: [9, 'no_route_found'], meaning: 'no route, or no filter chain' },
  { flag: 'DI', long: 'DelayInjected', field: [10, 'delay_injected'], meaning: 'delayed by fault injection' },
  { flag: 'FI', long: 'FaultInjected', field: [11, 'fault_injected'], meaning: 'aborted by fault injection' },
  { flag: 'RL', long: 'RateLimited', field: [12, 'rate_limited'], meaning: 'rate limited' },
  { flag: 'UAEX', long: 'UnauthorizedExternalService', field: [13, 'unauthorized_details'], meaning: 'denied by external authorization' },
  { flag: 'RLSE', long: 'RateLimitServiceError', field: [14, 'rate_limit_service_error'], meaning: 'the rate limit service failed' },
  {
    flag: 'DC',
    long: 'DownstreamConnectionTermination',
    field: [15, 'downstream_connection_termination'],
    meaning: 'the client closed the connection',
  },
  { flag: 'URX', long: 'UpstreamRetryLimitExceeded', field: [16, 'upstream_retry_limit_exceeded'], meaning: 'no attempt is left' },
  { flag: 'SI', long: 'StreamIdleTimeout', field: [17, 'stream_idle_timeout'], meaning: 'the stream was idle for too long' },
  { flag: 'IH', long: 'InvalidEnvoyRequestHeaders', field: [18, 'invalid_envoy_request_headers'], meaning: 'an x-envoy header has an invalid value' },
  { flag: 'DPE', long: 'DownstreamProtocolError', field: [19, 'downstream_protocol_error'], meaning: 'the client broke the protocol' },
  {
    flag: 'UMSDR',
    long: 'UpstreamMaxStreamDurationReached',
    field: [20, 'upstream_max_stream_duration_reached'],
    meaning: 'the upstream stream has lived as long as it may',
  },
  { flag: 'RFCF', long: 'ResponseFromCacheFilter', field: [21, 'response_from_cache_filter'], meaning: 'served from a cache' },
  { flag: 'NFCF', long: 'NoFilterConfigFound', field: [22, 'no_filter_config_found'], meaning: 'a filter has not got its configuration in time' },
  { flag: 'DT', long: 'DurationTimeout', field: [23, 'duration_timeout'], meaning: 'the connection has lived as long as it may' },
  { flag: 'UPE', long: 'UpstreamProtocolError', field: [24, 'upstream_protocol_error'], meaning: 'the upstream broke the protocol' },
  { flag: 'NC', long: 'NoClusterFound', field: [25, 'no_cluster_found'], meaning: 'there is no such cluster' },
  { flag: 'OM', long: 'OverloadManagerTerminated', field: [26, 'overload_manager'], meaning: 'shed under overload' },
  { flag: 'DF', long: 'DnsResolutionFailed', field: [27, 'dns_resolution_failure'], meaning: 'a name could not be resolved' },
  { flag: 'DO', long: 'DropOverload', field: undefined, meaning: 'dropped by the share that the endpoint set says' },
  { flag: 'DR', long: 'DownstreamRemoteReset', field: [28, 'downstream_remote_reset'], meaning: 'the client reset the stream' },
  { flag: 'UDO', long: 'UnconditionalDropOverload', field: undefined, meaning: 'the endpoint set says that everything is dropped' },
] as const satisfies readonly ResponseFlagInfo[];

/** One of Envoy's short response flags (`UF`, `NR`, …). */
export type ResponseFlag = (typeof RESPONSE_FLAG_TABLE)[number]['flag'];

/** The short names, in Envoy's order. */
export const RESPONSE_FLAGS: readonly ResponseFlag[] = RESPONSE_FLAG_TABLE.map(({ flag }) => flag);
