import { configKey, expiresAtMs, isKind, mayExpire, type Config } from '@meltemi/api';
import { workloadFromEntry, type Workload } from '@meltemi/model';
import type { Clock, Timer, Timers } from '@meltemi/base';
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

/** Time as objects that end by themselves need it; without it they stay. */
export interface InputTime {
  readonly clock: Pick<Clock, 'now'>;
  readonly timers: Timers;
}

export function createConfigInputs(store: ConfigStore, time?: InputTime): ConfigInputs {
  let objects = new Map<string, Config>();
  let workloads = new Map<string, Workload>();
  let list: readonly Config[] | undefined;
  let entries: readonly Workload[] | undefined;
  let touched = new Set<Config>();
  const ends = createEnds(time);
  const set = (config: Config): void => {
    const key = configKey(config);
    if (ends.isOver(key, config)) return drop(key);
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
    watch(listener) {
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
    },
  };
}

/** The objects that end by themselves, and when. */
function createEnds(time: InputTime | undefined) {
  const at = new Map<string, number>();
  let timer: Timer | undefined;
  const ends = {
    onEnd: (_keys: readonly string[]): void => {},
    /** Remembers when the object ends; true = it has ended. */
    isOver(key: string, { kind, meta }: Config): boolean {
      const endMs = time === undefined || !mayExpire(kind) ? undefined : expiresAtMs(meta);
      if (time === undefined || endMs === undefined) {
        at.delete(key);
        return false;
      }
      if (endMs <= time.clock.now()) return true;
      at.set(key, endMs);
      arm(time);
      return false;
    },
    forget: (key: string): void => void at.delete(key),
    close: (): void => timer?.cancel(),
  };
  const arm = ({ clock, timers }: InputTime): void => {
    timer?.cancel();
    const next = Math.min(...at.values());
    if (next === Infinity) return;
    timer = timers.after(Math.min(Math.max(next - clock.now(), 1), MAX_WAIT_MS), () => {
      const over = [...at].filter(([, endMs]) => endMs <= clock.now()).map(([key]) => key);
      for (const key of over) at.delete(key);
      if (over.length > 0) ends.onEnd(over);
      arm({ clock, timers });
    });
  };
  return ends;
}

/** Timers of the host count no further than some weeks; the wall clock may be set meanwhile. */
const MAX_WAIT_MS = 60_000;

function isEndpoint({ config }: ConfigChange): boolean {
  return config.kind === 'WorkloadEntry';
}
