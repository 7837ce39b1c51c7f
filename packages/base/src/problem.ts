/** Where an object came from. `line` and `column` count from 1. */
export interface Origin {
  /** `file`, `api`, `run`, `kubernetes`, `connected`: the registry that brought it. */
  readonly source: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export type Severity = 'error' | 'warning' | 'info';

/** What to do about a problem: words for a person and, where it is safe, the edit itself. */
export interface Fix {
  readonly text: string;
  /** Replaces whole lines `startLine..endLine` (1-based, inclusive) of the origin's file. */
  readonly edit?: { readonly startLine: number; readonly endLine: number; readonly replacement: string };
}

/** Names one configuration object: `VirtualService bookinfo/reviews`. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * The one shape for what is wrong with configuration. Problems are values: they are collected, all of them, and never thrown.
 * `code` is an IST or KIA code where one exists, else ours (`MEL…`).
 */
export interface Problem {
  readonly code: string;
  readonly severity: Severity;
  /** Path inside the object, `spec.http[0].route[1].weight`; empty for the whole object. */
  readonly path: string;
  /** What happened, the value, the likely cause. */
  readonly message: string;
  readonly fix?: Fix;
  readonly object?: ObjectRef;
  readonly origin?: Origin;
}

/** `file:line:column`, as far as known. */
export function formatOrigin(origin: Origin | undefined): string {
  if (origin === undefined) return '';
  const place = origin.file ?? origin.source;
  if (origin.line === undefined) return place;
  return origin.column === undefined ? `${place}:${origin.line}` : `${place}:${origin.line}:${origin.column}`;
}

/** A kind as its users write it: two groups have a Gateway, and ours tells them apart by another tag. */
export function shownKind(kind: string): string {
  return kind === 'KubernetesGateway' ? 'Gateway' : kind;
}

/** One problem as text: `error [IST0106] (VirtualService bookinfo/reviews) at f.yaml:12:9 spec.http[0]: message. Fix: …`. */
export function formatProblem(problem: Problem): string {
  const object = problem.object === undefined ? '' : ` (${shownKind(problem.object.kind)} ${problem.object.namespace}/${problem.object.name})`;
  const place = formatOrigin(problem.origin);
  const path = problem.path === '' ? '' : ` ${problem.path}`;
  const fix = problem.fix === undefined ? '' : `\n  Fix: ${problem.fix.text}`;
  return `${problem.severity} [${problem.code}]${object}${place === '' ? '' : ` at ${place}`}${path}: ${problem.message}${fix}`;
}
