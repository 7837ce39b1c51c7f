import type { Host } from '../compiled.ts';
import type { LoadBalancing, SlowStart } from '../types/balancing.ts';

/** The policy's slow start, when it has one. */
export function slowStartOf(policy: LoadBalancing): SlowStart | undefined {
  return (policy.t === 'round-robin' || policy.t === 'least-request') && policy.slowStart !== undefined && policy.slowStart.windowMs > 0
    ? policy.slowStart
    : undefined;
}

/** By what a host's weight is multiplied now. */
export function slowStartFactor(host: Host, { windowMs, aggression, minShare }: SlowStart, nowMs: number): number {
  const healthyMs = nowMs - host.healthySinceMs;
  if (!(healthyMs < windowMs)) return 1;
  const time = Math.max(1, healthyMs) / windowMs;
  return Math.max(aggression === 1 ? time : time ** (1 / aggression), minShare);
}

/** Starts the window of hosts that have none yet; answers when the last one ends, `nowMs` or before = none runs. */
export function beginSlowStart(hosts: readonly Host[], slowStart: SlowStart, nowMs: number): number {
  let untilMs = -Infinity;
  for (const host of hosts) {
    if (Number.isNaN(host.healthySinceMs)) host.healthySinceMs = nowMs;
    untilMs = Math.max(untilMs, host.healthySinceMs + slowStart.windowMs);
  }
  return untilMs;
}
