import { watch, type FSWatcher } from 'node:fs';

/** Watches directories; the set may change. Renames over a file and swaps of links are seen because the directory is watched, not the file. */
export interface DirectoryWatch {
  set(directories: readonly string[]): void;
  close(): void;
}

/** Calls `changed` after anything moved in one of the directories. A directory that cannot be watched is left to the caller's polling. */
export function createDirectoryWatch(changed: () => void): DirectoryWatch {
  const watchers = new Map<string, FSWatcher>();
  return {
    set(directories) {
      for (const [path, watcher] of watchers) {
        if (directories.includes(path)) continue;
        watcher.close();
        watchers.delete(path);
      }
      for (const path of directories) {
        if (watchers.has(path)) continue;
        try {
          const watcher = watch(path, { persistent: false }, changed);
          watcher.on('error', () => {
            watcher.close();
            watchers.delete(path);
            changed();
          });
          watchers.set(path, watcher);
        } catch {
          changed();
        }
      }
    },
    close() {
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
