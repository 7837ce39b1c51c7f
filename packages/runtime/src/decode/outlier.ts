import type { OutlierDetection } from '../types/health.ts';
import type { Reader } from './reader.ts';

/** `OutlierDetection`, with Envoy's defaults. */
export function decodeOutlier(reader: Reader): OutlierDetection {
  const baseEjectionMs = positive(reader, 'base_ejection_time', 30_000);
  const maxEjectionMs = positive(reader, 'max_ejection_time', Math.max(300_000, baseEjectionMs));
  reader.require('max_ejection_time', maxEjectionMs >= baseEjectionMs, 'is smaller than base_ejection_time');
  const percent = (field: string, fallback: number): number => {
    const value = reader.number(field, fallback);
    reader.require(field, value >= 0 && value <= 100, `${value} is no percentage`);
    return value;
  };
  return {
    consecutive5xx: reader.number('consecutive_5xx', 5),
    consecutiveGatewayFailure: reader.number('consecutive_gateway_failure', 5),
    consecutiveLocalOriginFailure: reader.number('consecutive_local_origin_failure', 5),
    splitLocalOrigin: reader.bool('split_external_local_origin_errors'),
    enforcing: {
      consecutive5xx: percent('enforcing_consecutive_5xx', 100),
      consecutiveGatewayFailure: percent('enforcing_consecutive_gateway_failure', 0),
      consecutiveLocalOriginFailure: percent('enforcing_consecutive_local_origin_failure', 100),
      successRate: percent('enforcing_success_rate', 100),
      localSuccessRate: percent('enforcing_local_origin_success_rate', 100),
      failurePercentage: percent('enforcing_failure_percentage', 0),
      localFailurePercentage: percent('enforcing_failure_percentage_local_origin', 0),
    },
    successRate: {
      minimumHosts: reader.number('success_rate_minimum_hosts', 5),
      requestVolume: reader.number('success_rate_request_volume', 100),
      stdevFactor: reader.number('success_rate_stdev_factor', 1900),
    },
    failurePercentage: {
      threshold: percent('failure_percentage_threshold', 85),
      minimumHosts: reader.number('failure_percentage_minimum_hosts', 5),
      requestVolume: reader.number('failure_percentage_request_volume', 50),
    },
    intervalMs: positive(reader, 'interval', 10_000),
    baseEjectionMs,
    maxEjectionMs,
    maxJitterMs: reader.duration('max_ejection_time_jitter', 0),
    maxEjectionPercent: percent('max_ejection_percent', 10),
    alwaysEjectOne: reader.bool('always_eject_one_host'),
    activeCheckEnds: reader.bool('successful_active_health_check_uneject_host', true),
  };
}

function positive(reader: Reader, field: string, fallbackMs: number): number {
  const value = reader.duration(field, fallbackMs);
  reader.require(field, value > 0, 'must be more than 0');
  return value;
}
