import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MeshError, type Log } from '@meltemi/base';

const FORMAT = 1;

/** A value that outlives the process: what a restarted control plane begins with. Never a secret. */
export interface SavedValue<T> {
  /** What was saved last; undefined when there is nothing, or nothing that can be read. */
  load(): Promise<T | undefined>;
  /** Soon; of several in a row the last is written. */
  save(value: T): void;
  /** Resolves when everything is on disk. */
  flush(): Promise<void>;
}

/**
 * In a JSON file with a format number, written beside and renamed. A file that cannot be read counts as none, with a warning: what is in it comes back by itself.
 * `load` throws `state/newer-format` for a file of a newer Meltemi.
 */
export function createSavedValue<T>(file: string, log: Log): SavedValue<T> {
  let waiting: { readonly value: T } | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = async (): Promise<void> => {
    const next = waiting;
    if (next === undefined) return;
    waiting = undefined;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.tmp`, `${JSON.stringify({ format: FORMAT, value: next.value })}\n`, { mode: 0o600 });
    await rename(`${file}.tmp`, file);
  };
  const flush = (): Promise<void> =>
    (writing = writing.then(write).catch((error: unknown) => log.warn('state could not be saved', { file, error: String(error) })));
  return {
    async load() {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text === undefined) return undefined;
      const saved = parse(text);
      if (saved === undefined) log.warn('saved state cannot be read; starting without it', { file });
      if (saved !== undefined && saved.format > FORMAT) {
        throw new MeshError(
          'state/newer-format',
          `${file} has format ${saved.format}, written by a newer Meltemi; this one knows up to ${FORMAT}. Use the newer version, or another --state-dir.`,
        );
      }
      return saved?.value as T | undefined;
    },
    save(value) {
      waiting = { value };
      void flush();
    },
    flush,
  };
}

function parse(text: string): { readonly format: number; readonly value: unknown } | undefined {
  try {
    const saved: unknown = JSON.parse(text);
    if (typeof saved !== 'object' || saved === null) return undefined;
    const { format, value } = saved as { readonly format?: unknown; readonly value?: unknown };
    return typeof format === 'number' ? { format, value } : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps nothing. */
export function unsavedValue<T>(): SavedValue<T> {
  return { load: () => Promise.resolve(undefined), save: () => undefined, flush: () => Promise.resolve() };
}
