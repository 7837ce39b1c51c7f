import { z } from 'zod';
import type { Json } from '../config.ts';
import { apiVersionOf, type KindDefinition } from '../kind.ts';
import { metadataSchema } from '../schema/metadata.ts';
import { ONE_OF, type OneOf } from '../schema/one-of.ts';

/** One node of a JSON Schema (draft 2020-12, the part that zod writes). */
export interface SchemaNode {
  readonly [keyword: string]: Json | undefined;
}

/**
 * JSON Schema of a whole object of a kind, for editors: completion, documentation and first checks. Rules across fields are in
 * `validate` only.
 */
export function jsonSchemaOf(kind: KindDefinition): SchemaNode {
  const body = schemaNode(kind.schema);
  const top = {
    apiVersion: { type: 'string', enum: kind.id.versions.map((version) => apiVersionOf(kind.id, version)) },
    kind: { type: 'string', const: kind.id.kind },
    metadata: schemaNode(metadataSchema),
    status: {},
  };
  const fields = kind.body === 'root' ? (body['properties'] as SchemaNode) : { spec: body };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: kind.id.kind,
    description: kind.docs,
    type: 'object',
    properties: { ...top, ...fields } as Json,
    required: ['apiVersion', 'kind', 'metadata', ...(kind.specOptional || kind.body === 'root' ? [] : ['spec'])],
    additionalProperties: false,
  };
}

/** The schema of a zod type, with groups of exclusive fields written out and zod's technical bounds left away. */
export function schemaNode(schema: z.ZodType): SchemaNode {
  const { $schema: _dialect, ...node } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
  return clean(node as SchemaNode);
}

function clean(node: SchemaNode): SchemaNode {
  const out: Record<string, Json | undefined> = {};
  for (const [keyword, value] of Object.entries(node)) {
    // Keys are judged by a function; "type: string" says nothing in JSON.
    if (keyword !== 'propertyNames' && keyword !== ONE_OF && !isSafeBound(keyword, value)) out[keyword] = cleanValue(keyword, value);
  }
  const groups = (node[ONE_OF] ?? []) as unknown as readonly OneOf[];
  const alternatives = groups.map((group) => ({ oneOf: oneOfNodes(group) }));
  if (alternatives.length === 1) return { ...out, ...alternatives[0] } as SchemaNode;
  return alternatives.length === 0 ? out : ({ ...out, allOf: alternatives } as unknown as SchemaNode);
}

function cleanValue(keyword: string, value: Json | undefined): Json | undefined {
  if (keyword === 'properties') return mapValues(value as SchemaNode, (inner) => clean(inner as SchemaNode)) as Json;
  if (keyword === 'items' || (keyword === 'additionalProperties' && typeof value === 'object')) return clean(value as SchemaNode) as Json;
  return keyword === 'anyOf' ? ((value as readonly SchemaNode[]).map(clean) as Json) : value;
}

function oneOfNodes(group: OneOf): Json {
  const required = group.fields.map((field) => ({ required: [field] }));
  return group.required ? required : [{ not: { anyOf: required } }, ...required];
}

/** zod bounds every whole number by what a double holds; that is no rule of the field. */
function isSafeBound(keyword: string, value: Json | undefined): boolean {
  return (keyword === 'maximum' || keyword === 'minimum') && typeof value === 'number' && Math.abs(value) === Number.MAX_SAFE_INTEGER;
}

export function mapValues(node: SchemaNode, change: (value: Json | undefined) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, change(value)]));
}
