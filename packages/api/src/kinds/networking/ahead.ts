/**
 * Fields that the control plane translates and a real Envoy does, while our own proxy does not yet: refused until it does. To put one in force, delete its
 * line here and the refusal of its golden in `translate/src/golden.test.ts`.
 */
export const VIRTUAL_SERVICE_AHEAD = {
  'http[].mirror': 'the embedded proxy does not mirror yet',
  'http[].mirrors': 'the embedded proxy does not mirror yet',
  'http[].mirrorPercent': 'the embedded proxy does not mirror yet',
  'http[].mirror_percent': 'the embedded proxy does not mirror yet',
  'http[].mirrorPercentage': 'the embedded proxy does not mirror yet',
  'http[].retries.retryRemoteLocalities': 'the embedded proxy does not do it yet',
} as const;

/** The same for DestinationRule, below a traffic policy of the rule, of a subset or of a port. */
export const TRAFFIC_POLICY_AHEAD = {
  outlierDetection: 'the embedded proxy does not do it yet',
  'loadBalancer.simple=PASSTHROUGH': 'the embedded proxy does not do it yet',
  'loadBalancer.consistentHash': 'the embedded proxy does not do it yet',
  'loadBalancer.warmupDurationSecs': 'the embedded proxy does not do it yet',
  'loadBalancer.warmup': 'the embedded proxy does not do it yet',
  'connectionPool.tcp.tcpKeepalive': 'the embedded proxy does not do it yet',
  'connectionPool.tcp.maxConnectionDuration': 'the embedded proxy does not do it yet',
  'connectionPool.http.h2UpgradePolicy=UPGRADE': 'the embedded proxy does not do it yet',
  'connectionPool.http.useClientProtocol': 'the embedded proxy does not do it yet',
  'connectionPool.http.maxConcurrentStreams': 'the embedded proxy does not do it yet',
  'connectionPool.http.http2KeepAlive': 'the embedded proxy does not do it yet',
  'tls.mode=SIMPLE': 'the embedded proxy does not do it yet',
  'tls.mode=MUTUAL': 'the embedded proxy does not do it yet',
} as const;
