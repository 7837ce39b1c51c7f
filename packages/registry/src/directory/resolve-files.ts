import { configKey, type Config, type DecodeResult, type Place } from '@meltemi/api';
import { formatOrigin, type ObjectRef, type Problem } from '@meltemi/base';
import { refKey, refOf } from '../store/config-table.ts';

/** One file as it was read last, and what of it is in force. */
export interface FileRecord {
  readonly path: string;
  /** Modification time when it was first seen: of two files that define one object, the older counts. */
  readonly firstSeenMs: number;
  readonly decoded: DecodeResult;
  /** The last good form of each of its objects. */
  readonly good: ReadonlyMap<string, Config>;
}

/**
 * The record of a file that was read (again). Objects with a fault keep their last good form. A text that cannot be read as YAML to its end says nothing about
 * what it does not show: objects that were there before stay too.
 */
export function nextRecord(path: string, decoded: DecodeResult, modifiedMs: number, before: FileRecord | undefined): FileRecord {
  const good = new Map(decoded.configs.map((config) => [configKey(config), config]));
  const unreadable = decoded.problems.some((problem) => problem.severity === 'error' && problem.object === undefined);
  const faulty = new Set(decoded.documents.filter((document) => document.config === undefined).map(refKey));
  const shown = new Set(decoded.documents.map(refKey));
  for (const [key, config] of before?.good ?? []) {
    if (good.has(key)) continue;
    if (faulty.has(key) || (unreadable && !shown.has(key))) good.set(key, config);
  }
  return { path, firstSeenMs: before?.firstSeenMs ?? modifiedMs, decoded, good };
}

/** All files as one set of objects, and everything that is wrong. */
export function resolveFiles(records: Iterable<FileRecord>): { readonly configs: readonly Config[]; readonly problems: readonly Problem[] } {
  const owners = new Map<string, Config>();
  const problems: Problem[] = [];
  const sorted = [...records].sort((a, b) => a.firstSeenMs - b.firstSeenMs || (a.path < b.path ? -1 : 1));
  for (const record of sorted) {
    for (const problem of record.decoded.problems) problems.push(withState(problem, record));
    for (const [key, config] of record.good) {
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, config);
      else problems.push(duplicate(config, owner));
    }
  }
  return { configs: [...owners.values()], problems };
}

/** An error of an object says whether anything of it is in force. */
function withState(problem: Problem, record: FileRecord): Problem {
  if (problem.severity !== 'error' || problem.object === undefined) return problem;
  // Of two objects in one file the first is in force, whatever it was before.
  if (problem.code === 'MEL0106') return problem;
  const kept = record.good.has(refKey(problem.object));
  return kept ? { ...problem, message: `${problem.message} (the version before stays in force)` } : problem;
}

function duplicate(config: Config, owner: Config): Problem {
  return {
    code: 'MEL0106',
    severity: 'error',
    path: '',
    message: `is also defined in ${formatOrigin(owner.origin)}, which is older and counts; this one has no effect`,
    fix: { text: 'Delete one of the two, or give it another name.' },
    object: refOf(config),
    origin: config.origin,
  };
}

/** Where a path of an object stands in its file; undefined when the form in force is older than the text. */
export function placeIn(record: FileRecord | undefined, ref: ObjectRef, path: string): Place | undefined {
  return record?.decoded.documents.find((document) => document.config !== undefined && refKey(document) === refKey(ref))?.locate(path);
}
