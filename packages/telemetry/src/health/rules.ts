import type { Direction, HealthStatus, RatesByCode, RequestHealth, Tolerance, WorkloadStatus } from './types.ts';

/** Kiali's defaults; an annotation on the object replaces them. */
const DEFAULT_TOLERANCES: readonly Tolerance[] = [
  { code: '5XX', protocol: 'http', direction: '.*', degraded: 0, failure: 10 },
  { code: '4XX', protocol: 'http', direction: '.*', degraded: 10, failure: 20 },
  { code: '[1-9]|1[0-6]', protocol: 'grpc', direction: '.*', degraded: 0, failure: 10 },
  { code: '-', protocol: 'http|grpc', direction: '.*', degraded: 0, failure: 10 },
];

/** `code,degraded,failure,protocol,direction;…`, replaces the defaults for one object. */
export const HEALTH_ANNOTATION = 'health.kiali.io/rate';

const PRIORITY: Readonly<Record<HealthStatus, number>> = { Failure: 4, Degraded: 3, 'Not Ready': 2, Healthy: 1, NA: 0 };

export function worse(a: HealthStatus, b: HealthStatus): HealthStatus {
  return PRIORITY[a] > PRIORITY[b] ? a : b;
}

/** Replicas alone. */
export function workloadHealth(status: WorkloadStatus | undefined): HealthStatus {
  if (status === undefined) return 'NA';
  const { desiredReplicas: desired, currentReplicas: current, availableReplicas: available, syncedProxies: synced } = status;
  if (desired === 0) return 'Not Ready';
  if (available === 0) return 'Failure';
  if (current > 0 && Math.min(current, available) < desired) return 'Degraded';
  if (desired === available && available !== current) return 'Failure';
  const isSynced = synced < 0 || synced >= desired;
  return isSynced && desired === current && current === available ? 'Healthy' : 'Degraded';
}

/** The tolerances of an object: its annotation's where one is valid, else the defaults. */
export function tolerancesOf(annotations: Readonly<Record<string, string>>): readonly Tolerance[] {
  const own = parseTolerances(annotations[HEALTH_ANNOTATION] ?? '');
  return own.length > 0 ? own : DEFAULT_TOLERANCES;
}

const TOLERANCE = /^([0-9xX|-]+),([^,]+),([^,]+),([\w.*|]+),([\w.*|]+)$/;

function parseTolerances(text: string): Tolerance[] {
  return text.split(';').flatMap((part): Tolerance[] => {
    const words = part.split(',').map((word) => word.trim());
    const match = TOLERANCE.exec(words.slice(0, 5).join(','));
    if (match === null) return [];
    const [, code = '', degraded, failure, protocol = '', direction = ''] = match;
    const tolerance = { code, protocol, direction, degraded: Number(degraded), failure: Number(failure) };
    return isPercent(tolerance.degraded) && isPercent(tolerance.failure) ? [tolerance] : [];
  });
}

function isPercent(value: number): boolean {
  return value >= 0 && value <= 100;
}

function matches(pattern: string, text: string): boolean {
  return pattern === '.*' || pattern.split('|').some((one) => one === '.*' || one.toLowerCase() === text);
}

/** Patterns are alternatives of codes where X is a digit, and `[1-9]` classes in our own defaults; no pattern of a user reaches an engine. */
function codeMatches(pattern: string, code: string): boolean {
  if (pattern === '[1-9]|1[0-6]') return /^([1-9]|1[0-6])$/.test(code);
  return pattern
    .split('|')
    .some(
      (one) =>
        one.length === code.length && Array.from(one, (c, i) => (c === 'x' || c === 'X' ? /\d/.test(code[i] ?? '') : c === code[i])).every(Boolean),
    );
}

/** Requests of one direction against tolerances: no traffic is NA. */
export function requestsHealth(rates: RatesByCode, direction: Direction, tolerances: readonly Tolerance[]): HealthStatus {
  let status: HealthStatus = 'NA';
  for (const [protocol, codes] of Object.entries(rates)) {
    const total = sum(Object.values(codes));
    if (total <= 0) continue;
    status = worse(status, 'Healthy');
    for (const tolerance of tolerances) {
      if (!matches(tolerance.protocol, protocol) || !matches(tolerance.direction, direction)) continue;
      const errors = sum(Object.entries(codes).map(([code, rate]) => (codeMatches(tolerance.code, code) ? rate : 0)));
      const percent = (errors / total) * 100;
      if (percent <= 0) continue;
      if (percent >= tolerance.failure) status = worse(status, 'Failure');
      else if (percent >= tolerance.degraded) status = worse(status, 'Degraded');
    }
  }
  return status;
}

/** Requests of both directions and replicas; the worst wins. A service has no workloads. */
export function overallHealth(requests: RequestHealth, workloads: readonly WorkloadStatus[]): HealthStatus {
  const tolerances = tolerancesOf(requests.healthAnnotations);
  const traffic = worse(requestsHealth(requests.inbound, 'inbound', tolerances), requestsHealth(requests.outbound, 'outbound', tolerances));
  return workloads.reduce((status, one) => worse(status, workloadHealth(one)), traffic);
}

/** Share of requests that failed, in percent; undefined without traffic. 4xx, 5xx, `-` and gRPC codes other than 0 are failures. */
export function errorPercent(rates: RatesByCode): number | undefined {
  let total = 0;
  let errors = 0;
  for (const [protocol, codes] of Object.entries(rates)) {
    for (const [code, rate] of Object.entries(codes)) {
      total += rate;
      if (isErrorCode(protocol, code)) errors += rate;
    }
  }
  return total === 0 ? undefined : (errors / total) * 100;
}

export function isErrorCode(protocol: string, code: string): boolean {
  if (code === '-') return true;
  if (protocol === 'grpc' && code.length < 3) return code !== '0';
  return code.startsWith('4') || code.startsWith('5');
}

/** The code that counts: `-` for no response, the gRPC status unless there is none. */
export function effectiveCode(protocol: string, responseCode: string, grpcStatus: string): string {
  if (responseCode === '0') return '-';
  return protocol === 'grpc' && grpcStatus !== '' ? grpcStatus : responseCode;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
