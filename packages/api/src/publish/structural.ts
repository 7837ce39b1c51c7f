import type { Json } from '../config.ts';
import { formatPath, type Path } from '../path.ts';
import type { SchemaNode } from './json-schema.ts';

const LOGICAL = ['allOf', 'anyOf', 'oneOf'] as const;
const CORE_ONLY = [
  'type',
  'default',
  'description',
  'additionalProperties',
  'nullable',
  'title',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
];
const KNOWN = new Set([
  ...CORE_ONLY,
  ...LOGICAL,
  'not',
  'properties',
  'items',
  'required',
  'enum',
  'format',
  'pattern',
  'minimum',
  'maximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
]);

/**
 * What makes an OpenAPI schema of a CRD unstructural in Kubernetes' sense (apiextensions v1, "Specifying a structural schema"); empty
 * when it is structural. The API server refuses a CRD for each of these.
 */
export function structuralFaults(schema: SchemaNode, path: Path = []): string[] {
  const at = formatPath(path) || '(root)';
  const faults = ownFaults(schema, at);
  for (const [name, inner] of children(schema)) faults.push(...structuralFaults(inner, [...path, ...name]));
  for (const inner of logical(schema)) faults.push(...logicalFaults(inner, schema, at));
  return faults;
}

function ownFaults(schema: SchemaNode, at: string): string[] {
  const faults: string[] = [];
  const intOrString = schema['x-kubernetes-int-or-string'] === true;
  const typeless = intOrString || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (typeof schema['type'] !== 'string' && !typeless) faults.push(`${at}: needs a type`);
  if (intOrString && schema['type'] !== undefined) faults.push(`${at}: type has no place beside x-kubernetes-int-or-string`);
  for (const keyword of Object.keys(schema)) if (!KNOWN.has(keyword)) faults.push(`${at}: the keyword ${keyword} is unknown`);
  return [...faults, ...contentFaults(schema, at)];
}

function contentFaults(schema: SchemaNode, at: string): string[] {
  const faults: string[] = [];
  if (schema['properties'] !== undefined && schema['additionalProperties'] !== undefined)
    faults.push(`${at}: properties and additionalProperties exclude each other`);
  if (schema['additionalProperties'] === false) faults.push(`${at}: additionalProperties cannot be false`);
  if (schema['type'] === 'array' && schema['items'] === undefined) faults.push(`${at}: an array needs items`);
  return faults;
}

function children(schema: SchemaNode): readonly (readonly [Path, SchemaNode])[] {
  const properties = Object.entries((schema['properties'] ?? {}) as SchemaNode).map(
    ([name, inner]) => [['properties', name], inner as SchemaNode] as const,
  );
  const items = isNode(schema['items']) ? [[['items'], schema['items']] as const] : [];
  const values = isNode(schema['additionalProperties']) ? [[['additionalProperties'], schema['additionalProperties']] as const] : [];
  return [...properties, ...items, ...values];
}

function logical(schema: SchemaNode): readonly SchemaNode[] {
  const branches = LOGICAL.flatMap((keyword) => (schema[keyword] ?? []) as readonly SchemaNode[]);
  return isNode(schema['not']) ? [...branches, schema['not']] : branches;
}

/** Inside `allOf`, `anyOf`, `oneOf` and `not`, values are judged but the structure is not told: every field must be known outside. */
function logicalFaults(branch: SchemaNode, outside: SchemaNode, at: string): string[] {
  const faults: string[] = [];
  const intOrString = outside['x-kubernetes-int-or-string'] === true;
  for (const keyword of CORE_ONLY)
    if (branch[keyword] !== undefined && !(intOrString && keyword === 'type')) faults.push(`${at}: ${keyword} has no place inside a branch`);
  const known = (outside['properties'] ?? {}) as SchemaNode;
  const named = [...Object.keys((branch['properties'] ?? {}) as SchemaNode), ...((branch['required'] ?? []) as readonly string[])];
  for (const name of named) if (!Object.hasOwn(known, name)) faults.push(`${at}: a branch names "${name}", which is not a property`);
  for (const inner of logical(branch)) faults.push(...logicalFaults(inner, outside, at));
  return faults;
}

function isNode(value: Json | undefined): value is SchemaNode & Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
