import { configKey, isKind, type Config } from '@meltemi/api';
import { workloadFromEntry, type Workload } from '@meltemi/model';
import type { ConfigChange, ConfigStore } from '../store/config-store.ts';

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

export function createConfigInputs(store: ConfigStore): ConfigInputs {
  let objects = new Map<string, Config>();
  let workloads = new Map<string, Workload>();
  let list: readonly Config[] | undefined;
  let entries: readonly Workload[] | undefined;
  let touched = new Set<Config>();
  const set = (config: Config): void => {
    const key = configKey(config);
    const before = objects.get(key);
    if (before !== undefined) touched.add(before);
    touched.add(config);
    objects.set(key, config);
    list = undefined;
    if (isKind(config, 'WorkloadEntry')) {
      entries = undefined;
      const workload = workloadFromEntry(config);
      if (workload === undefined) workloads.delete(key);
      else workloads.set(key, workload);
    }
  };
  const drop = (key: string): void => {
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
    watch: (listener) =>
      store.watch((changes) => {
        for (const change of changes) {
          if (change.t === 'deleted') drop(configKey(change.config));
          else set(change.config);
        }
        listener(changes.every(isEndpoint));
      }),
  };
}

function isEndpoint({ config }: ConfigChange): boolean {
  return config.kind === 'WorkloadEntry';
}
