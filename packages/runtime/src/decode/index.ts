import type { Problem } from '@meltemi/base';
import type { RuntimeCluster, RuntimeEndpoints } from '../types/cluster.ts';
import type { RuntimeListener } from '../types/listener.ts';
import type { RuntimeRouteConfig } from '../types/route.ts';
import type { RuntimeSecret } from '../types/secret.ts';
import { decodeTapRequest } from '../tap/decode.ts';
import type { TapRequest } from '../tap/types.ts';
import { decodeClusterMessage } from './cluster.ts';
import { decodeEndpointsMessage } from './endpoint.ts';
import { decodeListenerMessage } from './listener.ts';
import { Faults, type Reader } from './reader.ts';
import { decodeRouteConfigMessage } from './route.ts';
import { decodeSecretMessage } from './secret.ts';

/** A resource in its lean form, or every fault that it has, with field paths. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] };

/** `envoy.config.listener.v3.Listener` as ProtoJSON with snake_case names. Never throws; a set field that is not honoured is a problem. */
export function decodeListener(json: unknown): Decoded<RuntimeListener> {
  return decode(json, decodeListenerMessage);
}

/** `envoy.config.route.v3.RouteConfiguration`; see `decodeListener`. */
export function decodeRoute(json: unknown): Decoded<RuntimeRouteConfig> {
  return decode(json, decodeRouteConfigMessage);
}

/** `envoy.config.cluster.v3.Cluster`; see `decodeListener`. */
export function decodeCluster(json: unknown): Decoded<RuntimeCluster> {
  return decode(json, decodeClusterMessage);
}

/** `envoy.config.endpoint.v3.ClusterLoadAssignment`; see `decodeListener`. */
export function decodeEndpoint(json: unknown): Decoded<RuntimeEndpoints> {
  return decode(json, (reader) => decodeEndpointsMessage(reader, false));
}

/** `envoy.extensions.transport_sockets.tls.v3.Secret`; see `decodeListener`. Problems never quote key material. */
export function decodeSecret(json: unknown): Decoded<RuntimeSecret> {
  return decode(json, decodeSecretMessage);
}

/** A request to `/tap` (`envoy.admin.v3.TapRequest`); see `decodeListener`. */
export function decodeTap(json: unknown): Decoded<TapRequest> {
  return decode(json, decodeTapRequest);
}

/** The text of a NACK: every fault of every refused resource, one per line. */
export function nackText(rejected: readonly { readonly name: string; readonly problems: readonly Problem[] }[]): string {
  return rejected
    .flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`))
    .join('\n');
}

function decode<T>(json: unknown, read: (reader: Reader) => T): Decoded<T> {
  const faults = new Faults();
  const reader = faults.reader(json, '');
  reader.harmless('@type');
  const value = read(reader);
  const problems = faults.finish();
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}
