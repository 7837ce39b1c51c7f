import type { HashPolicy } from '../types/route.ts';
import { decodeSubstitution } from './substitution.ts';
import type { Reader } from './reader.ts';

/** `RouteAction.HashPolicy`, in order. */
export function decodeHashPolicies(readers: readonly Reader[]): readonly HashPolicy[] {
  return readers.flatMap((reader) => {
    const terminal = reader.bool('terminal');
    const source = decodeSource(reader);
    return source === undefined ? [] : [{ ...source, terminal }];
  });
}

type Source = HashPolicy extends infer P ? (P extends HashPolicy ? Omit<P, 'terminal'> : never) : never;

function decodeSource(reader: Reader): Source | undefined {
  const header = reader.message('header');
  if (header !== undefined) {
    const rewrite = header.message('regex_rewrite');
    return {
      t: 'header',
      name: header.string('header_name').toLowerCase(),
      ...(rewrite === undefined ? {} : { rewrite: decodeSubstitution(rewrite) }),
    };
  }
  const cookie = reader.message('cookie');
  if (cookie !== undefined) return decodeCookie(cookie);
  const connection = reader.message('connection_properties');
  if (connection !== undefined) return connection.bool('source_ip') ? { t: 'source-ip' } : undefined;
  const query = reader.message('query_parameter');
  if (query !== undefined) return { t: 'query', name: query.string('name') };
  const state = reader.message('filter_state');
  if (state !== undefined) {
    const key = state.string('key');
    state.require('key', key !== '', 'missing');
    return { t: 'filter-state', key };
  }
  reader.fail('', 'nothing to hash is set');
  return undefined;
}

function decodeCookie(reader: Reader): Source {
  const name = reader.string('name');
  reader.require('name', name !== '', 'missing');
  const attributes = reader.messages('attributes').map((item) => ({ name: item.string('name'), value: item.string('value') }));
  const ttlMs = reader.optionalDuration('ttl');
  // Whole seconds, as `Max-Age` has them.
  return { t: 'cookie', name, path: reader.string('path'), attributes, ...(ttlMs === undefined ? {} : { ttlSeconds: Math.floor(ttlMs / 1000) }) };
}
