/* oxlint-disable complexity -- a byte scanner. */
import { ascii } from '../ascii.ts';
import { lengthValue } from '../content-length.ts';
import { AUTHORITY, FIELD_VALUE, TARGET, TOKEN } from '../tables.ts';

/** What a field is to the codec. Pseudo-fields come before `KIND.plain`, ordinary ones from there on. */
export const KIND = {
  /** A field that makes its message malformed wherever it stands (RFC 9113 section 8.2). */
  malformed: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  status: 5,
  protocol: 6,
  plain: 7,
  host: 8,
  cookie: 9,
  contentLength: 10,
} as const;

const SP = 32;
const TAB = 9;

const NAMES: readonly (readonly [name: string, kind: number])[] = [
  [':method', KIND.method],
  [':scheme', KIND.scheme],
  [':authority', KIND.authority],
  [':path', KIND.path],
  [':status', KIND.status],
  [':protocol', KIND.protocol],
  ['host', KIND.host],
  ['cookie', KIND.cookie],
  ['content-length', KIND.contentLength],
  // Fields of the connection have no meaning in HTTP/2 (section 8.2.2); `te` may say `trailers` only.
  ['connection', KIND.malformed],
  ['keep-alive', KIND.malformed],
  ['proxy-connection', KIND.malformed],
  ['transfer-encoding', KIND.malformed],
  ['upgrade', KIND.malformed],
  ['te', KIND.plain],
];
const TE = ascii('te');
const TRAILERS = ascii('trailers');
/** Special names by length: few names share one. */
const BY_LENGTH: readonly (readonly { readonly name: Uint8Array; readonly kind: number }[])[] = Array.from({ length: 18 }, (_, length) =>
  NAMES.filter(([name]) => name.length === length).map(([name, kind]) => ({ name: ascii(name), kind })),
);
/** 1 for what may stand in a name here: a token without upper case. */
const NAME = TOKEN.map((allowed, byte) => (byte >= 65 && byte <= 90 ? 0 : allowed));

/**
 * Kind of the field `name: value`, looked at once when it is decoded: `bytes[start, nameEnd)` is the name, `bytes[valueStart, end)` the
 * value. Whatever could end a line of HTTP/1.1, or be read differently by another parser, is `malformed`.
 */
// oxlint-disable-next-line max-params -- the four places of a field
export function fieldKind(bytes: Uint8Array, start: number, nameEnd: number, valueStart: number, end: number): number {
  if (nameEnd === start) return KIND.malformed;
  let kind: number = KIND.plain;
  let teName = false;
  const special = BY_LENGTH[nameEnd - start];
  if (special !== undefined)
    for (const candidate of special)
      if (equal(bytes, start, candidate.name)) {
        ({ kind } = candidate);
        teName = candidate.name[0] === TE[0] && candidate.name.length === TE.length;
      }
  if (kind < KIND.plain) return kind === KIND.malformed || pseudoValue(bytes, valueStart, end, kind) ? kind : KIND.malformed;
  for (let i = start; i < nameEnd; i++) if (NAME[bytes[i] as number] === 0) return KIND.malformed;
  for (let i = valueStart; i < end; i++) if (FIELD_VALUE[bytes[i] as number] === 0) return KIND.malformed;
  if (end > valueStart && (isBlank(bytes[valueStart] as number) || isBlank(bytes[end - 1] as number))) return KIND.malformed;
  if (teName && !(end - valueStart === TRAILERS.length && equal(bytes, valueStart, TRAILERS))) return KIND.malformed;
  if (kind === KIND.contentLength && lengthValue(bytes, valueStart, end) < 0) return KIND.malformed;
  if (kind === KIND.host && !all(AUTHORITY, bytes, valueStart, end)) return KIND.malformed;
  return kind;
}

function pseudoValue(bytes: Uint8Array, start: number, end: number, kind: number): boolean {
  switch (kind) {
    case KIND.method:
    case KIND.protocol:
      return end > start && all(TOKEN, bytes, start, end);
    case KIND.scheme:
      return end > start && all(SCHEME, bytes, start, end);
    case KIND.authority:
      return all(AUTHORITY, bytes, start, end);
    case KIND.path:
      return end > start && all(TARGET, bytes, start, end);
    default: {
      const status = end - start === 3 ? lengthValue(bytes, start, end) : -1;
      // 101 does not exist here (section 8.6).
      return status >= 100 && status !== 101;
    }
  }
}

const SCHEME = TOKEN.map((allowed, byte) => (allowed === 1 && /[a-zA-Z0-9+.-]/.test(String.fromCharCode(byte)) ? 1 : 0));

// oxlint-disable-next-line max-params -- a table and a range
function all(table: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (table[bytes[i] as number] === 0) return false;
  return true;
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === TAB;
}

function equal(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
