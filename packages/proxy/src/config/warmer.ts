import type { RuntimeCluster, RuntimeDelta, RuntimeEndpoints, RuntimeListener, RuntimeRouteConfig, RuntimeSecret } from '@meltemi/runtime';
import { clusterSecrets, listenerReferences, routeReferences, type References } from './references.ts';

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
  /** When to call `take` again although nothing was accepted; undefined = not at all. */
  nextDeadlineMs(): number | undefined;
}

interface Waiting<T> {
  readonly value: T;
  readonly sinceMs: number;
}

export function createWarmer(limitMs: number): Warmer {
  const endpoints = new Map<string, RuntimeEndpoints | undefined>();
  const secrets = new Map<string, RuntimeSecret | undefined>();
  const clusters = new Map<string, RuntimeCluster>();
  const routes = new Map<string, RuntimeRouteConfig>();
  const listeners = new Map<string, RuntimeListener>();
  const waitingClusters = new Map<string, Waiting<RuntimeCluster>>();
  const waitingRoutes = new Map<string, Waiting<RuntimeRouteConfig>>();
  const waitingListeners = new Map<string, Waiting<RuntimeListener>>();
  let dirty = emptyChange();
  const absentRoutes = new Set<string>();

  const late = (waiting: Waiting<unknown>, nowMs: number): boolean => nowMs - waiting.sinceMs >= limitMs;
  const hasSecrets = (names: ReadonlySet<string>): boolean => [...names].every((name) => secrets.get(name) !== undefined);
  /** A cluster that nobody announced holds nothing up: requests to it are answered with NC. */
  const isWarm = (name: string): boolean => clusters.has(name) || !waitingClusters.has(name);

  const clusterReady = (cluster: RuntimeCluster): boolean =>
    (cluster.discovery.t !== 'eds' || endpoints.has(cluster.discovery.service)) && hasSecrets(clusterSecrets(cluster));
  const listenerReady = ({ routes: tables, clusters: goals, secrets: names }: References): boolean => {
    if (!hasSecrets(names) || ![...goals].every(isWarm)) return false;
    return [...tables].every((name) => routes.has(name) || absentRoutes.has(name));
  };

  const promote = <T>(waiting: Map<string, Waiting<T>>, active: Map<string, T>, nowMs: number, ready: (value: T) => boolean): readonly T[] => {
    const taken: T[] = [];
    for (const [name, item] of waiting) {
      if (!ready(item.value) && !late(item, nowMs)) continue;
      waiting.delete(name);
      active.set(name, item.value);
      taken.push(item.value);
    }
    return taken;
  };

  const remove = (name: string, waiting: Map<string, unknown>, active: Map<string, unknown>, gone: string[]): void => {
    waiting.delete(name);
    if (active.delete(name)) gone.push(name);
  };

  const dropUnwanted = (): void => {
    const wanted = wantedNames();
    for (const name of endpoints.keys()) if (!wanted.endpoints.has(name)) forget(endpoints, name, dirty.removedEndpoints);
    for (const name of secrets.keys()) if (!wanted.secrets.has(name)) forget(secrets, name, dirty.removedSecrets);
    for (const name of absentRoutes) if (!wanted.routes.has(name)) absentRoutes.delete(name);
    for (const name of [...routes.keys(), ...waitingRoutes.keys()]) {
      if (!wanted.routes.has(name)) remove(name, waitingRoutes, routes, dirty.removedRoutes);
    }
  };

  const wantedNames = (): Wanted => {
    const wanted = { endpoints: new Set<string>(), routes: new Set<string>(), secrets: new Set<string>() };
    for (const cluster of both(clusters, waitingClusters)) {
      if (cluster.discovery.t === 'eds') wanted.endpoints.add(cluster.discovery.service);
      for (const name of clusterSecrets(cluster)) wanted.secrets.add(name);
    }
    for (const listener of both(listeners, waitingListeners)) {
      const references = listenerReferences(listener);
      for (const name of references.routes) wanted.routes.add(name);
      for (const name of references.secrets) wanted.secrets.add(name);
    }
    return wanted;
  };

  return {
    accept(change, nowMs) {
      switch (change.t) {
        case 'cluster':
          for (const value of change.added) waitingClusters.set(value.name, { value, sinceMs: nowMs });
          for (const name of change.removed) remove(name, waitingClusters, clusters, dirty.removedClusters);
          break;
        case 'listener':
          for (const value of change.added) waitingListeners.set(value.name, { value, sinceMs: nowMs });
          for (const name of change.removed) remove(name, waitingListeners, listeners, dirty.removedListeners);
          break;
        case 'route':
          for (const value of change.added) waitingRoutes.set(value.name, { value, sinceMs: nowMs });
          for (const name of change.added) absentRoutes.delete(name.name);
          // A table that is still pointed at stays in force; one that never was is known to be absent.
          for (const name of change.removed) if (!routes.has(name)) absentRoutes.add(name);
          break;
        case 'endpoint':
          for (const value of change.added) {
            endpoints.set(value.cluster, value);
            dirty.endpoints.set(value.cluster, value);
          }
          for (const name of change.removed) if (!endpoints.has(name)) endpoints.set(name, undefined);
          break;
        case 'secret':
          for (const value of change.added) {
            secrets.set(value.name, value);
            dirty.secrets.set(value.name, value);
          }
          for (const name of change.removed) if (!secrets.has(name)) secrets.set(name, undefined);
          break;
      }
    },
    take(nowMs) {
      const newClusters = promote(waitingClusters, clusters, nowMs, clusterReady);
      const newRoutes = promote(waitingRoutes, routes, nowMs, (table) => [...routeReferences(table)].every(isWarm));
      const newListeners = promote(waitingListeners, listeners, nowMs, (listener) => listenerReady(listenerReferences(listener)));
      dropUnwanted();
      const delta = toDelta(dirty, newClusters, newRoutes, newListeners);
      dirty = emptyChange();
      return delta;
    },
    wanted: wantedNames,
    pending: () => ({ clusters: [...waitingClusters.keys()], routes: [...waitingRoutes.keys()], listeners: [...waitingListeners.keys()] }),
    nextDeadlineMs() {
      const since = [...waitingClusters.values(), ...waitingRoutes.values(), ...waitingListeners.values()].map((item) => item.sinceMs);
      return since.length === 0 ? undefined : Math.min(...since) + limitMs;
    },
  };
}

