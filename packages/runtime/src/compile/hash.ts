import { compileRegex } from '@meltemi/match';
import type { CompiledHash, HashConnection, RequestView } from '../compiled.ts';
import { FILTER_STATE, readState } from '../filter-state.ts';
import { xxHash64 } from '../lb/hash64.ts';
import type { HashPolicy } from '../types/route.ts';
import { firstQueryValue } from './query.ts';

type Source = (request: RequestView, connection: HashConnection, setCookie: (line: string) => void) => bigint | undefined;

/** Envoy's way to put several sources together: the hash so far is turned by a bit before the next one comes in. */
export function compileHash(policies: readonly HashPolicy[]): CompiledHash | undefined {
  if (policies.length === 0) return undefined;
  const sources = policies.map((policy) => ({ read: compileSource(policy), terminal: policy.terminal }));
  return {
    compute(request, connection, setCookie) {
      let hash: bigint | undefined;
      for (const { read, terminal } of sources) {
        const next = read(request, connection, setCookie);
        if (next !== undefined) hash = (hash === undefined ? 0n : BigInt.asUintN(64, hash << 1n) | (hash >> 63n)) ^ next;
        if (terminal && hash !== undefined) break;
      }
      return hash;
    },
  };
}

function compileSource(policy: HashPolicy): Source {
  switch (policy.t) {
    case 'header':
      return hashHeader(policy);
    case 'cookie':
      return hashCookie(policy);
    case 'source-ip':
      return (_, { source }) => (source === '' ? undefined : xxHash64(source));
    case 'query':
      return (request) => {
        const value = firstQueryValue(request.path, policy.name);
        return value === undefined ? undefined : xxHash64(value);
      };
    case 'filter-state':
      return (request) => {
        const found = readState(request.metadata?.(FILTER_STATE), policy.key);
        const value = found?.['value'];
        return found?.['hashable'] === true && typeof value === 'string' ? xxHash64(value) : undefined;
      };
  }
}

/** Several lines of one header give the same hash in any order. */
function hashHeader({ name, rewrite }: HashPolicy & { t: 'header' }): Source {
  const regex = rewrite === undefined ? undefined : compileRegex(rewrite.pattern);
  const change = (value: string): string => (regex === undefined ? value : regex.replaceAll(value, rewrite?.substitution ?? ''));
  return (request) => {
    const values = headerLines(request, name);
    if (values.length === 0) return undefined;
    const [only] = values;
    if (values.length === 1 && only !== undefined) return xxHash64(change(only));
    return values
      .map(change)
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      .reduce((hash, value) => xxHash64(value, hash), 0n);
  };
}

function headerLines(request: RequestView, name: string): readonly string[] {
  if (name === ':authority' || name === 'host') return [request.authority];
  if (name === ':path') return [request.path];
  if (name === ':method') return [request.method];
  const value = request.header(name);
  if (value === undefined) return [];
  return value.includes(',') ? (request.values?.(name) ?? [value]) : [value];
}

function hashCookie({ name, path, ttlSeconds, attributes }: HashPolicy & { t: 'cookie' }): Source {
  const rest = [
    ...(ttlSeconds === undefined || ttlSeconds === 0 ? [] : [`Max-Age=${ttlSeconds}`]),
    ...(path === '' ? [] : [`Path=${path}`]),
    ...attributes.map((attribute) => (attribute.value === '' ? attribute.name : `${attribute.name}=${attribute.value}`)),
    'HttpOnly',
  ];
  return (request, { pair }, setCookie) => {
    const value = readCookie(request, name);
    if (value !== '') return xxHash64(value);
    if (ttlSeconds === undefined) return undefined;
    // One value for all requests of a connection: those on the way at the same time get the same host.
    const made = xxHash64(pair).toString(16).padStart(16, '0');
    setCookie([`${name}="${made}"`, ...rest].join('; '));
    return xxHash64(made);
  };
}

/** The first cookie of that name, '' = none. */
export function readCookie(request: RequestView, name: string): string {
  const cookies = request.header('cookie');
  if (cookies === undefined) return '';
  // Lines were joined by commas, which no cookie's value may hold (RFC 6265 section 4.1.1).
  for (const part of cookies.split(/[;,]/)) {
    const equals = part.indexOf('=');
    if (equals < 0 || part.slice(0, equals).trimStart() !== name) continue;
    const value = part.slice(equals + 1).trimEnd();
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return '';
}
