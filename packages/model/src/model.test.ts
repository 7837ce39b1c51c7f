import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import fc from 'fast-check';
import {
  allocateVips,
  buildPushContext,
  createEndpointIndex,
  DEFAULT_MESH_CONFIG,
  endpointsOf,
  hostCovers,
  joinServices,
  mostSpecificMatch,
  NO_LOCALITY,
  parseProxyNode,
  resolveHost,
  selectProtocol,
  touchesSubset,
  vipAddress,
  visibleServices,
  wildcardsOf,
  type Endpoint,
  type Workload,
} from './index.ts';
import { sampleWorkload } from './testing/workload.ts';

test('host names are completed, covered and ranked as Istio does', () => {
  assert.equal(resolveHost('reviews', 'prod', 'cluster.local'), 'reviews.prod.svc.cluster.local');
  for (const host of ['reviews.prod', '*', '10.0.0.1', 'API.example.com'])
    assert.equal(resolveHost(host, 'prod', 'cluster.local'), host.toLowerCase());
  for (const [outer, inner, covered] of [
    ['*.foo.com', 'a.b.foo.com', true],
    ['*.foo.com', 'foo.com', false],
    ['*', 'x', true],
    ['*.foo.com', '*.b.foo.com', true],
    ['a.com', '*.com', false],
  ] as const) {
    assert.equal(hostCovers(outer, inner), covered, `${outer} ${inner}`);
  }
  assert.equal(mostSpecificMatch(['*', '*.com', '*.foo.com'], 'a.foo.com'), '*.foo.com');
  assert.deepEqual(wildcardsOf('a.foo.com'), ['*.foo.com', '*.com', '*']);
  assert.deepEqual(wildcardsOf('*.foo.com'), ['*.foo.com', '*.com', '*']);
});

test('protocols come from transport, appProtocol, name and well-known ports, in that order', () => {
  const cases = [
    [{ number: 80, name: 'http-web' }, 'http'],
    [{ number: 80, name: 'grpc-web-x' }, 'grpc-web'],
    [{ number: 80, name: 'grpc' }, 'grpc'],
    [{ number: 80, name: 'tcp', appProtocol: 'kubernetes.io/h2c' }, 'http2'],
    [{ number: 80, name: 'HTTP2-x' }, 'http2'],
    [{ number: 3306, name: 'db' }, 'tcp'],
    [{ number: 9080 }, 'unknown'],
    [{ number: 53, name: 'http', transport: 'UDP' }, 'udp'],
    [{ number: 1, name: 'http', appProtocol: 'acme/own' }, 'http'],
  ] as const;
  for (const [port, protocol] of cases) assert.equal(selectProtocol(port), protocol, JSON.stringify(port));
});

test('virtual addresses are unique, do not depend on order, and stay', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 200 }),
      fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 50 }),
      (first, second) => {
        const one = allocateVips(first);
        assert.deepEqual(allocateVips([...first].reverse()), one);
        const two = allocateVips([...first, ...second], one);
        for (const [key, vip] of one) assert.equal(two.get(key), vip);
        assert.equal(new Set([...two.values()].map(({ a, b }) => `${a}.${b}`)).size, two.size);
        for (const { a, b } of two.values()) assert.ok(a >= 1 && a <= 254 && b >= 1 && b <= 254);
      },
    ),
    { numRuns: 50 },
  );
  assert.equal(vipAddress({ a: 3, b: 4 }, { interception: 'REDIRECT', address: '10.0.0.1' }), '240.240.3.4');
  assert.equal(vipAddress({ a: 3, b: 4 }, { interception: 'NONE', address: '127.17.0.1' }), '127.17.3.4');
});

const endpoint = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({
  address,
  port: 80,
  labels: {},
  locality: NO_LOCALITY,
  weight: 1,
  health: 'healthy',
  tlsMode: 'istio',
  namespace: 'a',
  workload: address,
  serviceAccount: 'x',
  principal: 'spiffe://cluster.local/ns/a/sa/x',
  cluster: 'meltemi',
  ...more,
});

