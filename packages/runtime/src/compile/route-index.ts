import type { PathMatch } from '../types/route.ts';

/** Which routes are worth trying for a path, still in their order: a superset of those whose path matches. */
export interface RouteIndex<T> {
  candidates(path: string): readonly T[];
}

/** So few routes are tried one by one faster than they are looked up. */
const SMALL = 8;

/**
 * Groups routes by the first segment of the path when their matcher fixes it (`/api/…`, exact, `/api/v[0-9]`). A path's candidates are
 * the routes of its segment merged, in configured order, with those that may match any segment.
 */
export function indexRoutes<T>(routes: readonly { readonly path: PathMatch; readonly item: T }[]): RouteIndex<T> {
  const all = routes.map((route) => route.item);
  if (routes.length <= SMALL) return { candidates: () => all };
  const segments = routes.map((route) => fixedSegment(route.path));
  const open = routes.filter((_, index) => segments[index] === undefined).map((route) => route.item);
  const table = new Map<string, readonly T[]>();
  for (const segment of new Set(segments)) {
    if (segment === undefined) continue;
    const merged = routes.filter((_, index) => segments[index] === undefined || segments[index] === segment);
    table.set(
      segment,
      merged.map((route) => route.item),
    );
  }
  return { candidates: (path) => table.get(firstSegment(path)) ?? open };
}

/** `/api/v1` → `/api`; `/` → `/`; what does not start with a slash has no segment. */
function firstSegment(path: string): string {
  const slash = path.indexOf('/', 1);
  return slash < 0 ? path : path.slice(0, slash);
}

/** The first segment that every matching path has, when there is one. */
function fixedSegment(match: PathMatch): string | undefined {
  if (match.t === 'regex') return segmentOfPrefix(literalPrefix(match.value));
  if (match.t === 'connect' || match.ignoreCase || !match.value.startsWith('/')) return undefined;
  if (match.t === 'prefix') return segmentOfPrefix(match.value);
  return firstSegment(match.value);
}

/** A prefix fixes the segment only when it goes beyond it: `/api` also starts `/apiary`. */
function segmentOfPrefix(prefix: string): string | undefined {
  const slash = prefix.startsWith('/') ? prefix.indexOf('/', 1) : -1;
  return slash < 0 ? undefined : prefix.slice(0, slash);
}

/** The text that every match of a pattern starts with, as far as it is plain to see. Alternatives may start with anything. */
function literalPrefix(pattern: string): string {
  if (pattern.includes('|')) return '';
  const body = pattern.startsWith('^') ? pattern.slice(1) : pattern;
  const run = /^[A-Za-z0-9/_~-]*/.exec(body)?.[0] ?? '';
  const next = body[run.length];
  // `/ab*`: the quantifier belongs to the last character, which may then be missing.
  return next === '*' || next === '?' || next === '{' || next === '+' ? run.slice(0, -1) : run;
}
