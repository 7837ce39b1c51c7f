import type { Config } from '@meltemi/api';
import { MeshError, shownKind, type Clock } from '@meltemi/base';
import { createConfigTable, createVersionSource, refOf, type VersionSource } from '../store/config-table.ts';
import type { PutResult, WritableConfigStore, WriteOptions } from '../store/config-store.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  readonly versions?: VersionSource;
}

/** A store that forgets everything with the process. */
export function createMemoryStore(options: MemoryStoreOptions): WritableConfigStore {
  const table = createConfigTable(options.clock, options.versions ?? createVersionSource(options.clock));
  return {
    get: table.get,
    list: table.list,
    watch: table.watch,
    problems: () => [],
    watchProblems: () => () => undefined,
    async put(config, options = {}): Promise<PutResult> {
      checkExpected(table.get(refOf(config)), config, options);
      const { t, config: made } = table.prepare(config);
      if (options.dryRun !== true) table.commit([made], []);
      return { t: t === 'moved' ? 'unchanged' : t, config: made };
    },
    async delete(ref, options = {}) {
      const found = table.get(ref) !== undefined;
      if (options.dryRun !== true) table.commit([], [ref]);
      return found;
    },
    close: () => Promise.resolve(),
  };
}

/** Throws `config/exists`, or `config/conflict` unless the stored object has the version that the writer saw. */
export function checkExpected(stored: Config | undefined, wanted: Config, options: WriteOptions): void {
  const { namespace, name } = wanted.meta;
  if (options.expectAbsent === true && stored !== undefined)
    throw new MeshError('config/exists', `${shownKind(wanted.kind)} ${namespace}/${name} already exists`);
  const expected = options.expectResourceVersion;
  const found = stored?.meta.resourceVersion;
  if (expected === undefined || found === expected) return;
  const now = found === undefined ? 'it does not exist any more' : `it is ${found} now`;
  throw new MeshError(
    'config/conflict',
    `${shownKind(wanted.kind)} ${namespace}/${name} was changed by somebody else: resourceVersion ${expected} was expected, ${now}. Read it again and repeat the change.`,
  );
}
