import type { z } from 'zod';
import type { KindDefinition, ValidationContext } from '../kind.ts';
import { formatPath, isWithin, toPath, valueAt, type Path } from '../path.ts';
import { schemaAt, shapeOf } from '../schema/walk.ts';
import { findUnsupported } from '../unsupported.ts';
import { errorAt, type ObjectFinding } from './finding.ts';
import { issueText } from './messages.ts';
import { repair } from './repair.ts';
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
  const { spec, removed, original } = parsed.success
    ? { spec: parsed.data, removed: [], original: (path: Path) => path }
    : repair(kind, value, parsed.error.issues);
  if (spec !== undefined) {
    for (const finding of kind.validate(spec as never, context)) {
      const path = original(finding.path);
      // What a removed part would have said is not known: a finding at or around it may be its echo.
      if (removed.some((gone) => isWithin(gone, path) || isWithin(path, gone))) continue;
      const severity = finding.severity ?? 'error';
      const code = severity === 'error' ? 'IST0106' : 'IST0133';
      findings.push({
        code,
        severity,
        path: [...root, ...path],
        message: finding.message,
        ...(finding.fix === undefined ? {} : { fix: finding.fix }),
      });
    }
  }
  const refused = findings.some((finding) => finding.severity === 'error');
  return refused ? { findings } : { spec, findings };
}

function unsupportedFindings(kind: KindDefinition, value: unknown, root: Path): ObjectFinding[] {
  return findUnsupported(value, kind.unsupported).map((hit) => {
    const field = formatPath(hit.path.filter((part) => typeof part === 'string'));
    const what = hit.value === undefined ? field : `${field}: ${hit.value}`;
    return { ...errorAt('MEL0105', [...root, ...hit.path], `not supported yet by Meltemi: ${what} (${hit.reason})`, 'Remove it.'), atKey: true };
  });
}

function issueFindings(kind: KindDefinition, issue: z.core.$ZodIssue, value: unknown, root: Path): ObjectFinding[] {
  const path = toPath(issue.path);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(kind, path, key, root));
  const at = valueAt(value, path);
  // What is wrong with a secret value is told without it.
  if (issue.code !== 'custom' && kind.hidden.includes(String(path[0])))
    return [errorAt('IST0106', [...root, ...path], 'is not text in the form that is asked for')];
  const { message, fix } = issueText(issue, at, issue.code === 'invalid_type' && at === undefined ? path.at(-1) : undefined);
  return [errorAt('IST0106', [...root, ...path], message, fix)];
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
  return {
    ...errorAt('MEL0104', path, message, near === undefined ? 'Remove it, or write a field that is there.' : `Did you mean "${near}"?`),
    atKey: true,
  };
}
