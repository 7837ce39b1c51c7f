import { LayeredMap, mix32 } from '@meltemi/base';
import type { Resource } from './resource.ts';

/**
 * What a client says among `client_features` of its node when it can say what it has as digests (`meltemi.discovery.v1.Digest` tells how). A server that
 * can read them greets it; without that greeting, and on the first stream, the client says everything by name.
 */
export const DIGEST_FEATURE = 'io.meltemi.xds.digest';

/** Type of the request that carries digests, in place of versions by type, and of the greeting and the answer to it. */
export const DIGEST_TYPE_URL = 'type.googleapis.com/meltemi.discovery.v1.Digest';

/** What a client has of a type lies in so many heaps, by name. */
const HEAPS = 256;
/** Of each heap 64 bits, as hexadecimal digits. */
const HEAP_DIGITS = 16;
const LANES = 2;
const LANE_DIGITS = HEAP_DIGITS / LANES;

/** Names with versions; no version: asked for, and not there. */
export type Versioned = Iterable<readonly [name: string, version: string]>;

/** Which heaps of a type are not the same at both ends. */
export interface Unequal {
  /** Whether the name lies in one of them. */
  has(name: string): boolean;
  readonly size: number;
  /** As it is sent: a digit for each four of the heaps. */
  readonly text: string;
}

/** What is had of a type, as text: the same for the same names and versions, whatever their order. */
export function digestOf(versions: Versioned): string {
  return textOf(sumOf(versions));
}

/** The heaps in which two digests differ; undefined for one that is none. */
export function unequalHeaps(theirs: string, own: string): Unequal | undefined {
  if (!isDigest(theirs) || !isDigest(own)) return undefined;
  if (theirs === own) return NONE;
  const heaps: number[] = [];
  for (let heap = 0; heap < HEAPS; heap++) {
    const at = heap * HEAP_DIGITS;
    for (let digit = at; digit < at + HEAP_DIGITS; digit++) {
      if (theirs.charCodeAt(digit) === own.charCodeAt(digit)) continue;
      heaps.push(heap);
      break;
    }
  }
  return unequal(heaps);
}

/** Reads `Unequal.text`; undefined for what is none. */
export function readUnequal(text: string): Unequal | undefined {
  if (text.length !== HEAPS / 4 || !HEX.test(text)) return undefined;
  const heaps: number[] = [];
  for (let heap = 0; heap < HEAPS; heap++) if ((Number.parseInt(text[heap >> 2] ?? '0', 16) & (1 << (heap & 3))) !== 0) heaps.push(heap);
  return unequal(heaps);
}

/** All heaps: everything is said by name. */
export function allUnequal(): Unequal {
  return unequal(Array.from({ length: HEAPS }, (_, heap) => heap));
}

function unequal(heaps: readonly number[]): Unequal {
  const digits = Array.from({ length: HEAPS / 4 }, () => 0);
  for (const heap of heaps) digits[heap >> 2] = (digits[heap >> 2] ?? 0) | (1 << (heap & 3));
  const set = new Set(heaps);
  return { has: (name) => set.has(heapOf(name)), size: set.size, text: digits.map((digit) => digit.toString(16)).join('') };
}

const HEX = /^[0-9a-f]*$/;
const NONE = unequal([]);

function isDigest(text: string): boolean {
  return text.length === HEAPS * HEAP_DIGITS && HEX.test(text);
}

/** What lies in the heaps of a map that many clients get, made once for it. */
interface Heaps {
  readonly sum: Uint32Array;
  text: string | undefined;
  names: readonly (readonly string[])[] | undefined;
}

const known = new WeakMap<ReadonlyMap<string, Resource>, Heaps>();

function heapsOf(map: ReadonlyMap<string, Resource>): Heaps {
  let heaps = known.get(map);
  if (heaps === undefined) known.set(map, (heaps = { sum: sumOfMap(map), text: undefined, names: undefined }));
  return heaps;
}

