import { MeshError, ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import { contentOf, createEntry, sizeOfContent, type Resource } from './resource.ts';

/**
 * What a client says among `client_features` of its node when it takes a patch for a resource whose last version it has. Agents do; Envoy and others
 * get whole resources.
 */
export const PATCH_FEATURE = 'io.meltemi.xds.patch';

/** Stands for a resource in its Any: `meltemi.discovery.v1.Patch`. */
const PATCH_TYPE_URL = 'type.googleapis.com/meltemi.discovery.v1.Patch';

/** Smaller resources are sent as they are. */
const MIN_BYTES = 2_048;
/** What a piece costs beside its data, about. */
const PIECE_BYTES = 12;

/** A range of the older content, or new bytes. */
type Piece = { readonly from: number; readonly size: number } | { readonly data: Uint8Array };

const made = new WeakMap<Resource, WeakMap<Resource, Resource>>();

/**
 * The resource as it is sent to a client that has `base`, an older version of it: as a patch, where that is much smaller. Made once for all clients that
 * have the same. Both must have been made for sharing; others are returned as they are.
 */
export function patched(typeUrl: string, resource: Resource, base: Resource | undefined): Resource {
  if (base === undefined) return resource;
  const size = sizeOfContent(typeUrl, resource);
  if (size < MIN_BYTES || sizeOfContent(typeUrl, base) === 0) return resource;
  let byBase = made.get(resource);
  if (byBase === undefined) made.set(resource, (byBase = new WeakMap()));
  let result = byBase.get(base);
  if (result === undefined) byBase.set(base, (result = makePatch(typeUrl, resource, base, size)));
  return result;
}

function makePatch(typeUrl: string, resource: Resource, base: Resource, size: number): Resource {
  const pieces = joinRanges(differenceOf(contentOf(typeUrl, base), contentOf(typeUrl, resource)));
  const cost = pieces.reduce((sum, piece) => sum + PIECE_BYTES + ('data' in piece ? piece.data.length : 0), 0);
  // What says the same thing again and again is not for patches: none makes more than it is made of, which bounds what a client has to believe.
  if (cost * 2 > size || size > sizeOfContent(typeUrl, base) + cost) return resource;
  const { name, version } = resource;
  const patch: Resource = {
    name,
    version,
    get bytes() {
      return resource.bytes;
    },
  };
  createEntry(patch, typeUrl, [encodePatch(base.version, pieces)], PATCH_TYPE_URL);
  return patch;
}

function encodePatch(base: string, pieces: readonly Piece[]): Uint8Array {
  const writer = new ProtoWriter().tag(1, WireType.bytes).string(base);
  for (const piece of pieces) {
    const mark = writer.tag(2, WireType.bytes).begin();
    if ('data' in piece) writer.tag(3, WireType.bytes).bytes(piece.data);
    else writer.tag(1, WireType.varint).uint32(piece.from).tag(2, WireType.varint).uint32(piece.size);
    writer.finish(mark);
  }
  return writer.take();
}

/** Parts that both have are ranges; of one that took another's place, what they begin and end with. */
function differenceOf(base: readonly Uint8Array[], next: readonly Uint8Array[]): readonly Piece[] {
  const starts = new Map<Uint8Array, { readonly at: number; readonly index: number }>();
  const offsets: number[] = [];
  let at = 0;
  for (const [index, part] of base.entries()) {
    starts.set(part, { at, index });
    offsets.push(at);
    at += part.length;
  }
  const kept = new Set(next);
  const pieces: Piece[] = [];
  let place = 0;
  for (const part of next) {
    const known = starts.get(part);
    if (known !== undefined) {
      pieces.push({ from: known.at, size: part.length });
      place = known.index + 1;
      continue;
    }
    const older = base[place];
    if (older === undefined || kept.has(older)) pieces.push({ data: part });
    else pieces.push(...changeOf(older, part, offsets[place++] ?? 0));
  }
  return pieces;
}

function changeOf(base: Uint8Array, next: Uint8Array, offset: number): readonly Piece[] {
  const { begin, end } = commonEnds(base, next);
  return [{ from: offset, size: begin }, { data: next.subarray(begin, next.length - end) }, { from: offset + base.length - end, size: end }];
}

/** How many bytes two parts begin with alike, and end with. */
interface CommonEnds {
  readonly begin: number;
  readonly end: number;
}

/** By the earlier part and the later one; neither holds the other. The same two stand in the tables of most namespaces. */
const commonOf = new WeakMap<Uint8Array, WeakMap<Uint8Array, CommonEnds>>();

function commonEnds(base: Uint8Array, next: Uint8Array): CommonEnds {
  let byNext = commonOf.get(base);
  if (byNext === undefined) commonOf.set(base, (byNext = new WeakMap()));
  let found = byNext.get(next);
  if (found === undefined) {
    const begin = commonStart(base, next);
    byNext.set(next, (found = { begin, end: commonEnd(base.subarray(begin), next.subarray(begin)) }));
  }
  return found;
}

/** Parts are tens of kilobytes that differ in some bytes: they are compared by words, and the word that differs by bytes. */
const WORD = 4;

function commonStart(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  const [x, y] = [wordsOf(a), wordsOf(b)];
  let at = 0;
  while (at + WORD <= shorter && x.getInt32(at) === y.getInt32(at)) at += WORD;
  while (at < shorter && a[at] === b[at]) at++;
  return at;
}

function commonEnd(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  const [x, y] = [wordsOf(a), wordsOf(b)];
  let at = 0;
  while (at + WORD <= shorter && x.getInt32(a.length - at - WORD) === y.getInt32(b.length - at - WORD)) at += WORD;
  while (at < shorter && a[a.length - 1 - at] === b[b.length - 1 - at]) at++;
  return at;
}

function wordsOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Ranges that follow one another become one; empty pieces go. */
function joinRanges(pieces: readonly Piece[]): readonly Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if ('data' in piece) {
      if (piece.data.length > 0) joined.push(piece);
    } else if (last !== undefined && 'from' in last && last.from + last.size === piece.from)
      joined[joined.length - 1] = { from: last.from, size: last.size + piece.size };
    else if (piece.size > 0) joined.push(piece);
  }
  return joined;
}

