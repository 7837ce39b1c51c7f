import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeYaml } from '../decode/yaml.ts';
import { apiVersionOf } from '../kind.ts';
import { childSchema, shapeOf } from '../schema/walk.ts';
import { findUnsupported, parseUnsupportedPattern } from '../unsupported.ts';
import { KINDS } from './index.ts';
import { KNOWN_UNSUPPORTED_KINDS } from './known-unsupported.ts';
import { kindByAnyName, kindByResource, kindOf } from './lookup.ts';

const folder = new URL('../testdata/decode/', import.meta.url);
const texts = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => readFileSync(new URL(name, folder), 'utf8'));

test('kinds have names of their own and are found by each of them', () => {
  const seen = new Set<string>();
  for (const kind of KINDS) {
    // Of two groups with a kind of one name, the first listed answers to it; the other has a tag, short names and its full name.
    const shared = kind.tag !== kind.id.kind;
    for (const name of shared ? [kind.tag, `${kind.plural}.${kind.id.group}`, ...kind.shortNames] : [kind.id.kind, kind.plural, ...kind.shortNames]) {
      assert.ok(!seen.has(name.toLowerCase()) || name.toLowerCase() === kind.singular, `${name} is taken`);
      seen.add(name.toLowerCase());
      assert.equal(kindByAnyName(name), kind);
    }
    // As answers name it: virtualservice.networking.istio.io.
    for (const name of [kind.plural, kind.singular, ...kind.shortNames]) assert.equal(kindByAnyName(`${name}.${kind.id.group}`), kind, name);
    for (const version of kind.id.versions) {
      assert.equal(kindOf(apiVersionOf(kind.id, version), kind.id.kind), kind);
      assert.equal(kindByResource(kind.id.group, version, kind.plural), kind);
    }
    assert.equal(KNOWN_UNSUPPORTED_KINDS[`${kind.id.group}/${kind.id.kind}`], undefined, `${kind.id.kind} is both known and unsupported`);
    assert.ok(kind.docs.length > 20, kind.id.kind);
  }
});

test('every kind is in a golden, refused and taken', () => {
  for (const kind of KINDS) {
    const documents = texts.flatMap((text) => decodeYaml(text).documents.filter((document) => document.kind === kind.id.kind));
    assert.ok(
      documents.some((document) => document.config === undefined),
      `no golden refuses a ${kind.id.kind}`,
    );
  }
});

test('every unsupported path is a field of its kind, every refused value one of its values, and the reason is told', () => {
  for (const kind of KINDS) {
    for (const [pattern, reason] of Object.entries(kind.unsupported)) {
      const { segments, test: compared } = parseUnsupportedPattern(pattern);
      let schema: Parameters<typeof childSchema>[0] | undefined = kind.schema;
      for (const segment of segments)
        schema = schema === undefined ? undefined : segment === '[]' ? childSchema(schema, 0) : shapeOf(schema)?.[segment];
      assert.ok(schema !== undefined, `${kind.id.kind}: ${pattern} is no field`);
      if (compared?.negated === false && compared.value !== 'None')
        assert.ok(
          ['string', compared.value].some((value) => JSON.stringify(schemaText(schema)).includes(value)),
          `${kind.id.kind}: ${pattern}`,
        );
      assert.ok(reason.length > 3, pattern);
    }
  }
});

function schemaText(schema: unknown): unknown {
  return (schema as { readonly _zod: { readonly def: unknown } })._zod.def;
}

test('the table finds fields and values at any depth, whatever the form of the spec', () => {
  const table = { 'a[].b': 'x', 'c.d=Y': 'y', 'e!=ClusterIP': 'z' };
  const hits = findUnsupported({ a: [{}, { b: 1 }], c: { d: 'y' }, e: 'NodePort' }, table);
  assert.deepEqual(
    hits.map((hit) => [hit.path, hit.value]),
    [
      [['a', 1, 'b'], undefined],
      [['c', 'd'], 'y'],
      [['e'], 'NodePort'],
    ],
  );
  for (const spec of [null, 7, [], { a: {} }, { a: [null] }, { c: [] }, { e: 'clusterip' }]) assert.deepEqual(findUnsupported(spec, table), []);
});
