import { configKey, type Config } from '@meltemi/api';
import { formatOrigin, MeshError, shownKind, type ObjectRef, type Problem } from '@meltemi/base';
import type { ConfigChange, ConfigStore, WritableConfigStore } from './config-store.ts';
import { refKey, refOf } from './config-table.ts';
import { createProblemList } from './problem-list.ts';

/**
 * Several stores as one. Of an object that more than one has, the one of the first store in the list counts; the others are reported. Writes go to
 * `writable` (which is one of the list) and are refused for objects that a store before it has.
 */
export function createAggregateStore(stores: readonly ConfigStore[], writable: WritableConfigStore): WritableConfigStore {
  const listeners = new Set<(changes: readonly ConfigChange[]) => void>();
  const duplicates = createProblemList();
  const problemListeners = new Set<() => void>();
  const get = (ref: ObjectRef): Config | undefined => firstOf(stores, (store) => store.get(ref));
  const list = (kind?: string): readonly Config[] => {
    const found = new Map<string, Config>();
    for (const store of stores) for (const config of store.list(kind)) if (!found.has(configKey(config))) found.set(configKey(config), config);
    return [...found.values()];
  };
  const visible = new Map(list().map((config) => [configKey(config), config]));
  /** Objects without effect, by the key of the one that counts. */
  const hidden = new Map<string, readonly Problem[]>();
  const lookForDuplicates = (refs: Iterable<ObjectRef>): void => {
    let changed = false;
    for (const ref of refs) {
      const found = duplicatesOf(stores, ref);
      changed ||= found.length > 0 || hidden.has(refKey(ref));
      if (found.length > 0) hidden.set(refKey(ref), found);
      else hidden.delete(refKey(ref));
    }
    if (changed) duplicates.set([...hidden.values()].flat());
  };
  const update = (changes: readonly ConfigChange[]): void => {
    const refs = changes.map(({ config }) => refOf(config));
    const effective = refs.flatMap((ref) => effectiveChange(ref, get, visible));
    lookForDuplicates(refs);
    if (effective.length > 0) for (const listener of listeners) listener(effective);
  };
  lookForDuplicates(list().map(refOf));
  const tell = (): void => {
    for (const listener of problemListeners) listener();
  };
  const stops = [...stores.map((store) => store.watch(update)), ...stores.map((store) => store.watchProblems(tell)), duplicates.watch(tell)];
  return {
    get,
    list,
    watch: (listener) => subscribe(listeners, listener),
    problems: () => [...stores.flatMap((store) => store.problems()), ...duplicates.get()],
    place: (ref, path) => stores.find((store) => store.get(ref) !== undefined)?.place?.(ref, path),
    watchProblems: (listener) => subscribe(problemListeners, listener),
    async put(config, options) {
      refuseForeign(stores, writable, refOf(config));
      return writable.put(config, options);
    },
    async delete(ref, options) {
      refuseForeign(stores, writable, ref);
      return writable.delete(ref, options);
    },
    async close() {
      for (const stop of stops) stop();
      await Promise.all(stores.map((store) => store.close()));
    },
  };
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A change in one store, as it is seen through all: a hidden object's change is none, and what was hidden may come to light. */
function effectiveChange(ref: ObjectRef, get: (ref: ObjectRef) => Config | undefined, visible: Map<string, Config>): readonly ConfigChange[] {
  const key = refKey(ref);
  const before = visible.get(key);
  const now = get(ref);
  if (before === now) return [];
  if (now === undefined) {
    visible.delete(key);
    return before === undefined ? [] : [{ t: 'deleted', config: before }];
  }
  visible.set(key, now);
  return [before === undefined ? { t: 'added', config: now } : { t: 'modified', config: now, before }];
}

function refuseForeign(stores: readonly ConfigStore[], writable: ConfigStore, ref: ObjectRef): void {
  for (const store of stores) {
    if (store === writable) return;
    const owner = store.get(ref);
    if (owner === undefined) continue;
    throw new MeshError(
      'config/read-only',
      `${shownKind(ref.kind)} ${ref.namespace}/${ref.name} comes from ${formatOrigin(owner.origin)}, which cannot be written here. Change it there.`,
    );
  }
}

/** What is wrong with the objects of a name that more than one store has: all but the first. */
function duplicatesOf(stores: readonly ConfigStore[], ref: ObjectRef): readonly Problem[] {
  const [owner, ...others] = stores.flatMap((store) => store.get(ref) ?? []);
  if (owner === undefined) return [];
  return others.map((config): Problem => ({
    code: 'MEL0106',
    severity: 'warning',
    path: '',
    message: `is also defined in ${formatOrigin(owner.origin)}, which counts; this one has no effect`,
    fix: { text: 'Delete one of the two.' },
    object: refOf(config),
    origin: config.origin,
  }));
}
