import type { Path } from './path.ts';

/**
 * The table form of what a kind's schema knows but our data planes do not do yet. Keys are path patterns inside the spec: names
 * joined by dots, `[]` for every entry of a list, and at the end `=VALUE` (only this value is refused) or `!=VALUE` (only this value
 * is taken); texts compare without regard to case. Implementing a field means deleting its line.
 */
export type UnsupportedTable = Readonly<Record<string, string>>;

export interface UnsupportedHit {
  readonly path: Path;
  readonly pattern: string;
  readonly reason: string;
  /** The refused value, when only a value is refused. */
  readonly value?: string;
}

export interface UnsupportedPattern {
  readonly segments: readonly string[];
  readonly test?: { readonly negated: boolean; readonly value: string };
}

/** Splits a key of the table. */
export function parseUnsupportedPattern(pattern: string): UnsupportedPattern {
  const match = /^([^!=]*)(?:(!?=)(.*))?$/.exec(pattern);
  const segments = (match?.[1] ?? pattern)
    .replaceAll('[]', '.[]')
    .split('.')
    .filter((segment) => segment !== '');
  return match?.[2] === undefined ? { segments } : { segments, test: { negated: match[2] === '!=', value: match[3] ?? '' } };
}

/** The same table at several places of a spec: `at('subsets[].trafficPolicy', table)`. */
export function unsupportedAt(prefixes: readonly string[], table: UnsupportedTable): UnsupportedTable {
  return Object.fromEntries(
    prefixes.flatMap((prefix) => Object.entries(table).map(([pattern, reason]) => [`${prefix}.${pattern}`, reason] as const)),
  );
}

/** Everything in a spec that the table refuses. `spec` may be of any form. */
export function findUnsupported(spec: unknown, table: UnsupportedTable): UnsupportedHit[] {
  const hits: UnsupportedHit[] = [];
  for (const [pattern, reason] of Object.entries(table)) {
    const { segments, test } = parseUnsupportedPattern(pattern);
    for (const found of select(spec, segments, 0, [])) {
      if (test === undefined) hits.push({ path: found.path, pattern, reason });
      else if (typeof found.value === 'string' || typeof found.value === 'boolean' || typeof found.value === 'number') {
        const same = String(found.value).toLowerCase() === test.value.toLowerCase();
        if (same !== test.negated) hits.push({ path: found.path, pattern, reason, value: String(found.value) });
      }
    }
  }
  return hits;
}

function select(value: unknown, segments: readonly string[], depth: number, path: Path): { readonly path: Path; readonly value: unknown }[] {
  const segment = segments[depth];
  if (segment === undefined) return value === undefined ? [] : [{ path, value }];
  if (segment === '[]') return Array.isArray(value) ? value.flatMap((entry, index) => select(entry, segments, depth + 1, [...path, index])) : [];
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return [];
  return select((value as Readonly<Record<string, unknown>>)[segment], segments, depth + 1, [...path, segment]);
}
