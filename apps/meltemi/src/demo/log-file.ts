import { createWriteStream, openSync, renameSync, statSync, type WriteStream } from 'node:fs';

/** A log on disk that does not grow for ever: full, it becomes `NAME.1` (the one before that goes), and begins anew. */
export interface LogFile {
  write(line: string): void;
  /** Resolves when everything is on disk. */
  close(): Promise<void>;
}

const MAX_BYTES = 16 * 1024 * 1024;

export function openLogFile(path: string, maxBytes = MAX_BYTES): LogFile {
  let bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  let stream = open(path);
  return {
    write(line) {
      stream?.write(`${line}\n`);
      bytes += Buffer.byteLength(line) + 1;
      if (bytes < maxBytes) return;
      stream?.end();
      stream = renew(path);
      bytes = 0;
    },
    close: () =>
      new Promise((resolve) => {
        if (stream === undefined) resolve();
        else stream.end(() => resolve());
      }),
  };
}

/** What the old stream has not written yet goes to the file under its new name: it holds it open. */
function renew(path: string): WriteStream | undefined {
  try {
    renameSync(path, `${path}.1`);
  } catch {
    // Somebody took it away.
  }
  return open(path);
}

/** A full disk, or a state directory that was removed, costs the log and nothing else. */
function open(path: string): WriteStream | undefined {
  try {
    const stream = createWriteStream(path, { fd: openSync(path, 'a', 0o600) });
    stream.on('error', () => undefined);
    return stream;
  } catch {
    return undefined;
  }
}
