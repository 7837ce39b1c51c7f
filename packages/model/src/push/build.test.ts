import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configKey, type Config } from '@meltemi/api';
import fc from 'fast-check';
import {
  buildPushContext,
  DEFAULT_MESH_CONFIG,
  destinationRuleFor,
  effectiveMtls,
  gatewayVirtualServices,
  meshVirtualServices,
  requestAuthenticationsFor,
  serviceKey,
  virtualServiceFor,
  visibleServices,
  type PushContext,
  type PushInputs,
  type Service,
} from '../index.ts';

const NAMESPACES = ['a', 'b', 'istio-system'];
const namespace = fc.constantFrom(...NAMESPACES);
const name = fc.constantFrom('x', 'y', 'z');
const host = fc.constantFrom('x', 'y', 'x.a.svc.cluster.local', '*.a.svc.cluster.local', '*.cluster.local', 'api.example.com', '*.example.com');
const exportTo = fc.option(fc.subarray(['.', '*', 'a', 'b'], { minLength: 1 }), { nil: undefined });
const labels = fc.constantFrom({}, { app: 'x' }, { app: 'y' });
const age = fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', undefined);

function config(kind: string, spec: fc.Arbitrary<object>): fc.Arbitrary<Config> {
  return fc.record({ namespace, name, age, spec }).map(({ namespace: ns, name: own, age: created, spec: body }): Config => ({
    kind,
    apiVersion: 'networking.istio.io/v1',
    meta: { namespace: ns, name: own, labels: {}, annotations: {}, ...(created === undefined ? {} : { creationTimestamp: created }) },
    spec: JSON.parse(JSON.stringify(body)) as unknown,
    origin: { source: 'file' },
  }));
}

const configs = fc.oneof(
  config(
    'VirtualService',
    fc.record({
      hosts: fc.array(host, { minLength: 1, maxLength: 2 }),
      gateways: fc.subarray(['mesh', 'x', 'a/y'], { minLength: 1 }),
      exportTo,
      http: fc.constant([]),
    }),
  ),
  config(
    'DestinationRule',
    fc.record({
      host,
      exportTo,
      subsets: fc.uniqueArray(fc.record({ name: fc.constantFrom('v1', 'v2', 'v3') }), { selector: (subset) => subset.name }),
      trafficPolicy: fc.option(fc.constantFrom({ tls: { mode: 'DISABLE' } }, { loadBalancer: { simple: 'RANDOM' } }), { nil: undefined }),
    }),
  ),
  config('Gateway', fc.record({ selector: labels, servers: fc.constant([]) })),
  config(
    'PeerAuthentication',
    fc.record({
      selector: labels.map((matchLabels) => ({ matchLabels })),
      mtls: fc.constantFrom({ mode: 'STRICT' }, { mode: 'UNSET' }, { mode: 'DISABLE' }),
      portLevelMtls: fc.constantFrom({}, { '80': { mode: 'PERMISSIVE' } }),
    }),
  ),
  config(
    'RequestAuthentication',
    fc.record({
      selector: labels.map((matchLabels) => ({ matchLabels })),
      jwtRules: fc.array(fc.constantFrom({ issuer: 'https://a' }, { issuer: 'https://b', jwks: '{}' }, { issuer: 'c', jwksUri: 'https://c/keys' })),
    }),
  ),
);

const service: fc.Arbitrary<Service> = fc
  .record({
    namespace,
    name,
    hostname: fc.constantFrom('x.a.svc.cluster.local', 'y.b.svc.cluster.local', 'api.example.com'),
    registry: fc.constantFrom('kubernetes' as const, 'external' as const),
    exportTo: fc.subarray(['.', '*', 'b', '~'], { minLength: 1 }),
    createdAt: age.map((text) => text ?? '~'),
  })
  .map((base) => ({
    ...base,
    ports: [{ name: 'http', number: 80, protocol: 'http', targetPort: 80 }],
    resolution: 'static',
    addresses: [],
    vip: undefined,
    selector: { app: base.name },
    labels: {},
    external: false,
    headless: false,
    subjectAltNames: [],
    endpoints: [],
    object: { kind: 'Service', namespace: base.namespace, name: base.name },
  }));

