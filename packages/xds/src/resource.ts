import { hashBytes, ProtoWriter, varintSize, utf8Length, WireType } from '@meltemi/base';

/** One xDS resource, encoded once and shared by all clients that get it. */
export interface Resource {
  readonly name: string;
  /** A hash of the content: equal in every replica of the control plane, so a reconnect re-sends nothing that is known. */
  readonly version: string;
  /** The encoded message: `value` of its Any. Never changed after creation. */
  readonly bytes: Uint8Array;
  /** For a cluster of type EDS: the name of its ClusterLoadAssignment, which must be sent again whenever the cluster changed (Envoy warms it anew). */
  readonly endpointName?: string;
}

/** What a server session serves from: the present state as this client may see it. */
export interface ResourceSource {
  /** Rises with every change of state; undefined before the first snapshot, when nothing at all may be sent. */
  readonly version: number | undefined;
  /** All resources of a type ('*'), or those of the names that exist. Return the same Map object while nothing changed: then nothing is compared. */
  resources(typeUrl: string, names: ReadonlySet<string> | '*'): ReadonlyMap<string, Resource>;
}

/** A resource whose version is the hash of its content. */
export function createResource(name: string, bytes: Uint8Array, endpointName?: string): Resource {
  const version = hashBytes(bytes);
  return endpointName === undefined ? { name, version, bytes } : { name, version, bytes, endpointName };
}

/**
 * A resource of a type that is made to be sent to many: its bytes are kept once, in the form in which responses carry them. `version` is a
 * hash of the content.
 */
export function createSharedResource(typeUrl: string, content: Pick<Resource, 'name' | 'version' | 'bytes'>, endpointName?: string): Resource {
  const entry = makeEntry(typeUrl, content);
  const { name, version } = content;
  const bytes = entry.delta.subarray(entry.delta.length - content.bytes.length);
  const resource = endpointName === undefined ? { name, version, bytes } : { name, version, bytes, endpointName };
  entries.set(resource, entry);
  return resource;
}

/** A resource as it stands in a response; made once per resource and type, shared by all responses. */
interface Entry {
  readonly typeUrl: string;
  readonly delta: Uint8Array;
  /** Where in `delta` the state-of-the-world form begins: both messages number the Any 2, so one is the other's tail. */
  readonly sotwFrom: number;
}

const entries = new WeakMap<Resource, Entry>();

/** Field 2 of DeltaDiscoveryResponse: tag, length and `envoy.service.discovery.v3.Resource`. */
export function deltaEntry(typeUrl: string, resource: Resource): Uint8Array {
  return entryOf(typeUrl, resource).delta;
}

/** Field 2 of DiscoveryResponse: tag, length and the Any. */
export function sotwEntry(typeUrl: string, resource: Resource): Uint8Array {
  const entry = entryOf(typeUrl, resource);
  return entry.delta.subarray(entry.sotwFrom);
}

function entryOf(typeUrl: string, resource: Resource): Entry {
  const known = entries.get(resource);
  if (known?.typeUrl === typeUrl) return known;
  const entry = makeEntry(typeUrl, resource);
  entries.set(resource, entry);
  return entry;
}

function makeEntry(typeUrl: string, { name, version, bytes }: Pick<Resource, 'name' | 'version' | 'bytes'>): Entry {
  const writer = new ProtoWriter(bytes.length + typeUrl.length + name.length + version.length + 40);
  const outer = writer.tag(2, WireType.bytes).begin();
  // The name is field 3 and the version field 1; the Any comes last so that its bytes are the tail. Any order is valid protobuf.
  writer.tag(3, WireType.bytes).string(name).tag(1, WireType.bytes).string(version);
  const inner = writer.tag(2, WireType.bytes).begin();
  writer.tag(1, WireType.bytes).string(typeUrl).tag(2, WireType.bytes).bytes(bytes);
  writer.finish(inner).finish(outer);
  const delta = writer.take();
  const typeSize = utf8Length(typeUrl);
  const anySize = 1 + varintSize(typeSize) + typeSize + 1 + varintSize(bytes.length) + bytes.length;
  return { typeUrl, delta, sotwFrom: delta.length - anySize - varintSize(anySize) - 1 };
}
