import type { Host } from '../compiled.ts';

/** What balancing makes of all that is known about a host: the endpoint resource, active checks, outlier detection. */
export type Fitness = 'healthy' | 'degraded' | 'unhealthy';

export function fitness(host: Host, nowMs: number): Fitness {
  const { health } = host.endpoint;
  if (host.ejectedUntilMs > nowMs || DOWN.has(host.activeHealth)) return 'unhealthy';
  if (health === 'unhealthy' || health === 'draining' || health === 'timeout') return 'unhealthy';
  return health === 'degraded' || host.activeHealth === 'degraded' ? 'degraded' : 'healthy';
}

const DOWN: ReadonlySet<Host['activeHealth']> = new Set(['unhealthy', 'pending', 'expelled']);

/** Is a host fit for traffic now? */
export function isUsable(host: Host, nowMs: number): boolean {
  return fitness(host, nowMs) === 'healthy';
}

/** Not counted at all: its first active check is still to come, or it said itself that it wants no traffic. */
export function isExcluded(host: Host): boolean {
  return host.activeHealth === 'pending' || host.activeHealth === 'expelled';
}

/** Envoy's names of why a host gets no traffic, for `/clusters` and explanations; none = healthy. */
export function healthFlags(host: Host, nowMs: number): readonly string[] {
  const flags: string[] = [];
  const { health } = host.endpoint;
  if (DOWN.has(host.activeHealth)) flags.push('failed_active_hc');
  if (host.ejectedUntilMs > nowMs) flags.push('failed_outlier_check');
  if (health === 'unhealthy' || health === 'draining' || health === 'timeout') flags.push('failed_eds_health');
  if (host.activeHealth === 'degraded') flags.push('degraded_active_hc');
  if (health === 'degraded') flags.push('degraded_eds_health');
  if (host.leaving) flags.push('pending_dynamic_removal');
  if (host.activeHealth === 'expelled') flags.push('excluded_via_immediate_hc_fail');
  if (host.activeHealth === 'pending') flags.push('pending_active_hc');
  return flags;
}