type Step =
  | { readonly put: Config }
  | { readonly drop: string }
  | { readonly serve: Service }
  | { readonly retire: string }
  | { readonly root: string }
  | { readonly keys: string };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: configs.map((put) => ({ put })) },
  { weight: 2, arbitrary: configs.map((config) => ({ drop: configKey(config) })) },
  { weight: 3, arbitrary: service.map((serve) => ({ serve })) },
  { weight: 1, arbitrary: service.map((retired) => ({ retire: serviceKey(retired) })) },
  { weight: 1, arbitrary: namespace.map((root) => ({ root })) },
  { weight: 1, arbitrary: name.map((keys) => ({ keys })) },
);

function apply(inputs: PushInputs, change: Step): PushInputs {
  if ('put' in change) return { ...inputs, configs: [...inputs.configs.filter((config) => configKey(config) !== configKey(change.put)), change.put] };
  if ('drop' in change) return { ...inputs, configs: inputs.configs.filter((config) => configKey(config) !== change.drop) };
  if ('serve' in change)
    return { ...inputs, services: [...inputs.services.filter((known) => serviceKey(known) !== serviceKey(change.serve)), change.serve] };
  if ('retire' in change) return { ...inputs, services: inputs.services.filter((known) => serviceKey(known) !== change.retire) };
  if ('keys' in change)
    return { ...inputs, keySets: new Map([...(inputs.keySets ?? []), ['keys https://c/keys', { jwks: change.keys, fault: undefined }]]) };
  return { ...inputs, mesh: { ...inputs.mesh, rootNamespace: change.root } };
}

/** Everything that can be asked of a snapshot. */
function answers(context: PushContext): unknown {
  const { mesh, services, virtualServices, destinationRules, gateways, peerAuthentications, requestAuthentications } = context;
  const perNamespace = NAMESPACES.map((ns) => ({
    services: visibleServices(context, ns).list,
    virtualServices: [...meshVirtualServices(context, ns).byHost],
    owners: visibleServices(context, ns).list.map((item) => virtualServiceFor(context, ns, item)),
    rules: visibleServices(context, ns).list.map((item) => destinationRuleFor(context, { namespace: ns, labels: { app: 'x' } }, item)),
    gateway: ['a/x', 'a/y', 'b/x'].map((gateway) => gatewayVirtualServices(context, gateway, ns)),
    tokens: [{}, { app: 'x' }, { app: 'y' }].map((own) => requestAuthenticationsFor(context, { namespace: ns, labels: own })),
    mtls: [{}, { app: 'x' }, { app: 'y' }].flatMap((own) =>
      [80, undefined].map((port) => effectiveMtls(context, { namespace: ns, labels: own }, port)),
    ),
  }));
  return { mesh, services, virtualServices, destinationRules, gateways, peerAuthentications, requestAuthentications, perNamespace };
}

test('an incremental build equals a full one, whatever changed, and leaves the snapshot before alone', () => {
  fc.assert(
    fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 }), (rounds) => {
      let inputs: PushInputs = { mesh: DEFAULT_MESH_CONFIG, services: [], configs: [] };
      let context = buildPushContext(inputs);
      for (const round of rounds) {
        const before = structuredClone(answers(context));
        inputs = round.reduce(apply, inputs);
        const next = buildPushContext(inputs, context);
        assert.deepEqual(answers(next), answers(buildPushContext(inputs)));
        assert.deepEqual(answers(context), before);
        assert.equal(next.version, context.version + 1);
        context = next;
      }
    }),
    { numRuns: 150 },
  );
});

test('what did not change is the same object, and what did is named', () => {
  const make = (kind: string, own: string, spec: object): Config => ({
    kind,
    apiVersion: 'v1',
    meta: { namespace: 'a', name: own, labels: {}, annotations: {} },
    spec,
    origin: { source: 'file' },
  });
  const first = make('VirtualService', 'one', { hosts: ['x'], gateways: ['mesh'] });
  const second = make('VirtualService', 'two', { hosts: ['y'], gateways: ['mesh'] });
  const rule = make('DestinationRule', 'rule', { host: 'x' });
  const before = buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services: [], configs: [first, second, rule] });
  assert.equal(before.changes.full, true);
  const after = buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services: [], configs: [first, { ...second }, rule] }, before);
  const changed = after.inputs.configs[1];
  assert.deepEqual(after.changes, { full: false, configs: ['VirtualService/a/two'], services: [], objects: [changed, second] });
  assert.equal(after.destinationRules, before.destinationRules);
  assert.equal(after.services, before.services);
  assert.equal(after.virtualServices.all[0], before.virtualServices.all[0]);
});
