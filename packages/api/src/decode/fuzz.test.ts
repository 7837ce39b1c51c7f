import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { KINDS } from '../kinds/index.ts';
import { apiVersionOf } from '../kind.ts';
import { shapeOf } from '../schema/walk.ts';
import { formatPath, parsePath } from '../path.ts';
import { toYaml } from '../encode.ts';
import { applyFixes } from './fixes.ts';
import { decodeObject } from './json.ts';
import { decodeYaml } from './yaml.ts';

const folder = new URL('../testdata/decode/', import.meta.url);
const texts = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => readFileSync(new URL(name, folder), 'utf8'));
const runs = { numRuns: Number(process.env['FC_RUNS'] ?? 150) };

/** Whatever a text is: no throw, places inside it, fixes that can be applied. */
function decodesSafely(text: string): void {
  const { configs, problems, documents } = decodeYaml(text, { file: 'fuzz.yaml' });
  const lines = text.split('\n').length;
  for (const problem of problems) {
    assert.ok(
      (problem.origin?.line ?? 0) >= 1 && (problem.origin?.line ?? 0) <= lines,
      `line ${problem.origin?.line} of ${lines}: ${problem.message}`,
    );
    assert.ok(problem.message !== '');
  }
  for (const document of documents) document.locate('spec.http[0].route[1].weight');
  for (const config of configs) assert.equal(decodeYaml(toYaml(config)).problems.filter((problem) => problem.severity === 'error').length, 0);
  applyFixes(text, problems);
}

test('damaged goldens never throw', () => {
  const damage = fc.record({
    text: fc.constantFrom(...texts),
    cut: fc.nat(),
    length: fc.nat(40),
    insert: fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('\n', '  ', '- ', ': ', '{', ']', '&a ', '*a', '!!binary ', '<<: ', '---\n', 'null', '"', '|', '\t', '? '),
    ),
  });
  fc.assert(
    fc.property(damage, ({ text, cut, length, insert }) =>
      decodesSafely(text.slice(0, cut % text.length) + insert + text.slice((cut % text.length) + length)),
    ),
    runs,
  );
});

test('any text and any YAML-ish text never throws', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), decodesSafely), runs);
  const token = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    ' ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '&x ',
    '*x',
    '"',
    "'",
    '#',
    '|',
    '>',
    '!t ',
    '? ',
    '%YAML 1.2\n',
    '---',
    '...',
    'kind: List',
    'items:',
    '__proto__',
  );
  fc.assert(
    fc.property(
      fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join('')),
      decodesSafely,
    ),
    runs,
  );
});

test('deep nesting is told, not fallen over', () => {
  for (const text of [
    '['.repeat(20_000),
    `${'{a: '.repeat(5000)}1${'}'.repeat(5000)}`,
    Array.from({ length: 3000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  ])
    decodesSafely(text);
  const [problem] = decodeYaml('x'.repeat(101), { maxLength: 100 }).problems;
  assert.equal(problem?.code, 'MEL0107');
});

test('any JSON under any kind and any field never throws', () => {
  const objects = fc.constantFrom(...KINDS).chain((kind) => {
    const fields = Object.keys(shapeOf(kind.schema) ?? {});
    const spec = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.dictionary(fc.constantFrom(...fields), fc.jsonValue({ maxDepth: 4 })));
    return fc.record({
      apiVersion: fc.constant(apiVersionOf(kind.id)),
      kind: fc.constant(kind.id.kind),
      metadata: fc.oneof(fc.constant({ name: 'a' }), fc.jsonValue()),
      spec,
    });
  });
  fc.assert(
    fc.property(objects, (object) => {
      const { config, problems } = decodeObject(object, { source: 'api' });
      assert.equal(
        config === undefined,
        problems.some((problem) => problem.severity === 'error'),
      );
    }),
    runs,
  );
});

test('objects of very many values or faults are told in bounded time, and warnings hide no error', () => {
  const object = (kind: string, spec: unknown): ReturnType<typeof decodeObject> =>
    decodeObject({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'x', namespace: 'a' }, spec }, { source: 'api' });
  const many = <T>(count: number, make: (index: number) => T): readonly T[] => Array.from({ length: count }, (_, index) => make(index));
  const route = [{ destination: { host: 'x' } }];
  const codes = ({ problems }: ReturnType<typeof decodeObject>): readonly string[] => [...new Set(problems.map(({ code }) => code))];
  assert.deepEqual(codes(object('VirtualService', { hosts: many(100_001, () => 'x'), http: [{ route }] })), ['MEL0107']);
  for (const http of [many(20_000, () => 1), many(20_000, () => ({})), [{ match: many(20_000, () => 'x'), route }]]) {
    const { config, problems } = object('VirtualService', { hosts: ['x'], http });
    assert.equal(config, undefined);
    assert.ok(problems.length <= 1_001, String(problems.length));
  }
  const hosts = many(20_000, (index) => `h${index}.example.com`);
  assert.deepEqual(codes(object('VirtualService', { hosts, http: [{ route }] })), []);
  const port = { number: 80, name: 'a', protocol: 'HTTP' };
  assert.deepEqual(codes(object('Gateway', { servers: [{ port, hosts }] })), []);
  assert.deepEqual(codes(object('VirtualService', { hosts: many(1_001, (index) => `*.h${index}.example.com`), http: [{ route }] })), ['IST0106']);
  const warned = many(2_000, (index) => ({
    port: { ...port, name: `p${index}`, protocol: 'HTTPS' },
    hosts: ['*'],
    tls: { mode: 'SIMPLE', credentialName: 'x', caCertificates: 'y' },
  }));
  const last = { port: { ...port, name: 'last', number: 15_021 }, hosts: ['*'] };
  const { problems } = object('Gateway', { servers: [...warned, last] });
  assert.deepEqual([problems.length, problems.filter(({ severity }) => severity === 'error').length], [1_000, 1]);
});

test('paths survive their text form', () => {
  const path = fc.array(fc.oneof(fc.string(), fc.nat(1000)), { maxLength: 6 });
  fc.assert(
    fc.property(path, (parts) => assert.deepEqual(parsePath(formatPath(parts)), parts)),
    runs,
  );
});
