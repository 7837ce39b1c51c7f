import { SharedWindow } from '../shared/counted.ts';
import type { SharedNumbers, SharedPlace } from '../shared/numbers.ts';
import type { Host } from '../compiled.ts';
import type { OutlierDetection, OutlierFinding } from '../types/health.ts';
import { successRateFindings } from './success-rate.ts';

/** Requests of one interval. */
export interface RateWindow {
  total: number;
  good: number;
}

/** Requests by who was to blame when they failed: the host's answers, or connections of our side. */
export interface HostWindows {
  readonly external: RateWindow;
  readonly local: RateWindow;
}

const ORIGINS = ['external', 'local'] as const;
const EMPTY: RateWindow = { total: 0, good: 0 };

/** May a host be ejected for the requests of an interval? */
export function ejectsByRate({ enforcing }: OutlierDetection): boolean {
  const { successRate, localSuccessRate, failurePercentage, localFailurePercentage } = enforcing;
  return successRate + localSuccessRate + failurePercentage + localFailurePercentage > 0;
}

/** Threads count in the same windows where anybody may be ejected for what stands there. */
export function createWindows(config: OutlierDetection, host: Host, shared: SharedNumbers | undefined): HostWindows {
  const place = ejectsByRate(config) ? shared?.place(`${host.cluster}|${host.key}|windows`) : undefined;
  if (place === undefined) return { external: { ...EMPTY }, local: { ...EMPTY } };
  return { external: new SharedWindow(place, 0), local: new SharedWindow(place, 2) };
}

/** Begins windows anew. What another thread counts meanwhile stays. */
export function clearWindows(windows: HostWindows): void {
  for (const origin of ORIGINS) subtract(windows[origin], read(windows[origin]));
}

/**
 * The statistical detectors look at what the interval brought, of hosts that are not ejected; then it begins anew. `windowsOf` answers
 * undefined for hosts without requests.
 */
export function ejectByRate(
  config: OutlierDetection,
  hosts: readonly Host[],
  { windowsOf, isEjected }: { readonly windowsOf: (host: Host) => HostWindows | undefined; readonly isEjected: (host: Host) => boolean },
  eject: (host: Host, finding: OutlierFinding) => boolean,
): boolean {
  let changed = false;
  for (const origin of ORIGINS) {
    const seen = hosts.map((host) => {
      const window = windowsOf(host)?.[origin];
      return { host, window, ...(window === undefined ? EMPTY : read(window)) };
    });
    const judged = seen.filter(({ host }) => !isEjected(host));
    for (const { host, finding } of successRateFindings(config, origin, judged, hosts.length)) {
      if (!isEjected(host)) changed = eject(host, finding) || changed;
    }
    for (const { window, total, good } of seen) if (window !== undefined) subtract(window, { total, good });
  }
  return changed;
}

/** Answers whether this thread is the one that looks at the interval of a cluster that ended at `tickMs`: each is looked at once. */
export function createTurns(config: OutlierDetection, shared: SharedNumbers | undefined): (cluster: string, tickMs: number) => boolean {
  // Held for as long as anybody may ask: else the time that stands there would be forgotten.
  let place: SharedPlace | undefined;
  return (cluster, tickMs) => {
    place ??= shared?.place(`${cluster}|interval`);
    if (shared === undefined || place === undefined) return true;
    const tick = BigInt(Math.round((tickMs + shared.offsetMs) * 1000));
    const before = place.time;
    return (before === 0n || tick >= before + BigInt(Math.round(config.intervalMs * 1000))) && place.exchangeTime(before, tick);
  };
}

function read({ total, good }: RateWindow): RateWindow {
  return { total, good };
}

function subtract(window: RateWindow, { total, good }: RateWindow): void {
  if (total !== 0) window.total -= total;
  if (good !== 0) window.good -= good;
}
