/** A small HTTP/1.1 message reader for both ends of the tests: lenient, so that it can look at what should not be there. */
export interface Message {
  readonly startLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** The message came to the end that it announced. */
  readonly complete: boolean;
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
}

export interface Parsed {
  /** What is there; with `complete: false` more may come. */
  readonly message: Message;
  /** Bytes that belong to it. */
  readonly length: number;
}

type Pairs = readonly (readonly [string, string])[];

/** Reads one message at the beginning of `text` (latin1). Undefined: its head is not complete. `method`: of the request that a response answers. */
export function parseMessage(
  text: string,
  kind: { readonly t: 'request' } | { readonly t: 'response'; readonly method: string; readonly ended: boolean },
): Parsed | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [startLine = '', ...rest] = text.slice(0, headEnd).split('\r\n');
  const headers = rest.map(pair);
  const bodyStart = headEnd + 4;
  const coding = headerOf(headers, 'transfer-encoding');
  const lengthText = headerOf(headers, 'content-length');
  const head = { startLine, headers };
  if (kind.t === 'response' && hasNoBody(startLine, kind.method)) return done(head, 'none', { body: '', trailers: [] }, bodyStart);
  if (coding !== undefined && /chunked\s*$/i.test(coding)) return chunkedBody(text, bodyStart, head);
  if (lengthText !== undefined) {
    const length = Number(lengthText);
    const body = text.slice(bodyStart, bodyStart + length);
    return { message: { ...head, body, trailers: [], complete: body.length === length, framing: 'length' }, length: bodyStart + body.length };
  }
  if (kind.t === 'request') return done(head, 'none', { body: '', trailers: [] }, bodyStart);
  return { message: { ...head, body: text.slice(bodyStart), trailers: [], complete: kind.ended, framing: 'close' }, length: text.length };
}

type Head = Pick<Message, 'startLine' | 'headers'>;

function done(head: Head, framing: Message['framing'], rest: { readonly body: string; readonly trailers: Pairs }, length: number): Parsed {
  return { message: { ...head, ...rest, complete: true, framing }, length };
}

function hasNoBody(startLine: string, method: string): boolean {
  const status = statusOf(startLine);
  return method === 'HEAD' || (status >= 100 && status < 200) || status === 204 || status === 304 || (method === 'CONNECT' && status === 200);
}

function chunkedBody(text: string, bodyStart: number, head: Head): Parsed {
  let at = bodyStart;
  let body = '';
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return { message: { ...head, body, trailers: [], complete: false, framing: 'chunked' }, length: text.length };
    if (size === 0) return trailersAt(text, lineEnd + 2, head, body);
    const data = text.slice(lineEnd + 2, lineEnd + 2 + size);
    body += data;
    at = lineEnd + 2 + size + 2;
    if (text.length < at) return { message: { ...head, body, trailers: [], complete: false, framing: 'chunked' }, length: text.length };
  }
}

function trailersAt(text: string, at: number, head: Head, body: string): Parsed {
  const trailers: (readonly [string, string])[] = [];
  for (;;) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return { message: { ...head, body, trailers, complete: false, framing: 'chunked' }, length: text.length };
    if (end === at) return done(head, 'chunked', { body, trailers }, end + 2);
    trailers.push(pair(text.slice(at, end)));
    at = end + 2;
  }
}

function pair(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line.toLowerCase(), ''] : [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** The last line of this name. */
export function headerOf(headers: Pairs, name: string): string | undefined {
  return headers.findLast(([key]) => key === name)?.[1];
}

export function statusOf(startLine: string): number {
  return Number(/^HTTP\/\d\.\d (\d{3})/.exec(startLine)?.[1] ?? 0);
}
