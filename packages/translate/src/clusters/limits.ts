import type { ConnectionPoolSettings, OutlierDetection as OutlierSettings } from '@meltemi/api';
import type { Cluster, CircuitBreakers, CircuitBreakerThresholds, OutlierDetection, TcpKeepalive } from '@meltemi/protos-types';
import type { MeshConfig } from '@meltemi/model';
import { durationMs } from '@meltemi/api';
import { defined, nonZero } from '../common/defined.ts';
import { durationOf, protoDuration } from '../common/duration.ts';
import type { EffectivePolicy } from './traffic-policy.ts';

/** "Unlimited" in Envoy; its own defaults (1024, and 3 retries) would be limits nobody asked for. */
const UNLIMITED = 4_294_967_295;

/** Circuit breakers; each is unlimited unless the policy says so. */
export function circuitBreakers(policy: EffectivePolicy): CircuitBreakers {
  const { tcp, http } = policy.connectionPool ?? {};
  const budget = policy.retryBudget;
  return {
    thresholds: [
      {
        max_connections: positive(tcp?.maxConnections),
        max_pending_requests: positive(http?.http1MaxPendingRequests),
        max_requests: positive(http?.http2MaxRequests),
        max_retries: positive(http?.maxRetries),
        track_remaining: true,
        ...(budget === undefined ? {} : { retry_budget: retryBudget(budget) }),
      },
    ],
  };
}

/** Istio's defaults are Envoy's. An interval of 0 counts the requests of this moment only. */
function retryBudget(budget: NonNullable<EffectivePolicy['retryBudget']>): NonNullable<CircuitBreakerThresholds['retry_budget']> {
  const interval = durationOf(budget.budgetInterval);
  return {
    budget_percent: { value: budget.percent ?? 20 },
    min_retry_concurrency: budget.minRetryConcurrency ?? 3,
    ...(interval === undefined || interval === '0s' ? {} : { budget_interval: interval }),
  };
}

function positive(value: number | undefined): number {
  return value === undefined || value === 0 ? UNLIMITED : value;
}

/** Ejection of failing endpoints; none unless it is asked for. */
export function outlierFields(settings: OutlierSettings | undefined): Pick<Cluster, 'outlier_detection'> {
  return settings === undefined ? {} : { outlier_detection: outlierDetection(settings) };
}

function outlierDetection(settings: OutlierSettings): OutlierDetection {
  const consecutive5xx = settings.consecutive5xxErrors ?? settings.consecutiveErrors;
  const gateway = settings.consecutiveGatewayErrors;
  return defined({
    // Success rate is statistics over many hosts; Istio does not offer it, and Envoy has it on.
    enforcing_success_rate: 0,
    consecutive_5xx: consecutive5xx,
    enforcing_consecutive_5xx: enforcing(consecutive5xx),
    consecutive_gateway_failure: gateway,
    enforcing_consecutive_gateway_failure: enforcing(gateway),
    interval: durationOf(settings.interval),
    base_ejection_time: durationOf(settings.baseEjectionTime),
    max_ejection_time: longest(settings.baseEjectionTime),
    max_ejection_percent: nonZero(settings.maxEjectionPercent),
    ...(settings.splitExternalLocalOriginErrors === true ? splitErrors(settings.consecutiveLocalOriginFailures) : {}),
  });
}

/**
 * Istio promises that each ejection takes longer than the one before. Envoy's own bound, 300 s, would hold a base of some minutes where it is: the bound is ten
 * times the base, as it is for Envoy's default base of 30 s.
 */
function longest(base: string | undefined): string | undefined {
  const ms = base === undefined ? undefined : durationMs(base);
  return ms === undefined || ms <= 30_000 ? undefined : protoDuration(10 * ms);
}

/** 0 errors means: this detector is off. */
function enforcing(errors: number | undefined): number | undefined {
  return errors === undefined ? undefined : errors > 0 ? 100 : 0;
}

function splitErrors(local: number | undefined): OutlierDetection {
  return defined({
    split_external_local_origin_errors: true,
    enforcing_local_origin_success_rate: 0,
    consecutive_local_origin_failure: local,
    enforcing_consecutive_local_origin_failure: enforcing(local),
  });
}

/** TCP keepalive of upstream connections, in whole seconds: the mesh's, with what the rule says otherwise; none unless asked for. */
export function keepaliveFields(pool: ConnectionPoolSettings | undefined, mesh: MeshConfig): Pick<Cluster, 'upstream_connection_options'> {
  const own = pool?.tcp?.tcpKeepalive;
  if (own === undefined && mesh.tcpKeepalive === undefined) return {};
  const { probes, time, interval } = { ...mesh.tcpKeepalive, ...own };
  const tcp: TcpKeepalive = defined({
    keepalive_probes: nonZero(probes),
    keepalive_time: wholeSeconds(time),
    keepalive_interval: wholeSeconds(interval),
  });
  return { upstream_connection_options: { tcp_keepalive: tcp } };
}

function wholeSeconds(text: string | undefined): number | undefined {
  const ms = text === undefined ? undefined : durationMs(text);
  return ms === undefined ? undefined : Math.max(1, Math.round(ms / 1000));
}
