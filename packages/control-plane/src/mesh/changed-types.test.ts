import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml, type Config } from '@meltemi/api';
import { silentLog } from '@meltemi/base';
import { DEFAULT_MESH_CONFIG, parseProxyNode, type KeySets, type ProxyNode, type Workload } from '@meltemi/model';
import { sampleWorkload } from '@meltemi/model/testing';
import { LOCAL_CLUSTER, TYPE_URL } from '@meltemi/protos-types';
import { createMemoryStore, createMesh, type Mesh, type MeshOptions, type MeshUpdate } from '@meltemi/registry';
import { changedForOwn, changedTypes, createTranslator, OWN_TYPES, type MeshState } from '@meltemi/translate';
import fc from 'fast-check';

/** Objects with the forms that each takes; an object is absent, or has one of them. */
const OBJECTS: Readonly<Record<string, readonly string[]>> = {
  'v1 Service a/x': [
    'ports: [{ port: 80, name: http }], selector: { app: x }',
    'ports: [{ port: 80, name: http }, { port: 90, name: tcp }], selector: { app: x }',
    'ports: [{ port: 80, name: tcp }], selector: { app: y }',
  ],
  'v1 Service b/y': ['ports: [{ port: 80, name: http }], selector: { app: y }'],
  'networking.istio.io/v1 ServiceEntry a/ext': [
    'hosts: [ext.example.com], resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ address: 192.0.2.1 }]',
    'hosts: [ext.example.com], resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ address: 192.0.2.2, labels: { version: v1 } }]',
    'hosts: [ext.example.com, "*.wild.example.com"], resolution: NONE, ports: [{ number: 443, name: tls, protocol: TLS }]',
    'hosts: [ext.example.com], resolution: DNS, location: MESH_INTERNAL, ports: [{ number: 80, name: grpc, protocol: GRPC }], exportTo: ["."]',
    'hosts: [ext.example.com], resolution: STATIC, location: MESH_INTERNAL, ports: [{ number: 80, name: http, protocol: HTTP }], workloadSelector: { labels: { app: y } }',
  ],
  'networking.istio.io/v1 WorkloadEntry a/vm': [
    'address: 198.51.100.1, labels: { app: y, version: v1 }, serviceAccount: vm',
    'address: 198.51.100.1, labels: { app: x, version: v2 }, serviceAccount: other, weight: 3',
    'address: 198.51.100.2, labels: { app: y }, serviceAccount: vm',
  ],
  'networking.istio.io/v1 VirtualService a/x': [
    'hosts: [x], http: [{ route: [{ destination: { host: x, subset: v1 } }] }]',
    'hosts: [x], http: [{ timeout: 2s, route: [{ destination: { host: y.b.svc.cluster.local } }] }]',
    'hosts: [ext.example.com], gateways: [mesh, gw], http: [{ route: [{ destination: { host: x } }] }]',
    'hosts: ["*"], gateways: [gw], http: [{ match: [{ uri: { prefix: /a } }], route: [{ destination: { host: x, port: { number: 80 } } }] }]',
    'hosts: [x], tcp: [{ route: [{ destination: { host: y.b.svc.cluster.local } }] }]',
  ],
  'networking.istio.io/v1 VirtualService b/late': [
    'hosts: [x.a.svc.cluster.local], http: [{ fault: { abort: { httpStatus: 500, percentage: { value: 10 } } }, route: [{ destination: { host: x.a.svc.cluster.local } }] }]',
  ],
  'networking.istio.io/v1 DestinationRule a/x': [
    'host: x, subsets: [{ name: v1, labels: { version: v1 } }]',
    'host: x, subsets: [{ name: v1, labels: { version: v2 } }, { name: v2, labels: { version: v2 } }], trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }',
    'host: x, trafficPolicy: { tls: { mode: DISABLE } }',
    'host: "*.a.svc.cluster.local", trafficPolicy: { tls: { mode: ISTIO_MUTUAL }, connectionPool: { http: { http1MaxPendingRequests: 7 } } }',
    'host: ext.example.com, trafficPolicy: { connectionPool: { tcp: { maxConnections: 3 } } }, exportTo: ["."]',
  ],
  'networking.istio.io/v1 DestinationRule b/y': [
    'host: y, subsets: [{ name: v1, labels: { version: v1 } }]',
    'host: y, trafficPolicy: { loadBalancer: { zoneAwareLbSetting: { minClusterSize: 1 } } }',
  ],
  'networking.istio.io/v1 Gateway a/gw': [
    'selector: { istio: ingressgateway }, servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }]',
    'selector: { istio: ingressgateway }, servers: [{ port: { number: 9090, name: http, protocol: HTTP }, hosts: [x.example.com] }]',
    'selector: { istio: nobody }, servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }]',
  ],
  'networking.istio.io/v1 Sidecar a/default': [
    'egress: [{ hosts: ["./*"] }]',
    'egress: [{ hosts: ["b/*"] }], outboundTrafficPolicy: { mode: REGISTRY_ONLY }',
    'egress: [{ port: { number: 80, protocol: HTTP, name: http }, hosts: ["./x.a.svc.cluster.local"] }, { hosts: ["*/*"] }]',
  ],
  'networking.istio.io/v1 Sidecar istio-system/default': ['egress: [{ hosts: ["*/x.a.svc.cluster.local"] }]'],
  'networking.istio.io/v1 Sidecar a/x': [
    'workloadSelector: { labels: { app: x } }, ingress: [{ port: { number: 80, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:8080" }]',
    'workloadSelector: { labels: { app: x } }, inboundConnectionPool: { tcp: { maxConnections: 3 } }',
  ],
  'networking.istio.io/v1alpha3 EnvoyFilter a/f': [
    'configPatches: [{ applyTo: CLUSTER, patch: { operation: MERGE, value: { connect_timeout: 3s } } }]',
    'workloadSelector: { labels: { app: x } }, configPatches: [{ applyTo: ROUTE_CONFIGURATION, patch: { operation: MERGE, value: { ignore_port_in_host_matching: true } } }]',
    'configPatches: [{ applyTo: LISTENER, match: { context: SIDECAR_INBOUND }, patch: { operation: MERGE, value: { stat_prefix: patched } } }]',
  ],
  'gateway.networking.k8s.io/v1 Gateway a/web': [
    'gatewayClassName: istio, listeners: [{ name: http, port: 8080, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }]',
    'gatewayClassName: istio, listeners: [{ name: http, port: 8080, protocol: HTTP, hostname: "*.example.com" }, { name: bytes, port: 9000, protocol: TCP }]',
    'gatewayClassName: istio, allowedListeners: { namespaces: { from: All } }, listeners: [{ name: http, port: 8082, protocol: HTTP }]',
  ],
  'gateway.networking.k8s.io/v1 ListenerSet b/more': [
    'parentRef: { name: web, namespace: a }, listeners: [{ name: more, port: 8081, protocol: HTTP }]',
  ],
  'gateway.networking.k8s.io/v1 HTTPRoute a/r': [
    'parentRefs: [{ name: web }], hostnames: [r.example.com], rules: [{ backendRefs: [{ name: x, port: 80 }] }]',
    'parentRefs: [{ name: web }], rules: [{ matches: [{ path: { type: PathPrefix, value: /a } }], backendRefs: [{ name: y, namespace: b, port: 80 }] }]',
    'parentRefs: [{ group: "", kind: Service, name: x }], rules: [{ backendRefs: [{ name: x, port: 80, weight: 2 }, { name: y, namespace: b, port: 80 }] }]',
  ],
  'gateway.networking.k8s.io/v1 HTTPRoute b/other': [
    'parentRefs: [{ name: web, namespace: a }], rules: [{ backendRefs: [{ name: y, port: 80 }] }]',
    'parentRefs: [{ group: gateway.networking.k8s.io, kind: ListenerSet, name: more }], rules: [{ backendRefs: [{ name: y, port: 80 }] }]',
  ],
  'gateway.networking.k8s.io/v1 GRPCRoute a/g': [
    'parentRefs: [{ name: web }], hostnames: [g.example.com], rules: [{ backendRefs: [{ name: x, port: 80 }] }]',
  ],
  'gateway.networking.k8s.io/v1alpha2 TCPRoute a/t': [
    'parentRefs: [{ name: web, sectionName: bytes }], rules: [{ backendRefs: [{ name: x, port: 80 }] }]',
  ],
  'gateway.networking.k8s.io/v1beta1 ReferenceGrant b/g': [
    'from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: a }], to: [{ group: "", kind: Service }]',
  ],
  'gateway.networking.k8s.io/v1 BackendTLSPolicy a/b': [
    'targetRefs: [{ group: "", kind: Service, name: x }], validation: { hostname: x.example.com, wellKnownCACertificates: System }',
  ],
  'security.istio.io/v1 PeerAuthentication istio-system/default': ['mtls: { mode: STRICT }', 'mtls: { mode: DISABLE }'],
  'security.istio.io/v1 RequestAuthentication istio-system/default': ["jwtRules: [{ issuer: 'https://a' }]"],
  'security.istio.io/v1 RequestAuthentication a/x': [
    "selector: { matchLabels: { app: x } }, jwtRules: [{ issuer: 'https://b' }]",
    "selector: { matchLabels: { app: y } }, jwtRules: [{ issuer: 'https://b', audiences: [b] }]",
    "selector: { matchLabels: { app: x } }, jwtRules: [{ issuer: 'https://b', jwksUri: 'https://b/keys' }]",
  ],
  'security.istio.io/v1 PeerAuthentication a/x': [
    'selector: { matchLabels: { app: x } }, mtls: { mode: DISABLE }',
    'selector: { matchLabels: { app: x } }, mtls: { mode: STRICT }, portLevelMtls: { 80: { mode: PERMISSIVE } }',
  ],
};