test('the first workload of an address has it; which addresses came, went or changed is told, sorted', () => {
  const index = createEndpointIndex();
  const workload = (address: string, name: string) => ({ address, name }) as Workload;
  const [a, b, other] = [workload('b', 'one'), workload('b', 'two'), workload('a', 'three')];
  assert.deepEqual(index.updateWorkloads([a, b, other]), ['a', 'b']);
  assert.deepEqual([index.workloadAt('b'), index.workloadAt('a')], [a, other]);
  assert.deepEqual(index.updateWorkloads([other, a, b]), [], 'their order is none of an address');
  const equal = workload('a', 'three');
  assert.deepEqual(index.updateWorkloads([a, b, equal]), [], 'an equal one is no change');
  assert.equal(index.workloadAt('a'), equal);
  assert.deepEqual(index.updateWorkloads([b, equal]), ['b'], 'the next one of the address');
  assert.equal(index.workloadAt('b'), b);
  assert.deepEqual(index.updateWorkloads([]), ['a', 'b']);
  assert.equal(index.workloadAt('a'), undefined);
  assert.deepEqual(index.updateWorkloads([b]), ['b'], 'it came back');
});

test('the endpoint index tells exactly what an update changed', () => {
  const index = createEndpointIndex();
  const first = index.update(
    'a/x',
    new Map([
      [80, [endpoint('2'), endpoint('1', { labels: { version: 'v1' } })]],
      [81, []],
    ]),
  );
  assert.deepEqual([...(first?.ports.keys() ?? [])], [80, 81]);
  assert.equal(first?.accountsChanged, true);
  const list = index.endpoints('a/x', 80);
  assert.deepEqual(
    list.map(({ address }) => address),
    ['1', '2'],
  );
  assert.equal(
    index.update(
      'a/x',
      new Map([
        [80, [endpoint('1', { labels: { version: 'v1' } }), endpoint('2')]],
        [81, []],
      ]),
    ),
    undefined,
  );
  assert.equal(index.endpoints('a/x', 80), list, 'an equal update keeps the list');
  const second = index.update(
    'a/x',
    new Map([
      [80, [endpoint('1', { labels: { version: 'v1' } })]],
      [81, []],
    ]),
  );
  assert.deepEqual([...(second?.ports.keys() ?? [])], [80]);
  assert.equal(touchesSubset(second?.ports.get(80) ?? [], { version: 'v1' }), false, 'the endpoint that left is of no version');
  assert.equal(second?.accountsChanged, false);
  assert.equal(index.endpoints('a/x', 80)[0], list[0], 'endpoints that stay keep their identity');
  const version = index.accountsVersion;
  const gone = index.update(
    'a/x',
    new Map([
      [80, []],
      [81, []],
    ]),
  );
  assert.equal(gone?.accountsChanged, false, 'nobody there does not mean that anybody may answer');
  assert.deepEqual(index.accounts('a/x'), ['spiffe://cluster.local/ns/a/sa/x']);
  assert.equal(index.accountsVersion, version);
  assert.deepEqual([...(index.remove('a/x')?.ports.keys() ?? [])], [80, 81]);
});

const workload = (name: string, more: Partial<Workload> = {}): Workload =>
  sampleWorkload({
    name,
    labels: { app: 'x' },
    address: `10.0.0.${name}`,
    appAddress: '',
    ports: [{ number: 8080, protocol: 'http', name: 'web' }],
    ...more,
  });

test('a ServiceEntry of another namespace takes nothing from a connected workload', () => {
  const { configs } = decodeYaml(`apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: thief, namespace: b }
spec: { hosts: [x.a.svc.cluster.local], location: MESH_INTERNAL, resolution: STATIC, ports: [{ number: 8080, name: http }], endpoints: [{ address: 10.6.6.6 }] }
`);
  const { services } = joinServices(configs, [workload('1')], DEFAULT_MESH_CONFIG);
  const push = buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services, configs });
  for (const namespace of ['a', 'b', 'c']) assert.equal(visibleServices(push, namespace).byHost.get('x.a.svc.cluster.local')?.registry, 'synthetic');
});

