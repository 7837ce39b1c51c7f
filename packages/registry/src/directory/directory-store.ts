import { readFile } from 'node:fs/promises';
import { decodeYaml } from '@meltemi/api';
import { configKey, type Config } from '@meltemi/api';
import { type Clock, type Log, MeshError, type Problem, type Timer, type Timers } from '@meltemi/base';
import type { ConfigStore } from '../store/config-store.ts';
import { createConfigTable, createVersionSource, refKey, refOf, type VersionSource } from '../store/config-table.ts';
import { createProblemList } from '../store/problem-list.ts';
import { createDirectoryWatch } from './directory-watch.ts';
import { listFiles, sameState, type FileState } from './list-files.ts';
import { nextRecord, resolveFiles, type FileRecord, placeIn } from './resolve-files.ts';

export interface DirectoryStoreOptions {
  /** Files and directories (read with their sub-directories). */
  readonly paths: readonly string[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly versions?: VersionSource;
  /** A file is read when it was left alone for so long. Default 50. */
  readonly settleMs?: number;
  /** A look without being told, for file systems that do not tell. Default 5 000. */
  readonly pollMs?: number;
}

/** A directory store can be asked to look at once. */
export interface DirectoryStore extends ConfigStore {
  /** Looks at the files now. False: some file changed since the look before, and waits for the next one. */
  rescan(): Promise<boolean>;
}

/**
 * Objects of YAML and JSON files, watched. A file counts as written when two looks see it unchanged; a faulty object is reported and its last good form stays,
 * all others go on. Resolves after the first look; throws `config/no-directory` if a path does not exist.
 */
export async function createDirectoryStore(options: DirectoryStoreOptions): Promise<DirectoryStore> {
  const { files } = await listFiles(options.paths);
  for (const path of options.paths) {
    const listing = await listFiles([path]);
    if (listing.files.length === 0 && listing.directories.length === 0)
      throw new MeshError('config/no-directory', `There is no file or directory "${path}" to read configuration from.`);
  }
  const store = new Directory(options);
  await store.start(files);
  return store.view;
}

class Directory {
  readonly #options: DirectoryStoreOptions;
  readonly #table;
  readonly #problems = createProblemList();
  readonly #records = new Map<string, FileRecord>();
  readonly #read = new Map<string, FileState>();
  readonly #unreadable = new Map<string, Problem>();
  /** What is stored of the objects of files that did not change. */
  readonly #prepared = new WeakMap<Config, Config>();
  readonly #watch;
  #lastLook = new Map<string, FileState>();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;

  constructor(options: DirectoryStoreOptions) {
    this.#options = options;
    this.#table = createConfigTable(options.clock, options.versions ?? createVersionSource(options.clock));
    this.#watch = createDirectoryWatch(() => this.#lookAfter(this.#settleMs));
  }

  get #settleMs(): number {
    return this.#options.settleMs ?? 50;
  }

  get view(): DirectoryStore {
    return {
      get: this.#table.get,
      list: this.#table.list,
      watch: this.#table.watch,
      problems: this.#problems.get,
      place: (ref, path) => {
        const file = this.#table.get(ref)?.origin.file;
        return file === undefined ? undefined : placeIn(this.#records.get(file), ref, path);
      },
      watchProblems: this.#problems.watch,
      rescan: async () => {
        await this.#look();
        return !this.#pending();
      },
      close: async () => {
        this.#closed = true;
        this.#timer?.cancel();
        this.#watch.close();
        await this.#looking;
      },
    };
  }

  /** The first look takes files as they are: there is nothing to protect yet. */
  async start(files: readonly FileState[]): Promise<void> {
    this.#lastLook = new Map(files.map((file) => [file.path, file]));
    await this.#look();
  }

  #lookAfter(delayMs: number): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.timers.after(delayMs, () => {
      this.#look().catch((error: unknown) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#options.log.error('the configuration files could not be looked at; tried again', { error: text });
        this.#lookAfter(this.#options.pollMs ?? 5_000);
      });
    });
  }

  async #look(): Promise<void> {
    // One look at a time: a second one waits and then sees what is new.
    while (this.#looking !== undefined) await this.#looking;
    if (this.#closed) return;
    this.#looking = this.#lookNow().finally(() => (this.#looking = undefined));
    await this.#looking;
    this.#lookAfter(this.#pending() ? this.#settleMs : (this.#options.pollMs ?? 5_000));
  }

  /** Whether some file waits to be left alone. */
  #pending(): boolean {
    const changed = [...this.#lastLook].some(([path, state]) => !sameState(this.#read.get(path), state));
    return changed || [...this.#read.keys()].some((path) => !this.#lastLook.has(path));
  }

  async #lookNow(): Promise<void> {
    const before = this.#lastLook;
    const { files, directories } = await listFiles(this.#options.paths);
    this.#watch.set(directories);
    const now = new Map(files.map((file) => [file.path, file]));
    this.#lastLook = now;
    let changed = false;
    for (const file of files) {
      if (sameState(this.#read.get(file.path), file) || !sameState(before.get(file.path), file)) continue;
      changed = (await this.#readFile(file)) || changed;
    }
    for (const path of this.#read.keys()) {
      // An editor may delete and write anew: gone is what two looks in a row do not see.
      if (now.has(path) || before.has(path)) continue;
      this.#read.delete(path);
      this.#unreadable.delete(path);
      changed = this.#records.delete(path) || changed;
    }
    if (changed) this.#resolve();
  }

  async #readFile(file: FileState): Promise<boolean> {
    try {
      const text = await readFile(file.path, 'utf8');
      const decoded = decodeYaml(text, { file: file.path, source: 'file' });
      this.#records.set(file.path, nextRecord(file.path, decoded, file.modifiedMs, this.#records.get(file.path)));
      this.#unreadable.delete(file.path);
    } catch (error) {
      const message = `cannot be read: ${MeshError.from(error, 'config/unreadable').message}; its objects stay as they were`;
      this.#unreadable.set(file.path, { code: 'MEL0201', severity: 'error', path: '', message, origin: { source: 'file', file: file.path } });
    }
    this.#read.set(file.path, file);
    return true;
  }

  #resolve(): void {
    const { configs, problems } = resolveFiles(this.#records.values());
    const keys = new Set(configs.map(configKey));
    const gone = this.#table.list().filter((config) => !keys.has(configKey(config)));
    const prepared = configs.map((config) => {
      const known = this.#prepared.get(config);
      if (known !== undefined && this.#table.get(refOf(config)) === known) return known;
      const record = config.origin.file === undefined ? undefined : this.#records.get(config.origin.file);
      const createdAt =
        config.meta.creationTimestamp ?? new Date(record?.firstSeenMs ?? this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
      const stored = this.#table.prepare(config, createdAt).config;
      this.#prepared.set(config, stored);
      return stored;
    });
    this.#problems.set([...problems, ...this.#unreadable.values()]);
    this.#table.commit(prepared, gone.map(refOf));
    const held = problems
      .filter((problem) => problem.severity === 'error' && problem.object !== undefined)
      .map((problem) => (problem.object === undefined ? '' : refKey(problem.object)));
    this.#options.log.debug('configuration read', { objects: configs.length, heldBack: [...new Set(held)] });
  }
}
