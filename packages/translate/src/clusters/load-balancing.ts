import type { LoadBalancerSettings } from '@meltemi/api';
import type { Cluster, SlowStartConfig } from '@meltemi/protos-types';
import { nonZero } from '../common/defined.ts';
import { durationOf } from '../common/duration.ts';

type LbFields = Pick<Cluster, 'lb_policy' | 'ring_hash_lb_config' | 'maglev_lb_config' | 'least_request_lb_config' | 'round_robin_lb_config'>;

/** The balancer of a cluster whose endpoints are known; least request (the better of two) unless asked otherwise. */
export function loadBalancing(settings: LoadBalancerSettings | undefined): LbFields {
  if (settings?.consistentHash !== undefined) return hashing(settings.consistentHash);
  const slowStart = slowStartOf(settings);
  const simple = settings?.simple;
  if (simple === 'RANDOM') return { lb_policy: 'RANDOM' };
  if (simple === 'ROUND_ROBIN')
    return { lb_policy: 'ROUND_ROBIN', ...(slowStart === undefined ? {} : { round_robin_lb_config: { slow_start_config: slowStart } }) };
  return { lb_policy: 'LEAST_REQUEST', ...(slowStart === undefined ? {} : { least_request_lb_config: { slow_start_config: slowStart } }) };
}

function hashing(hash: NonNullable<LoadBalancerSettings['consistentHash']>): LbFields {
  if (hash.maglev !== undefined) {
    const size = nonZero(hash.maglev.tableSize);
    return { lb_policy: 'MAGLEV', ...(size === undefined ? {} : { maglev_lb_config: { table_size: size } }) };
  }
  // With `ringHash` the size left out is Envoy's own default, which is the same number.
  const size = hash.ringHash === undefined ? (nonZero(hash.minimumRingSize) ?? 1024) : nonZero(hash.ringHash.minimumRingSize);
  return { lb_policy: 'RING_HASH', ...(size === undefined ? {} : { ring_hash_lb_config: { minimum_ring_size: size } }) };
}

function slowStartOf(settings: LoadBalancerSettings | undefined): SlowStartConfig | undefined {
  const warmup = settings?.warmup;
  const window = durationOf(warmup?.duration ?? settings?.warmupDurationSecs);
  if (window === undefined || window === '0s') return undefined;
  return {
    slow_start_window: window,
    ...(warmup?.aggression === undefined ? {} : { aggression: { default_value: warmup.aggression, runtime_key: 'meltemi.slow_start.aggression' } }),
    min_weight_percent: { value: warmup?.minimumPercent ?? 10 },
  };
}
