import type { z } from 'zod';
import type { KindDefinition, ValidationContext } from '../kind.ts';
import { formatPath, isWithin, type Path } from '../path.ts';
import { schemaAt, shapeOf } from '../schema/walk.ts';
import { findUnsupported } from '../unsupported.ts';
import { errorAt, type ObjectFinding } from './finding.ts';
import { issueMessage } from './messages.ts';
import { nearest } from './suggest.ts';

export interface DecodedSpec {
  /** The spec with defaults; undefined when something in it is wrong. */
  readonly spec?: unknown;
  readonly findings: readonly ObjectFinding[];
}

/** Decodes a spec by the definition of its kind; `root` is the path of the spec in its object. Collects everything that is wrong. */
export function decodeSpec(kind: KindDefinition, value: unknown, root: Path, context: ValidationContext): DecodedSpec {
  const parsed = kind.schema.safeParse(value);
  const findings = parsed.success ? [] : parsed.error.issues.flatMap((issue) => issueFindings(kind, issue, value, root));
  findings.push(...unsupportedFindings(kind, value, root));
  const { spec, removed } = parsed.success ? { spec: parsed.data, removed: [] } : repair(kind, value, parsed.error.issues);
  if (spec !== undefined) {
    for (const finding of kind.validate(spec as never, context)) {
      // What a removed part would have said is not known: a finding at or around it may be its echo.
      if (removed.some((path) => isWithin(path, finding.path) || isWithin(finding.path, path))) continue;
      const severity = finding.severity ?? 'error';
      const code = severity === 'error' ? 'IST0106' : 'IST0133';
      findings.push({ code, severity, path: [...root, ...finding.path], message: finding.message, ...(finding.fix === undefined ? {} : { fix: finding.fix }) });
    }
  }
  const refused = findings.some((finding) => finding.severity === 'error');
  return refused ? { findings } : { spec, findings };
}

function unsupportedFindings(kind: KindDefinition, value: unknown, root: Path): ObjectFinding[] {
  return findUnsupported(value, kind.unsupported).map((hit) => {
    const field = formatPath(hit.path.filter((part) => typeof part === 'string'));
    const what = hit.value === undefined ? field : `${field}: ${hit.value}`;
    return { ...errorAt('MEL0105', [...root, ...hit.path], `not supported yet by Meltemi: ${what} (${hit.reason})`), atKey: true };
  });
}

function issueFindings(kind: KindDefinition, issue: z.core.$ZodIssue, value: unknown, root: Path): ObjectFinding[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(kind, path, key, root));
  const at = valueAt(value, path);
  return [errorAt('IST0106', [...root, ...path], issueMessage(issue, at))];
}

function unknownField(kind: KindDefinition, parent: Path, key: string, root: Path): ObjectFinding {
  const path = [...root, ...parent, key];
  const known = Object.keys(shapeOf(schemaAt(kind.schema, parent) ?? kind.schema) ?? {});
  const owner = parent.at(-1);
  const above = parent.length === 0 ? undefined : shapeOf(schemaAt(kind.schema, parent.slice(0, -1)) ?? kind.schema);
  if (typeof owner === 'string' && above !== undefined && Object.hasOwn(above, key)) {
    const message = `"${key}" belongs beside "${owner}", not under it: indent it as "${owner}" is`;
    return { ...errorAt('MEL0104', path, message, `Move "${key}" one level up.`), atKey: true, misplaced: true };
  }
  const near = nearest(key, known);
  const where = owner === undefined ? kind.id.kind : formatPath(parent);
  const message = `${where} has no field "${key}"${near === undefined ? `; it has ${known.join(', ')}` : ''}`;
  return { ...errorAt('MEL0104', path, message, near === undefined ? undefined : `Did you mean "${near}"?`), atKey: true };
}

/** The value at a path; undefined when it is not there. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) at = typeof at === 'object' && at !== null && Object.hasOwn(at, part) ? (at as Readonly<Record<string | number, unknown>>)[part] : undefined;
  return at;
}

/**
 * Takes the faulty parts out of a spec until the rest parses, so that the rules across fields are checked in the same run as the
 * forms of the fields. Gives up (no spec) when what is faulty is the root.
 */
function repair(kind: KindDefinition, value: unknown, issues: readonly z.core.$ZodIssue[]): { readonly spec?: unknown; readonly removed: readonly Path[] } {
  const removed: Path[] = [];
  const copy = structuredCopy(value);
  let open = issues;
  for (let round = 0; round < 8; round += 1) {
    const paths = open.flatMap((issue) => {
      const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
      return issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
    });
    for (const path of paths) {
      const gone = remove(copy, path);
      if (gone === undefined) return { removed };
      removed.push(gone);
    }
    const parsed = kind.schema.safeParse(copy);
    if (parsed.success) return { spec: parsed.data, removed };
    open = parsed.error.issues;
  }
  return { removed };
}

/** Deletes the nearest thing that is there and is a field (entries of lists would shift the others). Returns what was deleted. */
function remove(value: unknown, path: Path): Path | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const key = path[length - 1];
    const holder = valueAt(value, path.slice(0, length - 1));
    if (typeof key !== 'string' || typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, key)) continue;
    delete (holder as Record<string, unknown>)[key];
    return path.slice(0, length);
  }
  return undefined;
}

function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, structuredCopy(inner)]));
}
