import { MeshError } from '@meltemi/base';
import { asciiBytes, concatBytes, hexText, latin1Text } from './bytes.ts';
import { OID, TAG } from './oids.ts';

/** One DER element: its tag, its content, and the whole of it, all views into the input. */
export interface DerItem {
  readonly tag: number;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly whole: Uint8Array<ArrayBuffer>;
}

/** A certificate or request larger than this is refused before it is read. */
const MAX_DER_BYTES = 32 * 1024;

function fault(what: string): MeshError {
  return new MeshError('pki/bad-der', `Not a certificate or request in DER: ${what}.`);
}

/** Writes tag, length and the joined parts. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = concatBytes(...parts);
  const n = content.length;
  const head = n < 0x80 ? [tag, n] : n < 0x100 ? [tag, 0x81, n] : [tag, 0x82, n >> 8, n & 255];
  return concatBytes(Uint8Array.from(head), content);
}

/** An object identifier from its hexadecimal content. */
export function oid(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return tlv(TAG.oid, Uint8Array.from(bytes));
}

/** Unsigned big-endian bytes as the content of a DER INTEGER: minimal, never negative. */
export function derIntegerBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const body = bytes.subarray(start);
  return ((body[0] ?? 0) & 0x80) === 0 ? body.slice() : concatBytes(Uint8Array.of(0), body);
}

/** Reads the element at `at`. Definite, minimal lengths and one-byte tags only (X.690 section 10.1). */
export function readItem(bytes: Uint8Array<ArrayBuffer>, at = 0): DerItem {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw fault('it ends too early');
  if ((tag & 0x1f) === 0x1f) throw fault('it has a tag of more than one byte');
  const { length, start } = first < 0x80 ? { length: first, start: at + 2 } : readLongLength(bytes, at + 1);
  const end = start + length;
  if (end > bytes.length) throw fault('it ends too early');
  return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) };
}

/** A length of one or two bytes behind the byte at `at` that says how many. */
function readLongLength(bytes: Uint8Array, at: number): { length: number; start: number } {
  const count = (bytes[at] ?? 0) & 0x7f;
  if (count === 0 || count > 2) throw fault('it has a length that is indefinite or too large');
  let length = 0;
  for (let i = 1; i <= count; i++) length = length * 256 + (bytes[at + i] ?? 0);
  if (length < (count === 1 ? 0x80 : 0x100)) throw fault('it has a length that is not minimal');
  return { length, start: at + 1 + count };
}

/** All elements that fill `bytes`, at most `limit`. */
export function readItems(bytes: Uint8Array<ArrayBuffer>, limit = 64): DerItem[] {
  const items: DerItem[] = [];
  for (let at = 0; at < bytes.length;) {
    if (items.length === limit) throw fault('it has too many parts');
    const item = readItem(bytes, at);
    items.push(item);
    at += item.whole.length;
  }
  return items;
}

/** The parts of a DER SEQUENCE that is exactly `bytes`, exactly `count` of them when given. */
export function readSequence(bytes: Uint8Array<ArrayBuffer>, count?: number): DerItem[] {
  if (bytes.length > MAX_DER_BYTES) throw fault(`it has ${bytes.length} bytes, more than ${MAX_DER_BYTES}`);
  const item = expectTag(readItem(bytes), TAG.sequence);
  if (item.whole.length !== bytes.length) throw fault('bytes follow its end');
  const items = readItems(item.content);
  if (count !== undefined && items.length !== count) throw fault(`a part has ${items.length} parts instead of ${count}`);
  return items;
}

/** The item itself if it has this tag. */
export function expectTag(item: DerItem | undefined, tag: number): DerItem {
  if (item?.tag !== tag) throw fault(`a part has tag ${item?.tag ?? 'none'} instead of ${tag}`);
  return item;
}

/** Content bytes of an INTEGER. */
export function readInteger(item: DerItem | undefined): Uint8Array<ArrayBuffer> {
  const { content } = expectTag(item, TAG.integer);
  if (content.length === 0) throw fault('a number is empty');
  return content;
}

/** Hexadecimal content of an OBJECT IDENTIFIER, comparable with `OID`. */
export function readOid(item: DerItem | undefined): string {
  return hexText(expectTag(item, TAG.oid).content);
}

/** Bytes of a BIT STRING without unused bits. */
export function readBitString(item: DerItem | undefined): Uint8Array<ArrayBuffer> {
  const { content } = expectTag(item, TAG.bitString);
  if (content[0] !== 0) throw fault('a bit string has unused bits');
  return content.subarray(1);
}

/** Refuses any signature algorithm but ECDSA with SHA-256. */
export function expectEcdsaSha256(item: DerItem | undefined): void {
  const parts = readItems(expectTag(item, TAG.sequence).content);
  if (parts.length !== 1 || readOid(parts[0]) !== OID.ecdsaWithSha256) throw fault('it is not signed with ECDSA and SHA-256');
}

const DAY_SECONDS = 86_400;

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5), from milliseconds since the epoch, cut to seconds. */
export function derTime(epochMs: number): Uint8Array<ArrayBuffer> {
  const seconds = Math.floor(epochMs / 1000);
  const days = Math.floor(seconds / DAY_SECONDS);
  const rest = seconds - days * DAY_SECONDS;
  const { year, month, day } = civilFromDays(days);
  const two = (value: number): string => String(value).padStart(2, '0');
  const tail = `${two(month)}${two(day)}${two(Math.floor(rest / 3600))}${two(Math.floor(rest / 60) % 60)}${two(rest % 60)}Z`;
  const short = year >= 1950 && year < 2050;
  return tlv(
    short ? TAG.utcTime : TAG.generalizedTime,
    asciiBytes(short ? two(year % 100) + tail : String(year).padStart(4, '0') + tail) ?? new Uint8Array(),
  );
}

const TIME_FORMS: Readonly<Record<number, RegExp>> = {
  [TAG.utcTime]: /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
  [TAG.generalizedTime]: /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
};

/** Milliseconds since the epoch of a UTCTime or GeneralizedTime in RFC 5280's spelling. */
export function readTime(item: DerItem | undefined): number {
  const digits = item === undefined ? undefined : TIME_FORMS[item.tag]?.exec(latin1Text(item.content))?.slice(1).map(Number);
  if (item === undefined || digits === undefined) throw fault('a time is not in the form that RFC 5280 asks');
  const [year, month, day, hour, minute, second] = digits as [number, number, number, number, number, number];
  const ranges = [
    [month, 1, 12],
    [day, 1, 31],
    [hour, 0, 23],
    [minute, 0, 59],
    [second, 0, 59],
  ] as const;
  if (ranges.some(([value, least, most]) => value < least || value > most)) throw fault('a time does not exist');
  const fullYear = item.tag === TAG.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  return ((daysFromCivil(fullYear, month, day) * 24 + hour) * 3600 + minute * 60 + second) * 1000;
}

// The proleptic Gregorian calendar counted in eras of 400 years that start in March, so that the leap day comes last.
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthShifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthShifted + 2) / 5) + 1;
  const month = monthShifted < 10 ? monthShifted + 3 : monthShifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
