import { compareByAge, type Config, type HttpMatchRequest } from '@meltemi/api';
import type { DerivedHttpRoute } from './derived.ts';

/** One match of one rule, with what its place among all others depends on. */
export interface RankedRule {
  readonly http: DerivedHttpRoute;
  readonly config: Config;
  readonly rule: number;
  readonly match: number;
}

/**
 * The order of the Gateway API: exact paths, then the longest prefix, then regular expressions, then every path; then a method, more headers, more query parameters; then
 * the oldest object, its name, and the order inside.
 */
export function compareRules(a: RankedRule, b: RankedRule): number {
  const left = specificity(a.http.match?.[0]);
  const right = specificity(b.http.match?.[0]);
  for (const [index, value] of left.entries()) if (value !== right[index]) return (right[index] ?? 0) - value;
  return compareByAge(a.config, b.config) || a.rule - b.rule || a.match - b.match;
}

function specificity(match: HttpMatchRequest = {}): readonly number[] {
  const count = (record: object | undefined): number => Object.keys(record ?? {}).length;
  return [...pathRank(match.uri), match.method === undefined ? 0 : 1, count(match.headers), count(match.queryParams)];
}

function pathRank(uri: HttpMatchRequest['uri']): readonly number[] {
  if (uri?.exact !== undefined) return [3, uri.exact.length];
  // A regular expression stands above what matches every path: below it, nothing could ever reach it.
  if (uri?.prefix !== undefined && uri.prefix !== '/') return [2, uri.prefix.length];
  return uri?.regex === undefined ? [0, 0] : [1, uri.regex.length];
}
