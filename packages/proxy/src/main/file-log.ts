import { closeSync, createWriteStream, openSync, statSync, type WriteStream } from 'node:fs';
import type { Log } from '@meltemi/base';
import type { LogSink } from '../types.ts';

/** More than this waiting for a slow disk or reader is dropped, and said once: a log must never hold traffic up. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

export interface FileLogSink extends LogSink {
  /** Makes the file when it is not there; returns why it cannot be written. */
  open(path: string): string | undefined;
  close(): Promise<void>;
}

/** Access logs into files, `/dev/stdout` and `/dev/stderr`. */
export function createFileLogSink(log: Log): FileLogSink {
  const files = new Map<string, WriteStream>();
  const warned = new Set<string>();
  const warn = (path: string, reason: string): void => {
    if (warned.has(path)) return;
    warned.add(path);
    log.warn('an access log loses lines', { path, reason });
  };
  const open = (path: string): NodeJS.WritableStream & { readonly writableLength: number } => {
    if (path === '/dev/stdout') return process.stdout;
    if (path === '/dev/stderr') return process.stderr;
    let file = files.get(path);
    if (file === undefined) {
      file = createWriteStream(path, { flags: 'a' });
      file.on('error', (error) => {
        files.delete(path);
        warn(path, error.message);
      });
      files.set(path, file);
    }
    return file;
  };
  return {
    open: (path) => (isStandard(path) || files.has(path) ? undefined : faultOf(path)),
    write(path, bytes) {
      const target = open(path);
      if (target.writableLength > MAX_WAITING_BYTES) warn(path, 'it is written more slowly than lines come');
      // The caller uses its buffer again.
      else target.write(Buffer.from(bytes));
    },
    async close() {
      await Promise.all([...files.values()].map((file) => new Promise<void>((resolve) => file.end(resolve))));
    },
  };
}

function isStandard(path: string): boolean {
  return path === '/dev/stdout' || path === '/dev/stderr';
}

function faultOf(path: string): string | undefined {
  try {
    const kind = statSync(path, { throwIfNoEntry: false });
    // To open a pipe may take until somebody reads it.
    if (kind !== undefined && !kind.isFile() && !kind.isDirectory()) return undefined;
    closeSync(openSync(path, 'a'));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
