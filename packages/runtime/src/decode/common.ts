import { parseFormat, regexFault } from '@meltemi/match';
import { parseIp } from '../compile/cidr.ts';
import type { CidrRange, HeaderMutation, HeaderMutations, SocketAddress, StringMatch } from '../types/common.ts';
import { asObject, type Json, type Reader } from './reader.ts';

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** `metadata.filter_metadata["meltemi.io"].origin`; the rest of a resource's metadata says nothing to the data plane. */
export function decodeOrigin(reader: Reader): string | undefined {
  const origin = filterMetadata(reader.raw('metadata'), 'meltemi.io')?.['origin'];
  return typeof origin === 'string' ? origin : undefined;
}

export function filterMetadata(metadata: unknown, filter: string): Json | undefined {
  return asObject(asObject(asObject(metadata)?.['filter_metadata'])?.[filter]);
}

/** The IP address and port of a `core.v3.Address`. */
export function decodeSocketAddress(reader: Reader | undefined): SocketAddress | undefined {
  const socket = reader?.message('socket_address');
  if (socket === undefined) return undefined;
  socket.oneOf('protocol', { TCP: 'tcp' }, 'tcp');
  // Whether ::-sockets take IPv4 too is the operating system's default here, which is Envoy's with ipv4_compat.
  socket.harmless('ipv4_compat');
  const port = socket.number('port_value', 0);
  socket.require('port_value', port >= 0 && port <= 65535, `${port} is no port`);
  return { address: socket.string('address'), port };
}

export function decodeCidrs(readers: readonly Reader[]): readonly CidrRange[] {
  return readers.map((reader) => {
    const address = reader.string('address_prefix');
    const ip = parseIp(address);
    reader.require('address_prefix', ip !== undefined, `"${address}" is no IP address`);
    const prefixLength = reader.number('prefix_len', 0);
    const bits = ip?.bits ?? 128;
    const fits = Number.isInteger(prefixLength) && prefixLength >= 0 && prefixLength <= bits;
    reader.require('prefix_len', fits, `${prefixLength} is no prefix length of an address of ${bits} bits`);
    return { address, prefixLength };
  });
}

/** Says so when RE2 refuses the pattern. */
export function checkRegex(reader: Reader, field: string, pattern: string): void {
  const fault = regexFault(pattern);
  if (fault !== undefined) reader.fail(field, `invalid regular expression "${pattern}": ${fault}`);
}

/** `RegexMatcher` → its pattern. */
export function decodeRegex(reader: Reader): string {
  // The engine's own settings; only one engine exists.
  reader.harmless('google_re2');
  const pattern = reader.string('regex');
  checkRegex(reader, 'regex', pattern);
  return pattern;
}

export function decodeStringMatch(reader: Reader): StringMatch {
  const ignoreCase = reader.bool('ignore_case');
  const regex = reader.message('safe_regex');
  if (regex !== undefined) return { t: 'regex', value: decodeRegex(regex), ignoreCase: false };
  for (const t of ['exact', 'prefix', 'suffix', 'contains'] as const) {
    if (reader.has(t)) return { t, value: reader.string(t), ignoreCase };
  }
  reader.fail('', 'no match pattern is set');
  return { t: 'exact', value: '', ignoreCase };
}

/** `FractionalPercent` as 0..1. */
export function decodeFraction(reader: Reader): number {
  const denominator = reader.oneOf('denominator', { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }, 100);
  return Math.min(1, reader.number('numerator', 0) / denominator);
}

/** `RuntimeFractionalPercent`: the default value, since there is no runtime layer to look the key up in. */
export function decodeRuntimeFraction(reader: Reader): number {
  reader.harmless('runtime_key');
  const value = reader.message('default_value');
  return value === undefined ? 1 : decodeFraction(value);
}

const NO_MUTATIONS: HeaderMutations = { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] };

/** A list of `HeaderValueOption`. */
export function decodeMutationList(reader: Reader, field: string): readonly HeaderMutation[] {
  return reader.messages(field).map(decodeMutation);
}

export function decodeMutations(reader: Reader): HeaderMutations {
  const mutations = {
    requestAdd: reader.messages('request_headers_to_add').map(decodeMutation),
    requestRemove: removals(reader, 'request_headers_to_remove'),
    responseAdd: reader.messages('response_headers_to_add').map(decodeMutation),
    responseRemove: removals(reader, 'response_headers_to_remove'),
  };
  return Object.values(mutations).every((list) => list.length === 0) ? NO_MUTATIONS : mutations;
}

/** `HeaderValueOption`. */
export function decodeMutation(reader: Reader): HeaderMutation {
  const action = reader.oneOf<HeaderMutation['action']>(
    'append_action',
    {
      APPEND_IF_EXISTS_OR_ADD: 'append',
      ADD_IF_ABSENT: 'add-if-absent',
      OVERWRITE_IF_EXISTS_OR_ADD: 'overwrite',
      OVERWRITE_IF_EXISTS: 'overwrite-if-exists',
    },
    'append',
  );
  // The older spelling, still sent by many control planes: false = replace.
  const append = reader.bool('append', true);
  reader.require('append_action', !reader.has('append') || action === 'append', 'append and append_action cannot both be set');
  const header = reader.message('header');
  const name = (header?.string('key') ?? '').toLowerCase();
  const value = header?.string('value') ?? '';
  reader.require('header', HEADER_NAME.test(name) || name.startsWith(':'), `"${name}" is no header name`);
  // What names the request and its outcome is for rewrites to change, and there is one place for that.
  reader.require('header.key', !isReserved(name), `"${name}" cannot be set; host and path are changed by a rewrite of the route`);
  reader.require('header.value', !/[\r\n\0]/.test(value), 'a header value cannot hold CR, LF or NUL');
  const format = parseFormat(value);
  if (!format.ok) reader.fail('header.value', format.message);
  return { name, value, action: append ? action : 'overwrite', keepEmptyValue: reader.bool('keep_empty_value') };
}

/** Pseudo headers and `host`: no header operation changes or removes them. */
export function isReserved(name: string): boolean {
  return name.startsWith(':') || name === 'host';
}

function removals(reader: Reader, field: string): readonly string[] {
  return reader.strings(field).map((name, index) => {
    const lower = name.toLowerCase();
    reader.require(`${field}[${index}]`, !isReserved(lower), `"${name}" cannot be removed`);
    return lower;
  });
}
