import { LOWER } from '../tables.ts';
import { ascii } from '../ascii.ts';
import { STATIC_FIELDS } from './static-table.ts';

/** What the encoder does with a line, by its name. */
export const NAME_USE = {
  ordinary: 0,
  /** Of the HTTP/1.1 connection: not passed on. */
  drop: 1,
  /** Becomes `:authority`. */
  host: 2,
  /** Becomes `:protocol` in an extended CONNECT, is dropped otherwise. */
  upgrade: 3,
  /** Never in a table, here or at any hop behind (RFC 7541 section 7.1.3). */
  secret: 4,
  /** The same when it is short enough to be guessed. */
  cookie: 5,
  /** `trailers` only. */
  te: 6,
} as const;

const USES: Readonly<Record<string, number>> = {
  connection: NAME_USE.drop,
  'keep-alive': NAME_USE.drop,
  'proxy-connection': NAME_USE.drop,
  'transfer-encoding': NAME_USE.drop,
  'http2-settings': NAME_USE.drop,
  upgrade: NAME_USE.upgrade,
  host: NAME_USE.host,
  authorization: NAME_USE.secret,
  'proxy-authorization': NAME_USE.secret,
  cookie: NAME_USE.cookie,
  'set-cookie': NAME_USE.cookie,
  te: NAME_USE.te,
};

const SLOTS = 512;
const names: { readonly name: Uint8Array; readonly index: number; readonly use: number }[] = [];
/** By hash: position in `names` plus one, 0 = none, further ones in the next slots. */
const TABLE = new Uint8Array(SLOTS);

for (const [at, { name }] of STATIC_FIELDS.entries()) addName(name, at + 1);
for (const name of Object.keys(USES)) addName(ascii(name), 0);

function addName(name: Uint8Array, index: number): void {
  const hash = hashName(name, 0, name.length);
  if (findName(name, 0, name.length, hash) >= 0) return;
  names.push({ name, index, use: USES[String.fromCharCode(...name)] ?? NAME_USE.ordinary });
  let slot = slotOf(hash);
  while (TABLE[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
  TABLE[slot] = names.length;
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 11)) & (SLOTS - 1);
}

/** The encoder's hash of a name in any case: 31 times the hash before, plus the byte. */
export function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = ((hash << 5) - hash + (LOWER[bytes[i] as number] as number)) | 0;
  return hash;
}

/** Number of the name (see `nameIndex`, `nameUse`), -1 = one that neither the static table nor this codec knows. */
export function findName(bytes: Uint8Array, start: number, end: number, hash: number): number {
  let slot = slotOf(hash);
  for (let entry = TABLE[slot] as number; entry !== 0; entry = TABLE[slot] as number) {
    const name = (names[entry - 1] as (typeof names)[number]).name;
    if (name.length === end - start && same(bytes, start, name)) return entry - 1;
    slot = (slot + 1) & (SLOTS - 1);
  }
  return -1;
}

function same(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (LOWER[bytes[at + i] as number] !== name[i]) return false;
  return true;
}

/** Index of the first entry of the static table with this name, 0 = none. */
export const NAME_INDEX: Uint8Array = Uint8Array.from(names, ({ index }) => index);

/** `NAME_USE` of this name. */
export const NAME_USES: Uint8Array = Uint8Array.from(names, ({ use }) => use);