function parse(id: string, spec: string): Config {
  const [apiVersion = '', kind = '', name = ''] = id.split(' ');
  const [namespace = '', own = ''] = name.split('/');
  const { configs, problems } = decodeYaml(
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: ${own}, namespace: ${namespace} }\nspec: { ${spec} }\n`,
  );
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
    `${id}: ${spec}`,
  );
  return configs[0] as Config;
}

const FORMS = Object.entries(OBJECTS).map(([id, specs]) => ({ forms: specs.map((spec) => parse(id, spec)) }));

function workload(index: number, more: Partial<Workload>): Workload {
  return sampleWorkload({
    name: `w${index}`,
    labels: { app: 'x', version: 'v1' },
    address: `10.0.0.${index}`,
    ports: [{ number: 80, protocol: 'http' }],
    ...more,
  });
}

const WORKLOADS: readonly (readonly Workload[])[] = [
  [workload(1, {}), workload(1, { health: 'unhealthy' }), workload(1, { ports: [] }), workload(1, { serviceAccount: 'other' })],
  [
    workload(2, { labels: { app: 'x', version: 'v2' } }),
    workload(2, { labels: { app: 'y', version: 'v2' } }),
    workload(2, { tlsMode: 'disabled', ports: [{ number: 80, protocol: 'tcp' }] }),
  ],
  [
    workload(3, { namespace: 'b', labels: { app: 'y', version: 'v1' } }),
    workload(3, { namespace: 'b', labels: { app: 'y', version: 'v1' }, weight: 4 }),
  ],
];

function node(id: string, metadata: object): ProxyNode {
  const parsed = parseProxyNode({ id, metadata: metadata as never, locality: {} });
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return parsed.node;
}

const NODES: readonly ProxyNode[] = [
  node('sidecar~10.0.0.1~w1.a~a.svc.cluster.local', {
    NAMESPACE: 'a',
    SERVICE_ACCOUNT: 'x',
    WORKLOAD_NAME: 'w1',
    LABELS: { app: 'x', version: 'v1' },
    INTERCEPTION_MODE: 'REDIRECT',
    MELTEMI_PORTS: [{ number: 80, protocol: 'http' }],
  }),
  node('sidecar~127.3.0.1~w3.b~b.svc.cluster.local', {
    NAMESPACE: 'b',
    SERVICE_ACCOUNT: 'y',
    WORKLOAD_NAME: 'w3',
    LABELS: { app: 'y' },
    INTERCEPTION_MODE: 'NONE',
    MELTEMI_APP_ADDRESS: '127.4.0.1',
    MELTEMI_PORTS: [{ number: 80, protocol: 'http' }],
    MELTEMI_DATA_PLANE: 'envoy',
  }),
  node('router~10.0.0.9~gw.a~a.svc.cluster.local', {
    NAMESPACE: 'a',
    SERVICE_ACCOUNT: 'gw',
    WORKLOAD_NAME: 'gw',
    LABELS: { istio: 'ingressgateway' },
  }),
  node('router~10.0.0.8~web.a~a.svc.cluster.local', {
    NAMESPACE: 'a',
    SERVICE_ACCOUNT: 'web',
    WORKLOAD_NAME: 'web',
    LABELS: { 'gateway.networking.k8s.io/gateway-name': 'web' },
  }),
  node('grpc-client', { GENERATOR: 'grpc', NAMESPACE: 'a' }),
];
const TYPES = [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route, TYPE_URL.nameTable, TYPE_URL.workload];
const LOCAL = new Set([LOCAL_CLUSTER]);
const ADDRESSES = new Set([...WORKLOADS.map(([first]) => first?.address ?? ''), '198.51.100.1', '198.51.100.2', '192.0.2.1']);

/** Text of every resource of every node and type. */
type Snapshot = ReadonlyMap<string, ReadonlyMap<string, string>>;

function snapshot(state: MeshState, translator = createTranslator()): Snapshot {
  return new Map(
    NODES.flatMap((one) =>
      TYPES.map((typeUrl) => {
        const made = translator.generate(one, typeUrl, typeUrl === TYPE_URL.workload ? ADDRESSES : '*', state);
        // Who else is of its service, where clusters are zone-aware: by name only.
        const others = typeUrl === TYPE_URL.endpoint ? translator.generate(one, typeUrl, LOCAL, state) : [];
        return [`${one.id} ${typeUrl}`, new Map([...made, ...others].map(([name, { json }]) => [name, JSON.stringify(json)]))] as const;
      }),
    ),
  );
}

interface World {
  readonly mesh: Mesh;
  readonly updates: MeshUpdate[];
  setObject(index: number, form: number | undefined): Promise<void>;
  setWorkload(index: number, form: number | undefined): void;
}

async function makeWorld(keys?: NonNullable<MeshOptions['keys']>): Promise<World> {
  const clock = { now: () => 0, monotonic: () => 0 };
  const configs = createMemoryStore({ clock });
  const listeners = new Set<() => void>();
  const present = new Map<number, Workload>();
  const connected = {
    workloads: () => [...present].sort(([a], [b]) => a - b).map(([, one]) => one),
    watch: (run: () => void) => (listeners.add(run), () => void listeners.delete(run)),
  };
  const mesh = await createMesh({
    configs,
    connected,
    ...(keys === undefined ? {} : { keys }),
    mesh: DEFAULT_MESH_CONFIG,
    timers: { after: () => ({ cancel: () => undefined }) },
    log: silentLog,
  });
  const updates: MeshUpdate[] = [];
  mesh.watch((update) => updates.push(update));
  return {
    mesh,
    updates,
    async setObject(index, form) {
      const forms = FORMS[index]?.forms ?? [];
      const [any] = forms;
      if (any === undefined) return;
      if (form === undefined) await configs.delete({ kind: any.kind, namespace: any.meta.namespace, name: any.meta.name });
      else await configs.put(forms[form % forms.length] as Config);
    },
    setWorkload(index, form) {
      const forms = WORKLOADS[index] ?? [];
      const next = form === undefined ? undefined : forms[form % forms.length];
      if (next === undefined) present.delete(index);
      else present.set(index, next);
      for (const run of listeners) run();
    },
  };
}

const form = fc.option(fc.nat(4), { nil: undefined, freq: 4 });
const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ t: fc.constant('object' as const), index: fc.nat(FORMS.length - 1), form }) },
  { weight: 1, arbitrary: fc.record({ t: fc.constant('workload' as const), index: fc.nat(WORKLOADS.length - 1), form }) },
);

test('whatever changes for any node is named by what the change says that it touches; and a mesh that grew step by step is the one built at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 10 }), async (rounds) => {
      const world = await makeWorld();
      const translator = createTranslator();
      const standing = new Map<string, (typeof rounds)[number][number]>();
      let before = snapshot(world.mesh.state, translator);
      for (const round of rounds) {
        for (const one of round) {
          standing.set(`${one.t} ${one.index}`, one);
          if (one.t === 'object') await world.setObject(one.index, one.form);
          else world.setWorkload(one.index, one.form);
        }
        world.updates.length = 0;
        world.mesh.settle();
        const after = snapshot(world.mesh.state, translator);
        const touched = world.updates.map(({ changes, state }) => changedTypes(changes, state.push));
        const own = world.updates.map(({ changes, state }) => changedForOwn(changes, state.push));
        const addresses = new Set(world.updates.flatMap(({ changes }) => changes.workloads));
        for (const [key, resources] of after) {
          const [id = '', typeUrl = ''] = key.split(' ');
          if (OWN_TYPES.includes(typeUrl) && addresses.has(id.split('~')[1] ?? '')) continue;
          const ownTouched = own.map((of) => of(() => NODES.find((one) => one.id === id)));
          checkNamed(key, { before: before.get(key) ?? new Map(), after: resources }, [...touched, ...ownTouched]);
        }
        before = after;
      }
      const fresh = await makeWorld();
      for (const one of standing.values()) {
        if (one.t === 'object') await fresh.setObject(one.index, one.form);
        else fresh.setWorkload(one.index, one.form);
      }
      fresh.mesh.settle();
      const whole = snapshot(fresh.mesh.state);
      for (const [key, resources] of before) assert.deepEqual(withoutMemory(resources), withoutMemory(whole.get(key) ?? new Map()), key);
    }),
    { numRuns: 60 },
  );
});

/** The accounts of a service are remembered beyond its last endpoint, so that a cluster does not change when that comes and goes. */
function withoutMemory(resources: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const names = /"match_typed_subject_alt_names":\[.*?\]/g;
  return Object.fromEntries([...resources].map(([name, text]) => [name, text.replaceAll(names, '')]));
}

function checkNamed(
  key: string,
  { before, after }: { readonly before: ReadonlyMap<string, string>; readonly after: ReadonlyMap<string, string> },
  touched: readonly ReturnType<typeof changedTypes>[],
): void {
  const typeUrl = key.slice(key.indexOf(' ') + 1);
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(name) === after.get(name)) continue;
    const isNamed = touched.some(
      (types) => types.get(typeUrl) === '*' || (types.get(typeUrl) as ReadonlySet<string> | undefined)?.has(name) === true,
    );
    assert.ok(isNamed, `${name} changed at ${key} and is not named\n${before.get(name)}\n${after.get(name)}`);
  }
}

test('where clusters are zone-aware, an endpoint that moves concerns the others of its own service, and no other node', async () => {
  const world = await makeWorld();
  const objects = Object.keys(OBJECTS);
  for (const [id, form] of [
    ['v1 Service a/x', 0],
    ['v1 Service b/y', 0],
    ['networking.istio.io/v1 DestinationRule b/y', 1],
  ] as const)
    await world.setObject(objects.indexOf(id), form);
  world.setWorkload(0, 0);
  world.mesh.settle();
  world.updates.length = 0;
  // Of the service y in b, where the second node is.
  world.setWorkload(2, 0);
  world.mesh.settle();
  assert.equal(world.updates.length, 1);
  const [update] = world.updates;
  assert.ok(update !== undefined);
  const { changes, state } = update;
  assert.ok(!(changedTypes(changes, state.push).get(TYPE_URL.endpoint) as ReadonlySet<string>).has(LOCAL_CLUSTER));
  const own = changedForOwn(changes, state.push);
  assert.deepEqual(
    NODES.map((one) => [...own(() => one)]),
    [[], [[TYPE_URL.endpoint, new Set([LOCAL_CLUSTER])]], [], [], []],
  );
});

test('a policy for tokens, and keys of an issuer, concern the listeners of those who check tokens by them, and no other node', async () => {
  const sets = new Map([['keys https://b/keys', { jwks: '{"keys":[]}', fault: undefined }]]);
  let known: KeySets = new Map();
  const listeners = new Set<() => void>();
  const world = await makeWorld({ sets: () => known, watch: (run) => (listeners.add(run), () => void listeners.delete(run)) });
  const concerned = (): readonly (readonly string[])[] => {
    world.mesh.settle();
    const updates = world.updates.splice(0);
    assert.ok(updates.every(({ changes, state }) => !changedTypes(changes, state.push).has(TYPE_URL.listener)));
    return NODES.map((one) => updates.flatMap(({ changes, state }) => [...changedForOwn(changes, state.push)(() => one).keys()]));
  };
  concerned();
  const policy = Object.keys(OBJECTS).indexOf('security.istio.io/v1 RequestAuthentication a/x');
  for (const form of [2, 0] as const) {
    await world.setObject(policy, form);
    assert.deepEqual(concerned(), [[TYPE_URL.listener], [], [], [], []], 'of app x in namespace a');
    if (form === 0) continue;
    known = sets;
    for (const run of listeners) run();
    assert.deepEqual(concerned(), [[TYPE_URL.listener], [], [], [], []]);
  }
  known = new Map();
  for (const run of listeners) run();
  assert.deepEqual(concerned(), [[], [], [], [], []], 'keys that no policy asks for any more');
});
