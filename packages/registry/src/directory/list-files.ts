import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** What tells whether a file is the same as before. */
export interface FileState {
  readonly path: string;
  readonly modifiedMs: number;
  readonly size: number;
  readonly inode: number;
}

export interface Listing {
  readonly files: readonly FileState[];
  /** Every directory that was looked into, to be watched. */
  readonly directories: readonly string[];
}

const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);

/** All configuration files below the paths (files or directories). Hidden ones are skipped, and with them Kubernetes' `..data`, whose content its links show. */
export async function listFiles(paths: readonly string[]): Promise<Listing> {
  const files: FileState[] = [];
  const directories: string[] = [];
  const visit = async (path: string, named: boolean, above: readonly string[]): Promise<void> => {
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) return;
    if (info.isDirectory()) {
      // A link to a folder above would lead round for ever.
      const identity = `${info.dev}:${info.ino}`;
      if (info.ino !== 0 && above.includes(identity)) return;
      directories.push(path);
      const names = await readdir(path).catch((): string[] => []);
      for (const name of names.sort()) if (!name.startsWith('.')) await visit(join(path, name), false, [...above, identity]);
    } else if (info.isFile() && (named || EXTENSIONS.has(extname(path).toLowerCase()))) {
      files.push({ path, modifiedMs: info.mtimeMs, size: info.size, inode: info.ino });
    }
  };
  for (const path of paths) await visit(path, true, []);
  return { files, directories };
}

/** Whether the file was not touched between two looks. */
export function sameState(a: FileState | undefined, b: FileState | undefined): boolean {
  return a !== undefined && b !== undefined && a.modifiedMs === b.modifiedMs && a.size === b.size && a.inode === b.inode;
}
