/**
 * The four discovery messages on the wire (envoy/service/discovery/v3/discovery.proto), written by hand over the protobuf primitives: a
 * resource's entry is encoded once and shared by every response that carries it, and a response is a list of parts that nobody joins.
 */
import { ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import type { Status } from '@meltemi/protos-types';
import type { DeltaRequest, DeltaResponse, SotwRequest, SotwResponse } from './messages.ts';
import type { Resource } from './resource.ts';

const LEN = WireType.bytes;

const deltaEntries = new WeakMap<Resource, Map<string, Uint8Array>>();
const sotwEntries = new WeakMap<Resource, Map<string, Uint8Array>>();

/** A DeltaDiscoveryResponse as parts: head, one part per resource, tail. */
export function encodeDeltaResponse(response: DeltaResponse): readonly Uint8Array[] {
  const head = new ProtoWriter().tag(1, LEN).string(response.systemVersion).tag(4, LEN).string(response.typeUrl).take();
  const tail = new ProtoWriter().tag(5, LEN).string(response.nonce);
  for (const name of response.removed) tail.tag(6, LEN).string(name);
  return [head, ...response.resources.map((resource) => entry(deltaEntries, resource, response.typeUrl, deltaEntry)), tail.take()];
}

/** A DiscoveryResponse as parts. */
export function encodeSotwResponse(response: SotwResponse): readonly Uint8Array[] {
  const head = new ProtoWriter().tag(1, LEN).string(response.version).tag(4, LEN).string(response.typeUrl).take();
  const tail = new ProtoWriter().tag(5, LEN).string(response.nonce).take();
  return [head, ...response.resources.map((resource) => entry(sotwEntries, resource, response.typeUrl, sotwEntry)), tail];
}

function entry(cache: WeakMap<Resource, Map<string, Uint8Array>>, resource: Resource, typeUrl: string, make: (resource: Resource, typeUrl: string) => Uint8Array): Uint8Array {
  let byType = cache.get(resource);
  if (byType === undefined) cache.set(resource, (byType = new Map()));
  let bytes = byType.get(typeUrl);
  if (bytes === undefined) byType.set(typeUrl, (bytes = make(resource, typeUrl)));
  return bytes;
}

function deltaEntry(resource: Resource, typeUrl: string): Uint8Array {
  const writer = new ProtoWriter(resource.bytes.length + 256).tag(2, LEN);
  const mark = writer.begin();
  writer.tag(1, LEN).string(resource.version).tag(2, LEN);
  any(writer, resource, typeUrl);
  return writer.tag(3, LEN).string(resource.name).finish(mark).take();
}

function sotwEntry(resource: Resource, typeUrl: string): Uint8Array {
  const writer = new ProtoWriter(resource.bytes.length + 256).tag(2, LEN);
  any(writer, resource, typeUrl);
  return writer.take();
}

function any(writer: ProtoWriter, resource: Resource, typeUrl: string): void {
  const mark = writer.begin();
  writer.tag(1, LEN).string(typeUrl).tag(2, LEN).bytes(resource.bytes).finish(mark);
}

/** A DeltaDiscoveryRequest. */
export function encodeDeltaRequest(request: DeltaRequest): Uint8Array {
  const writer = new ProtoWriter();
  if (request.node !== undefined) writer.tag(1, LEN).bytes(request.node);
  writer.tag(2, LEN).string(request.typeUrl);
  for (const name of request.subscribe) writer.tag(3, LEN).string(name);
  for (const name of request.unsubscribe) writer.tag(4, LEN).string(name);
  for (const [name, version] of request.initialVersions) {
    const mark = writer.tag(5, LEN).begin();
    writer.tag(1, LEN).string(name).tag(2, LEN).string(version).finish(mark);
  }
  if (request.nonce !== '') writer.tag(6, LEN).string(request.nonce);
  if (request.error !== undefined) writeStatus(writer.tag(7, LEN), request.error);
  return writer.take();
}

function writeStatus(writer: ProtoWriter, status: Status): void {
  const mark = writer.begin();
  writer.tag(1, WireType.varint).int32(status.code ?? 0).tag(2, LEN).string(status.message ?? '').finish(mark);
}

/** Reads a DeltaDiscoveryRequest; throws MeshError `protobuf/malformed`. */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const reader = new ProtoReader(bytes);
  const subscribe: string[] = [];
  const unsubscribe: string[] = [];
  const initialVersions = new Map<string, string>();
  let [node, typeUrl, nonce, error]: [Uint8Array | undefined, string, string, Status | undefined] = [undefined, '', '', undefined];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | LEN)) node = reader.bytes().slice();
    else if (tag === ((2 << 3) | LEN)) typeUrl = reader.string();
    else if (tag === ((3 << 3) | LEN)) subscribe.push(reader.string());
    else if (tag === ((4 << 3) | LEN)) unsubscribe.push(reader.string());
    else if (tag === ((5 << 3) | LEN)) readPair(reader.message(), initialVersions);
    else if (tag === ((6 << 3) | LEN)) nonce = reader.string();
    else if (tag === ((7 << 3) | LEN)) error = readStatus(reader.message());
    else reader.skip(tag);
  }
  return { typeUrl, subscribe, unsubscribe, initialVersions, nonce, ...(node === undefined ? {} : { node }), ...(error === undefined ? {} : { error }) };
}

