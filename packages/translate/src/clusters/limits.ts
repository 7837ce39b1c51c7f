import type { ConnectionPoolSettings, OutlierDetection as OutlierSettings } from '@meltemi/api';
import type { Cluster, CircuitBreakers, OutlierDetection, TcpKeepalive } from '@meltemi/protos-types';
import { durationMs } from '@meltemi/api';
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
        ...(budget === undefined ? {} : { retry_budget: { budget_percent: { value: budget.percent ?? 20 }, min_retry_concurrency: budget.minRetryConcurrency ?? 3 } }),
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
  const interval = durationOf(settings.interval);
  const base = durationOf(settings.baseEjectionTime);
  const consecutive5xx = settings.consecutive5xxErrors ?? settings.consecutiveErrors;
  const gateway = settings.consecutiveGatewayErrors;
  const split = settings.splitExternalLocalOriginErrors === true;
  return {
    // Success rate is statistics over many hosts; Istio does not offer it, and Envoy has it on.
    enforcing_success_rate: 0,
    ...(consecutive5xx === undefined ? {} : { consecutive_5xx: consecutive5xx, enforcing_consecutive_5xx: consecutive5xx > 0 ? 100 : 0 }),
    ...(gateway === undefined ? {} : { consecutive_gateway_failure: gateway, enforcing_consecutive_gateway_failure: gateway > 0 ? 100 : 0 }),
    ...(interval === undefined ? {} : { interval }),
    ...(base === undefined ? {} : { base_ejection_time: base }),
    ...(settings.maxEjectionPercent === undefined || settings.maxEjectionPercent === 0 ? {} : { max_ejection_percent: settings.maxEjectionPercent }),
    ...(split
      ? {
          split_external_local_origin_errors: true,
          enforcing_local_origin_success_rate: 0,
          ...(settings.consecutiveLocalOriginFailures === undefined
            ? {}
            : { consecutive_local_origin_failure: settings.consecutiveLocalOriginFailures, enforcing_consecutive_local_origin_failure: settings.consecutiveLocalOriginFailures > 0 ? 100 : 0 }),
        }
      : {}),
  };
}

/** TCP keepalive of upstream connections, in whole seconds; none unless asked for. */
export function keepaliveFields(pool: ConnectionPoolSettings | undefined): Pick<Cluster, 'upstream_connection_options'> {
  const keepalive = pool?.tcp?.tcpKeepalive;
  if (keepalive === undefined) return {};
  const seconds = (text: string | undefined): number | undefined => {
    const ms = text === undefined ? undefined : durationMs(text);
    return ms === undefined ? undefined : Math.max(1, Math.round(ms / 1000));
  };
  const time = seconds(keepalive.time);
  const interval = seconds(keepalive.interval);
  const tcp: TcpKeepalive = {
    ...(keepalive.probes === undefined ? {} : { keepalive_probes: keepalive.probes }),
    ...(time === undefined ? {} : { keepalive_time: time }),
    ...(interval === undefined ? {} : { keepalive_interval: interval }),
  };
  return { upstream_connection_options: { tcp_keepalive: tcp } };
}