/** Whether an Any carries a patch. */
export function isPatchUrl(typeUrl: string): boolean {
  return typeUrl === PATCH_TYPE_URL;
}

/**
 * The content that a patch makes; `baseOf` gives the content of the version that it is for, if that is there: else undefined. Throws MeshError
 * `protobuf/malformed` for one that does not fit.
 */
export function applyPatch(patch: Uint8Array, baseOf: (version: string) => Uint8Array | undefined): Uint8Array | undefined {
  const { version, pieces } = decodePatch(patch);
  const base = baseOf(version);
  if (base === undefined) return undefined;
  const size = pieces.reduce((sum, piece) => sum + ('data' in piece ? piece.data.length : piece.size), 0);
  if (size > base.length + patch.length) throw malformed('is larger than what it is made of');
  const content = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    if (!('data' in piece) && piece.from + piece.size > base.length) throw malformed(`speaks of bytes behind the ${base.length} that there are`);
    const part = 'data' in piece ? piece.data : base.subarray(piece.from, piece.from + piece.size);
    content.set(part, at);
    at += part.length;
  }
  return content;
}

function decodePatch(patch: Uint8Array): { readonly version: string; readonly pieces: readonly Piece[] } {
  const reader = new ProtoReader(patch);
  const pieces: Piece[] = [];
  let version = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 10) version = reader.string();
    else if (tag === 18) pieces.push(decodePiece(reader.message()));
    else reader.skip(tag);
  }
  return { version, pieces };
}

function decodePiece(reader: ProtoReader): Piece {
  let [from, size] = [0, 0];
  let data: Uint8Array | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 8) from = reader.uint32();
    else if (tag === 16) size = reader.uint32();
    else if (tag === 26) data = reader.bytes();
    else reader.skip(tag);
  }
  return data === undefined ? { from, size } : { data };
}

function malformed(what: string): MeshError {
  return new MeshError('protobuf/malformed', `a patch of a resource ${what}`);
}
