import { stringify } from 'yaml';
import type { Json } from '../config.ts';
import type { KindDefinition } from '../kind.ts';
import { mapValues, schemaNode, type SchemaNode } from './json-schema.ts';

/** Keywords of JSON Schema that Kubernetes' structural schemas have no place for. */
const DROPPED = new Set(['$schema', 'propertyNames', 'const', 'contentEncoding', 'exclusiveMinimum', 'exclusiveMaximum']);

/** The CustomResourceDefinition of a kind as an object. For kinds of the core group there is none. */
export function crdObject(kind: KindDefinition): SchemaNode | undefined {
  const { group, versions, kind: name } = kind.id;
  if (group === '') return undefined;
  const spec = structural(schemaNode(kind.schema));
  const openAPIV3Schema = {
    type: 'object',
    description: kind.docs,
    properties: { spec, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    ...(kind.specOptional ? {} : { required: ['spec'] }),
  };
  const columns = [
    ...kind.columns.map((column) => ({ name: column.name, type: 'string', jsonPath: `.${column.path}` })),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${group}` },
    spec: {
      group,
      names: { kind: name, listKind: `${name}List`, plural: kind.plural, singular: kind.singular, shortNames: [...kind.shortNames] },
      scope: kind.scope,
      versions: versions.map((version, index) => ({
        name: version,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: openAPIV3Schema as Json },
        subresources: { status: {} },
        additionalPrinterColumns: columns,
      })),
    },
  };
}

/** The CustomResourceDefinition of a kind as YAML; `''` for kinds of the core group. */
export function crdOf(kind: KindDefinition): string {
  const crd = crdObject(kind);
  return crd === undefined ? '' : stringify(crd, { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

/** A JSON Schema in the form that Kubernetes takes: unknown fields are refused by pruning, not by `additionalProperties: false`. */
function structural(node: SchemaNode): SchemaNode {
  const alternatives = node['anyOf'] as readonly SchemaNode[] | undefined;
  if (alternatives?.some((inner) => inner['type'] === 'integer') === true) return intOrString(node);
  const out: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(node)) {
    if (DROPPED.has(keyword) || (keyword === 'additionalProperties' && value === false)) continue;
    // Any value at all: Kubernetes has a word of its own for it.
    if (keyword === 'additionalProperties' && Object.keys(value as SchemaNode).length === 0) out['x-kubernetes-preserve-unknown-fields'] = true;
    else if (keyword === 'properties') out[keyword] = mapValues(value as SchemaNode, (inner) => structural(inner as SchemaNode));
    else if (keyword === 'items' || keyword === 'additionalProperties') out[keyword] = structural(value as SchemaNode);
    else out[keyword] = value;
  }
  return out as SchemaNode;
}

function intOrString(node: SchemaNode): SchemaNode {
  const description = node['description'];
  return {
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    ...(description === undefined ? {} : { description }),
  };
}
