import { decodeMeshConfig, MESH_CONFIG_MAP, ofKind, type Config } from '@meltemi/api';
import type { Clock, Log, Timer, Timers } from '@meltemi/base';
import {
  buildPushContext,
  joinServices,
  meshConfigFrom,
  type EndpointChange,
  type EndpointIndex,
  type JoinedServices,
  type KeySets,
  type KnownChanges,
  type MeshConfig,
  type PushChanges,
  type PushContext,
  type Service,
  type Vip,
  type Workload,
} from '@meltemi/model';
import type { ConnectedRegistry } from '../connected/types.ts';
import type { ConfigStore } from '../store/config-store.ts';
import { unsavedValue, type SavedValue } from '../store/saved-value.ts';
import { createConfigInputs, type ConfigInputs } from './config-inputs.ts';
import { createDeclarations } from './declared.ts';
import { createEndpointKeeper } from './endpoint-updates.ts';

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
  /** Those of them that objects declare; the same list while none of these changes. */
  entries(): readonly Workload[];
  /** Takes in whatever changed so far, now; the version that includes it. */
  settle(): number;
  watch(listener: (update: MeshUpdate) => void): () => void;
  close(): Promise<void>;
}

export interface MeshOptions {
  readonly configs: ConfigStore;
  readonly connected?: Pick<ConnectedRegistry, 'workloads' | 'watch'>;
  /** Keys of issuers. */
  readonly keys?: { sets(): KeySets; watch(listener: () => void): () => void };
  readonly mesh: MeshConfig;
  readonly timers: Timers;
  readonly log: Log;
  /** Told how long each snapshot took to make, in milliseconds; measured with `clock`. */
  readonly onRebuilt?: (tookMs: number) => void;
  readonly clock?: Pick<Clock, 'monotonic' | 'now'>;
  /** Where virtual addresses are kept over a restart. */
  readonly savedVips?: SavedValue<readonly (readonly [string, Vip])[]>;
  /** Changes within so long become one update. Default 10. */
  readonly coalesceMs?: number;
  /** The same for changes that only say where endpoints are. Default 1. */
  readonly coalesceEndpointsMs?: number;
}

/** Joins configuration and registries into snapshots and endpoints. Resolves with the first one made. */
export async function createMesh(options: MeshOptions): Promise<Mesh> {
  const vips = await options.savedVips?.load();
  return new JoinedMesh(options, new Map(vips ?? []));
}

const NO_CHANGES: MeshChanges = { push: undefined, endpoints: [], workloads: [] };
const NONE: readonly Workload[] = [];
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** What of the inputs decides which services there are. */
interface JoinInputs {
  readonly mesh: MeshConfig;
  readonly connected: readonly Workload[];
}

class JoinedMesh implements Mesh {
  readonly #options: MeshOptions;
  readonly #savedVips: SavedValue<readonly (readonly [string, Vip])[]>;
  readonly #inputs: ConfigInputs;
  readonly #endpoints = createEndpointKeeper();
  readonly #listeners = new Set<(update: MeshUpdate) => void>();
  readonly #stops: (() => void)[];
  #joined: Pick<JoinedServices, 'vips'> & Partial<JoinedServices>;
  /** What `#joined` was made of, besides the objects. */
  #joinedOf: JoinInputs | undefined;
  /** Those of the start, with what the ConfigMap of the mesh says over them. */
  #settings: MeshConfig;
  readonly #declarations = createDeclarations();
  /** The registry's lists as they were taken last. */
  #taken = { connected: NONE, entries: NONE };
  /** Those connected, as objects declare them. */
  #connected = NONE;
  #workloads = NONE;
  /** Addresses whose workloads have changed since an update was told. */
  readonly #untold = new Set<string>();
  #push: PushContext;
  #version = 0;
  #isDirty = true;
  #timer: { readonly timer: Timer; readonly isShort: boolean } | undefined;
  /** Rebuilds that failed since the last one that did not, and when it is tried again. */
  #failures = 0;
  #retry: Timer | undefined;

