import type { Host } from '../compiled.ts';
import type { RuntimeCluster } from '../types/cluster.ts';
import { createPicker, type Picker, type Weighted } from './picker.ts';

/** The hosts of one locality, in the order of the resource. */
export interface LocalityHosts {
  readonly priority: number;
  readonly weight: number | undefined;
  readonly hosts: readonly Host[];
}

export interface LevelOptions {
  readonly config: RuntimeCluster;
  readonly overprovisioningPercent: number;
  readonly localities: readonly LocalityHosts[];
  /** In [0, 1): where turns begin. */
  readonly start: number;
}

export interface Levels {
  /** The picker for one request; undefined when there is no host at all. */
  choose(random: () => number): Picker | undefined;
  /** Every host that may be picked now. */
  readonly usable: readonly Host[];
}

/** Is a host fit for traffic now? */
export function isUsable(host: Host, nowMs: number): boolean {
  return host.endpoint.health === 'healthy' && host.ejectedUntilMs <= nowMs;
}

/**
 * Envoy's priorities: a level takes as much of the load as its healthy share times the over-provisioning factor, the rest goes to the
 * next level. A level whose healthy share is below the panic threshold, when all together cannot take the whole load, is used whole.
 */
export function buildLevels(options: LevelOptions, nowMs: number): Levels {
  const { config, localities, start } = options;
  const priorities = [...new Set(localities.map((locality) => locality.priority))].sort((a, b) => a - b);
  const levels = priorities.map((priority) =>
    level(
      options,
      localities.filter((locality) => locality.priority === priority),
      nowMs,
    ),
  );
  const loads = shareLoad(levels.map((item) => item.health));
  const panicking = levels.reduce((sum, item) => sum + item.health, 0) < 1;
  const pickers = levels.map((item) => {
    const panic = panicking && item.healthyShare < config.panicThreshold;
    return createPicker(config.lb, panic ? item.all : item.usable, start);
  });
  const filled = pickers.filter((picker) => picker.hosts.length > 0);
  return {
    usable: filled.flatMap((picker) => picker.hosts),
    choose(random) {
      if (filled.length <= 1) return filled[0];
      let point = random();
      for (let at = 0; at < pickers.length; at++) {
        point -= loads[at] ?? 0;
        const picker = pickers[at];
        if (point < 0 && picker !== undefined && picker.hosts.length > 0) return picker;
      }
      return filled[0];
    },
  };
}

interface Level {
  /** Share of the load it can take, 0..1. */
  readonly health: number;
  readonly healthyShare: number;
  readonly usable: readonly Weighted[];
  readonly all: readonly Weighted[];
}

function level({ config, overprovisioningPercent }: LevelOptions, localities: readonly LocalityHosts[], nowMs: number): Level {
  const total = localities.reduce((sum, locality) => sum + locality.hosts.length, 0);
  const fit = localities.map((locality) => ({ ...locality, hosts: locality.hosts.filter((host) => isUsable(host, nowMs)) }));
  const healthy = fit.reduce((sum, locality) => sum + locality.hosts.length, 0);
  // Degraded hosts are a reserve: used only when nothing better is left in the level.
  const degraded = localities.map((locality) => ({
    ...locality,
    hosts: locality.hosts.filter((host) => host.endpoint.health === 'degraded' && host.ejectedUntilMs <= nowMs),
  }));
  const chosen = healthy > 0 ? fit : degraded;
  const count = chosen.reduce((sum, locality) => sum + locality.hosts.length, 0);
  const factor = overprovisioningPercent / 100;
  return {
    health: total === 0 ? 0 : Math.min(1, (count / total) * factor),
    healthyShare: total === 0 ? 0 : count / total,
    usable: weigh(config, chosen, localities, factor),
    all: weigh(config, localities, localities, factor),
  };
}

/** With locality weights, a locality's share shrinks with its health once over-provisioning no longer makes up for it. */
function weigh(config: RuntimeCluster, chosen: readonly LocalityHosts[], all: readonly LocalityHosts[], factor: number): readonly Weighted[] {
  if (!config.localityWeighted) return chosen.flatMap((locality) => locality.hosts.map((host) => ({ host, weight: host.endpoint.weight })));
  return chosen.flatMap((locality, index) => {
    const size = all[index]?.hosts.length ?? 0;
    const weight = locality.weight ?? 0;
    const share = size === 0 ? 0 : weight * Math.min(1, (locality.hosts.length / size) * factor);
    const sum = locality.hosts.reduce((total, host) => total + host.endpoint.weight, 0);
    return share === 0 ? [] : locality.hosts.map((host) => ({ host, weight: (share * host.endpoint.weight) / sum }));
  });
}

/** Load per level: each takes what it can, in order; when all together cannot take it whole, shares are scaled up. */
export function shareLoad(health: readonly number[]): readonly number[] {
  const total = Math.min(
    1,
    health.reduce((sum, value) => sum + value, 0),
  );
  if (total === 0) return health.map((_, index) => (index === 0 ? 1 : 0));
  let left = 1;
  return health.map((value) => {
    const share = Math.min(left, value / total);
    left -= share;
    return share;
  });
}
