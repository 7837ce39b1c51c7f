import { ProtoWriter, WireType } from '@meltemi/base';
import { concat, deltaEntry, standAloneEntry, type Resource } from './resource.ts';

/**
 * What a client says among `client_features` of its node when it takes resources of a delta response compressed (zstd, RFC 8878). Agents do, where their
 * runtime has it; Envoy and others get them as they are.
 */
export const ZSTD_FEATURE = 'io.meltemi.xds.zstd';

/** Stands for several resources in the Any of one: `meltemi.discovery.v1.Compressed`. */
const COMPRESSED_TYPE_URL = 'type.googleapis.com/meltemi.discovery.v1.Compressed';

/** Makes one zstd frame of bytes. */
export type Compress = (bytes: Uint8Array) => Uint8Array;

/** What a group, and all groups of one response, may have: what a client believes is bounded, whatever a server says. */
export const MAX_GROUP_BYTES = 8 << 20;
export const MAX_EXPANDED_BYTES = 64 << 20;

/** Smaller ones are sent as they are. */
const MIN_BYTES = 4_096;
/** Resources are put together up to this size. */
const GROUP_BYTES = 256 * 1024;
/** Half for what a response shares with others, half for what is its own. */
const BUDGET_BYTES = MAX_EXPANDED_BYTES / 2;

/** Whether an Any carries a group. */
export function isCompressedUrl(typeUrl: string): boolean {
  return typeUrl === COMPRESSED_TYPE_URL;
}

/** What is made once for a list or a resource, and goes with it. */
class Cache<Key extends object> {
  readonly #made = new WeakMap<Key, { readonly typeUrl: string; readonly parts: readonly Uint8Array[] }>();

  get(typeUrl: string, key: Key, make: () => readonly Uint8Array[]): readonly Uint8Array[] {
    let known = this.#made.get(key);
    if (known?.typeUrl !== typeUrl) this.#made.set(key, (known = { typeUrl, parts: make() }));
    return known.parts;
  }
}

const plainLists = new Cache<readonly Resource[]>();
const compressedLists = new Cache<readonly Resource[]>();
const compressedResources = new Cache<Resource>();

/** A list of resources that many responses carry, as these do. */
export function listParts(typeUrl: string, list: readonly Resource[], compress: Compress | undefined): readonly Uint8Array[] {
  if (compress !== undefined) return compressedLists.get(typeUrl, list, () => joinSmall(grouped(typeUrl, list, compress)));
  return plainLists.get(typeUrl, list, () => joinSmall(list.flatMap((resource) => deltaEntry(typeUrl, resource))));
}

/** Resources of one response alone; only large ones are compressed, once for all responses that they stand in. */
export function ownParts(typeUrl: string, resources: readonly Resource[], compress: Compress | undefined): readonly Uint8Array[] {
  if (compress === undefined) return resources.flatMap((resource) => deltaEntry(typeUrl, resource));
  let room = BUDGET_BYTES;
  return resources.flatMap((resource) => {
    const entry = deltaEntry(typeUrl, resource);
    const size = sizeOf(entry);
    if (size < MIN_BYTES || size > Math.min(room, MAX_GROUP_BYTES)) return entry;
    room -= size;
    return compressedResources.get(typeUrl, resource, () => group(entry, size, compress));
  });
}

function grouped(typeUrl: string, list: readonly Resource[], compress: Compress): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  let room = BUDGET_BYTES;
  let run: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    if (size > 0) parts.push(...group(run, size, compress));
    run = [];
    size = 0;
  };
  for (const resource of list) {
    const entry = deltaEntry(typeUrl, resource);
    const more = sizeOf(entry);
    if (more > Math.min(room, MAX_GROUP_BYTES)) {
      parts.push(...entry);
      continue;
    }
    if (size + more > GROUP_BYTES) flush();
    room -= more;
    run.push(...entry);
    size += more;
  }
  flush();
  return parts;
}

/** The entry of a group; what gains nothing by it is left as it is. */
function group(entries: readonly Uint8Array[], size: number, compress: Compress): readonly Uint8Array[] {
  if (size < MIN_BYTES) return entries;
  const frame = compress(concat(entries, size));
  if (frame.length * 2 > size) return entries;
  const message = new ProtoWriter(frame.length + 20).tag(1, WireType.varint).uint32(size).tag(2, WireType.bytes).bytes(frame).take();
  return standAloneEntry(COMPRESSED_TYPE_URL, message);
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

const SMALL_BYTES = 4096;
const JOINED_BYTES = 64 * 1024;

/** Joins runs of small parts: a thousand tiny writes cost more than copying them. */
export function joinSmall(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const result: Uint8Array[] = [];
  let run: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    if (run.length === 1) result.push(run[0]!);
    else if (run.length > 1) result.push(concat(run, size));
    run = [];
    size = 0;
  };
  for (const part of parts) {
    if (part.length > SMALL_BYTES || size + part.length > JOINED_BYTES) flush();
    if (part.length > SMALL_BYTES) result.push(part);
    else {
      run.push(part);
      size += part.length;
    }
  }
  flush();
  return result;
}
