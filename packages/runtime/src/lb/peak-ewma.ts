import type { Host } from '../compiled.ts';

/** What a host whose latency is unknown counts as, so that it is tried soon and not by all at once. */
const UNKNOWN_MS = 1;
const NEVER = -1;

/** Latency of late: it jumps up to a slow answer at once and comes down over `decayMs`. */
export interface Latency {
  ms: number;
  atMs: number;
}

export function createLatency(): Latency {
  return { ms: NEVER, atMs: 0 };
}

/** An answer took so long. */
export function observeLatency(latency: Latency, ms: number, nowMs: number, decayMs: number): void {
  const before = decayed(latency, nowMs, decayMs);
  latency.ms = latency.ms === NEVER || ms > before ? ms : before + (ms - before) * (1 - Math.exp(-Math.max(0, nowMs - latency.atMs) / decayMs));
  latency.atMs = nowMs;
}

/** Without answers a bad memory fades by half each `decayMs`, so that a host that was slow is tried again. */
function decayed({ ms, atMs }: Latency, nowMs: number, decayMs: number): number {
  return ms * 0.5 ** (Math.max(0, nowMs - atMs) / decayMs);
}

/** How long another request would wait there, for its weight. */
export function peakEwmaCost(host: Host, nowMs: number, decayMs: number): number {
  const { latency } = host;
  const ms = latency.ms === NEVER ? UNKNOWN_MS : decayed(latency, nowMs, decayMs);
  return (Math.max(ms, 0.001) * (host.active + 1)) / host.endpoint.weight;
}
