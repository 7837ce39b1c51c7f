import { MeshError, ProtoReader } from '@meltemi/base';
import { decodeDeltaResponse } from './messages.ts';
import type { Resource } from './resource.ts';
import { MAX_EXPANDED_BYTES, MAX_GROUP_BYTES } from './response-parts.ts';

/** The content of a zstd frame, which has at most `maxBytes`. Throws whatever it likes for one that is broken or larger. */
export type Decompress = (frame: Uint8Array, maxBytes: number) => Uint8Array;

/**
 * The resources of a delta response with those of compressed groups in their place. Throws MeshError `protobuf/malformed` for a group that cannot be read,
 * or makes more than any server has a reason to send: no more memory is taken than that.
 */
export function expand(resources: readonly Resource[], decompress: Decompress | undefined): readonly Resource[] {
  if (!resources.some(({ isCompressed }) => isCompressed)) return resources;
  let room = MAX_EXPANDED_BYTES;
  return resources.flatMap((resource) => {
    if (resource.isCompressed === undefined) return resource;
    if (decompress === undefined) throw malformed('came to a client that takes none');
    const { size, frame } = readGroup(resource.bytes);
    if (size > Math.min(room, MAX_GROUP_BYTES)) throw malformed(`has ${size} bytes`);
    room -= size;
    const inner = decodeDeltaResponse(contentOf(frame, size, decompress)).resources;
    if (inner.some(({ isCompressed }) => isCompressed)) throw malformed('has another one in it');
    return inner;
  });
}

function contentOf(frame: Uint8Array, size: number, decompress: Decompress): Uint8Array {
  let content: Uint8Array;
  try {
    content = decompress(frame, size);
  } catch (error) {
    throw malformed(`cannot be decompressed: ${MeshError.from(error, 'protobuf/malformed').message}`);
  }
  if (content.length !== size) throw malformed(`has ${content.length} bytes and not ${size}, as it says`);
  return content;
}

function readGroup(bytes: Uint8Array): { readonly size: number; readonly frame: Uint8Array } {
  const reader = new ProtoReader(bytes);
  let size = 0;
  let frame: Uint8Array = new Uint8Array(0);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 8) size = reader.uint32();
    else if (tag === 18) frame = reader.bytes();
    else reader.skip(tag);
  }
  return { size, frame };
}

function malformed(what: string): MeshError {
  return new MeshError('protobuf/malformed', `a compressed group of resources ${what}`);
}
