import type { Host, PickWish } from '../compiled.ts';
import type { LocalityBalancing } from '../types/balancing.ts';
import type { RuntimeCluster } from '../types/cluster.ts';
import { boundLoad } from './bounded-load.ts';
import { createSchedule } from './edf.ts';
import { isExcluded } from './health.ts';
import { buildHostSets, type HostGroup, type HostSet, type LocalityHosts } from './host-sets.ts';
import { createMaglev } from './maglev.ts';
import { createPicker, type Picker } from './picker.ts';
import { priorityAt, shareLoad, type PriorityLoads } from './priorities.ts';
import { createRing, type HashPick } from './ring-hash.ts';
import { beginSlowStart, slowStartOf } from './slow-start.ts';
import { hostShares, localityShares } from './weights.ts';
import { routeByZone, type LocalZone, type ZoneRouting } from './zone-aware.ts';

export interface BalancerOptions {
  readonly config: RuntimeCluster;
  readonly overprovisioningPercent: number;
  readonly weightedPriorityHealth: boolean;
  readonly localities: readonly LocalityHosts[];
  /** In [0, 1): where turns begin. */
  readonly start: number;
  /** Requests in flight of the whole cluster. */
  readonly active: () => number;
  readonly zone: LocalZone | undefined;
  /** `panics` grows with each choice in a priority that is in panic. */
  readonly counts: { panics: number };
}

/** A choice among hosts as their health was at one moment. */
export interface Balancer {
  readonly choose: (random: () => number, nowMs: number, wish: PickWish | undefined) => Host | undefined;
  /** For explanations: load by priority, and which ones are in panic. */
  readonly loads: PriorityLoads;
  /** It has to be built again then: some host's slow start ends. Infinity = never by itself. */
  readonly validUntilMs: number;
}

/** Envoy's order of choice: priority, locality, host. */
export function buildBalancer(options: BalancerOptions, nowMs: number): Balancer {
  const { config } = options;
  const sets = buildHostSets(options.localities, options.weightedPriorityHealth, nowMs);
  const levels = sets.map((set) => set.availability);
  const panicPercent = Math.floor(config.panicThreshold * 100);
  const loads = shareLoad(levels, options.overprovisioningPercent, panicPercent);
  const slow = slowStartOf(config.lb);
  const slowUntilMs =
    slow === undefined
      ? -Infinity
      : beginSlowStart(
          sets.flatMap((set) => set.healthy.hosts),
          slow,
          nowMs,
        );
  const loadsFor = (wish: PickWish | undefined): PriorityLoads => {
    const tried = wish?.triedPriorities;
    if (tried === undefined || tried.size === 0) return loads;
    const others = shareLoad(levels, options.overprovisioningPercent, panicPercent, tried);
    // None is left to go to: as if none had been tried.
    return levels.some((level, index) => !tried.has(index) && level.healthy + level.degraded > 0) ? others : loads;
  };
  const choose =
    config.lb.t === 'ring-hash' || config.lb.t === 'maglev'
      ? chooseByHash(options, sets, loadsFor)
      : chooseByTurn({ options, sets, slowStart: slowUntilMs > nowMs, nowMs }, loadsFor);
  return { choose, loads, validUntilMs: slowUntilMs > nowMs ? slowUntilMs : Infinity };
}

type LoadsFor = (wish: PickWish | undefined) => PriorityLoads;

function chooseByHash({ config, active, counts }: BalancerOptions, sets: readonly HostSet[], loadsFor: LoadsFor): Balancer['choose'] {
  const picks = new Map<number, HashPick>();
  const pickOf = (index: number, panic: boolean): HashPick => {
    const key = index * 2 + Number(panic);
    let pick = picks.get(key);
    if (pick === undefined) picks.set(key, (pick = hashPick(config, panic ? sets[index]?.all : sets[index]?.healthy, active)));
    return pick;
  };
  return (random, _, wish) => {
    const hash = wish?.hash ?? randomHash(random);
    const loads = loadsFor(wish);
    const { index } = priorityAt(loads, Number(hash % 100n));
    const panic = loads.panic[index] === true;
    if (panic) counts.panics++;
    const pick = pickOf(index, panic);
    const attempts = wish?.attempts ?? 1;
    let host: Host | undefined;
    for (let attempt = 0; attempt < attempts; attempt++) {
      host = pick(hash, attempt);
      if (host === undefined || wish?.rejects?.(host) !== true) return host;
    }
    return host;
  };
}

function randomHash(random: () => number): bigint {
  return (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32));
}

function hashPick({ lb, locality }: RuntimeCluster, group: HostGroup | undefined, active: () => number): HashPick {
  if (group === undefined) return () => undefined;
  const weighted = locality.t === 'weighted' && group.localities.length > 0;
  const shares = weighted ? localityShares(group.localities) : hostShares(group.hosts);
  if (lb.t !== 'ring-hash' && lb.t !== 'maglev') return () => undefined;
  const pick = lb.t === 'ring-hash' ? createRing(lb, shares) : createMaglev(lb, shares);
  return lb.balancePercent === 0 ? pick : boundLoad(pick, shares, lb.balancePercent, active);
}