function sumOfMap(map: ReadonlyMap<string, Resource>): Uint32Array {
  if (isApart(map)) return add(Uint32Array.from(heapsOf(map.below).sum), heapsOf(map.above).sum);
  return sumOf(versionsOf(map));
}

/** Two maps without a name in common. */
function isApart(map: ReadonlyMap<string, Resource>): map is LayeredMap<Resource> {
  return map instanceof LayeredMap && map.below.size + map.above.size === map.size;
}

function* versionsOf(map: ReadonlyMap<string, Resource>): Generator<readonly [string, string]> {
  for (const [name, { version }] of map) yield [name, version];
}

/** The digest of a client that has just this, and asks in vain for the names in `absent`. */
export function digestOfMap(map: ReadonlyMap<string, Resource>, absent: readonly string[]): string {
  const heaps = heapsOf(map);
  if (absent.length > 0) return textOf(add(sumOf(absent.map((name) => [name, ''] as const)), heaps.sum));
  return (heaps.text ??= isApart(map) ? textOfLayers(map) : textOf(heaps.sum));
}

/** What lies above is a client's own, and little: all else of its digest is that of what lies below. */
function textOfLayers({ below, above }: LayeredMap<Resource>): string {
  const text = digestOfMap(below, []);
  const [shared, own] = [heapsOf(below).sum, heapsOf(above).sum];
  let made = '';
  let end = 0;
  for (let lane = 0; lane < own.length; lane++) {
    if (own[lane] === 0) continue;
    made += text.slice(end, lane * LANE_DIGITS) + textOfLane(((shared[lane] ?? 0) + (own[lane] ?? 0)) >>> 0);
    end = (lane + 1) * LANE_DIGITS;
  }
  return made + text.slice(end);
}

/** The names of a map that lie in these heaps. */
export function namesIn(map: ReadonlyMap<string, Resource>, heaps: Unequal): readonly string[] {
  if (heaps.size === 0) return [];
  if (isApart(map)) return [...namesIn(map.below, heaps), ...namesIn(map.above, heaps)];
  const all = heapsOf(map);
  if (all.names === undefined) {
    const lists: string[][] = Array.from({ length: HEAPS }, () => []);
    for (const name of map.keys()) lists[heapOf(name)]?.push(name);
    all.names = lists;
  }
  return all.names.flatMap((names) => (names[0] !== undefined && heaps.has(names[0]) ? names : []));
}

/** Sums: so the digest of two parts is that of the whole, and no order counts. */
function sumOf(versions: Versioned): Uint32Array {
  const sum = new Uint32Array(HEAPS * LANES);
  for (const [name, version] of versions) {
    const state = hash(START, name);
    const heap = heapOfState(state) * LANES;
    const { a, b } = hash(hash(state, SEPARATOR), version);
    sum[heap] = (sum[heap] ?? 0) + mix32(a ^ (b >>> 7));
    sum[heap + 1] = (sum[heap + 1] ?? 0) + mix32(b + Math.imul(a, 0x9e3779b1));
  }
  return sum;
}

function add(sum: Uint32Array, other: Uint32Array): Uint32Array {
  for (let lane = 0; lane < sum.length; lane++) sum[lane] = (sum[lane] ?? 0) + (other[lane] ?? 0);
  return sum;
}

function textOf(sum: Uint32Array): string {
  let text = '';
  for (const lane of sum) text += textOfLane(lane);
  return text;
}

function textOfLane(lane: number): string {
  return lane.toString(16).padStart(LANE_DIGITS, '0');
}

interface State {
  readonly a: number;
  readonly b: number;
}

const START: State = { a: 0x9e3779b1, b: 0x85ebca6b };
const SEPARATOR = '\n';

/** Two lanes, by UTF-16 units; as `hashText` of base. */
function hash(from: State, text: string): State {
  let { a, b } = from;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b + unit, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return { a, b };
}

function heapOf(name: string): number {
  return heapOfState(hash(START, name));
}

function heapOfState({ a, b }: State): number {
  return mix32(a ^ b) % HEAPS;
}
