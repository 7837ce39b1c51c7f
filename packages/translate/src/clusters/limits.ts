import type { ConnectionPoolSettings, OutlierDetection as OutlierSettings } from '@meltemi/api';
import type { Cluster, CircuitBreakers, OutlierDetection, TcpKeepalive } from '@meltemi/protos-types';
import { durationMs } from '@meltemi/api';
import { defined, nonZero } from '../common/defined.ts';
import { durationOf } from '../common/duration.ts';
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
        ...(budget === undefined
          ? {}
          : { retry_budget: { budget_percent: { value: budget.percent ?? 20 }, min_retry_concurrency: budget.minRetryConcurrency ?? 3 } }),
      },
    ],
  };
}

function positive(value: number | undefined): number {
  return value === undefined || value === 0 ? UNLIMITED : value;
}

/** The cluster fields that outlier detection sets; none unless it is asked for. */
export function outlierFields(settings: OutlierSettings | undefined): Pick<Cluster, 'outlier_detection' | 'common_lb_config'> {
  if (settings === undefined) return {};
  return {
    outlier_detection: outlierDetection(settings),
    // 0 switches panic mode off: with ejection wanted, "all are bad, so use all" is a decision of the user.
    common_lb_config: { healthy_panic_threshold: { value: settings.minHealthPercent ?? 0 } },
  };
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
    max_ejection_percent: nonZero(settings.maxEjectionPercent),
    ...(settings.splitExternalLocalOriginErrors === true ? splitErrors(settings.consecutiveLocalOriginFailures) : {}),
  });
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

/** TCP keepalive of upstream connections, in whole seconds; none unless asked for. */
export function keepaliveFields(pool: ConnectionPoolSettings | undefined): Pick<Cluster, 'upstream_connection_options'> {
  const keepalive = pool?.tcp?.tcpKeepalive;
  if (keepalive === undefined) return {};
  const tcp: TcpKeepalive = defined({
    keepalive_probes: keepalive.probes,
    keepalive_time: wholeSeconds(keepalive.time),
    keepalive_interval: wholeSeconds(keepalive.interval),
  });
  return { upstream_connection_options: { tcp_keepalive: tcp } };
}

function wholeSeconds(text: string | undefined): number | undefined {
  const ms = text === undefined ? undefined : durationMs(text);
  return ms === undefined ? undefined : Math.max(1, Math.round(ms / 1000));
}