test('a connected workload that no service selects gets one by its app, and its endpoints', () => {
  const { services, vips } = joinServices(
    [],
    [workload('1'), workload('2', { ports: [{ number: 9000, protocol: 'tcp' }] }), workload('3', { labels: {} }), workload('4', { ports: [] })],
    DEFAULT_MESH_CONFIG,
  );
  const [made] = services;
  assert.deepEqual(
    services.map(({ hostname, ports }) => [hostname, ports.map((port) => `${port.number}/${port.protocol}`)]),
    [['x.a.svc.cluster.local', ['8080/http', '9000/tcp']]],
  );
  assert.ok(made !== undefined && vips.get('a/x.a.svc.cluster.local') === made.vip);
  assert.deepEqual(
    endpointsOf(made, [workload('1'), workload('9', { namespace: 'b' })], 'cluster.local')
      .get(8080)
      ?.map(({ address, port }) => `${address}:${port}`),
    ['10.0.0.1:8080'],
  );
  const again = joinServices([], [workload('1'), workload('2', { ports: [{ number: 9000, protocol: 'tcp' }] })], DEFAULT_MESH_CONFIG, {
    services,
    vips,
    declared: new Map(),
  });
  assert.deepEqual(again.services, services);
});

test('nodes: identity from id and metadata, gRPC clients by any id, everything else is refused', () => {
  const parsed = parseProxyNode({
    id: 'sidecar~127.5.0.1~reviews-v1.bookinfo~bookinfo.svc.cluster.local',
    metadata: {
      SERVICE_ACCOUNT: 'r',
      LABELS: { app: 'reviews', bad: 1 },
      INTERCEPTION_MODE: 'NONE',
      MELTEMI_APP_ADDRESS: '127.5.0.2',
      MELTEMI_PORTS: [{ number: 9080, protocol: 'http' }, { number: 0 }, 'x'],
      MELTEMI_DATA_PLANE: 'embedded',
    },
  });
  assert.ok('node' in parsed);
  const { workload: own, namespace, serviceAccount, labels, interception, appAddress, ports, dataPlane, bindAddress } = parsed.node;
  assert.deepEqual(
    { own, namespace, serviceAccount, labels, interception, appAddress, ports, dataPlane, bindAddress },
    {
      own: 'reviews-v1',
      namespace: 'bookinfo',
      serviceAccount: 'r',
      labels: { app: 'reviews' },
      interception: 'NONE',
      appAddress: '127.5.0.2',
      ports: [{ number: 9080, protocol: 'http' }],
      dataPlane: 'embedded',
      bindAddress: '127.5.0.1',
    },
  );
  for (const [version, convertsB3] of [
    ['1.39.9', false],
    ['1.40.0', true],
    ['2.0.0', true],
    ['', false],
    ['new', false],
  ] as const) {
    const envoy = parseProxyNode({ id: 'sidecar~10.0.0.1~a.b~c', metadata: { MELTEMI_DATA_PLANE: 'envoy', MELTEMI_ENVOY_VERSION: version } });
    assert.ok('node' in envoy && envoy.node.convertsB3 === convertsB3, version);
  }
  for (const id of ['', 'x', 'sidecar~~a.b~c', 'waypoint~1.2.3.4~a.b~c']) assert.ok('problem' in parseProxyNode({ id }), id);
  // What one node says of itself is no work for minutes.
  const MELTEMI_PORTS = Array.from({ length: 1_001 }, (_, i) => ({ number: i + 1 }));
  const LABELS = Object.fromEntries(MELTEMI_PORTS.map(({ number }) => [`l${number}`, '']));
  for (const metadata of [{ MELTEMI_PORTS }, { LABELS }])
    assert.ok('problem' in parseProxyNode({ id: 'sidecar~10.0.0.1~a.b~c', metadata }), Object.keys(metadata).join());
  const grpc = parseProxyNode({ id: 'anything', user_agent_name: 'gRPC Node Pure JS' });
  assert.ok('node' in grpc && grpc.node.type === 'grpc' && grpc.node.namespace === 'default');
});
