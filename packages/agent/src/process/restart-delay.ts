const FIRST_MS = 50;
const MAX_MS = 1500;
const STABLE_MS = 10_000;

/** How long to wait before a proxy is started again: at once after a long life, then doubling, always soon enough to be back within 2 s. */
export function restartDelayMs(quickExits: number): number {
  return quickExits === 0 ? 0 : Math.min(MAX_MS, FIRST_MS * 2 ** (quickExits - 1));
}

/** Exits in a row after a short life, counting this one. */
export function countQuickExits(before: number, livedMs: number): number {
  return livedMs >= STABLE_MS ? 0 : before + 1;
}
