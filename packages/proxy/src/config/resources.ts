import { MeshError } from '@meltemi/base';
import type { ProtoCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import {
  decodeCluster,
  decodeEndpoint,
  decodeListener,
  decodeRoute,
  decodeSecret,
  nackText,
  type Decoded,
  type RuntimeCluster,
  type RuntimeEndpoints,
  type RuntimeListener,
  type RuntimeRouteConfig,
  type RuntimeSecret,
} from '@meltemi/runtime';
import type { Resource } from '@meltemi/xds';
import type { Accepted } from './warmer.ts';

/** A resource as it came: its ProtoJSON for the admin's dump, and what it means or why it was refused. */
export interface ReadResource {
  readonly name: string;
  readonly version: string;
  readonly json: object;
  /** Fields that are younger than this proxy: where they stand. They are without effect. */
  readonly unknown: readonly string[];
  readonly result: { readonly t: 'good'; readonly value: unknown } | { readonly t: 'bad'; readonly message: string };
}

type Kind = Accepted['t'];

interface Reading {
  readonly kind: Kind;
  decode(json: unknown): Decoded<unknown>;
  /** The name that the rest of the configuration knows the resource by. */
  nameOf(value: never): string;
}

const READINGS: Readonly<Record<string, Reading>> = {
  [TYPE_URL.cluster]: { kind: 'cluster', decode: decodeCluster, nameOf: (value: RuntimeCluster) => value.name },
  [TYPE_URL.endpoint]: { kind: 'endpoint', decode: decodeEndpoint, nameOf: (value: RuntimeEndpoints) => value.cluster },
  [TYPE_URL.secret]: { kind: 'secret', decode: decodeSecret, nameOf: (value: RuntimeSecret) => value.name },
  [TYPE_URL.listener]: { kind: 'listener', decode: decodeListener, nameOf: (value: RuntimeListener) => value.name },
  [TYPE_URL.route]: { kind: 'route', decode: decodeRoute, nameOf: (value: RuntimeRouteConfig) => value.name },
};

/** The types that make up the configuration. */
export function kindOf(typeUrl: string): Kind | undefined {
  return READINGS[typeUrl]?.kind;
}

/** Reads one resource by itself: another one's fault is none of its business. */
export function readResource(codec: ProtoCodec, typeUrl: string, resource: Resource): ReadResource {
  const { name, version, bytes } = resource;
  const reading = READINGS[typeUrl];
  const unknown: string[] = [];
  const bad = (message: string, json: object): ReadResource => ({ name, version, json, unknown, result: { t: 'bad', message } });
  if (reading === undefined) return bad(`${name}: resources of type ${typeUrl} are not known to this proxy`, {});
  let json: object;
  try {
    json = codec.decode(typeUrl.slice(typeUrl.lastIndexOf('/') + 1), bytes, (field) => unknown.push(field));
  } catch (error) {
    return bad(`${name}: ${MeshError.from(error, 'proxy/undecodable').message}`, {});
  }
  const decoded = reading.decode(json);
  if (!decoded.ok) return bad(nackText([{ name, problems: decoded.problems }]), json);
  const own = reading.nameOf(decoded.value as never);
  if (own !== name) return bad(`${name}: the resource calls itself "${own}"`, json);
  return { name, version, json, unknown, result: { t: 'good', value: decoded.value } };
}

/** The good ones of a response, as the warmer takes them. */
export function toAccepted(kind: Kind, read: readonly ReadResource[], removed: readonly string[]): Accepted {
  const added = read.flatMap((item) => (item.result.t === 'good' ? [item.result.value] : []));
  return { t: kind, added, removed } as Accepted;
}
