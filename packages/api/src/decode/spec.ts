import type { z } from 'zod';
import type { Finding, KindDefinition, ValidationContext } from '../kind.ts';
import { formatPath, isWithin, toPath, valueAt, type Path } from '../path.ts';
import { schemaAt, shapeOf } from '../schema/walk.ts';
import { findUnsupported } from '../unsupported.ts';
import { errorAt, type ObjectFinding } from './finding.ts';
import { issueText } from './messages.ts';
import { repair, type Repaired } from './repair.ts';
import { nearest } from './suggest.ts';

export interface DecodedSpec {
  /** The spec with defaults; undefined when something in it is wrong. */
  readonly spec?: unknown;
  readonly findings: readonly ObjectFinding[];
}

/** Decodes a spec by the definition of its kind; `root` is the path of the spec in its object. Collects everything that is wrong. */
export function decodeSpec(kind: KindDefinition, value: unknown, root: Path, context: ValidationContext): DecodedSpec {
  const parsed = bounded(() => kind.schema.safeParse(value));
  if (parsed === undefined) return { findings: [tooFaulty(root)] };
  const issues = parsed.success ? [] : parsed.error.issues;
  const findings = issues.slice(0, MAX_FINDINGS).flatMap((issue) => issueFindings(kind, issue, value, root));
  for (const finding of unsupportedFindings(kind, value, root)) findings.push(finding);
  // Of so many faults, those across fields are not waited for.
  if (findings.length >= MAX_FINDINGS) return { findings: [...findings.slice(0, MAX_FINDINGS), tooFaulty(root)] };
  const rest: Repaired = parsed.success ? { spec: parsed.data, removed: [], original: (path) => path } : repair(kind, value, issues);
  if (rest.spec !== undefined) {
    const rules = bounded(() => kind.validate(rest.spec as never, context));
    if (rules === undefined) return { findings: [...findings, tooFaulty(root)] };
    for (const finding of ruleFindings(rules, rest, root)) findings.push(finding);
  }
  const refused = findings.some((finding) => finding.severity === 'error');
  return refused ? { findings } : { spec: rest.spec, findings };
}

/** What the rules across fields say, in places of the original. */
function ruleFindings(rules: readonly Finding[], { removed, original }: Repaired, root: Path): readonly ObjectFinding[] {
  return (rules.length > MAX_FINDINGS ? gravest(rules) : rules).flatMap(({ path: place, severity = 'error', message, fix }): ObjectFinding[] => {
    const path = original(place);
    // What a removed part would have said is not known: a finding at or around it may be its echo.
    if (removed.some((gone) => isWithin(gone, path) || isWithin(path, gone))) return [];
    const code = severity === 'error' ? 'IST0106' : 'IST0133';
    return [{ code, severity, path: [...root, ...path], message, ...(fix === undefined ? {} : { fix }) }];
  });
}

/** More than anybody reads, and few enough to be made quickly. */
const MAX_FINDINGS = 1_000;

function tooFaulty(root: Path): ObjectFinding {
  return errorAt('MEL0107', root, 'has more faults than are told at once; mend these first');
}

/** Undefined when there is so much to say that it does not fit on the stack. */
function bounded<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** As many as are told; no warning stands in the place of an error. */
function gravest(findings: readonly Finding[]): readonly Finding[] {
  const isError = ({ severity = 'error' }: Finding): boolean => severity === 'error';
  return [...findings.filter(isError), ...findings.filter((finding) => !isError(finding))].slice(0, MAX_FINDINGS);
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
