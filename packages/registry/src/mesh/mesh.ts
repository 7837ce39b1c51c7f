import { isKind, type Config } from '@meltemi/api';
import type { Log, Timer, Timers } from '@meltemi/base';
import {
  buildPushContext,
  createEndpointIndex,
  endpointsOf,
  joinServices,
  serviceKey,
  workloadFromEntry,
  type EndpointChange,
  type EndpointIndex,
  type JoinedServices,
  type MeshConfig,
  type PushChanges,
  type PushContext,
  type Vip,
  type Workload,
} from '@meltemi/model';
import type { ConnectedRegistry } from '../connected/types.ts';
import type { ConfigStore } from '../store/config-store.ts';
import { unsavedValue, type SavedValue } from '../store/saved-value.ts';

/** The mesh at one moment, and how it came to be. */
export interface MeshUpdate {
  /** Rises with every update. */
  readonly version: number;
  readonly state: { readonly push: PushContext; readonly endpoints: EndpointIndex };
  readonly changes: MeshChanges;
}

export interface MeshChanges {
  /** Undefined: the snapshot is the same as before, only endpoints moved. */
  readonly push: PushChanges | undefined;
  readonly endpoints: readonly EndpointChange[];
  /** Addresses whose workload came, went or changed. */
  readonly workloads: readonly string[];
}

/** The mesh as the registries see it, kept up to date. */
export interface Mesh {
  readonly state: MeshUpdate['state'];
  readonly version: number;
  workloads(): readonly Workload[];
  /** Takes in whatever changed so far, now; the version that includes it. */
  settle(): number;
  watch(listener: (update: MeshUpdate) => void): () => void;
  close(): Promise<void>;
}

export interface MeshOptions {
  readonly configs: ConfigStore;
  readonly connected?: Pick<ConnectedRegistry, 'workloads' | 'watch'>;
  readonly mesh: MeshConfig;
  readonly timers: Timers;
  readonly log: Log;
  /** Where virtual addresses are kept over a restart. */
  readonly savedVips?: SavedValue<readonly (readonly [string, Vip])[]>;
  /** Changes within so long become one update. Default 10. */
  readonly coalesceMs?: number;
}

/** Joins configuration and registries into snapshots and endpoints. Resolves with the first one made. */
export async function createMesh(options: MeshOptions): Promise<Mesh> {
  const vips = await options.savedVips?.load();
  return new JoinedMesh(options, new Map(vips ?? []));
}

const NO_CHANGES: MeshChanges = { push: undefined, endpoints: [], workloads: [] };

class JoinedMesh implements Mesh {
  readonly #options: MeshOptions;
  readonly #savedVips: SavedValue<readonly (readonly [string, Vip])[]>;
  readonly #endpoints = createEndpointIndex();
  /** WorkloadEntries as workloads, so that one that did not change is the same object. */
  readonly #entries = new WeakMap<Config, { readonly workload: Workload | undefined }>();
  readonly #listeners = new Set<(update: MeshUpdate) => void>();
  readonly #stops: (() => void)[];
  #joined: Pick<JoinedServices, 'vips'> & Partial<JoinedServices>;
  #workloads: readonly Workload[] = [];
  #push: PushContext;
  #version = 0;
  #dirty = false;
  #timer: Timer | undefined;

  constructor(options: MeshOptions, vips: ReadonlyMap<string, Vip>) {
    this.#options = options;
    this.#savedVips = options.savedVips ?? unsavedValue();
    this.#joined = { vips };
    this.#push = buildPushContext({ mesh: options.mesh, services: [], configs: [] });
    this.#dirty = true;
    this.settle();
    this.#stops = [options.configs.watch(() => this.#changed()), options.connected?.watch(() => this.#changed()) ?? (() => undefined)];
  }

