/** Envoy's conditions for retries of HTTP, as `retry_on` and the header `x-envoy-retry-on` name them. */
export const HTTP_RETRY_CONDITIONS = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
] as const;

/** Envoy's conditions for retries of gRPC. */
export const GRPC_RETRY_CONDITIONS = ['cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable'] as const;

/** One of either; Istio, and `retry_on` of a route, take both in one list. */
export type RetryCondition = (typeof HTTP_RETRY_CONDITIONS)[number] | (typeof GRPC_RETRY_CONDITIONS)[number];
