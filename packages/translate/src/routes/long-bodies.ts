import { utf8Length } from '@meltemi/base';
import type { RouteConfiguration, VirtualHost } from '@meltemi/protos-types';

/** What Envoy takes without being told; with a longer one it refuses the whole table. */
const UNTOLD_BYTES = 4_096;
/** What the API takes. */
const MOST_BYTES = 1_048_576;

/** Hosts never change: they are looked through once. */
const known = new WeakMap<VirtualHost, boolean>();

/** What a table says of the longest body that it answers with itself; nothing where all are short. */
export function bodyLimit(hosts: readonly VirtualHost[]): Pick<RouteConfiguration, 'max_direct_response_body_size_bytes'> {
  return hosts.some(answersAtLength) ? { max_direct_response_body_size_bytes: MOST_BYTES } : {};
}

function answersAtLength(host: VirtualHost): boolean {
  let long = known.get(host);
  if (long === undefined) known.set(host, (long = (host.routes ?? []).some(({ direct_response: answer }) => isLong(answer?.body))));
  return long;
}

function isLong(body: { readonly inline_string?: string; readonly inline_bytes?: string } | undefined): boolean {
  const bytes = body?.inline_bytes === undefined ? utf8Length(body?.inline_string ?? '') : (body.inline_bytes.length * 3) / 4;
  return bytes > UNTOLD_BYTES;
}
