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

/** A part with a number of its own, and the group that it lies in when it stands in a large resource. */
interface Member extends Part {
  readonly id: number;
  readonly group: number;
}

interface VirtualHost {
  readonly name: string;
}

const VIRTUAL_HOST = 'envoy.config.route.v3.VirtualHost';
/** `virtual_hosts` of RouteConfiguration. */
const VIRTUAL_HOSTS_TAG = (2 << 3) | WireType.bytes;
/** Resources with up to so many members are one part. */
const FEW_MEMBERS = 64;
const GROUPS = 16;
/** Of groups of members that no resource has any more, up to twice so much is kept. */
const MAX_GROUP_BYTES = 1 << 20;

/**
 * A route table of a whole mesh has a thousand virtual hosts, and a change touches one; so it is with tables of names. Each member is encoded once, as long as it is
 * the same object, whatever tables it stands in; and those of one domain lie together, so that the tables of different namespaces share the bytes of most.
 */
export function createResourceEncoder(codec: ProtoCodec): ResourceEncoder {
  const groups = createGroups();
  // One sequence for both: a number stands for one member.
  let members = 0;
  const nextId = (): number => ++members;
  const hosts = createHostEncoder(codec, nextId);
  const names = createNameEncoder(codec, nextId);
  return (typeUrl, json) => {
    if (typeUrl === TYPE_URL.route) {
      const { virtual_hosts: virtualHosts = [], ...rest } = json as { readonly virtual_hosts?: readonly VirtualHost[] };
      const bytes = codec.encode(messageName(typeUrl), rest);
      return messageOf([{ bytes, version: hashBytes(bytes) }, ...groups.partsOf(virtualHosts.map(hosts))]);
    }
    if (typeUrl === TYPE_URL.nameTable) return messageOf(groups.partsOf(names(json as { readonly table?: Readonly<Record<string, object>> })));
    const bytes = codec.encode(messageName(typeUrl), json);
    return { parts: [bytes], version: hashBytes(bytes) };
  };
}

function messageOf(parts: readonly Part[]): EncodedMessage {
  return { parts: parts.map(({ bytes }) => bytes), version: hashText(parts.map(({ version }) => version).join()) };
}

/** Encodes virtual hosts as fields of a RouteConfiguration. Their order says nothing: a domain stands in one host only. */
function createHostEncoder(codec: ProtoCodec, nextId: () => number): (host: VirtualHost) => Member {
  const known = new WeakMap<VirtualHost, Member>();
  return (host) => {
    let made = known.get(host);
    if (made === undefined) {
      const bytes = codec.encode(VIRTUAL_HOST, host);
      const field = new ProtoWriter(bytes.length + 6).uint32(VIRTUAL_HOSTS_TAG).bytes(bytes).take();
      known.set(host, (made = { bytes: field, version: hashBytes(field), id: nextId(), group: groupOf(host.name) }));
    }
    return made;
  };
}

/** Encodes the entries of a table of names, each as a table with that entry alone: of messages one after another the fields add up. */
function createNameEncoder(
  codec: ProtoCodec,
  nextId: () => number,
): (json: { readonly table?: Readonly<Record<string, object>> }) => readonly Member[] {
  const known = new WeakMap<object, Map<string, Member>>();
  return ({ table = {} }) =>
    Object.keys(table).map((name) => {
      const info = table[name] ?? {};
      let byName = known.get(info);
      if (byName === undefined) known.set(info, (byName = new Map()));
      let made = byName.get(name);
      if (made === undefined) {
        const bytes = codec.encode(messageName(TYPE_URL.nameTable), { table: { [name]: info } });
        byName.set(name, (made = { bytes, version: hashBytes(bytes), id: nextId(), group: groupOf(name) }));
      }
      return made;
    });
}

/** A group that was joined, under a hash of its members' ids. It holds no members: those go when nothing else has them. */
interface Group extends Part {
  readonly ids: Uint32Array;
  /** Another group with that hash. */
  readonly next: Group | undefined;
}

/** Joins members into groups, which are remembered: other resources are likely to have the same. */
function createGroups(): { partsOf(members: readonly Member[]): readonly Part[] } {
  let groups = new Map<number, Group>();
  let older = groups;
  let size = 0;
  const join = (hash: number, members: readonly Member[]): Part => {
    const known = find(groups.get(hash), members);
    if (known !== undefined) return known;
    const { bytes, version } = find(older.get(hash), members) ?? joined(members);
    if (size > MAX_GROUP_BYTES) [older, groups, size] = [groups, new Map(), 0];
    const ids = Uint32Array.from(members, ({ id }) => id);
    const group = { bytes, version, ids, next: groups.get(hash) };
    groups.set(hash, group);
    size += bytes.length + ids.byteLength;
    return group;
  };
  return {
    partsOf(members) {
      if (members.length <= FEW_MEMBERS) return members.length === 0 ? [] : [joined(members)];
      const lists: Member[][] = Array.from({ length: GROUPS }, () => []);
      const hashes = new Uint32Array(GROUPS);
      for (const member of members) {
        lists[member.group]?.push(member);
        hashes[member.group] = Math.imul((hashes[member.group] ?? 0) ^ member.id, HASH_PRIME);
      }
      return lists.flatMap((list, group) => (list.length === 0 ? [] : [join(hashes[group] ?? 0, list)]));
    },
  };
}

/** Of FNV: the order counts. Groups of one hash are told apart by their ids. */
const HASH_PRIME = 0x01000193;

function find(group: Group | undefined, members: readonly Member[]): Group | undefined {
  for (let one = group; one !== undefined; one = one.next)
    if (one.ids.length === members.length && one.ids.every((id, index) => id === members[index]?.id)) return one;
  return undefined;
}

/** By the domain that a name is in: services of a namespace lie together. */
function groupOf(name: string): number {
  const domain = name.slice(name.indexOf('.') + 1);
  return parseInt(hashText(domain).slice(0, 8), 16) % GROUPS;
}

function joined(members: readonly Member[]): Part {
  const writer = new ProtoWriter(members.reduce((size, { bytes }) => size + bytes.length, 0));
  for (const { bytes } of members) writer.raw(bytes);
  return { bytes: writer.take(), version: hashText(members.map(({ version }) => version).join()) };
}
