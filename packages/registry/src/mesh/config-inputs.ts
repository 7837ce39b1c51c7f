import { configKey, isKind, type Config } from '@meltemi/api';
import { workloadFromEntry, type Workload } from '@meltemi/model';
import type { ConfigChange, ConfigStore } from '../store/config-store.ts';
import { createEnds, type InputTime } from './ends.ts';

/** The objects of a store, and what has changed since they were taken last. */
export interface ConfigInputs {
  /** All objects; the same list while none changed. */
  configs(): readonly Config[];
  /** WorkloadEntries as workloads; the same list while none changed. */
  entries(): readonly Workload[];
  /** Old and new forms of the objects that changed since the last call. */
  take(): readonly Config[];
  /** Forgets what is known and reads the store again: everything counts as changed. */
  reset(): void;
  /** A change may wait for those that belong to it, unless it only says where an endpoint is. */
  watch(listener: (onlyEndpoints: boolean) => void): () => void;
}

export function createConfigInputs(store: ConfigStore, time?: InputTime): ConfigInputs {
  let objects = new Map<string, Config>();
  let workloads = new Map<string, Workload>();
  let list: readonly Config[] | undefined;
  let entries: readonly Workload[] | undefined;
  let touched = new Set<Config>();
  const ends = createEnds(time);
  const setWorkload = (key: string, workload: Workload | undefined): void => {
    entries = undefined;
    if (workload === undefined) workloads.delete(key);
    else workloads.set(key, workload);
  };
  const set = (config: Config): void => {
    const key = configKey(config);
    if (ends.isOver(key, config)) return drop(key);
    const before = objects.get(key);
    if (before !== undefined) touched.add(before);
    touched.add(config);
    objects.set(key, config);
    list = undefined;
    if (isKind(config, 'WorkloadEntry')) setWorkload(key, workloadFromEntry(config));
  };
  const drop = (key: string): void => {
    ends.forget(key);
    const before = objects.get(key);
    if (before === undefined) return;
    touched.add(before);
    objects.delete(key);
    list = undefined;
    if (workloads.delete(key)) entries = undefined;
  };
  const reset = (): void => {
    const before = objects;
    [objects, workloads, list, entries] = [new Map(), new Map(), undefined, undefined];
    touched = new Set(before.values());
    for (const config of store.list()) set(config);
  };
  reset();
  return {
    configs: () => (list ??= [...objects.values()]),
    entries: () => (entries ??= [...workloads.values()]),
    take() {
      const taken = [...touched];
      touched = new Set();
      return taken;
    },
    reset,
    watch: (listener) => follow(store, ends, { set, drop, listener }),
  };
}

interface Follower {
  readonly set: (config: Config) => void;
  readonly drop: (key: string) => void;
  readonly listener: (onlyEndpoints: boolean) => void;
}

/** Passes on what changes in the store, and what ends by itself. */
function follow(store: ConfigStore, ends: ReturnType<typeof createEnds>, { set, drop, listener }: Follower): () => void {
  ends.onEnd = (keys) => {
    for (const key of keys) drop(key);
    listener(false);
  };
  const stop = store.watch((changes) => {
    for (const change of changes) {
      if (change.t === 'deleted') drop(configKey(change.config));
      else set(change.config);
    }
    listener(changes.every(isEndpoint));
  });
  return () => {
    stop();
    ends.close();
  };
}

function isEndpoint({ config }: ConfigChange): boolean {
  return config.kind === 'WorkloadEntry';
}
