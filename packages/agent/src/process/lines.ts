import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const MAX_LINE_CHARS = 64 * 1024;

/** Calls `onLine` for each line of a stream, without its end. A longer line than 64 Ki characters is cut into several. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (text: string): void => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) emit(line.endsWith('\r') ? line.slice(0, -1) : line);
    while (rest.length > MAX_LINE_CHARS) {
      emit(rest.slice(0, MAX_LINE_CHARS));
      rest = rest.slice(MAX_LINE_CHARS);
    }
  };
  const emit = (line: string): void => {
    for (let at = 0; at === 0 || at < line.length; at += MAX_LINE_CHARS) onLine(line.slice(at, at + MAX_LINE_CHARS));
  };
  stream.on('data', (chunk: Buffer) => take(decoder.write(chunk)));
  stream.on('end', () => {
    take(decoder.end());
    if (rest !== '') emit(rest);
    rest = '';
  });
  stream.on('error', () => undefined); // the process' exit tells more
}

/** The last lines of something, bounded in number. */
export interface LineRing {
  push(line: string): void;
  last(count: number): readonly string[];
}

export function createLineRing(capacity: number): LineRing {
  const lines: string[] = [];
  return {
    push(line) {
      lines.push(line);
      if (lines.length > capacity) lines.splice(0, lines.length - capacity);
    },
    last: (count) => lines.slice(-count),
  };
}
