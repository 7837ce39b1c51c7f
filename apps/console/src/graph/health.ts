import type { HealthData, HealthStatus, ReplicaStatus } from '../api/kiali.ts';

const PRIORITY: Readonly<Record<HealthStatus, number>> = { Failure: 4, Degraded: 3, 'Not Ready': 2, Healthy: 1, NA: 0 };

interface Tolerance {
  readonly protocols: readonly string[];
  readonly matches: (code: string) => boolean;
  readonly degradedPercent: number;
  readonly failurePercent: number;
}

/** Kiali's defaults: what share of which answers makes something degraded or failing. */
const TOLERANCES: readonly Tolerance[] = [
  { protocols: ['http'], matches: (code) => /^5\d\d$/.test(code), degradedPercent: 0, failurePercent: 10 },
  { protocols: ['http'], matches: (code) => /^4\d\d$/.test(code), degradedPercent: 10, failurePercent: 20 },
  { protocols: ['grpc'], matches: (code) => /^([1-9]|1[0-6])$/.test(code), degradedPercent: 0, failurePercent: 10 },
  { protocols: ['http', 'grpc'], matches: (code) => code === '-', degradedPercent: 0, failurePercent: 10 },
];

/** What is known about the health of one thing, with the share of failed requests that led to it. */
export interface Health {
  readonly status: HealthStatus;
  /** Percent of requests that failed; undefined without traffic. */
  readonly errorPercent: number | undefined;
  readonly requestsPerSecond: number;
}

export function worst(a: HealthStatus, b: HealthStatus): HealthStatus {
  return PRIORITY[a] >= PRIORITY[b] ? a : b;
}

/** Order for sorting: the worst first. */
export function healthPriority(status: HealthStatus): number {
  return PRIORITY[status];
}

export function parseHealth(text: string | undefined): HealthStatus | undefined {
  return text !== undefined && Object.hasOwn(PRIORITY, text) ? (text as HealthStatus) : undefined;
}

/** Health by the default tolerances from rates by response code of one protocol. */
export function codesHealth(protocol: string, codes: Readonly<Record<string, number>>): HealthStatus {
  const total = Object.values(codes).reduce((sum, rate) => sum + rate, 0);
  if (total <= 0) return 'NA';
  let status: HealthStatus = 'Healthy';
  for (const tolerance of TOLERANCES) {
    if (!tolerance.protocols.includes(protocol)) continue;
    const matching = Object.entries(codes).reduce((sum, [code, rate]) => (tolerance.matches(code) ? sum + rate : sum), 0);
    const percent = (matching / total) * 100;
    if (percent === 0) continue;
    status = worst(status, percent >= tolerance.failurePercent ? 'Failure' : percent >= tolerance.degradedPercent ? 'Degraded' : 'Healthy');
  }
  return status;
}

function replicaHealth(replicas: ReplicaStatus): HealthStatus {
  const desired = replicas.desiredReplicas;
  if (desired === undefined) return 'NA';
  const available = replicas.availableReplicas ?? 0;
  const current = replicas.currentReplicas ?? available;
  if (desired === 0) return 'Not Ready';
  if (available === 0) return 'Failure';
  if (available < desired || current < desired || current !== available) return 'Degraded';
  const synced = replicas.syncedProxies ?? -1;
  return synced >= 0 && synced < desired ? 'Degraded' : 'Healthy';
}

/** The health of a list row: the server's verdict where it gives one, else by Kiali's rules from requests and replicas. */
export function itemHealth(data: HealthData | undefined): Health {
  const { status, total, failed } = requestsHealth(data?.requests);
  const verdict = typeof data?.status === 'string' ? { status: data.status } : data?.status;
  return {
    status: parseHealth(verdict?.status) ?? replicasOf(data).map(replicaHealth).reduce(worst, status),
    errorPercent: verdict?.errorRatio ?? (total > 0 ? (failed / total) * 100 : undefined),
    requestsPerSecond: total,
  };
}

function replicasOf(data: HealthData | undefined): readonly ReplicaStatus[] {
  const one = data?.workloadStatus;
  return one === undefined || one === null ? (data?.workloadStatuses ?? []) : [one];
}

function requestsHealth(requests: HealthData['requests']): { readonly status: HealthStatus; readonly total: number; readonly failed: number } {
  let status: HealthStatus = 'NA';
  let [total, failed] = [0, 0];
  for (const [protocol, codes] of [...Object.entries(requests?.inbound ?? {}), ...Object.entries(requests?.outbound ?? {})]) {
    status = worst(status, codesHealth(protocol, codes));
    for (const [code, rate] of Object.entries(codes)) {
      total += rate;
      if (isError(protocol, code)) failed += rate;
    }
  }
  return { status, total, failed };
}

/** Whether an answer counts as failed: 4xx, 5xx and none for HTTP, anything but 0 for gRPC. */
export function isError(protocol: string, code: string): boolean {
  if (code === '-') return true;
  return protocol === 'grpc' ? code !== '0' : /^[45]\d\d$/.test(code);
}
