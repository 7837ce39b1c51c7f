import type { Config, EnvoyFilter, EnvoyFilterPatch } from '@meltemi/api';
import { isMap, merge, withProtoNames, type Json, type JsonMap } from './merge.ts';

/** One change of an EnvoyFilter, as it is applied. */
export interface Patch {
  readonly filter: Config<EnvoyFilter>;
  /** Place in `configPatches`. */
  readonly index: number;
  readonly applyTo: EnvoyFilterPatch['applyTo'];
  readonly match: NonNullable<EnvoyFilterPatch['match']>;
  readonly operation: EnvoyFilterPatch['patch']['operation'];
  readonly filterClass: EnvoyFilterPatch['patch']['filterClass'];
  readonly value: JsonMap;
}

const known = new WeakMap<Config<EnvoyFilter>, readonly Patch[]>();

/** The changes of EnvoyFilters, in order. */
export function patchesOf(filters: readonly Config<EnvoyFilter>[]): readonly Patch[] {
  return filters.flatMap((filter) => {
    let patches = known.get(filter);
    if (patches === undefined) known.set(filter, (patches = filter.spec.configPatches.map((entry, index) => patchOf(filter, entry, index))));
    return patches;
  });
}

function patchOf(filter: Config<EnvoyFilter>, { applyTo, match, patch }: EnvoyFilterPatch, index: number): Patch {
  const value = withProtoNames((patch.value ?? {}) as JsonMap);
  return { filter, index, applyTo, match: match ?? {}, operation: patch.operation, filterClass: patch.filterClass, value: isMap(value) ? value : {} };
}

/** The message with the change merged in; the same one for other operations. */
export function merged(message: JsonMap, { operation, value }: Patch): JsonMap {
  if (operation === 'MERGE') return merge(message, value, 'append');
  return operation === 'MERGE_AND_REPLACE_LIST' ? merge(message, value, 'replace') : message;
}

/** Whether the change alters things that are there (as opposed to putting new ones beside them). */
export function alters({ operation }: Patch): boolean {
  return operation === 'MERGE' || operation === 'MERGE_AND_REPLACE_LIST' || operation === 'REMOVE' || operation === 'REPLACE';
}

/** How a list of named things is changed. */
export interface ListChange {
  /** Whether an entry is meant. */
  readonly matches: (entry: JsonMap) => boolean;
  /** Whether `match` names an entry: INSERT_BEFORE and INSERT_AFTER then need it. */
  readonly anchored: boolean;
  /** Where ADD puts an entry; default the end. */
  readonly addAt?: (list: readonly JsonMap[]) => number;
}

/** A list after the change; the same list when nothing of it is meant. */
export function changeList(list: readonly JsonMap[], patch: Patch, change: ListChange): readonly JsonMap[] {
  return alters(patch) ? altered(list, patch, change.matches) : inserted(list, patch, change);
}

function altered(list: readonly JsonMap[], patch: Patch, matches: ListChange['matches']): readonly JsonMap[] {
  if (!list.some(matches)) return list;
  if (patch.operation === 'REMOVE') return list.filter((entry) => !matches(entry));
  return list.map((entry) => (matches(entry) ? (patch.operation === 'REPLACE' ? patch.value : merged(entry, patch)) : entry));
}

function inserted(list: readonly JsonMap[], { operation, value }: Patch, { matches, anchored, addAt }: ListChange): readonly JsonMap[] {
  const insert = (index: number): readonly JsonMap[] => [...list.slice(0, index), value, ...list.slice(index)];
  const end = addAt?.(list) ?? list.length;
  if (operation === 'INSERT_FIRST') return insert(0);
  if (operation === 'ADD') return insert(end);
  const before = operation === 'INSERT_BEFORE';
  if (!anchored) return insert(before ? 0 : end);
  const at = list.findIndex(matches);
  return at < 0 ? list : insert(before ? at : at + 1);
}

/** The list under a field, as maps. */
export function listAt(message: JsonMap, field: string): readonly JsonMap[] {
  const list = message[field];
  return Array.isArray(list) ? (list as readonly Json[]).filter(isMap) : [];
}

/** The message with another list under a field; the same message when it is the same list. */
export function withList(message: JsonMap, field: string, list: readonly JsonMap[], before: readonly JsonMap[]): JsonMap {
  return list === before ? message : { ...message, [field]: list };
}

/** The message with each entry of a list changed; the same message when none did. */
export function mapList(message: JsonMap, field: string, change: (entry: JsonMap) => JsonMap): JsonMap {
  const before = listAt(message, field);
  const after = before.map(change);
  return after.every((entry, index) => entry === before[index]) ? message : { ...message, [field]: after };
}

/** The message with one inside of it changed. */
export function mapField(message: JsonMap, field: string, change: (inner: JsonMap) => JsonMap): JsonMap {
  const before = message[field];
  if (!isMap(before)) return message;
  const after = change(before);
  return after === before ? message : { ...message, [field]: after };
}
