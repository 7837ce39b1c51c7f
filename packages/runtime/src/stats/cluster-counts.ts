import { createHistogram, type Histogram } from './histogram.ts';

/** What is counted of a cluster's traffic, by Envoy's names behind `cluster.<name>.`. They only grow, and go on over updates of the cluster. */
export const CLUSTER_COUNTERS = {
  cxTotal: 'upstream_cx_total',
  cxHttp1: 'upstream_cx_http1_total',
  cxHttp2: 'upstream_cx_http2_total',
  cxConnectFail: 'upstream_cx_connect_fail',
  cxConnectTimeout: 'upstream_cx_connect_timeout',
  cxOverflow: 'upstream_cx_overflow',
  cxDestroy: 'upstream_cx_destroy',
  cxDestroyLocal: 'upstream_cx_destroy_local',
  cxDestroyRemote: 'upstream_cx_destroy_remote',
  cxDestroyBusy: 'upstream_cx_destroy_with_active_rq',
  cxDestroyLocalBusy: 'upstream_cx_destroy_local_with_active_rq',
  cxDestroyRemoteBusy: 'upstream_cx_destroy_remote_with_active_rq',
  cxProtocolError: 'upstream_cx_protocol_error',
  cxNoneHealthy: 'upstream_cx_none_healthy',
  panics: 'lb_healthy_panic',
  rqTotal: 'upstream_rq_total',
  rqPending: 'upstream_rq_pending_total',
  rqPendingOverflow: 'upstream_rq_pending_overflow',
  rqPendingFailure: 'upstream_rq_pending_failure_eject',
  rqActiveOverflow: 'upstream_rq_active_overflow',
  rqCancelled: 'upstream_rq_cancelled',
  rqTimeout: 'upstream_rq_timeout',
  rqMaxDuration: 'upstream_rq_max_duration_reached',
  rqPerTryTimeout: 'upstream_rq_per_try_timeout',
  rqPerTryIdleTimeout: 'upstream_rq_per_try_idle_timeout',
  rqRetry: 'upstream_rq_retry',
  rqRetrySuccess: 'upstream_rq_retry_success',
  rqRetryOverflow: 'upstream_rq_retry_overflow',
  rqRetryLimit: 'upstream_rq_retry_limit_exceeded',
  rqBackOff: 'upstream_rq_retry_backoff_exponential',
  rqBackOffAsked: 'upstream_rq_retry_backoff_ratelimited',
  redirectsFollowed: 'upstream_internal_redirect_succeeded_total',
} as const;

type Counter = keyof typeof CLUSTER_COUNTERS;

/** One object for each cluster of a thread: counting is an addition, and nothing is looked up by a name. */
export type ClusterCounts = Record<Counter, number> & {
  /** Final responses by status: of everything, and of what came from outside or inside. */
  codes: Map<number, number> | undefined;
  externalCodes: Map<number, number> | undefined;
  internalCodes: Map<number, number> | undefined;
  /** Of responses that were not passed on, because the request was tried again. */
  retriedCodes: Map<number, number> | undefined;
  /** Milliseconds from the request's end to the response's end. */
  readonly rqTime: Histogram;
  readonly connectTime: Histogram;
  readonly cxLength: Histogram;
  /** What happens seldom, by its name behind `cluster.<name>.`: health checks, ejections, changes of the hosts. */
  events: Map<string, number> | undefined;
};

const ZERO = Object.fromEntries(Object.keys(CLUSTER_COUNTERS).map((name) => [name, 0])) as Record<Counter, number>;

export function createClusterCounts(): ClusterCounts {
  return {
    ...ZERO,
    codes: undefined,
    externalCodes: undefined,
    internalCodes: undefined,
    retriedCodes: undefined,
    rqTime: createHistogram(),
    connectTime: createHistogram(),
    cxLength: createHistogram(),
    events: undefined,
  };
}

/** All counters begin anew; histograms go on. */
export function resetClusterCounts(counts: ClusterCounts): void {
  Object.assign(counts, ZERO);
  for (const map of [counts.codes, counts.externalCodes, counts.internalCodes, counts.retriedCodes, counts.events]) map?.clear();
}

/** Of one host, as `/clusters` tells it. */
export interface HostCounts {
  cxTotal: number;
  cxConnectFail: number;
  rqTotal: number;
  rqSuccess: number;
  rqError: number;
  rqTimeout: number;
}

export function createHostCounts(): HostCounts {
  return { cxTotal: 0, cxConnectFail: 0, rqTotal: 0, rqSuccess: 0, rqError: 0, rqTimeout: 0 };
}

/** Counts something that happens seldom. */
export function countEvent(counts: Pick<ClusterCounts, 'events'>, name: string): void {
  const events = (counts.events ??= new Map());
  events.set(name, (events.get(name) ?? 0) + 1);
}

type Codes = 'codes' | 'externalCodes' | 'internalCodes' | 'retriedCodes';

/** Counts a response by its status. The maps are made when they are needed: most clusters of a large mesh are never used. */
export function countCode(counts: Pick<ClusterCounts, Codes>, kind: Codes, status: number): void {
  const codes = (counts[kind] ??= new Map());
  codes.set(status, (codes.get(status) ?? 0) + 1);
}
