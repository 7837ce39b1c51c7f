import type { RuntimeCluster, RuntimeDelta, RuntimeEndpoints, RuntimeListener, RuntimeRouteConfig, RuntimeSecret } from '@meltemi/runtime';
import { clusterSecrets, listenerReferences, routeReferences } from './references.ts';
import { Transition } from './transition.ts';
import { createHeld, createShared, type Held, type Shared } from './warming-maps.ts';

/** Accepted resources of one response; names whose resource does not exist (any more) are `removed`. */
export type Accepted =
  | { readonly t: 'cluster'; readonly added: readonly RuntimeCluster[]; readonly removed: readonly string[] }
  | { readonly t: 'endpoint'; readonly added: readonly RuntimeEndpoints[]; readonly removed: readonly string[] }
  | { readonly t: 'secret'; readonly added: readonly RuntimeSecret[]; readonly removed: readonly string[] }
  | { readonly t: 'route'; readonly added: readonly RuntimeRouteConfig[]; readonly removed: readonly string[] }
  | { readonly t: 'listener'; readonly added: readonly RuntimeListener[]; readonly removed: readonly string[] };

/** What must be subscribed to by name, because something accepted points at it. */
export interface Wanted {
  readonly endpoints: ReadonlySet<string>;
  readonly routes: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

/** Resources held back until what they point at is there. */
export interface Pending {
  readonly clusters: readonly string[];
  readonly routes: readonly string[];
  readonly listeners: readonly string[];
}

/**
 * Make before break: a cluster takes effect when its endpoints and secrets are there, a route table when its clusters are, a listener
 * when its tables, secrets and clusters are. The old resource stays in force until then, and nothing waits longer than `limitMs`: a
 * control plane that never sends a piece must not hold up the rest. Pure; time comes in.
 */
export interface Warmer {
  accept(change: Accepted, nowMs: number): void;
  /** What takes effect now; undefined = nothing. */
  take(nowMs: number): RuntimeDelta | undefined;
  wanted(): Wanted;
  pending(): Pending;
  /** The first checks of these clusters' hosts are through, or have had their time. */
  checked(clusters: readonly string[]): void;
  /** When to call `take` again although nothing was accepted; undefined = not at all. */
  nextDeadlineMs(nowMs: number): number | undefined;
}

interface Maps {
  readonly clusters: Held<RuntimeCluster>;
  readonly routes: Held<RuntimeRouteConfig>;
  readonly listeners: Held<RuntimeListener>;
  readonly endpoints: Shared<RuntimeEndpoints>;
  readonly secrets: Shared<RuntimeSecret>;
  readonly transition: Transition;
  /** In force, and the first checks of their hosts are under way. */
  readonly checking: Set<string>;
}

export function createWarmer(limitMs: number): Warmer {
  const held = {
    clusters: createHeld<RuntimeCluster>((value) => value.name, limitMs),
    routes: createHeld<RuntimeRouteConfig>((value) => value.name, limitMs),
    listeners: createHeld<RuntimeListener>((value) => value.name, limitMs),
  };
  const maps: Maps = {
    ...held,
    transition: new Transition(held),
    checking: new Set(),
    endpoints: createShared((value) => value.cluster),
    secrets: createShared((value) => value.name),
  };
  return {
    accept: (change, nowMs) => accept(maps, change, nowMs),
    take(nowMs) {
      // In this order: a listener may become ready by what has just been let through.
      const clusters = maps.clusters.release(nowMs, (cluster) => {
        const ready = clusterReady(maps, cluster);
        if (ready && cluster.healthChecks.length > 0 && !maps.clusters.isActive(cluster.name)) maps.checking.add(cluster.name);
        return ready;
      });
      const routes = maps.routes.release(nowMs, (table) => areWarm(maps, routeReferences(table)) && maps.transition.tableReady(table, nowMs));
      const listeners = maps.listeners.release(nowMs, (listener) => listenerReady(maps, listener));
      maps.clusters.remove(maps.transition.left(nowMs));
      return toDelta(maps, { clusters, routes, listeners });
    },
    checked(clusters) {
      for (const name of clusters) maps.checking.delete(name);
    },
    wanted: () => wantedBy(maps),
    pending: () => ({ clusters: maps.clusters.waiting(), routes: maps.routes.waiting(), listeners: maps.listeners.waiting() }),
    nextDeadlineMs(nowMs) {
      maps.transition.settle();
      const next = Math.min(maps.clusters.deadlineMs(), maps.routes.deadlineMs(), maps.listeners.deadlineMs(), maps.transition.deadlineMs(nowMs));
      return next === Infinity ? undefined : next;
    },
  };
}

function accept(maps: Maps, change: Accepted, nowMs: number): void {
  switch (change.t) {
    case 'cluster':
      maps.clusters.put(change.added, nowMs);
      maps.transition.stay(change.added);
      return maps.transition.leave(change.removed, nowMs);
    case 'listener':
      maps.listeners.put(change.added, nowMs);
      return maps.listeners.remove(change.removed);
    case 'route':
      maps.routes.put(change.added, nowMs);
      // A table that is still pointed at stays in force; one that never was is known to be absent.
      return maps.routes.deny(change.removed);
    case 'endpoint':
      maps.endpoints.put(change.added);
      return maps.endpoints.deny(change.removed);
    case 'secret':
      maps.secrets.put(change.added);
      return maps.secrets.deny(change.removed);
  }
}

/** A secret of which it is known that there is none holds nothing up: only what needs it does not work. */
function hasSecrets(maps: Maps, names: ReadonlySet<string>): boolean {
  return [...names].every((name) => maps.secrets.isAnswered(name));
}

/** A cluster that nobody announced holds nothing up: requests to it are answered with NC. */
function areWarm(maps: Maps, names: ReadonlySet<string>): boolean {
  return [...names].every((name) => !maps.clusters.isHeldBack(name) && !maps.checking.has(name));
}

function clusterReady(maps: Maps, cluster: RuntimeCluster): boolean {
  const { discovery } = cluster;
  return (discovery.t !== 'eds' || maps.endpoints.isAnswered(discovery.service)) && hasSecrets(maps, clusterSecrets(cluster));
}

function listenerReady(maps: Maps, listener: RuntimeListener): boolean {
  const { routes, clusters, secrets } = listenerReferences(listener);
  return (
    hasSecrets(maps, secrets) && areWarm(maps, clusters) && [...routes].every((name) => maps.routes.isActive(name) || maps.routes.isDenied(name))
  );
}

function wantedBy(maps: Maps): Wanted {
  const wanted = { endpoints: new Set<string>(), routes: new Set<string>(), secrets: new Set<string>() };
  for (const cluster of maps.clusters.all()) {
    if (cluster.discovery.t === 'eds') wanted.endpoints.add(cluster.discovery.service);
    for (const name of clusterSecrets(cluster)) wanted.secrets.add(name);
  }
  for (const listener of maps.listeners.all()) {
    const references = listenerReferences(listener);
    for (const name of references.routes) wanted.routes.add(name);
    for (const name of references.secrets) wanted.secrets.add(name);
  }
  return wanted;
}

/** Adds what nobody points at any more to what goes. */
function toDelta(maps: Maps, released: Required<Pick<RuntimeDelta, 'clusters' | 'routes' | 'listeners'>>): RuntimeDelta | undefined {
  const wanted = wantedBy(maps);
  maps.routes.keepOnly(wanted.routes);
  const endpoints = maps.endpoints.take(wanted.endpoints);
  const secrets = maps.secrets.take(wanted.secrets);
  const removed = {
    listeners: maps.listeners.takeRemoved(),
    routes: maps.routes.takeRemoved(),
    clusters: maps.clusters.takeRemoved(),
    endpoints: endpoints.removed,
    secrets: secrets.removed,
  };
  const lists: readonly (readonly unknown[])[] = [...Object.values(released), endpoints.changed, secrets.changed, ...Object.values(removed)];
  if (lists.every((list) => list.length === 0)) return undefined;
  return { ...released, endpoints: endpoints.changed, secrets: secrets.changed, removed };
}
