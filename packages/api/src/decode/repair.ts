import type { z } from 'zod';
import type { KindDefinition } from '../kind.ts';
import { isWithin, toPath, type Path } from '../path.ts';

/** Stands in a list where a faulty entry was, so that the others keep their places. */
const GONE = Symbol('gone');
const ROUNDS = 8;

export interface Repaired {
  /** The rest of the spec, parsed; undefined when too much is faulty. */
  readonly spec?: unknown;
  /** What was taken out, as paths in the original. */
  readonly removed: readonly Path[];
  /** A path in `spec` as a path in the original: entries after a removed one have moved up. */
  readonly original: (path: Path) => Path;
}

/**
 * Takes the faulty parts out of a spec until the rest parses, so that the rules across fields are checked in the same run as the
 * forms of the fields. Gives up when the fault is at the root.
 */
export function repair(kind: KindDefinition, value: unknown, issues: readonly z.core.$ZodIssue[]): Repaired {
  const removed: Path[] = [];
  const copy = copyOf(value);
  const original = (path: Path): Path => originalPath(copy, path);
  let open = issues;
  for (let round = 0; round < ROUNDS; round += 1) {
    // All paths first: removing one would move the others.
    const paths = open.flatMap((issue) => {
      const path = original(toPath(issue.path));
      return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
    });
    const now: Path[] = [];
    for (const path of paths) {
      if (now.some((gone) => isWithin(path, gone))) continue;
      const gone = remove(copy, path);
      if (gone === undefined) return { removed, original };
      now.push(gone);
    }
    removed.push(...now);
    const parsed = kind.schema.safeParse(compact(copy));
    if (parsed.success) return { spec: parsed.data, removed, original };
    open = parsed.error.issues;
  }
  return { removed, original };
}

/** Takes out the nearest field or entry that is there. */
function remove(value: unknown, path: Path): Path | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const key = path[length - 1] ?? '';
    const holder = holderAt(value, path.slice(0, length - 1));
    if (holder === undefined || !Object.hasOwn(holder, key)) continue;
    if (Array.isArray(holder)) holder[Number(key)] = GONE;
    else delete (holder as Record<string, unknown>)[key];
    return path.slice(0, length);
  }
  return undefined;
}

function holderAt(value: unknown, path: Path): object | undefined {
  let at = value;
  for (const part of path) at = typeof at === 'object' && at !== null ? (at as Readonly<Record<string | number, unknown>>)[part] : undefined;
  return typeof at === 'object' && at !== null ? at : undefined;
}

function originalPath(copy: unknown, path: Path): Path {
  const out: (string | number)[] = [];
  let at: unknown = copy;
  for (const part of path) {
    const place = Array.isArray(at) && typeof part === 'number' ? nthLeft(at, part) : part;
    out.push(place);
    at = typeof at === 'object' && at !== null ? (at as Readonly<Record<string | number, unknown>>)[place] : undefined;
  }
  return out;
}

/** The place of the nth entry that is not gone. */
function nthLeft(entries: readonly unknown[], nth: number): number {
  let left = nth;
  for (const [index, entry] of entries.entries()) {
    if (entry === GONE) continue;
    if (left === 0) return index;
    left -= 1;
  }
  return nth;
}

function compact(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((entry) => entry !== GONE).map(compact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, compact(inner)]));
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]));
}