  constructor(options: MeshOptions, vips: ReadonlyMap<string, Vip>) {
    this.#options = options;
    this.#savedVips = options.savedVips ?? unsavedValue();
    this.#joined = { vips };
    this.#settings = options.mesh;
    this.#push = buildPushContext({ mesh: options.mesh, services: [], configs: [] });
    const { clock, timers } = options;
    this.#inputs = createConfigInputs(options.configs, clock === undefined ? undefined : { clock, timers });
    this.settle();
    this.#stops = [
      this.#inputs.watch((onlyEndpoints) => this.#changed(onlyEndpoints)),
      options.connected?.watch(() => this.#changed(true)) ?? (() => undefined),
      options.keys?.watch(() => this.#changed(false)) ?? (() => undefined),
    ];
  }

  get state(): MeshUpdate['state'] {
    return { push: this.#push, endpoints: this.#endpoints.index };
  }

  get version(): number {
    return this.#version;
  }

  workloads(): readonly Workload[] {
    return this.#workloads;
  }

  entries(): readonly Workload[] {
    return this.#taken.entries;
  }

  watch(listener: (update: MeshUpdate) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#timer?.timer.cancel();
    this.#retry?.cancel();
    for (const stop of this.#stops) stop();
    this.#listeners.clear();
    await this.#savedVips.flush();
  }

  /** Objects that belong together come one after another; an endpoint stands for itself and is waited for. */
  #changed(onlyEndpoints: boolean): void {
    const { coalesceMs = 10, coalesceEndpointsMs = 1 } = this.#options;
    this.#isDirty = true;
    if (this.#timer !== undefined && (onlyEndpoints || !this.#timer.isShort)) return;
    this.#timer?.timer.cancel();
    const timer = this.#options.timers.after(onlyEndpoints ? coalesceEndpointsMs : coalesceMs, () => this.#settleLater());
    this.#timer = { timer, isShort: onlyEndpoints };
  }

  #settleLater(): void {
    try {
      this.settle();
    } catch (error) {
      // One object that our own code stumbles over must not end the process, and again at each start of it.
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log.error('a change could not be taken in; the mesh stays as it was, and it is tried again', { error: text });
    }
  }

  settle(): number {
    if (!this.#isDirty) return this.#version;
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#retry?.cancel();
    this.#isDirty = false;
    const { clock, onRebuilt } = this.#options;
    const begunMs = clock?.monotonic() ?? 0;
    const changes = this.#rebuildOrForget();
    this.#failures = 0;
    if (clock !== undefined) onRebuilt?.(clock.monotonic() - begunMs);
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
      this.#joinedOf = undefined;
      this.#inputs.reset();
      this.#tryAgain();
      throw error;
    }
  }

  /** What it failed for may have been of the moment; later and later, and at once with the next change. The first one is the caller's to try again. */
  #tryAgain(): void {
    if (this.#version === 0) return;
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LAST_RETRY_MS);
    this.#retry = this.#options.timers.after(delayMs, () => {
      this.#isDirty = true;
      this.#settleLater();
    });
  }

  #rebuild(): MeshChanges {
    const touched = this.#inputs.take();
    const services = this.#joined.services;
    const { mesh: start } = this.#options;
    if (touched.some((config) => isMeshConfigMap(config, start))) this.#settings = settingsOf(this.#inputs.configs(), start);
    this.#takeWorkloads();
    const joined = this.#join(touched);
    const mesh = this.#settings;
    const updates = this.#endpoints.update(joined, this.#workloads, mesh.trustDomain);
    for (const address of updates.workloads) this.#untold.add(address);
    const known = services === undefined ? this.#everything(touched, joined) : { configs: touched, services: changedItems(services, joined) };
    const keys = this.#keys();
    const isPushed = touched.length > 0 || known.services.length > 0 || services === undefined || keys.keySets !== this.#push.inputs.keySets;
    if (isPushed) this.#push = buildPushContext({ mesh, services: joined, configs: this.#inputs.configs(), ...keys }, this.#push, known);
    const workloads = [...this.#untold];
    this.#untold.clear();
    if (!isPushed && workloads.length === 0 && updates.endpoints.length === 0) return NO_CHANGES;
    return { push: isPushed ? this.#push.changes : undefined, endpoints: updates.endpoints, workloads };
  }

  #keys(): { readonly keySets?: KeySets } {
    const keySets = this.#options.keys?.sets();
    return keySets === undefined ? {} : { keySets };
  }

  /** After an attempt that failed, all that the last snapshot was made of counts as changed: nobody was told what the attempt had taken in. */
  #everything(touched: readonly Config[], joined: readonly Service[]): KnownChanges {
    const { configs, services } = this.#push.inputs;
    return { configs: [...new Set([...configs, ...touched])], services: [...new Set([...services, ...joined])] };
  }

  #takeWorkloads(): void {
    const [connected, entries] = [this.#options.connected?.workloads() ?? NONE, this.#inputs.entries()];
    if (connected === this.#taken.connected && entries === this.#taken.entries) return;
    const declared = this.#declarations.apply(connected, entries);
    if (changedItems(this.#connected, declared.connected).length > 0) this.#connected = declared.connected;
    this.#workloads = [...this.#connected, ...declared.entries];
    this.#taken = { connected, entries };
  }

  /** The services; the same list when nothing that they are made of has changed. */
  #join(touched: readonly Config[]): readonly Service[] {
    const inputs: JoinInputs = { mesh: this.#settings, connected: this.#connected };
    const before = this.#joined.services;
    const same = inputs.mesh === this.#joinedOf?.mesh && inputs.connected === this.#joinedOf.connected && !touched.some(declaresServices);
    if (before !== undefined && same) return before;
    const { vips } = this.#joined;
    const joined = joinServices(this.#inputs.configs(), this.#workloads, inputs.mesh, this.#joined);
    const services = before !== undefined && changedItems(before, joined.services).length === 0 ? before : joined.services;
    this.#joined = { ...joined, services };
    this.#joinedOf = inputs;
    if (!sameVips(vips, joined.vips)) this.#savedVips.save([...joined.vips]);
    return services;
  }
}

function isMeshConfigMap({ kind, meta }: Config, start: MeshConfig): boolean {
  return kind === 'ConfigMap' && meta.name === MESH_CONFIG_MAP && meta.namespace === start.rootNamespace;
}

/** A text that is no MeshConfig was refused when it was applied; were there one all the same, it would say nothing. */
function settingsOf(configs: readonly Config[], start: MeshConfig): MeshConfig {
  const text = ofKind(configs, 'ConfigMap').find((config) => isMeshConfigMap(config, start))?.spec.data?.['mesh'];
  const settings = text === undefined ? undefined : decodeMeshConfig(text).settings;
  return settings === undefined ? start : meshConfigFrom(start, settings);
}

function declaresServices({ kind }: Config): boolean {
  return kind === 'Service' || kind === 'ServiceEntry';
}

/** Items of one list that are not in the other. */
function changedItems<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  if (before === now) return [];
  const [old, fresh] = [new Set(before), new Set(now)];
  return [...now.filter((item) => !old.has(item)), ...before.filter((item) => !fresh.has(item))];
}

function sameVips(a: ReadonlyMap<string, Vip>, b: ReadonlyMap<string, Vip>): boolean {
  return a.size === b.size && [...b].every(([key, vip]) => a.get(key) === vip);
}
