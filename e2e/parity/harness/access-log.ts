import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';

export type LogLine = Readonly<Record<string, unknown>>;

/** Lines of one proxy's access log, by case. */
export interface AccessLogReader extends Disposable {
  readonly path: string;
  /** Lines of the case once there are `count`, or after the time what there is. */
  lines(id: string, count: number, limitMs: number): Promise<readonly LogLine[]>;
}

const POLL_MS = 5;
const CHUNK = 256 * 1024;

/** Follows a file that the proxy appends to. */
export function followAccessLog(path: string): AccessLogReader {
  writeFileSync(path, '');
  const file = openSync(path, 'r');
  const buffer = Buffer.alloc(CHUNK);
  const byCase = new Map<string, LogLine[]>();
  let rest = '';
  const read = (): void => {
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
      const parts = (rest + buffer.toString('latin1', 0, length)).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) note(part);
    }
  };
  const note = (text: string): void => {
    const { case: id, ...line } = parse(text);
    byCase.set(String(id), [...(byCase.get(String(id)) ?? []), line]);
  };
  return {
    path,
    async lines(id, count, limitMs) {
      const deadline = performance.now() + limitMs;
      for (;;) {
        read();
        const found = byCase.get(id) ?? [];
        if (found.length >= count || performance.now() > deadline) return found;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

/** A line that is no JSON is one that differs. */
function parse(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { case: /"case":"(c\d+)"/.exec(text)?.[1] ?? '', unparsable: `${text.length} bytes` };
  }
}
