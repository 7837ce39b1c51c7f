import type { RuntimeCluster, RuntimeListener, RuntimeRouteConfig } from '@meltemi/runtime';
import { listenerReferences, routeReferences } from './references.ts';
import type { Held } from './warming-maps.ts';

/**
 * Types of resources come one by one, and one may overtake another. For so long a table that works stays in force while the next one names clusters of which nobody
 * has heard, and a cluster stays while something in force still sends to it.
 */
const TRANSITION_MS = 1_000;

interface Maps {
  readonly clusters: Held<RuntimeCluster>;
  readonly routes: Held<RuntimeRouteConfig>;
  readonly listeners: Held<RuntimeListener>;
}

/** What waits for the moment between two types of resources. */
export class Transition {
  readonly #maps: Maps;
  /** Tables that wait for clusters that are unknown, and clusters that are to go: since when. */
  readonly #tables = new Map<string, number>();
  readonly #leaving = new Map<string, number>();

  constructor(maps: Maps) {
    this.#maps = maps;
  }

  /** May the table take the place of the one before? Clusters that were unknown before are not waited for. */
  tableReady(table: RuntimeRouteConfig, nowMs: number): boolean {
    const before = this.#maps.routes.get(table.name);
    if (before === undefined) return true;
    const { clusters } = this.#maps;
    const unknown = [...routeReferences(table)].filter((name) => clusters.get(name) === undefined);
    const known = unknown.length === 0 ? undefined : routeReferences(before);
    if (unknown.every((name) => known?.has(name))) {
      this.#tables.delete(table.name);
      return true;
    }
    const sinceMs = this.#tables.get(table.name) ?? nowMs;
    this.#tables.set(table.name, sinceMs);
    if (nowMs - sinceMs < TRANSITION_MS) return false;
    this.#tables.delete(table.name);
    return true;
  }

  /** Tables that wait no more, because they came, changed their mind or went, have no deadline. */
  settle(): void {
    for (const name of this.#tables.keys()) if (!this.#maps.routes.isWaiting(name)) this.#tables.delete(name);
  }

  /** These clusters are gone for the control plane. */
  leave(names: readonly string[], nowMs: number): void {
    for (const name of names) if (!this.#leaving.has(name)) this.#leaving.set(name, nowMs);
  }

  /** They are there again. */
  stay(clusters: readonly RuntimeCluster[]): void {
    for (const { name } of clusters) this.#leaving.delete(name);
  }

  /** The clusters that go now. */
  left(nowMs: number): readonly string[] {
    if (this.#leaving.size === 0) return [];
    const used = this.#used();
    const left = [...this.#leaving].flatMap(([name, sinceMs]) => (used.has(name) && nowMs - sinceMs < TRANSITION_MS ? [] : [name]));
    for (const name of left) this.#leaving.delete(name);
    return left;
  }

  /** When the first of them has waited long enough. A table whose time was up and that waits still waits for something else, which has a deadline of its own. */
  deadlineMs(nowMs: number): number {
    const tables = [...this.#tables.values()].filter((sinceMs) => nowMs - sinceMs < TRANSITION_MS);
    return Math.min(...tables, ...this.#leaving.values()) + TRANSITION_MS;
  }

  #used(): ReadonlySet<string> {
    const used = new Set<string>();
    for (const table of this.#maps.routes.active()) for (const name of routeReferences(table)) used.add(name);
    for (const listener of this.#maps.listeners.active()) for (const name of listenerReferences(listener).clusters) used.add(name);
    return used;
  }
}
