/** JSON of protobuf messages. */
export type Json = null | boolean | number | string | readonly Json[] | JsonMap;
export interface JsonMap {
  readonly [key: string]: Json;
}

export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text field; empty when it is not set, or no text. */
export function textAt(message: JsonMap, field: string): string {
  const value = message[field];
  return typeof value === 'string' ? value : '';
}

/** Whether a criterion holds; one that is not set holds for everything. */
export function fits(wanted: string | number | undefined, found: Json | undefined): boolean {
  return wanted === undefined || wanted === '' || wanted === 0 || wanted === found;
}

/** A message as a plain map: generated resources are made of nothing else. */
export function asMap(resource: object): JsonMap {
  return resource as JsonMap;
}

/**
 * Protobuf's merge: messages and maps field by field, lists are appended to (or replaced), everything else is replaced. What an `Any` of another type holds
 * replaces the whole.
 */
export function merge(base: JsonMap, patch: JsonMap, lists: 'append' | 'replace'): JsonMap {
  const baseType = base['@type'];
  const patchType = patch['@type'];
  if (baseType !== undefined && patchType !== undefined && baseType !== patchType) return patch;
  const merged: Record<string, Json> = { ...base };
  for (const [key, value] of Object.entries(patch)) merged[key] = mergeValue(merged[key], value, lists);
  return merged;
}

function mergeValue(base: Json | undefined, patch: Json, lists: 'append' | 'replace'): Json {
  if (isMap(base) && isMap(patch)) return merge(base, patch, lists);
  if (Array.isArray(base) && Array.isArray(patch) && lists === 'append') return [...(base as readonly Json[]), ...(patch as readonly Json[])];
  return patch;
}

/** Below these, names are the user's. */
const FREE_FORM: ReadonlySet<string> = new Set(['filter_metadata', 'json_format', 'fields', 'labels', 'typed_struct', 'static_layer', 'rtds_layer']);
const CAMEL = /^[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+$/;

/** Field names as protobuf files have them: `typedConfig` becomes `typed_config`, as both are allowed in JSON. */
export function withProtoNames(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(withProtoNames);
  if (!isMap(value)) return value;
  // A TypedStruct holds a struct of the user's.
  const struct = typeof value['@type'] === 'string' && value['@type'].endsWith('.TypedStruct');
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]): [string, Json] => {
      const name = CAMEL.test(key) ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key;
      return [name, FREE_FORM.has(name) || (struct && name === 'value') ? inner : withProtoNames(inner)];
    }),
  );
}
