import { formatOrigin, type Problem } from '@meltemi/base';
import type { ConfigList, ConfigObject, Validation, ValidationCheck } from '../../api/kiali.ts';
import type { ObjectId } from './object-path.ts';

export type ConfigState = 'N/A' | 'Not Valid' | 'Valid' | 'Warning';

/** One message about an object, with its place and its remedy. */
export interface Message {
  readonly code: string;
  readonly severity: 'error' | 'info' | 'warning';
  readonly text: string;
  readonly path: string;
  readonly place: string;
  readonly fix: string;
}

/** A row of the configuration list: an object in force, or one that is held back. */
export interface ConfigRow {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: ConfigState;
  /** Held back: not in force; what was valid before goes on. */
  readonly held: boolean;
  readonly place: string;
  readonly messages: readonly Message[];
  /** Of an object that the control plane holds. */
  readonly id?: ObjectId;
}

/** An object's kind, namespace and name: what a problem names it by. */
type ObjectName = Pick<ObjectId, 'kind' | 'name' | 'namespace'>;

const STATE_ORDER: readonly ConfigState[] = ['Not Valid', 'Warning', 'N/A', 'Valid'];
export const CONFIG_STATES: readonly ConfigState[] = ['Valid', 'Warning', 'Not Valid', 'N/A'];

/** Objects of the list with what validation says of each, and problems that belong to no object in force. */
export function configRows(config: ConfigList | undefined, problems: readonly Problem[], namespaces: readonly string[]): readonly ConfigRow[] {
  const rows = new Map<string, ConfigRow>();
  for (const [gvk, objects] of Object.entries(config?.resources ?? {})) {
    for (const object of objects ?? []) {
      const row = objectRow(objectId(gvk, object), config, problems);
      rows.set(rowKey(row), row);
    }
  }
  for (const problem of problems) {
    const row = heldRow(problem, problems);
    if (!rows.has(rowKey(row)) && (row.namespace === '' || namespaces.includes(row.namespace))) rows.set(rowKey(row), row);
  }
  return [...rows.values()];
}

export function rowKey(row: ObjectName): string {
  return `${row.kind}/${row.namespace}/${row.name}`;
}

/** From Kiali's key of a list, `group/version, Kind=kind`, and the object itself. */
function objectId(gvk: string, object: ConfigObject): ObjectId {
  const [, group = '', version = 'v1', kind = gvk] = /^(?:(.*)\/)?([^/]+), Kind=(\w+)$/.exec(gvk) ?? [];
  const { name, namespace = '' } = object.metadata;
  return { namespace, group, version, kind: object.kind === '' ? kind : (object.kind ?? kind), name };
}

function objectRow(id: ObjectId, config: ConfigList | undefined, problems: readonly Problem[]): ConfigRow {
  const validation = findValidation(config, id);
  const messages = objectMessages(id, validation, problems);
  const { kind, name, namespace } = id;
  const place = validation?.origin === undefined ? '' : formatOrigin({ source: 'file', ...validation.origin });
  return { kind, name, namespace, state: stateOf(messages, validation?.valid ?? true), held: false, place, messages, id };
}

/** What is said about an object: by the problems of the mesh, which know places and remedies; else by its validation. */
export function objectMessages(id: ObjectName, validation: Validation | undefined, problems: readonly Problem[]): readonly Message[] {
  const own = problems.filter((one) => isAbout(one, id));
  return own.length > 0 ? own.map(problemMessage) : (validation?.checks ?? []).map(checkMessage);
}

function isAbout({ object }: Problem, id: ObjectName): boolean {
  return object?.kind === id.kind && object.name === id.name && object.namespace === id.namespace;
}

function findValidation(config: ConfigList | undefined, { group, version, kind, name, namespace }: ObjectId): Validation | undefined {
  const all = config?.validations ?? {};
  const byName = all[`${group}/${version}, Kind=${kind}`] ?? Object.entries(all).find(([key]) => key.endsWith(`Kind=${kind}`))?.[1];
  return Object.values(byName ?? {}).find((one) => one.name === name && one.namespace === namespace);
}

/** A problem of an object that is not in the list: the object, or the whole file, is held back. */
function heldRow(problem: Problem, problems: readonly Problem[]): ConfigRow {
  const { object, origin } = problem;
  const own = problems.filter((one) => (object === undefined ? one.object === undefined && one.origin?.file === origin?.file : isAbout(one, object)));
  const messages = own.map(problemMessage);
  const held = messages.some((one) => one.severity === 'error');
  return { ...(object ?? fileOf(problem)), state: stateOf(messages, !held), held, place: formatOrigin(origin), messages };
}

function fileOf({ origin }: Problem): ObjectName {
  return { kind: 'File', name: origin?.file?.split('/').at(-1) ?? origin?.source ?? '?', namespace: '' };
}

function problemMessage(problem: Problem): Message {
  return {
    code: problem.code,
    severity: problem.severity,
    text: problem.message,
    path: problem.path,
    place: formatOrigin(problem.origin),
    fix: problem.fix?.text ?? '',
  };
}

function checkMessage(check: ValidationCheck): Message {
  const severity = check.severity === 'error' || check.severity === 'warning' ? check.severity : 'info';
  const place = check.origin === undefined ? '' : formatOrigin({ source: 'file', ...check.origin });
  return { code: check.code ?? '', severity, text: check.message, path: check.path ?? '', place, fix: check.fix ?? '' };
}

export function stateOf(messages: readonly Message[], valid: boolean): ConfigState {
  if (!valid || messages.some((one) => one.severity === 'error')) return 'Not Valid';
  return messages.some((one) => one.severity === 'warning') ? 'Warning' : 'Valid';
}

export type ConfigSort = 'kind' | 'name' | 'namespace' | 'state';

export function sortRows(rows: readonly ConfigRow[], by: ConfigSort, descending: boolean): readonly ConfigRow[] {
  const key = (row: ConfigRow): number | string => (by === 'state' ? STATE_ORDER.indexOf(row.state) : row[by]);
  const sorted = rows.toSorted((a, b) => {
    // What is held back stands on top, whatever the order: it is what somebody is looking for.
    if (a.held !== b.held) return a.held === !descending ? -1 : 1;
    const [x, y] = [key(a), key(b)];
    if (x !== y) return x < y ? -1 : 1;
    return rowKey(a) < rowKey(b) ? -1 : 1;
  });
  return descending ? sorted.toReversed() : sorted;
}

export function filterRows(rows: readonly ConfigRow[], filters: readonly { readonly by: string; readonly value: string }[]): readonly ConfigRow[] {
  const test: Readonly<Record<string, (row: ConfigRow, value: string) => boolean>> = {
    name: (row, value) => row.name.toLowerCase().includes(value.toLowerCase()),
    type: (row, value) => row.kind === value,
    health: (row, value) => row.state === value,
  };
  const kinds = new Set(filters.map((one) => one.by));
  return rows.filter((row) => [...kinds].every((by) => filters.filter((one) => one.by === by).some((one) => test[by]?.(row, one.value) ?? true)));
}