  get state(): MeshUpdate['state'] {
    return { push: this.#push, endpoints: this.#endpoints };
  }

  get version(): number {
    return this.#version;
  }

  workloads(): readonly Workload[] {
    return this.#workloads;
  }

  watch(listener: (update: MeshUpdate) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    for (const stop of this.#stops) stop();
    this.#listeners.clear();
    await this.#savedVips.flush();
  }

  #changed(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#timer = this.#options.timers.after(this.#options.coalesceMs ?? 10, () => {
      try {
        this.settle();
      } catch (error) {
        // One object that our own code stumbles over must not end the process, and again at each start of it.
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#options.log.error('a change could not be taken in; the mesh stays as it was until the next one', { error: text });
      }
    });
  }

  settle(): number {
    if (!this.#dirty) return this.#version;
    this.#timer?.cancel();
    this.#dirty = false;
    const changes = this.#rebuildOrForget();
    if (this.#version > 0 && changes === NO_CHANGES) return this.#version;
    this.#version++;
    const update: MeshUpdate = { version: this.#version, state: this.state, changes };
    for (const listener of this.#listeners) listener(update);
    return this.#version;
  }

  /** After a failure nothing counts as known: the next rebuild announces every service anew, and with it what was lost in between. */
  #rebuildOrForget(): MeshChanges {
    try {
      return this.#rebuild();
    } catch (error) {
      this.#joined = { vips: this.#joined.vips };
      throw error;
    }
  }

  #rebuild(): MeshChanges {
    const configs = this.#options.configs.list();
    const before = { workloads: this.#workloads, services: this.#joined.services ?? [], vips: this.#joined.vips };
    this.#workloads = [...(this.#options.connected?.workloads() ?? []), ...this.#fromEntries(configs)];
    const joined = joinServices(configs, this.#workloads, this.#options.mesh, this.#joined);
    this.#joined = joined;
    if (!sameVips(before.vips, joined.vips)) this.#savedVips.save([...joined.vips]);
    const workloads = this.#endpoints.updateWorkloads(this.#workloads);
    const endpoints = this.#updateEndpoints(before, joined);
    const push = buildPushContext({ mesh: this.#options.mesh, services: joined.services, configs }, this.#push);
    const pushed = push.changes.full || push.changes.configs.length > 0 || push.changes.services.length > 0;
    if (pushed) this.#push = push;
    if (!pushed && workloads.length === 0 && endpoints.length === 0) return NO_CHANGES;
    return { push: pushed ? push.changes : undefined, endpoints, workloads };
  }

  #fromEntries(configs: readonly Config[]): readonly Workload[] {
    return configs.flatMap((config) => {
      if (!isKind(config, 'WorkloadEntry')) return [];
      let entry = this.#entries.get(config);
      if (entry === undefined) this.#entries.set(config, (entry = { workload: workloadFromEntry(config) }));
      return entry.workload ?? [];
    });
  }

  /** Only services that changed, or whose namespace has a workload that did, are looked at. */
  #updateEndpoints(
    before: { readonly workloads: readonly Workload[]; readonly services: JoinedServices['services'] },
    joined: JoinedServices,
  ): readonly EndpointChange[] {
    const old = new Set(before.workloads);
    const now = new Set(this.#workloads);
    const namespaces = new Set(
      [...before.workloads.filter((workload) => !now.has(workload)), ...this.#workloads.filter((workload) => !old.has(workload))].map(
        (workload) => workload.namespace,
      ),
    );
    const byNamespace = Map.groupBy(this.#workloads, (workload) => workload.namespace);
    const known = new Set(before.services);
    const changes: EndpointChange[] = [];
    for (const service of joined.services) {
      if (known.has(service) && !namespaces.has(service.namespace)) continue;
      const change = this.#endpoints.update(
        serviceKey(service),
        endpointsOf(service, byNamespace.get(service.namespace) ?? [], this.#options.mesh.trustDomain),
      );
      if (change !== undefined) changes.push(change);
    }
    const keys = new Set(joined.services.map(serviceKey));
    for (const service of before.services) {
      const change = keys.has(serviceKey(service)) ? undefined : this.#endpoints.remove(serviceKey(service));
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }
}

function sameVips(a: ReadonlyMap<string, Vip>, b: ReadonlyMap<string, Vip>): boolean {
  return a.size === b.size && [...b].every(([key, vip]) => a.get(key) === vip);
}
