import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import { buildPushContext, DEFAULT_MESH_CONFIG, keySourceOf, requestAuthenticationsFor, type KeySets, type PushContext } from '../index.ts';

const policy = (namespace: string, name: string, spec: string): string =>
  `apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: ${spec}\n`;
const { configs, problems } = decodeYaml(
  [
    policy('istio-system', 'mesh', "{ jwtRules: [{ issuer: 'https://mesh' }] }"),
    policy('istio-system', 'edges', "{ selector: { matchLabels: { edge: 'yes' } }, jwtRules: [{ issuer: 'https://edges' }] }"),
    policy('a', 'own', "{ jwtRules: [{ issuer: 'https://z' }, { issuer: 'https://a', jwksUri: 'https://keys.a/all' }] }"),
    policy('a', 'web', "{ selector: { matchLabels: { app: web } }, jwtRules: [{ issuer: 'https://a', audiences: [web] }] }"),
    policy(
      'a',
      'target',
      "{ targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }], jwtRules: [{ issuer: 'https://front' }] }",
    ),
  ].join('---\n'),
);
assert.deepEqual(problems, []);

const inputs = { mesh: DEFAULT_MESH_CONFIG, services: [], configs };
const rulesOf = (context: PushContext, namespace: string, labels: Readonly<Record<string, string>> = {}): readonly string[] =>
  requestAuthenticationsFor(context, { namespace, labels }).map(({ rule, policy: { meta }, index }) => `${rule.issuer ?? ''} ${meta.name}/${index}`);

test('policies of the mesh, of the namespace and of the workload count together, by issuer', () => {
  const context = buildPushContext(inputs);
  assert.deepEqual(rulesOf(context, 'b'), ['https://mesh mesh/0']);
  assert.deepEqual(rulesOf(context, 'b', { edge: 'yes' }), ['https://edges edges/0', 'https://mesh mesh/0']);
  assert.deepEqual(rulesOf(context, 'istio-system'), ['https://mesh mesh/0']);
  assert.deepEqual(rulesOf(context, 'a'), ['https://a own/1', 'https://mesh mesh/0', 'https://z own/0']);
  assert.deepEqual(rulesOf(context, 'a', { app: 'web' }), ['https://a own/1', 'https://a web/0', 'https://mesh mesh/0', 'https://z own/0']);
});

test('a Gateway that is a target is that of the own namespace', () => {
  const context = buildPushContext(inputs);
  const front = { 'gateway.networking.k8s.io/gateway-name': 'front' };
  assert.ok(rulesOf(context, 'a', front).includes('https://front target/0'));
  assert.ok(!rulesOf(context, 'b', front).includes('https://front target/0'));
  assert.ok(!rulesOf(context, 'a', { app: 'front' }).includes('https://front target/0'));
});

test('new keys are new rules for those who have them only', () => {
  const before = buildPushContext(inputs);
  const of = (keySets: KeySets, previous: PushContext): PushContext => buildPushContext({ ...inputs, keySets }, previous);
  const first = of(new Map([['keys https://keys.a/all', { jwks: 'one', fault: undefined }]]), before);
  assert.deepEqual(first.changes.keys, new Set(['keys https://keys.a/all']));
  const keys = (context: PushContext) => requestAuthenticationsFor(context, { namespace: 'a', labels: {} });
  assert.deepEqual(
    keys(first).map(({ jwks }) => jwks),
    ['one', undefined, undefined],
  );
  const failing = of(new Map([['keys https://keys.a/all', { jwks: 'one', fault: 'cannot be reached' }]]), first);
  assert.equal(keys(failing)[0], keys(first)[0]);
  assert.equal(failing.changes.keys, undefined, 'why keys are old concerns no proxy');
  const waiting = of(new Map([...(failing.inputs.keySets ?? []), ['keys https://new.example', { jwks: undefined, fault: undefined }]]), failing);
  assert.equal(waiting.changes.keys, undefined);
  const again = of(new Map([['keys https://keys.a/all', { jwks: 'two', fault: undefined }]]), failing);
  assert.notEqual(keys(again)[0], keys(first)[0]);
  const mesh = (context: PushContext) => requestAuthenticationsFor(context, { namespace: 'b', labels: {} });
  assert.equal(mesh(again)[0], mesh(before)[0]);
});

test('documents of an issuer lie below its address, however many slashes that has', () => {
  const urlOf = (issuer: string): string | undefined => keySourceOf({ issuer })?.url;
  for (const issuer of ['https://a.example', 'https://a.example/', 'https://a.example//'])
    assert.equal(urlOf(issuer), 'https://a.example/.well-known/openid-configuration');
  // Hours, were each slash looked at from each.
  const many = `https://a.example/${'/'.repeat(1 << 21)}x`;
  assert.equal(urlOf(many)?.length, many.length + '/.well-known/openid-configuration'.length);
});
