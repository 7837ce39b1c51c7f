import type { HeaderMutation, StringMatch } from './common.ts';

/** Passive health checking; times in ms, percentages 0..100; a threshold of 0 is never reached. */
export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  /** With what probability (0..100) each finding ejects. */
  readonly enforcing: Readonly<Record<OutlierFinding, number>>;
  readonly splitLocalOrigin: boolean;
  /** Statuses that count as a failure of the host, and all others as none; absent: the class 5xx. */
  readonly errorStatuses?: readonly number[];
  readonly successRate: { readonly minimumHosts: number; readonly requestVolume: number; /** In thousandths. */ readonly stdevFactor: number };
  readonly failurePercentage: { readonly threshold: number; readonly minimumHosts: number; readonly requestVolume: number };
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxJitterMs: number;
  readonly maxEjectionPercent: number;
  /** The first ejection happens whatever the percentage says. */
  readonly alwaysEjectOne: boolean;
  /** A passed active health check ends an ejection. */
  readonly activeCheckEnds: boolean;
}

export type OutlierFinding =
  | 'consecutive5xx'
  | 'consecutiveGatewayFailure'
  | 'consecutiveLocalOriginFailure'
  | 'successRate'
  | 'localSuccessRate'
  | 'failurePercentage'
  | 'localFailurePercentage';

/** Bytes to send or expect, as text of one byte per character. */
export type Payload = string;

export type HealthProbe =
  | {
      readonly t: 'http';
      readonly host: string;
      readonly path: string;
      readonly method: string;
      readonly http2: boolean;
      readonly add: readonly HeaderMutation[];
      readonly remove: readonly string[];
      /** start <= status < end. */
      readonly expected: readonly StatusRange[];
      /** Failures of these statuses count against the threshold; others make the host unhealthy at once. */
      readonly retriable: readonly StatusRange[];
      /** On `x-envoy-upstream-healthchecked-cluster`. */
      readonly serviceName?: StringMatch;
      /** What the body must hold, in this order, within so many bytes. */
      readonly receive: readonly Payload[];
      readonly maxBodyBytes: number;
      /** The request's body, '' = none. */
      readonly send: Payload;
    }
  /** `grpc.health.v1.Health`; `service` '' = the host as a whole. */
  | { readonly t: 'grpc'; readonly service: string; readonly authority: string; readonly add: readonly HeaderMutation[] }
  | {
      readonly t: 'tcp';
      readonly send: Payload;
      readonly receive: readonly Payload[];
      /** A header of the PROXY protocol goes first; it says that there is no client. */
      readonly proxyProtocol?: 1 | 2;
    };

export interface StatusRange {
  readonly start: number;
  readonly end: number;
}

/** Active health checking. Times in ms. */
export interface HealthCheck {
  readonly probe: HealthProbe;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly initialJitterMs: number;
  readonly jitterMs: number;
  readonly jitterPercent: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  /** 0 = the endpoint's own. */
  readonly altPort: number;
  readonly reuseConnection: boolean;
  /** While the cluster has had no connection yet; the second for hosts that are healthy. */
  readonly noTrafficIntervalMs: number;
  readonly noTrafficHealthyIntervalMs: number;
  readonly unhealthyIntervalMs: number;
  readonly unhealthyEdgeIntervalMs: number;
  readonly healthyEdgeIntervalMs: number;
  readonly logFailures: boolean;
  readonly logSuccess: boolean;
  /** Files that are told of what checks change, one JSON object (`HealthCheckEvent`) a line. */
  readonly eventLogs: readonly string[];
  readonly alpn: readonly string[];
  /** Chooses the transport by these labels instead of the endpoint's; absent = the endpoint's. */
  readonly transportLabels?: Readonly<Record<string, string>>;
}
