import { compileRegex } from '@meltemi/match';
import type { RequestView } from '../compiled.ts';
import { compileMetadataMatch } from './metadata-match.ts';
import { parseQuery } from './query.ts';
import { compileText, type TextTest } from './text.ts';
import type { HeaderMatch, PathMatch, QueryMatch, RouteMatch } from '../types/route.ts';

/** `path` is without query; `roll` gives the request's one random number in [0, 1). */
export type RoutePredicate = (request: RequestView, path: string, roll: () => number) => boolean;

function compilePath(match: Exclude<PathMatch, { t: 'connect' }>): TextTest {
  if (match.t === 'regex') {
    const regex = compileRegex(match.value);
    return (path) => regex.fullMatch(path);
  }
  const { value, ignoreCase } = match;
  if (match.t === 'exact') return compileText({ t: 'exact', value, ignoreCase });
  const prefix = compileText({ t: 'prefix', value, ignoreCase });
  if (match.t === 'prefix') return value === '/' ? (path) => path.charCodeAt(0) === 47 : prefix;
  return (path) => prefix(path) && (path.length === value.length || path.charCodeAt(value.length) === 47);
}

/** The request line's parts under their pseudo names, else the header. */
export function headerValue(request: RequestView, name: string): string | undefined {
  if (name.charCodeAt(0) !== 58) return name === 'host' ? request.authority : request.header(name);
  if (name === ':method') return request.method;
  if (name === ':path') return request.path;
  if (name === ':authority') return request.authority;
  return name === ':scheme' ? request.scheme : undefined;
}

/** A missing header fails every comparison, inverted or not, unless it counts as empty (Envoy's rule). */
export function compileHeader(match: HeaderMatch): (request: RequestView) => boolean {
  const { name, invert, missingIsEmpty } = match;
  if (match.match.t === 'present') {
    const { present } = match.match;
    return (request) => ((headerValue(request, name) !== undefined || missingIsEmpty) === present) !== invert;
  }
  const test = match.match.t === 'range' ? compileRange(match.match.start, match.match.end) : compileText(match.match.match);
  return (request) => {
    const value = headerValue(request, name) ?? (missingIsEmpty ? '' : undefined);
    if (value === undefined) return false;
    // Several lines come joined by commas; what one of them says is what the matcher looks for.
    const lines = value.includes(',') ? request.values?.(name) : undefined;
    return (lines === undefined || lines.length < 2 ? test(value) : lines.some(test)) !== invert;
  };
}

function compileRange(start: number, end: number): TextTest {
  return (value) => {
    if (!/^-?\d+$/.test(value)) return false;
    const number = Number(value);
    return number >= start && number < end;
  };
}

export function compileQuery(matches: readonly QueryMatch[]): (target: string) => boolean {
  const tests = matches.map(({ name, match }) => {
    if (match.t === 'present') return (query: ReadonlyMap<string, string>) => query.has(name) === match.present;
    const test = compileText(match.match);
    return (query: ReadonlyMap<string, string>) => {
      const value = query.get(name);
      return value !== undefined && test(value);
    };
  });
  return (target) => {
    const query = parseQuery(target);
    return tests.every((test) => test(query));
  };
}

/** A request of which nothing is known in this respect came in plain text. */
function compileTls({ presented, validated }: NonNullable<RouteMatch['tls']>): RoutePredicate {
  return ({ certificate }) =>
    (presented === undefined || presented === (certificate !== undefined)) &&
    (validated === undefined || validated === (certificate === 'validated'));
}

const GRPC = /^application\/grpc(?:$|\+)/;

/** Everything of a route's match, cheapest first. The order is of no consequence: all must hold and none has an effect. */
export function compileMatch(match: RouteMatch): RoutePredicate {
  const tests: RoutePredicate[] = [compilePathTest(match.path), ...compileStreamTests(match)];
  for (const header of match.headers) {
    const test = compileHeader(header);
    tests.push((request) => test(request));
  }
  if (match.grpc) tests.push((request) => GRPC.test(request.header('content-type') ?? ''));
  if (match.query.length > 0) {
    const query = compileQuery(match.query);
    tests.push((request) => query(request.path));
  }
  if (match.fraction < 1) tests.push((_, __, roll) => roll() < match.fraction);
  const [first, second] = tests;
  if (first !== undefined && tests.length === 1) return first;
  if (first !== undefined && second !== undefined && tests.length === 2)
    return (request, target, roll) => first(request, target, roll) && second(request, target, roll);
  return (request, target, roll) => tests.every((test) => test(request, target, roll));
}

function compilePathTest(match: PathMatch): RoutePredicate {
  if (match.t === 'connect') return (request) => request.method === 'CONNECT';
  const path = compilePath(match);
  return (_, target) => path(target);
}

/** What is asked of the stream rather than of the request's head. */
function compileStreamTests({ tls, metadata }: RouteMatch): readonly RoutePredicate[] {
  const tests = metadata.map((item): RoutePredicate => {
    const test = compileMetadataMatch(item);
    return (request) => test((namespace) => request.metadata?.(namespace));
  });
  return tls === undefined ? tests : [compileTls(tls), ...tests];
}
