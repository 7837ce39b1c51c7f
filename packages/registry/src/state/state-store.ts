import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { configKey, decodeObject, toObject, type Config } from '@meltemi/api';
import { MeshError, type Clock, type Log, type ObjectRef, type Origin, type Problem } from '@meltemi/base';
import { checkExpected } from '../memory/memory-store.ts';
import { createConfigTable, createVersionSource, refOf, type VersionSource } from '../store/config-table.ts';
import type { PutResult, WritableConfigStore } from '../store/config-store.ts';
import { createProblemList } from '../store/problem-list.ts';

/** Version of the form in which objects are kept. A newer one is refused. */
const FORMAT = 1;

/** Of 255 bytes for a file's name, without `.json`. */
const MAX_NAME = 250;

export interface StateStoreOptions {
  /** `$STATE/config`; made with mode 0700. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly versions?: VersionSource;
}

interface StoredObject {
  readonly format: number;
  readonly object: unknown;
  readonly origin: Origin;
}

/**
 * The store of what was applied: one file for each object, written beside and renamed, with the user's own file and line as its origin. A file that cannot be read
 * is reported and left alone. Throws `state/newer-format` when the directory was written by a newer Meltemi.
 */
export async function createStateStore(options: StateStoreOptions): Promise<WritableConfigStore> {
  const { directory } = options;
  await prepareDirectory(directory);
  const table = createConfigTable(options.clock, options.versions ?? createVersionSource(options.clock));
  const problems = createProblemList();
  const loaded = await loadAll(directory);
  table.commit(loaded.configs, []);
  problems.set(loaded.problems);
  // Writes follow one another, so that the order on disk is that of the calls.
  let queue: Promise<unknown> = Promise.resolve();
  const exclusive = <T>(run: () => Promise<T>): Promise<T> => {
    const result = queue.then(run);
    queue = result.catch(() => undefined);
    return result;
  };
  return {
    get: table.get,
    list: table.list,
    watch: table.watch,
    problems: problems.get,
    watchProblems: problems.watch,
    put: (config, options = {}) =>
      exclusive(async (): Promise<PutResult> => {
        checkExpected(table.get(refOf(config)), config, options);
        const { t, config: made } = table.prepare(config);
        if (t !== 'unchanged' && options.dryRun !== true) {
          await writeAtomically(fileOf(directory, refOf(made)), serialise(made));
          table.commit([made], []);
          problems.set(problems.get().filter((problem) => problem.origin?.file !== fileOf(directory, refOf(made))));
        }
        return { t: t === 'moved' ? 'unchanged' : t, config: made };
      }),
    delete: (ref, options = {}) =>
      exclusive(async () => {
        if (table.get(ref) === undefined) return false;
        if (options.dryRun === true) return true;
        await rm(fileOf(directory, ref), { force: true });
        table.commit([], [ref]);
        return true;
      }),
    close: async () => {
      await queue;
    },
  };
}

async function prepareDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'format.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return writeAtomically(file, `${JSON.stringify({ format: FORMAT })}\n`);
  const found = (JSON.parse(text) as { readonly format?: unknown }).format;
  if (typeof found === 'number' && found <= FORMAT) return;
  throw new MeshError(
    'state/newer-format',
    `${directory} has format ${String(found)}, written by a newer Meltemi; this one knows up to ${FORMAT}. Use the newer version, or another --state-dir.`,
  );
}

/**
 * `VirtualService.bookinfo.reviews.json`: names are DNS names, so they are safe in file names; a namespace has no dot. What file systems
 * do not take is cut and told apart by a hash; which object it is, the content says.
 */
function fileOf(directory: string, ref: ObjectRef): string {
  const name = `${ref.kind}.${ref.namespace}.${ref.name}`;
  const short = name.length <= MAX_NAME ? name : `${name.slice(0, 180)}~${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  return join(directory, `${short}.json`);
}

function serialise(config: Config): string {
  const stored: StoredObject = { format: FORMAT, object: toObject(config), origin: config.origin };
  return `${JSON.stringify(stored, null, 2)}\n`;
}

/** The file is there in full, or as it was: also after a crash. */
async function writeAtomically(file: string, text: string): Promise<void> {
  // Not longer than the file's own name; writes follow one another.
  const temporary = join(dirname(file), `write-${process.pid}.tmp`);
  const handle = await open(temporary, 'w', 0o600);
  try {
    await writeFile(handle, text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

async function loadAll(directory: string): Promise<{ readonly configs: readonly Config[]; readonly problems: readonly Problem[] }> {
  const configs = new Map<string, Config>();
  const problems: Problem[] = [];
  for (const name of (await readdir(directory)).sort()) {
    if (name.endsWith('.tmp')) await rm(join(directory, name), { force: true });
    if (!name.endsWith('.json') || name === 'format.json') continue;
    const file = join(directory, name);
    try {
      const stored = JSON.parse(await readFile(file, 'utf8')) as StoredObject;
      const decoded = decodeObject(stored.object, stored.origin);
      problems.push(
        ...decoded.problems.filter((problem) => problem.severity === 'error').map((problem) => ({ ...problem, origin: { source: 'state', file } })),
      );
      const key = decoded.config === undefined ? '' : configKey(decoded.config);
      if (decoded.config !== undefined && !configs.has(key)) configs.set(key, { ...decoded.config, origin: stored.origin });
    } catch (error) {
      problems.push({
        code: 'MEL0201',
        severity: 'error',
        path: '',
        message: `cannot be read: ${MeshError.from(error, 'state/unreadable').message}; the object is left out`,
        origin: { source: 'state', file },
      });
    }
  }
  return { configs: [...configs.values()], problems };
}
