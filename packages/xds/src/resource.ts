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
  /** As it was read: `bytes` are a patch, which is applied to a version that the client has. */
  readonly isPatch?: true;
  /** As it was read: `bytes` are several resources, which are put in its place (`expand`). */
  readonly isCompressed?: true;
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
 * A resource of a type that is made to be sent to many: its bytes are kept once, in the form in which responses carry them. `parts` follow one
 * another; large ones are not joined, so that resources can share them. `version` is a hash of the content.
 */
export function createSharedResource(
  typeUrl: string,
  content: Pick<Resource, 'name' | 'version'> & { readonly parts: readonly Uint8Array[] },
  endpointName?: string,
): Resource {
  const { name, version, parts } = content;
  const entry = makeEntry(typeUrl, content, parts);
  const [only] = parts;
  const own = parts.length === 1 && only !== undefined && entry.delta.length === 1 ? tailOf(entry.delta, only.length) : undefined;
  const resource: Resource = {
    name,
    version,
    get bytes() {
      return own ?? concat(parts);
    },
    ...(endpointName === undefined ? {} : { endpointName }),
  };
  entries.set(resource, entry);
  return resource;
}

/** The content as parts; those that two resources share are the same arrays. */
export function contentOf(typeUrl: string, resource: Resource): readonly Uint8Array[] {
  const entry = entries.get(resource);
  return entry?.typeUrl === typeUrl && entry.delta.length > 1 ? entry.delta.slice(1) : [resource.bytes];
}

/** Bytes of the content of a resource that was made for sharing; 0 for others, whose version need not be a hash of their bytes. */
export function sizeOfContent(typeUrl: string, resource: Resource): number {
  const entry = entries.get(resource);
  if (entry?.typeUrl !== typeUrl) return 0;
  return entry.delta.length === 1 ? resource.bytes.length : entry.delta.reduce((sum, part, index) => sum + (index === 0 ? 0 : part.length), 0);
}

/** Gives a resource the form in which responses carry it: with these parts, as a message of `anyTypeUrl`. */
export function createEntry(resource: Resource, typeUrl: string, parts: readonly Uint8Array[], anyTypeUrl: string): void {
  entries.set(resource, { ...makeEntry(anyTypeUrl, resource, parts), typeUrl });
}

/** What stands for resources in a delta response under no name: a message of `anyTypeUrl`. */
export function standAloneEntry(anyTypeUrl: string, message: Uint8Array): readonly Uint8Array[] {
  return makeEntry(anyTypeUrl, { name: '', version: '' }, [message]).delta;
}

function tailOf([first]: readonly Uint8Array[], size: number): Uint8Array | undefined {
  return first?.subarray(first.length - size);
}

/** A resource as it stands in a response, in parts; made once per resource and type, shared by all responses. */
interface Entry {
  readonly typeUrl: string;
  readonly delta: readonly Uint8Array[];
  readonly sotw: readonly Uint8Array[];
}

const entries = new WeakMap<Resource, Entry>();

/** Field 2 of DeltaDiscoveryResponse: tag, length and `envoy.service.discovery.v3.Resource`. */
export function deltaEntry(typeUrl: string, resource: Resource): readonly Uint8Array[] {
  return entryOf(typeUrl, resource).delta;
}

/** Field 2 of DiscoveryResponse: tag, length and the Any. */
export function sotwEntry(typeUrl: string, resource: Resource): readonly Uint8Array[] {
  return entryOf(typeUrl, resource).sotw;
}

function entryOf(typeUrl: string, resource: Resource): Entry {
  const known = entries.get(resource);
  if (known?.typeUrl === typeUrl) return known;
  const entry = makeEntry(typeUrl, resource, [resource.bytes]);
  entries.set(resource, entry);
  return entry;
}

/** Parts up to this size are joined with what stands before them. */
const JOINED_BYTES = 16 * 1024;

function makeEntry(typeUrl: string, { name, version }: Pick<Resource, 'name' | 'version'>, parts: readonly Uint8Array[]): Entry {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const fieldSize = (length: number): number => 1 + varintSize(length) + length;
  const anySize = fieldSize(utf8Length(typeUrl)) + fieldSize(size);
  const joined = size <= JOINED_BYTES;
  const writer = new ProtoWriter((joined ? size : 0) + typeUrl.length + name.length + version.length + 60);
  // The name is field 3 and the version field 1; the Any comes last so that one message's form is the tail of the other's. Any order is valid protobuf.
  writer.tag(2, WireType.bytes).uint32(fieldSize(utf8Length(name)) + fieldSize(utf8Length(version)) + fieldSize(anySize));
  writer.tag(3, WireType.bytes).string(name).tag(1, WireType.bytes).string(version);
  writer.tag(2, WireType.bytes).uint32(anySize).tag(1, WireType.bytes).string(typeUrl).tag(2, WireType.bytes).uint32(size);
  if (joined) for (const part of parts) writer.raw(part);
  const head = writer.take();
  // Both messages number the Any 2.
  const tail = fieldSize(anySize) - (joined ? 0 : size);
  const rest = joined ? [] : parts;
  return { typeUrl, delta: [head, ...rest], sotw: [head.subarray(head.length - tail), ...rest] };
}

/** The parts as one. */
export function concat(parts: readonly Uint8Array[], size = parts.reduce((sum, part) => sum + part.length, 0)): Uint8Array {
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
