/** What one priority has. With weighted priority health the first three are sums of weights, else numbers of hosts. */
export interface Availability {
  readonly healthy: number;
  readonly degraded: number;
  /** Without the hosts that are not counted yet. */
  readonly total: number;
  readonly healthyHosts: number;
  readonly degradedHosts: number;
  readonly countedHosts: number;
  readonly hosts: number;
}

/** Percent of the load by priority; all together are 100. */
export interface PriorityLoads {
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  /** These priorities use all their hosts, whatever their health. */
  readonly panic: readonly boolean[];
}

/**
 * Envoy's arithmetic, in whole percents: a priority takes as much of the load as its available share times the over-provisioning factor,
 * the rest goes on to the next one. When all together cannot take the whole load, shares are scaled up, and priorities below the panic
 * threshold use all their hosts; when that is so for every one, the number of hosts alone counts. `excluded` are left out (retries).
 */
export function shareLoad(
  levels: readonly Availability[],
  overprovisioningPercent: number,
  panicPercent: number,
  excluded?: ReadonlySet<number>,
): PriorityLoads {
  const capped = (part: number, total: number): number => (total === 0 ? 0 : Math.min(100, Math.floor((overprovisioningPercent * part) / total)));
  const health = levels.map((level, index) => (excluded?.has(index) === true ? 0 : capped(level.healthy, level.total)));
  const degraded = levels.map((level, index) => (excluded?.has(index) === true ? 0 : capped(level.degraded, level.total)));
  const whole = Math.min(100, sum(health) + sum(degraded));
  if (whole === 0 && panicPercent === 0)
    return { healthy: levels.map((_, index) => (index === 0 ? 100 : 0)), degraded: levels.map(() => 0), panic: levels.map(() => false) };
  const panic = levels.map((level) => whole < 100 && isPanicking(level, panicPercent));
  if (panic.every(Boolean) && excluded === undefined) return { healthy: byHosts(levels), degraded: levels.map(() => 0), panic };
  return { ...distribute(health, degraded, whole), panic };
}

function isPanicking(level: Availability, panicPercent: number): boolean {
  const { countedHosts } = level;
  const available = countedHosts === 0 ? 0 : (100 * level.healthyHosts) / countedHosts + (100 * level.degradedHosts) / countedHosts;
  return available < panicPercent;
}

function distribute(health: readonly number[], degraded: readonly number[], whole: number): Pick<PriorityLoads, 'healthy' | 'degraded'> {
  if (whole === 0) return { healthy: health.map((_, index) => (index === 0 ? 100 : 0)), degraded: health.map(() => 0) };
  let left = 100;
  const take = (available: number): number => {
    const load = Math.min(left, Math.floor((available * 100) / whole));
    left -= load;
    return load;
  };
  const loads = { healthy: health.map(take), degraded: degraded.map(take) };
  // What rounding left over goes to the first that is there.
  const first = health.findIndex((value) => value > 0);
  if (first >= 0) loads.healthy[first] = (loads.healthy[first] ?? 0) + left;
  else {
    const reserve = degraded.findIndex((value) => value > 0);
    loads.degraded[reserve] = (loads.degraded[reserve] ?? 0) + left;
  }
  return loads;
}

function byHosts(levels: readonly Availability[]): readonly number[] {
  const total = sum(levels.map((level) => level.hosts));
  if (total === 0) return levels.map((_, index) => (index === 0 ? 100 : 0));
  const loads = levels.map((level) => Math.floor((100 * level.hosts) / total));
  const first = levels.findIndex((level) => level.hosts > 0);
  loads[first] = (loads[first] ?? 0) + 100 - sum(loads);
  return loads;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The priority for a point in 0..99, and whether its healthy or its degraded hosts are meant. */
export function priorityAt(loads: PriorityLoads, point: number): { readonly index: number; readonly degraded: boolean } {
  let reached = 0;
  for (let index = 0; index < loads.healthy.length; index++) {
    reached += loads.healthy[index] as number;
    if (point < reached) return { index, degraded: false };
  }
  for (let index = 0; index < loads.degraded.length; index++) {
    reached += loads.degraded[index] as number;
    if (point < reached) return { index, degraded: true };
  }
  return { index: 0, degraded: false };
}
