import { hashBytes, hashText, ProtoWriter, WireType } from '@meltemi/base';
import type { ProtoCodec } from '@meltemi/protos';
import { messageName, TYPE_URL } from '@meltemi/protos-types';

/** One message, and what names its content. */
export interface EncodedMessage {
  readonly bytes: Uint8Array;
  /** A hash of the content, equal in every replica. */
  readonly version: string;
}

/** Encodes resources; large ones from parts that did not change. Throws what the codec throws. */
export type ResourceEncoder = (typeUrl: string, json: object) => EncodedMessage;

const VIRTUAL_HOST = 'envoy.config.route.v3.VirtualHost';
/** `virtual_hosts` of RouteConfiguration. */
const VIRTUAL_HOSTS_TAG = (2 << 3) | WireType.bytes;

/**
 * A route table of a whole mesh has a thousand virtual hosts, and a change touches one: each is encoded once, as long as it is the same
 * object, whatever tables it stands in.
 */
export function createResourceEncoder(codec: ProtoCodec): ResourceEncoder {
  const hosts = new WeakMap<object, EncodedMessage>();
  const hostOf = (host: object): EncodedMessage => {
    let encoded = hosts.get(host);
    if (encoded === undefined) hosts.set(host, (encoded = named(codec.encode(VIRTUAL_HOST, host))));
    return encoded;
  };
  return (typeUrl, json) => {
    if (typeUrl !== TYPE_URL.route) return named(codec.encode(messageName(typeUrl), json));
    const { virtual_hosts: virtualHosts = [], ...rest } = json as { readonly virtual_hosts?: readonly object[] };
    const head = named(codec.encode(messageName(typeUrl), rest));
    const parts = virtualHosts.map(hostOf);
    const writer = new ProtoWriter(parts.reduce((size, part) => size + part.bytes.length + 6, head.bytes.length));
    writer.raw(head.bytes);
    for (const { bytes } of parts) writer.uint32(VIRTUAL_HOSTS_TAG).bytes(bytes);
    return { bytes: writer.take(), version: hashText([head, ...parts].map(({ version }) => version).join()) };
  };
}

function named(bytes: Uint8Array): EncodedMessage {
  return { bytes, version: hashBytes(bytes) };
}