interface TurnContext {
  readonly options: BalancerOptions;
  readonly sets: readonly HostSet[];
  readonly slowStart: boolean;
  readonly nowMs: number;
}

type Kind = 'all' | 'healthy' | 'degraded';

function chooseByTurn(context: TurnContext, loadsFor: LoadsFor): Balancer['choose'] {
  const levels = context.sets.map((set, index) => createLevel(context, set, index));
  return (random, nowMs, wish) => {
    const loads = loadsFor(wish);
    const draw = (): Picker | undefined => {
      const at = loads.healthy[0] === 100 ? FIRST : priorityAt(loads, Math.floor(random() * 100));
      return levels[at.index]?.(loads.panic[at.index] === true ? 'all' : at.degraded ? 'degraded' : 'healthy', random);
    };
    return wish?.rejects === undefined ? draw()?.pick(random, nowMs) : pickAccepted(draw, (picker) => picker.pick(random, nowMs), wish);
  };
}

const FIRST = { index: 0, degraded: false };

/** Draws until a host is not rejected. When that does not come about: any that is not, else the last one. */
function pickAccepted(
  draw: () => Picker | undefined,
  pick: (picker: Picker) => Host | undefined,
  { rejects, attempts = 1 }: PickWish,
): Host | undefined {
  let picker: Picker | undefined;
  let host: Host | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    picker = draw();
    host = picker === undefined ? undefined : pick(picker);
    if (host === undefined || rejects?.(host) !== true) return host;
  }
  return picker?.hosts.find((other) => rejects?.(other) !== true) ?? host;
}

/** Pickers of one priority, made when first needed. undefined = this request shall fail. */
function createLevel(context: TurnContext, set: HostSet, index: number): (kind: Kind, random: () => number) => Picker | undefined {
  const { options, slowStart } = context;
  const { config, start } = options;
  const zone = index === 0 ? zoneRouting(context, set) : undefined;
  const pickers = new Map<string, Picker>();
  const pickerOf = (kind: Kind, locality: number | undefined): Picker => {
    const key = `${kind}${locality ?? ''}`;
    let picker = pickers.get(key);
    if (picker === undefined) {
      const hosts = locality === undefined ? set[kind].hosts : (set[kind].localities[locality]?.hosts ?? []);
      pickers.set(key, (picker = createPicker({ policy: config.lb, hosts, start, slowStart })));
    }
    return picker;
  };
  const schedules = { healthy: localityTurns(options, set, 'healthy'), degraded: localityTurns(options, set, 'degraded') };
  const whole = { all: pickerOf('all', undefined), healthy: pickerOf('healthy', undefined), degraded: pickerOf('degraded', undefined) };
  const failOnPanic = config.locality.t === 'zone-aware' && config.locality.failOnPanic;
  return (kind, random) => {
    if (kind === 'all') {
      options.counts.panics++;
      return failOnPanic ? undefined : whole.all;
    }
    const turns = schedules[kind];
    if (turns !== undefined) return pickerOf(kind, turns());
    return zone === undefined || !zone.enabled(random) ? whole[kind] : pickerOf(kind, zone.pick(random));
  };
}

interface EnabledZone extends ZoneRouting {
  enabled(random: () => number): boolean;
}

function zoneRouting({ options, nowMs }: TurnContext, set: HostSet): EnabledZone | undefined {
  const { locality } = options.config;
  if (locality.t !== 'zone-aware' || locality.enabled === 0 || options.zone === undefined) return undefined;
  const routing = routeByZone(locality, set, options.zone, nowMs);
  return routing === undefined ? undefined : { ...routing, enabled: (random) => locality.enabled >= 1 || random() < locality.enabled };
}

/** With locality weights: whose turn it is. A locality's weight shrinks once over-provisioning no longer makes up for what is unhealthy. */
function localityTurns(options: BalancerOptions, set: HostSet, kind: 'healthy' | 'degraded'): (() => number) | undefined {
  if (!isWeighted(options.config.locality) || set[kind].hosts.length === 0) return undefined;
  const factor = options.overprovisioningPercent / 100;
  const weights = set.all.localities.map((locality, index) => {
    const counted = locality.hosts.filter((host) => !isExcluded(host)).length;
    const fit = set[kind].localities[index]?.hosts.length ?? 0;
    return counted === 0 ? 0 : locality.weight * Math.min(1, (factor * fit) / counted);
  });
  const used = weights.flatMap((weight, index) => (weight > 0 ? [index] : []));
  if (used.length === 0) return undefined;
  const schedule = createSchedule(used.length, (at) => weights[used[at] as number] as number, options.start);
  return () => used[schedule.next()] as number;
}

function isWeighted(locality: LocalityBalancing): boolean {
  return locality.t === 'weighted';
}
