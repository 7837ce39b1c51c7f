import type { CompiledCluster, Host } from '../compiled.ts';
import { buildBalancer, type Balancer, type BalancerOptions } from '../lb/balancer.ts';
import { fitness } from '../lb/health.ts';
import type { LocalityHosts } from '../lb/host-sets.ts';
import { createOutlierDetector, forgetOutlier, type OutlierDetector } from '../lb/outlier.ts';
import { observeLatency } from '../lb/peak-ewma.ts';
import { countEvent } from '../stats/cluster-counts.ts';
import { createSubsets, type Choose } from '../lb/subsets.ts';
import type { LocalZone } from '../lb/zone-aware.ts';
import type { SharedNumbers } from '../shared/numbers.ts';
import type { RuntimeCluster, RuntimeEndpoints } from '../types/cluster.ts';
import { aggregateCluster } from './aggregate.ts';
import { compileHash } from './hash.ts';
import { createBreakers } from './breakers.ts';
import { localitiesOf, looseHost } from './hosts-of.ts';
import { originalDstCluster } from './original-dst.ts';

/** What a cluster needs from where it stands. */
export interface ClusterContext {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic ms; NaN = not known here: then the first time that comes with a question counts. */
  readonly now: () => number;
  readonly zone: LocalZone | undefined;
  readonly cluster: (name: string) => CompiledCluster | undefined;
  /** What threads count together; undefined = there is one thread. */
  readonly shared?: SharedNumbers | undefined;
  /** A host was ejected here, for so long. */
  readonly onEjected?: ((host: Host, forMs: number) => void) | undefined;
}

/** A cluster with its hosts. `before` hands its hosts over where they stay the same, so that connections and counts survive. */
export function compileCluster(
  config: RuntimeCluster,
  endpoints: RuntimeEndpoints,
  before: CompiledCluster | undefined,
  context: ClusterContext,
): CompiledCluster {
  if (config.discovery.t === 'original-dst' || config.discovery.t === 'dynamic') return originalDstCluster(config, before, context);
  if (config.discovery.t === 'aggregate') return aggregateCluster(config, config.discovery.clusters, before, context);
  const localities = localitiesOf(config, endpoints, before);
  const all = localities.flatMap((locality) => locality.hosts);
  const breakers = createBreakers(config, before, context.shared);
  const detector = createDetector(config, before, all, { ...context, counts: breakers.counts });
  countMembers(breakers.counts, all, before);
  const options: BalancerOptions = {
    config,
    overprovisioningPercent: endpoints.overprovisioningPercent,
    weightedPriorityHealth: endpoints.weightedPriorityHealth,
    localities,
    start: context.random(),
    active: () => breakers.usage.requests + breakers.breakers.high.usage.requests,
    zone: context.zone,
    counts: breakers.counts,
  };
  const balance = createBalance(options, all, detector);
  const byKey = new Map(all.map((host) => [host.key, host]));
  const decayMs = config.lb.t === 'peak-ewma' ? config.lb.decayMs : 0;
  const made: Keeping = {
    config,
    detector,
    ...breakers,
    forgotten: [],
    hash: compileHash(config.lb.t === 'ring-hash' || config.lb.t === 'maglev' ? config.lb.policies : []),
    hosts: () => all,
    pick(random, nowMs, wish) {
      if (wish?.override === undefined) return balance.pick(random, nowMs, wish);
      const host = byKey.get(wish.override.address);
      if (host !== undefined && isAcceptable(config, host, nowMs)) return host;
      return wish.override.strict ? undefined : balance.pick(random, nowMs, wish);
    },
    find: (address) => byKey.get(address),
    originalDst: (address) => looseHost(config, address),
    drop: dropping(endpoints.drops.map((drop) => drop.fraction)),
    loads: (nowMs) => balance.loads(nowMs),
    refresh: (nowMs) => balance.rebuild(nowMs),
    observe: decayMs === 0 ? () => {} : (host, latencyMs, nowMs) => observeLatency(host.latency, latencyMs, nowMs, decayMs),
    ...watching(balance, detector),
  };
  return made;
}

/** What is told of hosts goes to the detector; the balance is made anew where it says so. */
function watching(
  balance: Balance,
  detector: OutlierDetector | undefined,
): Pick<CompiledCluster, 'checked' | 'checkPassed' | 'report' | 'ejectedElsewhere'> {
  return {
    checked(host, health, nowMs) {
      applyCheck(host, health, nowMs);
      if (health === 'healthy') detector?.checkPassed(host, nowMs);
      balance.rebuild(nowMs);
    },
    checkPassed(host, nowMs) {
      if (detector?.checkPassed(host, nowMs) === true) balance.rebuild(nowMs);
    },
    ejectedElsewhere(host, forMs, nowMs) {
      detector?.adopt(host, forMs, nowMs);
      balance.rebuild(nowMs);
    },
    report(host, outcome, nowMs) {
      if (detector === undefined) return false;
      const late = detector.advance(nowMs);
      const ejected = detector.report(host, outcome, nowMs);
      if (ejected || late) balance.rebuild(nowMs);
      return ejected;
    },
  };
}