function readPair(reader: ProtoReader, into: Map<string, string>): void {
  let [key, value] = ['', ''];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | LEN)) key = reader.string();
    else if (tag === ((2 << 3) | LEN)) value = reader.string();
    else reader.skip(tag);
  }
  into.set(key, value);
}

function readStatus(reader: ProtoReader): Status {
  let [code, message] = [0, ''];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === (1 << 3)) code = reader.int32();
    else if (tag === ((2 << 3) | LEN)) message = reader.string();
    else reader.skip(tag);
  }
  return { code, message };
}

/** Reads a DeltaDiscoveryResponse; throws MeshError `protobuf/malformed`. Resource bytes are copies. */
export function decodeDeltaResponse(bytes: Uint8Array): DeltaResponse {
  const reader = new ProtoReader(bytes);
  const resources: Resource[] = [];
  const removed: string[] = [];
  let [typeUrl, nonce, systemVersion] = ['', '', ''];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | LEN)) systemVersion = reader.string();
    else if (tag === ((2 << 3) | LEN)) resources.push(readDeltaEntry(reader.message()));
    else if (tag === ((4 << 3) | LEN)) typeUrl = reader.string();
    else if (tag === ((5 << 3) | LEN)) nonce = reader.string();
    else if (tag === ((6 << 3) | LEN)) removed.push(reader.string());
    else reader.skip(tag);
  }
  return { typeUrl, nonce, systemVersion, resources, removed };
}

function readDeltaEntry(reader: ProtoReader): Resource {
  let [name, version, bytes]: [string, string, Uint8Array] = ['', '', new Uint8Array()];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | LEN)) version = reader.string();
    else if (tag === ((2 << 3) | LEN)) bytes = readAnyValue(reader.message());
    else if (tag === ((3 << 3) | LEN)) name = reader.string();
    else reader.skip(tag);
  }
  return { name, version, bytes };
}

function readAnyValue(reader: ProtoReader): Uint8Array {
  let value: Uint8Array = new Uint8Array();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((2 << 3) | LEN)) value = reader.bytes().slice();
    else reader.skip(tag);
  }
  return value;
}

/** Reads a DiscoveryRequest; throws MeshError `protobuf/malformed`. */
export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const reader = new ProtoReader(bytes);
  const names: string[] = [];
  let [node, typeUrl, nonce, version, error]: [Uint8Array | undefined, string, string, string, Status | undefined] = [undefined, '', '', '', undefined];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | LEN)) version = reader.string();
    else if (tag === ((2 << 3) | LEN)) node = reader.bytes().slice();
    else if (tag === ((3 << 3) | LEN)) names.push(reader.string());
    else if (tag === ((4 << 3) | LEN)) typeUrl = reader.string();
    else if (tag === ((5 << 3) | LEN)) nonce = reader.string();
    else if (tag === ((6 << 3) | LEN)) error = readStatus(reader.message());
    else reader.skip(tag);
  }
  return { typeUrl, names, version, nonce, ...(node === undefined ? {} : { node }), ...(error === undefined ? {} : { error }) };
}