function* both<T>(active: ReadonlyMap<string, T>, waiting: ReadonlyMap<string, Waiting<T>>): Generator<T> {
  yield* active.values();
  for (const item of waiting.values()) yield item.value;
}

function forget(map: Map<string, unknown>, name: string, gone: string[]): void {
  map.delete(name);
  gone.push(name);
}

interface Change {
  readonly endpoints: Map<string, RuntimeEndpoints>;
  readonly secrets: Map<string, RuntimeSecret>;
  readonly removedListeners: string[];
  readonly removedRoutes: string[];
  readonly removedClusters: string[];
  readonly removedEndpoints: string[];
  readonly removedSecrets: string[];
}

function emptyChange(): Change {
  return { endpoints: new Map(), secrets: new Map(), removedListeners: [], removedRoutes: [], removedClusters: [], removedEndpoints: [], removedSecrets: [] };
}

function toDelta(
  change: Change,
  clusters: readonly RuntimeCluster[],
  routes: readonly RuntimeRouteConfig[],
  listeners: readonly RuntimeListener[],
): RuntimeDelta | undefined {
  const removed = {
    listeners: change.removedListeners,
    routes: change.removedRoutes,
    clusters: change.removedClusters,
    endpoints: change.removedEndpoints,
    secrets: change.removedSecrets,
  };
  const delta = { clusters, endpoints: [...change.endpoints.values()], secrets: [...change.secrets.values()], routes, listeners, removed };
  const lists: readonly (readonly unknown[])[] = [clusters, delta.endpoints, delta.secrets, routes, listeners, ...Object.values(removed)];
  return lists.every((list) => list.length === 0) ? undefined : delta;
}