/** A cluster as it hands itself over to its next version. */
interface Keeping extends CompiledCluster {
  readonly detector?: OutlierDetector | undefined;
}

/** Other hosts than before count as one change, as each update of the endpoints does. */
function countMembers(counts: CompiledCluster['counts'], all: readonly Host[], before: CompiledCluster | undefined): void {
  const known = new Set(before?.hosts());
  if (all.length !== known.size || all.some((host) => !known.has(host))) countEvent(counts, 'membership_change');
}

/** The intervals of outlier detection go on while its settings are the same. */
function createDetector(
  config: RuntimeCluster,
  before: Keeping | undefined,
  all: readonly Host[],
  { counts, ...context }: ClusterContext & Pick<CompiledCluster, 'counts'>,
): OutlierDetector | undefined {
  const { outlier } = config;
  const same = before === undefined || sameRules(before.config.outlier, outlier);
  if (!same) for (const host of all) forgetOutlier(host);
  if (outlier === undefined) return undefined;
  const kept = same ? before?.detector : undefined;
  const startMs = kept === undefined ? context.now() : kept.nextMs - outlier.intervalMs;
  return createOutlierDetector(outlier, () => all, context.random, {
    startMs,
    count: (event) => countEvent(counts, event),
    shared: context.shared,
    onEjected: context.onEjected,
  });
}

function sameRules(a: RuntimeCluster['outlier'], b: RuntimeCluster['outlier']): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function applyCheck(host: Host, health: Host['activeHealth'], nowMs: number): void {
  const was = host.activeHealth;
  host.activeHealth = health;
  // Slow start counts from when it became healthy.
  if (health === 'healthy' && was !== 'healthy') host.healthySinceMs = nowMs;
}

/** May a host be used that the client's session names, as it is? */
function isAcceptable(config: RuntimeCluster, host: Host, nowMs: number): boolean {
  const { overrideStatuses } = config;
  const { health } = host.endpoint;
  const fit = fitness(host, nowMs);
  if (fit === 'unhealthy') return overrideStatuses.includes(health === 'draining' || health === 'timeout' ? health : 'unhealthy');
  if (fit === 'degraded') return overrideStatuses.includes('degraded');
  return overrideStatuses.includes('healthy') || overrideStatuses.includes('unknown');
}

interface Balance {
  readonly pick: Choose;
  readonly loads: CompiledCluster['loads'];
  rebuild(nowMs: number): void;
}

/** Rebuilds the choice when the health of a host changes; in between a pick costs a comparison and a draw. */
function createBalance(options: BalancerOptions, all: readonly Host[], detector: OutlierDetector | undefined): Balance {
  let whole: Balancer | undefined;
  let choose: Choose | undefined;
  let validUntilMs = -Infinity;
  const rebuild = (nowMs: number): void => {
    whole = buildBalancer(options, nowMs);
    choose = withSubsets(options, whole, nowMs);
    ({ validUntilMs } = whole);
    for (const host of all) if (host.ejectedUntilMs > nowMs) validUntilMs = Math.min(validUntilMs, host.ejectedUntilMs);
    if (detector !== undefined) validUntilMs = Math.min(validUntilMs, detector.nextMs);
  };
  const renew = (nowMs: number): void => {
    if (choose !== undefined && nowMs < validUntilMs) return;
    detector?.advance(nowMs);
    rebuild(nowMs);
  };
  return {
    rebuild,
    loads(nowMs) {
      renew(nowMs);
      return (whole as Balancer).loads;
    },
    pick(random, nowMs, wish) {
      if (choose === undefined || nowMs >= validUntilMs) renew(nowMs);
      return choose?.(random, nowMs, wish);
    },
  };
}

function withSubsets(options: BalancerOptions, whole: Balancer, nowMs: number): Choose {
  const { config } = options;
  if (config.subsets === undefined) return (random, now, wish) => whole.choose(random, now, wish);
  // Without being asked for, the weights of localities do not count within a subset.
  const flat: RuntimeCluster =
    config.subsets.localityWeightAware || config.locality.t !== 'weighted' ? config : { ...config, locality: { t: 'none' } };
  const build = (localities: readonly LocalityHosts[]): Choose => {
    const part = buildBalancer({ ...options, config: flat, localities }, nowMs);
    return (random, now, wish) => part.choose(random, now, wish);
  };
  return createSubsets({ config: config.subsets, localities: options.localities, build });
}

/** Categories drop one after the other, of what is left. */
function dropping(fractions: readonly number[]): CompiledCluster['drop'] {
  const kept = fractions.reduce((share, fraction) => share * (1 - fraction), 1);
  if (kept === 0) return () => 'UDO';
  return kept === 1 ? () => undefined : (random) => (random < kept ? undefined : 'DO');
}
