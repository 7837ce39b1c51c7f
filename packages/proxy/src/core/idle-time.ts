/** How long a connection may live, and be idle. */
export interface Lifetime {
  /** 0 = for ever. */
  readonly idleTimeoutMs: number;
  /** 0 = for ever. */
  readonly maxConnectionDurationMs: number;
}

/** How long a connection may be idle from now on: no longer than it may live. 0 = for ever. */
export function idleMs({ idleTimeoutMs, maxConnectionDurationMs }: Lifetime, openedMs: number, now: number): number {
  if (maxConnectionDurationMs === 0) return idleTimeoutMs;
  const left = Math.max(1, openedMs + maxConnectionDurationMs - now);
  return idleTimeoutMs === 0 ? left : Math.min(idleTimeoutMs, left);
}
