import { createWriteStream, type WriteStream } from 'node:fs';
import type { Log } from '@meltemi/base';
import type { LogSink } from '../types.ts';

/** More than this waiting for a slow disk or reader is dropped, and said once: a log must never hold traffic up. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** Access logs into files, `/dev/stdout` and `/dev/stderr`. */
export function createFileLogSink(log: Log): LogSink & { close(): Promise<void> } {
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
