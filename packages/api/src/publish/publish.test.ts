import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { KINDS } from '../kinds/index.ts';
import { crdObject, crdOf } from './crd.ts';
import { jsonSchemaOf, type SchemaNode } from './json-schema.ts';
import { structuralFaults } from './structural.ts';

interface Crd {
  readonly spec: {
    readonly versions: readonly { readonly name: string; readonly storage: boolean; readonly schema: { readonly openAPIV3Schema: SchemaNode } }[];
  };
}

test('every CRD is structural and stores one version', () => {
  for (const kind of KINDS) {
    const crd = crdObject(kind) as Crd | undefined;
    if (kind.id.group === '') {
      assert.equal(crd, undefined);
      continue;
    }
    assert.deepEqual(parse(crdOf(kind)), crd, kind.id.kind);
    assert.deepEqual(crd?.spec.versions.filter((version) => version.storage).length, 1);
    for (const version of crd?.spec.versions ?? []) assert.deepEqual(structuralFaults(version.schema.openAPIV3Schema), [], kind.id.kind);
  }
});

test('the check sees what the API server refuses', () => {
  const cases: readonly (readonly [SchemaNode, RegExp])[] = [
    [{ properties: {} }, /needs a type/],
    [{ type: 'object', properties: {}, additionalProperties: { type: 'string' } }, /exclude each other/],
    [{ type: 'object', additionalProperties: false }, /cannot be false/],
    [{ type: 'object', properties: { a: { type: 'string' } }, oneOf: [{ required: ['b'] }] }, /names "b"/],
    [
      { type: 'object', properties: { a: { type: 'string' } }, anyOf: [{ properties: { a: { type: 'string' } }, type: 'object' }] },
      /no place inside/,
    ],
    [{ type: 'array' }, /needs items/],
    [{ type: 'string', const: 'a' }, /const is unknown/],
    [{ $ref: '#/x' }, /\$ref is unknown/],
  ];
  for (const [schema, message] of cases) assert.match(structuralFaults(schema).join('\n'), message);
});

test('every field of every kind is documented, and exclusive fields are told', () => {
  for (const kind of KINDS) {
    const undocumented: string[] = [];
    collectUndocumented(jsonSchemaOf(kind), kind.id.kind, undocumented);
    assert.deepEqual(undocumented, []);
  }
  const text = JSON.stringify(jsonSchemaOf(KINDS.find((kind) => kind.id.kind === 'VirtualService') ?? KINDS[0]!));
  assert.match(text, /\{"oneOf":\[|"oneOf":\[\{"required":\["exact"\]\}/);
  assert.ok(!text.includes('x-meltemi'), 'no technical keyword is published');
});

function collectUndocumented(node: SchemaNode, path: string, found: string[]): void {
  for (const [name, value] of Object.entries((node['properties'] ?? {}) as Record<string, SchemaNode>)) {
    const technical = !path.includes('.') && ['apiVersion', 'kind', 'metadata', 'status', 'spec'].includes(name);
    if (!technical && value['description'] === undefined) found.push(`${path}.${name}`);
    collectUndocumented(value, `${path}.${name}`, found);
  }
  for (const keyword of ['items', 'additionalProperties']) {
    const inner = node[keyword];
    if (typeof inner === 'object' && inner !== null) collectUndocumented(inner as SchemaNode, `${path}[]`, found);
  }
}
