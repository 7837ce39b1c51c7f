import { hashBytes, hashText, ProtoWriter, WireType } from '@meltemi/base';
import type { ProtoCodec } from '@meltemi/protos';
import { messageName, TYPE_URL } from '@meltemi/protos-types';

/** One message, and what names its content. */
export interface EncodedMessage {
  /** Its bytes, one after another. */
  readonly parts: readonly Uint8Array[];
  /** A hash of the content, equal in every replica. */
  readonly version: string;
}

/** Encodes resources; large ones from parts that did not change. Throws what the codec throws. */
export type ResourceEncoder = (typeUrl: string, json: object) => EncodedMessage;

interface Part {
  readonly bytes: Uint8Array;
  readonly version: string;
}

interface VirtualHost {
  readonly name: string;
}

const VIRTUAL_HOST = 'envoy.config.route.v3.VirtualHost';
/** `virtual_hosts` of RouteConfiguration. */
const VIRTUAL_HOSTS_TAG = (2 << 3) | WireType.bytes;
/** Tables up to this size are one part. */
const SMALL_TABLE = 64;
const GROUPS = 16;
/** Of groups of hosts that no table has any more, up to twice so much is kept. */
const MAX_GROUP_BYTES = 1 << 20;

/**
 * A route table of a whole mesh has a thousand virtual hosts, and a change touches one. Each is encoded once, as long as it is the same object,
 * whatever tables it stands in; and hosts of one domain lie together, so that the tables of different namespaces share the bytes of most.
 */
export function createResourceEncoder(codec: ProtoCodec): ResourceEncoder {
  const hosts = createHostEncoder(codec);
  return (typeUrl, json) => {
    if (typeUrl !== TYPE_URL.route) {
      const bytes = codec.encode(messageName(typeUrl), json);
      return { parts: [bytes], version: hashBytes(bytes) };
    }
    const { virtual_hosts: virtualHosts = [], ...rest } = json as { readonly virtual_hosts?: readonly VirtualHost[] };
    const bytes = codec.encode(messageName(typeUrl), rest);
    const parts = [{ bytes, version: hashBytes(bytes) }, ...hosts(virtualHosts)];
    return { parts: parts.map((part) => part.bytes), version: hashText(parts.map(({ version }) => version).join()) };
  };
}

/** Encodes lists of virtual hosts as fields of a RouteConfiguration. Their order says nothing: a domain stands in one host only. */
function createHostEncoder(codec: ProtoCodec): (hosts: readonly VirtualHost[]) => readonly Part[] {
  const known = new WeakMap<VirtualHost, Part & { readonly id: number; readonly group: number }>();
  let groups = new Map<string, Part>();
  let olderGroups = groups;
  let groupBytes = 0;
  let nextId = 0;
  const encode = (host: VirtualHost): Part & { readonly id: number; readonly group: number } => {
    let made = known.get(host);
    if (made === undefined) {
      const bytes = codec.encode(VIRTUAL_HOST, host);
      known.set(host, (made = { bytes, version: hashBytes(bytes), id: nextId++, group: groupOf(host.name) }));
    }
    return made;
  };
  const join = (key: string, members: readonly VirtualHost[]): Part => {
    const known = groups.get(key);
    if (known !== undefined) return known;
    const group = olderGroups.get(key) ?? joined(members.map(encode));
    if (groupBytes > MAX_GROUP_BYTES) [olderGroups, groups, groupBytes] = [groups, new Map(), 0];
    groups.set(key, group);
    groupBytes += group.bytes.length;
    return group;
  };
  return (hosts) => {
    if (hosts.length <= SMALL_TABLE) return hosts.length === 0 ? [] : [joined(hosts.map(encode))];
    const members: VirtualHost[][] = Array.from({ length: GROUPS }, () => []);
    const keys: string[] = Array.from({ length: GROUPS }, () => '');
    for (const host of hosts) {
      const { id, group } = encode(host);
      members[group]?.push(host);
      keys[group] += `${id},`;
    }
    return members.flatMap((list, group) => (list.length === 0 ? [] : [join(keys[group] ?? '', list)]));
  };
}

/** By the domain that the host is in: services of a namespace lie together. */
function groupOf(name: string): number {
  const domain = name.slice(name.indexOf('.') + 1);
  return parseInt(hashText(domain).slice(0, 8), 16) % GROUPS;
}

function joined(parts: readonly Part[]): Part {
  const writer = new ProtoWriter(parts.reduce((size, { bytes }) => size + bytes.length + 6, 0));
  for (const { bytes } of parts) writer.uint32(VIRTUAL_HOSTS_TAG).bytes(bytes);
  return { bytes: writer.take(), version: hashText(parts.map(({ version }) => version).join()) };
}
