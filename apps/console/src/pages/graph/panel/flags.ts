/** What Envoy's response flags mean, in a line each. */
const RESPONSE_FLAGS: Readonly<Record<string, string>> = {
  DC: 'Downstream connection termination',
  DI: 'Delayed by fault injection',
  DPE: 'Downstream protocol error',
  DT: 'Duration or stream limit reached',
  FI: 'Aborted by fault injection',
  IH: 'Invalid value of a strictly checked header',
  LH: 'Local service failed its health check',
  LR: 'Connection local reset',
  NC: 'Upstream cluster not found',
  NFCF: 'No filter configuration in time',
  NR: 'No route configured',
  OM: 'Overload manager ended the request',
  RFCF: 'Response filter failed',
  RL: 'Rate limited',
  RLSE: 'Rate limit service error',
  SI: 'Stream idle timeout',
  UAEX: 'Denied by external authorization',
  UC: 'Upstream connection termination',
  UF: 'Upstream connection failure',
  UH: 'No healthy upstream',
  UMSDR: 'Upstream reached the stream duration limit',
  UO: 'Upstream overflow (circuit breaker open)',
  UPE: 'Upstream protocol error',
  UR: 'Upstream remote reset',
  URX: 'Upstream retry limit exceeded',
  UT: 'Upstream request timeout',
  RBAC: 'Denied by an authorization policy',
};

export function explainFlags(flags: string): string {
  if (flags === '-' || flags === '') return 'No flag';
  return flags
    .split(',')
    .map((flag) => RESPONSE_FLAGS[flag] ?? flag)
    .join('; ');
}
