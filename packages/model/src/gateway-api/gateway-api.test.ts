/** What objects of the Kubernetes Gateway API may do to others, and where one must not stand for another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml, ofKind } from '@meltemi/api';
import { formatProblem } from '@meltemi/base';
import { buildPushContext, DEFAULT_MESH_CONFIG, destinationRuleFor, gatewayApiStatus, joinServices, type PushContext } from '../index.ts';

function contextOf(...documents: readonly string[]): PushContext {
  const { configs, problems } = decodeYaml(documents.join('\n---\n'));
  assert.deepEqual(problems.filter(({ severity }) => severity === 'error').map(formatProblem), []);
  const { services } = joinServices(configs, [], DEFAULT_MESH_CONFIG);
  return buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services, configs });
}

const object = (kind: string, name: string, spec: string, namespace = 'shop', group = 'gateway.networking.k8s.io/v1'): string =>
  `apiVersion: ${group}\nkind: ${kind}\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: ${spec}`;
const service = (name: string, namespace = 'shop'): string =>
  object('Service', name, '{ selector: { app: x }, ports: [{ name: https, port: 443 }, { name: admin, port: 8443 }] }', namespace, 'v1');
const secret = (name: string, namespace: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: ${namespace} }\nstringData: { tls.crt: a, tls.key: b }`;

test('a certificate of another namespace needs a ReferenceGrant, whatever else is wrong with the listener', () => {
  const tls = 'tls: { certificateRefs: [{ name: key, namespace: bank }] }';
  const context = contextOf(
    secret('key', 'bank'),
    object(
      'Gateway',
      'web',
      `{ gatewayClassName: istio, listeners: [{ name: a, port: 443, protocol: HTTPS, ${tls}, allowedRoutes: { kinds: [{ kind: HTTPRoute }, { kind: TCPRoute }] } }] }`,
    ),
  );
  assert.deepEqual(context.gateways.all, []);
});

test('a protocol that nobody knows is refused in the status', () => {
  for (const protocol of ['SCTP', 'constructor', 'toString']) {
    const context = contextOf(object('Gateway', 'web', `{ gatewayClassName: istio, listeners: [{ name: a, port: 80, protocol: ${protocol} }] }`));
    const [gateway] = context.gatewayApi.objects.gateways;
    assert.ok(gateway !== undefined);
    assert.match(JSON.stringify(gatewayApiStatus(context.gatewayApi, gateway, [])), /UnsupportedProtocol/, protocol);
  }
});

test("a listener at a port of the proxy's own is refused in the status, and the others of its Gateway serve", () => {
  const listeners = '[{ name: a, port: 15021, protocol: HTTP }, { name: b, port: 80, protocol: HTTP }]';
  const context = contextOf(object('Gateway', 'web', `{ gatewayClassName: istio, listeners: ${listeners} }`));
  const [gateway] = context.gatewayApi.objects.gateways;
  assert.ok(gateway !== undefined);
  assert.match(JSON.stringify(gatewayApiStatus(context.gatewayApi, gateway, [])), /PortUnavailable/);
  assert.deepEqual(
    context.gateways.all.flatMap(({ spec }) => spec.servers.map(({ port }) => port.number)),
    [80],
  );
});

test('headers and parameters with the names of JavaScript are compared as all others', () => {
  const context = contextOf(
    service('cart'),
    object('Gateway', 'web', '{ gatewayClassName: istio, listeners: [{ name: a, port: 80, protocol: HTTP }] }'),
    object(
      'HTTPRoute',
      'web',
      `{ parentRefs: [{ name: web }], rules: [{
          matches: [{ headers: [{ name: constructor, value: a }], queryParams: [{ name: __proto__, value: b }] }],
          filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: constructor, value: c }] } }],
          backendRefs: [{ name: cart, port: 443 }] }] }`,
    ),
  );
  const [rule] = context.virtualServices.all[0]?.http ?? [];
  const [match] = rule?.route.match ?? [];
  assert.deepEqual(Object.entries(match?.headers ?? {}), [['constructor', { exact: 'a' }]]);
  assert.deepEqual(Object.entries(match?.queryParams ?? {}), [['__proto__', { exact: 'b' }]]);
  assert.deepEqual(Object.entries(rule?.route.headers?.request?.set ?? {}), [['constructor', 'c']]);
});

test('a ListenerSet with the name of its Gateway has listeners of its own', () => {
  const context = contextOf(
    object(
      'Gateway',
      'web',
      '{ gatewayClassName: istio, allowedListeners: { namespaces: { from: Same } }, listeners: [{ name: http, port: 80, protocol: HTTP }] }',
    ),
    object('ListenerSet', 'web', '{ parentRef: { name: web }, listeners: [{ name: http, port: 81, protocol: HTTP }] }'),
  );
  assert.equal(context.gateways.all.length, 2);
  assert.equal(context.gateways.byName.size, 2);
});

test('policies for ports of one Service are all in force, beside what its DestinationRule says', () => {
  const policy = (name: string, section: string): string =>
    object(
      'BackendTLSPolicy',
      name,
      `{ targetRefs: [{ group: "", kind: Service, name: cart${section} }], validation: { hostname: ${name}.example, wellKnownCACertificates: System } }`,
    );
  const rule = object(
    'DestinationRule',
    'cart',
    '{ host: cart, trafficPolicy: { loadBalancer: { simple: RANDOM }, portLevelSettings: [{ port: { number: 8443 }, loadBalancer: { simple: ROUND_ROBIN } }] } }',
    'shop',
    'networking.istio.io/v1',
  );
  const sni = (...documents: readonly string[]) => {
    const context = contextOf(service('cart'), ...documents);
    const found = destinationRuleFor(context, { namespace: 'web', labels: {} }, { hostname: 'cart.shop.svc.cluster.local', namespace: 'shop' });
    const policyOf = found?.trafficPolicy?.policy;
    const ports = (policyOf?.portLevelSettings ?? []).map(({ port, tls }) => [port.number, tls?.sni] as const);
    return { all: policyOf?.tls?.sni, ports: Object.fromEntries(ports), lb: policyOf?.loadBalancer?.simple };
  };
  assert.deepEqual(sni(policy('one', ', sectionName: https'), policy('two', ', sectionName: admin')), {
    all: undefined,
    ports: { 443: 'one.example', 8443: 'two.example' },
    lb: undefined,
  });
  assert.deepEqual(sni(policy('all', ''), policy('one', ', sectionName: https')), {
    all: 'all.example',
    ports: { 443: 'one.example' },
    lb: undefined,
  });
  assert.deepEqual(sni(rule, policy('all', ''), policy('one', ', sectionName: https')), {
    all: 'all.example',
    ports: { 443: 'one.example', 8443: 'all.example' },
    lb: 'RANDOM',
  });
});

test('a TLSRoute of a Service rules its connections, and no others', () => {
  const context = contextOf(
    service('cart'),
    service('vault', 'bank'),
    object(
      'TLSRoute',
      'names',
      '{ parentRefs: [{ group: "", kind: Service, name: cart, port: 443 }], hostnames: [vault.bank.svc.cluster.local], rules: [{ backendRefs: [{ name: cart, port: 443 }] }] }',
    ),
  );
  assert.deepEqual(
    context.virtualServices.all.map(({ hosts }) => hosts),
    [['cart.shop.svc.cluster.local']],
  );
  assert.deepEqual(context.virtualServices.all[0]?.config.spec.tls?.[0]?.match[0]?.sniHosts, ['vault.bank.svc.cluster.local']);
});

test('TLSRoutes of one Service are all in force', () => {
  const named = (name: string): string =>
    object(
      'TLSRoute',
      name,
      `{ parentRefs: [{ group: "", kind: Service, name: cart, port: 443 }], hostnames: [${name}.example], rules: [{ backendRefs: [{ name: cart, port: 443 }] }] }`,
    );
  const context = contextOf(service('cart'), named('a'), named('b'));
  assert.deepEqual(
    context.virtualServices.all.map(({ config }) => config.spec.tls?.map(({ match }) => match[0]?.sniHosts)),
    [[['a.example'], ['b.example']]],
  );
});

test('a Gateway says which Secrets it lacks', () => {
  const context = contextOf(
    object(
      'Gateway',
      'web',
      '{ gatewayClassName: istio, listeners: [{ name: a, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: none }] } }] }',
    ),
  );
  assert.equal(ofKind(context.gatewayApi.derived, 'Gateway').length, 0);
  const [gateway] = context.gatewayApi.objects.gateways;
  assert.ok(gateway !== undefined);
  assert.match(JSON.stringify(gatewayApiStatus(context.gatewayApi, gateway, [])), /InvalidCertificateRef/);
});

test('a Service of another namespace serves a Gateway only by a ReferenceGrant there', () => {
  const gateway = object(
    'Gateway',
    'web',
    '{ gatewayClassName: istio, addresses: [{ type: Hostname, value: front.edge.svc.cluster.local }], listeners: [{ name: a, port: 80, protocol: HTTP }] }',
  );
  const grant = (name: string): string =>
    object(
      'ReferenceGrant',
      'web',
      `{ from: [{ group: gateway.networking.k8s.io, kind: Gateway, namespace: shop }], to: [{ group: "", kind: Service, name: ${name} }] }`,
      'edge',
      'gateway.networking.k8s.io/v1beta1',
    );
  const served = (...more: readonly string[]): readonly [gateways: number, told: string] => {
    const context = contextOf(service('front', 'edge'), gateway, ...more);
    const [found] = context.gatewayApi.objects.gateways;
    assert.ok(found !== undefined);
    return [context.gateways.all.length, JSON.stringify(gatewayApiStatus(context.gatewayApi, found, []))];
  };
  const [without, told] = served();
  assert.equal(without, 0);
  assert.match(told, /no ReferenceGrant of namespace edge permits Gateways of namespace shop to take the Service front/);
  assert.equal(served(grant('other'))[0], 0);
  assert.equal(served(grant('front'))[0], 1);
});
