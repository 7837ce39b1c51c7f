/** What the first bytes of a connection are. `more` = not enough yet, and with fewer than `atLeast` it will not be; `malformed` = a TLS record that is no client hello. */
export type Hello =
  | { readonly t: 'more'; readonly atLeast: number }
  | { readonly t: 'raw' }
  | { readonly t: 'malformed' }
  | { readonly t: 'tls'; readonly serverName: string; readonly alpn: readonly string[] };

const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
/** A client hello larger than this (Envoy's limit) is not waited for. */
export const MAX_HELLO_BYTES = 16 * 1024;

const RAW: Hello = { t: 'raw' };
const MALFORMED: Hello = { t: 'malformed' };

/** Reads a TLS client hello (RFC 8446 section 4.1.2) far enough for its server name and application protocols. Never throws. */
export function readClientHello(bytes: Uint8Array, length: number): Hello {
  if (length === 0) return { t: 'more', atLeast: 1 };
  if (bytes[0] !== HANDSHAKE_RECORD) return RAW;
  if (length > 1 && bytes[1] !== 3) return RAW;
  const hello = gatherHandshake(bytes, length);
  if (typeof hello === 'number') return length >= MAX_HELLO_BYTES ? MALFORMED : { t: 'more', atLeast: Math.min(hello, MAX_HELLO_BYTES) };
  if (hello.length === 0) return MALFORMED;
  try {
    return parseHello(hello);
  } catch (error) {
    if (error instanceof RangeError) return MALFORMED;
    throw error;
  }
}

/** The hello's body out of one or more records, empty = no client hello; or how many bytes there must be before it can be whole. */
function gatherHandshake(bytes: Uint8Array, length: number): Uint8Array | number {
  const parts: Uint8Array[] = [];
  let got = 0;
  let need = -1;
  for (let at = 0; at + 5 <= length;) {
    if (bytes[at] !== HANDSHAKE_RECORD) return EMPTY;
    const size = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
    if (size === 0) return EMPTY;
    const part = bytes.subarray(at + 5, Math.min(at + 5 + size, length));
    parts.push(part);
    got += part.length;
    at += 5 + size;
    if (need < 0 && got >= 4) {
      const head = join(parts, 4);
      if (head[0] !== CLIENT_HELLO) return EMPTY;
      need = 4 + (((head[1] as number) << 16) | ((head[2] as number) << 8) | (head[3] as number));
      if (need > MAX_HELLO_BYTES) return EMPTY;
    }
    if (need >= 0 && got >= need) return join(parts, need).subarray(4);
  }
  return need < 0 ? length + 1 : length + need - got;
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = parts;
  if (first !== undefined && first.length >= size) return first.subarray(0, size);
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    const take = Math.min(part.length, size - at);
    all.set(part.subarray(0, take), at);
    at += take;
  }
  return all;
}

/** Reads big-endian numbers and length-prefixed vectors; RangeError outside. */
class Cursor {
  at = 0;
  readonly #view: Uint8Array;

  constructor(view: Uint8Array) {
    this.#view = view;
  }

  get left(): number {
    return this.#view.length - this.at;
  }

  number(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) {
      const byte = this.#view[this.at++];
      if (byte === undefined) throw new RangeError('client hello is cut short');
      value = value * 256 + byte;
    }
    return value;
  }

  take(size: number): Uint8Array {
    if (size > this.left) throw new RangeError('client hello is cut short');
    this.at += size;
    return this.#view.subarray(this.at - size, this.at);
  }
}

function parseHello(body: Uint8Array): Hello {
  const cursor = new Cursor(body);
  cursor.take(2 + 32);
  cursor.take(cursor.number(1));
  cursor.take(cursor.number(2));
  cursor.take(cursor.number(1));
  let serverName = '';
  const alpn: string[] = [];
  if (cursor.left > 0) {
    const extensions = new Cursor(cursor.take(cursor.number(2)));
    while (extensions.left > 0) {
      const type = extensions.number(2);
      const data = new Cursor(extensions.take(extensions.number(2)));
      if (type === EXTENSION_SERVER_NAME && data.left > 0) serverName = readServerName(data);
      else if (type === EXTENSION_ALPN) {
        const list = new Cursor(data.take(data.number(2)));
        while (list.left > 0) alpn.push(text(list.take(list.number(1))));
      }
    }
  }
  return { t: 'tls', serverName, alpn };
}

function readServerName(data: Cursor): string {
  const list = new Cursor(data.take(data.number(2)));
  while (list.left > 0) {
    const type = list.number(1);
    const name = list.take(list.number(2));
    if (type === 0) return text(name).toLowerCase();
  }
  return '';
}

function text(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

const EMPTY = new Uint8Array(0);
