import { MeshError, ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import type { Status } from '@meltemi/protos-types';
import { isPatchUrl } from './patch.ts';
import { sotwEntry, type Resource } from './resource.ts';
import { createRequestMemory, type RequestMemory, type Rest } from './request-memory.ts';
import { isCompressedUrl, joinSmall, listParts, ownParts, type Compress } from './response-parts.ts';
import type { TextMemory } from './text-memory.ts';

/** DeltaDiscoveryRequest; `node` is the encoded `envoy.config.core.v3.Node`, present in the first request of a stream only. */
export interface DeltaRequest {
  readonly node?: Uint8Array;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: ReadonlyMap<string, string>;
  /** Empty in a request that answers nothing. */
  readonly nonce: string;
  /** Present: a NACK. */
  readonly error?: Status;
}

/** DeltaDiscoveryResponse. */
export interface DeltaResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly systemVersion: string;
  readonly resources: readonly Resource[];
  /** More resources: a list that many responses carry, which is put together once. */
  readonly shared?: readonly Resource[];
  readonly removed: readonly string[];
}

/** DiscoveryRequest. */
export interface SotwRequest {
  readonly node?: Uint8Array;
  readonly typeUrl: string;
  readonly names: readonly string[];
  readonly version: string;
  readonly nonce: string;
  readonly error?: Status;
}

/** DiscoveryResponse. */
export interface SotwResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  readonly resources: readonly Resource[];
}

/**
 * Encodes a delta response as parts of one message: the resources' shared bytes are not copied while they are large. `compress` is for a client that takes
 * compressed ones (`ZSTD_FEATURE`).
 */
export function encodeDeltaResponse(response: DeltaResponse, compress?: Compress): readonly Uint8Array[] {
  const head = new ProtoWriter();
  writeText(head, 1, response.systemVersion);
  writeText(head, 4, response.typeUrl);
  writeText(head, 5, response.nonce);
  for (const name of response.removed) head.tag(6, WireType.bytes).string(name);
  const own = joinSmall([head.take(), ...ownParts(response.typeUrl, response.resources, compress)]);
  return response.shared === undefined || response.shared.length === 0 ? own : [...own, ...listParts(response.typeUrl, response.shared, compress)];
}

/** Encodes a state-of-the-world response, likewise. */
export function encodeSotwResponse(response: SotwResponse): readonly Uint8Array[] {
  const head = new ProtoWriter();
  writeText(head, 1, response.version);
  writeText(head, 4, response.typeUrl);
  writeText(head, 5, response.nonce);
  return joinSmall([head.take(), ...response.resources.flatMap((resource) => sotwEntry(response.typeUrl, resource))]);
}

/** Encodes a delta request. */
export function encodeDeltaRequest(request: DeltaRequest): Uint8Array {
  const writer = new ProtoWriter();
  if (request.node !== undefined) writer.tag(1, WireType.bytes).bytes(request.node);
  writeText(writer, 2, request.typeUrl);
  for (const name of request.subscribe) writer.tag(3, WireType.bytes).string(name);
  for (const name of request.unsubscribe) writer.tag(4, WireType.bytes).string(name);
  for (const [name, version] of request.initialVersions) {
    const mark = writer.tag(5, WireType.bytes).begin();
    writer.tag(1, WireType.bytes).string(name).tag(2, WireType.bytes).string(version).finish(mark);
  }
  writeText(writer, 6, request.nonce);
  writeStatus(writer, 7, request.error);
  return writer.take();
}

/** Encodes a state-of-the-world request. */
export function encodeSotwRequest(request: SotwRequest): Uint8Array {
  const writer = new ProtoWriter();
  writeText(writer, 1, request.version);
  if (request.node !== undefined) writer.tag(2, WireType.bytes).bytes(request.node);
  for (const name of request.names) writer.tag(3, WireType.bytes).string(name);
  writeText(writer, 4, request.typeUrl);
  writeText(writer, 5, request.nonce);
  writeStatus(writer, 6, request.error);
  return writer.take();
}

/** Decodes a delta request; with a memory, what earlier ones had too is not made again: nobody may change it. Throws MeshError `protobuf/malformed`. */
export function decodeDeltaRequest(bytes: Uint8Array, memory: RequestMemory = createRequestMemory()): DeltaRequest {
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  const found: Found = { typeUrl: '', nonce: '' };
  const { texts } = memory;
  let known: Rest | undefined;
  let rest: { readonly bytes: Uint8Array; readonly node: Uint8Array | undefined } | undefined;
  /** Nothing but the node was read: all else stands behind. */
  const isFirst = (): boolean => found.typeUrl === '' && found.nonce === '' && subscribe.length + unsubscribe.length + initialVersions.size === 0;
  readFields(bytes, {
    1: (reader) => (found.node = reader.bytes()),
    2(reader) {
      const first = isFirst() && found.error === undefined;
      found.typeUrl = reader.string();
      texts.begin(found.typeUrl);
      if (!first) return;
      rest = { bytes: bytes.subarray(reader.position), node: found.node };
      known = memory.recall(found.typeUrl, rest.bytes);
      if (known !== undefined) reader.position = reader.end;
    },
    3: (reader) => subscribe.push(texts.read(reader)),
    4: (reader) => unsubscribe.push(reader.string()),
    5: (reader) => readVersion(reader, texts, initialVersions),
    6: (reader) => (found.nonce = reader.string()),
    7: (reader) => (found.error = readStatus(reader.message())),
  });
  const { node, ...others } = found;
  const read = known ?? { ...others, subscribe, unsubscribe, initialVersions };
  if (known === undefined && rest !== undefined && rest.node === node) memory.keep(found.typeUrl, rest.bytes, read);
  return node === undefined ? read : { ...read, node };
}

