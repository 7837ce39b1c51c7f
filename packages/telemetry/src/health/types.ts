/** Kiali's words for how something is. */
export type HealthStatus = 'Healthy' | 'Degraded' | 'Failure' | 'Not Ready' | 'NA';

/** Requests per second by protocol and response code; code `-` is "no response". */
export type RatesByCode = Record<string, Record<string, number>>;

export interface RequestHealth {
  readonly inbound: RatesByCode;
  readonly outbound: RatesByCode;
  readonly healthAnnotations: Readonly<Record<string, string>>;
}

/** Replicas of a workload. `syncedProxies` is -1 where there is no sidecar to sync. */
export interface WorkloadStatus {
  readonly name: string;
  readonly desiredReplicas: number;
  readonly currentReplicas: number;
  readonly availableReplicas: number;
  readonly syncedProxies: number;
}

export type Direction = 'inbound' | 'outbound';
export type HealthKind = 'app' | 'service' | 'workload';

/** How many errors are too many. */
export interface Tolerance {
  /** Codes it counts: `5XX`, `[1-9]$|1[0-6]$`, `-`. X is any digit. */
  readonly code: string;
  readonly protocol: string;
  readonly direction: string;
  /** Percent from which it is degraded; 0 means "any". */
  readonly degraded: number;
  /** Percent from which it is a failure. */
  readonly failure: number;
}
