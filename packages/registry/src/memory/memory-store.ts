import type { Config } from '@meltemi/api';
import { MeshError, type Clock } from '@meltemi/base';
import { createConfigTable, createVersionSource, refOf, type VersionSource } from '../store/config-table.ts';
import type { PutResult, WritableConfigStore } from '../store/config-store.ts';

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
    async put(config, expected = {}): Promise<PutResult> {
      expectVersion(table.get(refOf(config)), config, expected.expectResourceVersion);
      const { t, config: made } = table.prepare(config);
      table.commit([made], []);
      return { t: t === 'moved' ? 'unchanged' : t, config: made };
    },
    async delete(ref) {
      const found = table.get(ref) !== undefined;
      table.commit([], [ref]);
      return found;
    },
    close: () => Promise.resolve(),
  };
}

/** Throws `config/conflict` unless the stored object has the version that the writer saw. */
export function expectVersion(stored: Config | undefined, wanted: Config, expected: string | undefined): void {
  if (expected === undefined) return;
  const found = stored?.meta.resourceVersion;
  if (found === expected) return;
  const { namespace, name } = wanted.meta;
  const now = found === undefined ? 'it does not exist any more' : `it is ${found} now`;
  throw new MeshError(
    'config/conflict',
    `${wanted.kind} ${namespace}/${name} was changed by somebody else: resourceVersion ${expected} was expected, ${now}. Read it again and repeat the change.`,
  );
}