/** The encoded node of a request, which stands in the first one of a stream; nothing else of it is read. Throws MeshError `protobuf/malformed`. */
export function nodeOfRequest(protocol: 'delta' | 'sotw', bytes: Uint8Array): Uint8Array | undefined {
  const reader = new ProtoReader(bytes);
  const wanted = ((protocol === 'delta' ? 1 : 2) << 3) | WireType.bytes;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === wanted) return reader.bytes();
    reader.skip(tag);
  }
  return undefined;
}

/** An entry of `initial_resource_versions`, read in place: a client that comes back has thousands. */
function readVersion(reader: ProtoReader, memory: TextMemory, versions: Map<string, string>): void {
  const size = reader.uint32();
  const end = reader.position + size;
  let name = '';
  let version = '';
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === NAME_TAG) name = memory.read(reader);
    else if (tag === VERSION_TAG) version = memory.read(reader);
    else reader.skip(tag);
  }
  if (reader.position !== end) throw new MeshError('protobuf/malformed', 'an entry of initial_resource_versions ends where another value does not');
  versions.set(name, version);
}

const NAME_TAG = (1 << 3) | WireType.bytes;
const VERSION_TAG = (2 << 3) | WireType.bytes;

/** Decodes a state-of-the-world request. Throws MeshError `protobuf/malformed`. */
export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const names: string[] = [];
  const found: Found = { typeUrl: '', nonce: '' };
  let version = '';
  readFields(bytes, {
    1: (reader) => (version = reader.string()),
    2: (reader) => (found.node = reader.bytes()),
    3: (reader) => names.push(reader.string()),
    4: (reader) => (found.typeUrl = reader.string()),
    5: (reader) => (found.nonce = reader.string()),
    6: (reader) => (found.error = readStatus(reader.message())),
  });
  return { ...found, names, version };
}

/** Decodes a delta response; the resources' bytes are views. Throws MeshError `protobuf/malformed`. */
export function decodeDeltaResponse(bytes: Uint8Array): DeltaResponse {
  const resources: Resource[] = [];
  const removed: string[] = [];
  const texts = { systemVersion: '', typeUrl: '', nonce: '' };
  readFields(bytes, {
    1: (reader) => (texts.systemVersion = reader.string()),
    2: (reader) => resources.push(readResource(reader.message())),
    4: (reader) => (texts.typeUrl = reader.string()),
    5: (reader) => (texts.nonce = reader.string()),
    6: (reader) => removed.push(reader.string()),
  });
  return { ...texts, resources, removed };
}

interface Found {
  typeUrl: string;
  nonce: string;
  node?: Uint8Array;
  error?: Status;
}

/** Every field that these messages have is length-delimited; all others are newer than we are. */
function readFields(bytes: Uint8Array, fields: Readonly<Record<number, (reader: ProtoReader) => unknown>>): void {
  const reader = new ProtoReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const read = (tag & 7) === WireType.bytes ? fields[tag >>> 3] : undefined;
    if (read === undefined) reader.skip(tag);
    else read(reader);
  }
}

function readStatus(reader: ProtoReader): Status {
  let code = 0;
  let message = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 8) code = reader.int32();
    else if (tag === 18) message = reader.string();
    else reader.skip(tag);
  }
  return { code, message };
}

function readResource(reader: ProtoReader): Resource {
  let name = '';
  let version = '';
  let any: Any = { bytes: NO_BYTES };
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 10) version = reader.string();
    else if (tag === 18) any = readAny(reader.message());
    else if (tag === 26) name = reader.string();
    else reader.skip(tag);
  }
  return { name, version, ...any };
}

type Any = Pick<Resource, 'bytes' | 'isPatch' | 'isCompressed'>;

const NO_BYTES: Uint8Array = new Uint8Array(0);

function readAny(reader: ProtoReader): Any {
  let bytes = NO_BYTES;
  let typeUrl = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 10) typeUrl = reader.string();
    else if (tag === 18) bytes = reader.bytes();
    else reader.skip(tag);
  }
  if (isPatchUrl(typeUrl)) return { bytes, isPatch: true };
  return isCompressedUrl(typeUrl) ? { bytes, isCompressed: true } : { bytes };
}

function writeText(writer: ProtoWriter, field: number, text: string): void {
  if (text !== '') writer.tag(field, WireType.bytes).string(text);
}

function writeStatus(writer: ProtoWriter, field: number, status: Status | undefined): void {
  if (status === undefined) return;
  const mark = writer.tag(field, WireType.bytes).begin();
  if (status.code !== undefined && status.code !== 0) writer.tag(1, WireType.varint).int32(status.code);
  if (status.message !== undefined) writeText(writer, 2, status.message);
  writer.finish(mark);
}
