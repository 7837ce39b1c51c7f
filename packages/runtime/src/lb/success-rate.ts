import type { Host } from '../compiled.ts';
import type { OutlierDetection, OutlierFinding } from '../types/health.ts';

/** A host's requests of one interval. */
export interface HostWindow {
  readonly host: Host;
  readonly total: number;
  readonly good: number;
}

/**
 * Hosts that stand out: by a success rate so many standard deviations below the mean of all, or by a share of failures at or above the
 * threshold. Hosts with too few requests are not looked at, and nothing is said when too few hosts are left. `size` = hosts in the cluster.
 */
export function successRateFindings(
  config: OutlierDetection,
  origin: 'external' | 'local',
  windows: readonly HostWindow[],
  size: number,
): readonly { readonly host: Host; readonly finding: OutlierFinding }[] {
  const { successRate, failurePercentage } = config;
  if (size < successRate.minimumHosts && size < failurePercentage.minimumHosts) return [];
  const rates = windows.filter(({ total }) => total > 0).map(({ host, total, good }) => ({ host, total, rate: (good * 100) / total }));
  const local = origin === 'local';
  return [
    ...belowTheOthers(config, rates).map((host) => ({ host, finding: local ? ('localSuccessRate' as const) : ('successRate' as const) })),
    ...failingOften(config, rates).map((host) => ({ host, finding: local ? ('localFailurePercentage' as const) : ('failurePercentage' as const) })),
  ];
}

interface HostRate {
  readonly host: Host;
  readonly total: number;
  readonly rate: number;
}

function belowTheOthers({ successRate }: OutlierDetection, rates: readonly HostRate[]): readonly Host[] {
  const busy = rates.filter(({ total }) => total >= successRate.requestVolume);
  if (busy.length === 0 || busy.length < successRate.minimumHosts) return [];
  const threshold = ejectionThreshold(
    busy.map(({ rate }) => rate),
    successRate.stdevFactor / 1_000,
  );
  return busy.filter(({ rate }) => rate < threshold).map(({ host }) => host);
}

function failingOften({ failurePercentage }: OutlierDetection, rates: readonly HostRate[]): readonly Host[] {
  const counted = rates.filter(({ total }) => total >= failurePercentage.requestVolume);
  if (counted.length === 0 || counted.length < failurePercentage.minimumHosts) return [];
  return counted.filter(({ rate }) => 100 - rate >= failurePercentage.threshold).map(({ host }) => host);
}

function ejectionThreshold(rates: readonly number[], factor: number): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  return mean - factor * Math.sqrt(variance);
}
