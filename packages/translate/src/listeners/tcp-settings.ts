import type { EffectivePolicy } from '../clusters/traffic-policy.ts';
import { durationOf } from '../common/duration.ts';
import type { TcpFilterOptions } from './tcp-filter.ts';

/**
 * What a DestinationRule says to the TCP proxy itself. `host` is the policy of the host as a whole: a connection has its limits before a subset is chosen.
 * `target` is that of the one destination.
 */
export function tcpSettings(
  host: EffectivePolicy,
  target: EffectivePolicy,
): Pick<TcpFilterOptions, 'idleTimeout' | 'maxConnectionDuration' | 'hashSourceAddress' | 'tunnel'> {
  const tcp = host.connectionPool?.tcp;
  return {
    idleTimeout: durationOf(tcp?.idleTimeout),
    maxConnectionDuration: durationOf(tcp?.maxConnectionDuration),
    hashSourceAddress: target.loadBalancer?.consistentHash?.useSourceIp === true,
    tunnel: target.tunnel,
  };
}
