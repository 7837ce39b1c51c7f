/** More of the rules that are easy to get wrong: who sees what, which policy is in force, what a port carries, what holds when nothing is said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulate.ts';
import { answersTo, destinationRule, peers, SUBSETS, to, virtualService, type Rule } from './testing/rules.ts';
import { shop } from './testing/shop.ts';
import type { Leg } from './types.ts';

const stranger = (target: string, headers: Readonly<Record<string, string>> = {}) => ({ from: 'other/stranger', to: target, headers });
const edge = (target: string, headers: Readonly<Record<string, string>> = {}) => ({ from: 'shop/edge', to: target, headers });
const sidecar = (spec: string, name = 'default', namespace = 'shop'): string =>
  `apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: ${spec}\n---\n`;
const entry = (spec: string, name = 'outside'): string =>
  `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: ${name}, namespace: shop }\nspec: ${spec}\n---\n`;
const port = (name: string, spec: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: shop }\nspec: { selector: { app: web }, ports: [${spec}] }\n---\n`;

const RULES: Readonly<Record<string, Rule>> = {
  'a wildcard takes any depth': {
    objects: virtualService("{ hosts: ['*.example'], gateways: [edge], http: [{ directResponse: { status: 201 } }] }"),
    calls: [
      [edge('http://a.example:8080/'), '201'],
      [edge('http://a.b.c.example:8080/'), '201'],
      [edge('http://example:8080/'), '404 NR'],
    ],
  },
  'a gateway ignores the port that a client writes into Host': {
    objects: virtualService('{ hosts: [a.example], gateways: [edge], http: [{ directResponse: { status: 201 } }] }'),
    calls: [[edge('http://a.example:8080/', { host: 'a.example:9999' }), '201']],
  },
  'exportTo of a VirtualService: others do not see it': {
    objects: virtualService('{ hosts: [web], exportTo: [.], http: [{ directResponse: { status: 201 } }] }'),
    calls: [
      ['http://web/', '201'],
      [stranger('http://web.shop/'), 'web:80 at 10.2.1.2:8080 TLS web.shop/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web.shop/'],
    ],
  },
  'exportTo of a DestinationRule: to those who do not see it the subset is unknown': {
    objects:
      destinationRule('{ host: web, exportTo: [.], subsets: [{ name: v1, labels: { version: v1 } }] }') +
      virtualService(`{ hosts: [web], http: [{ route: [${to('web', 'v1')}] }] }`),
    calls: [
      ['http://web/', 'web:80/v1 at 10.2.1.1:8080 TLS web/ | at shop/web-v1 application:8080 at 10.2.1.1:8080 web/'],
      [stranger('http://web.shop/'), '503 NC'],
    ],
  },
  'exportTo of a ServiceEntry: others have an unknown host': {
    objects: entry(
      '{ hosts: [outside.example], exportTo: [.], location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ address: 192.0.2.1 }] }',
    ),
    calls: [
      ['http://outside.example/', 'outside.example:80 at 192.0.2.1:80 outside.example/'],
      [stranger('http://outside.example/'), 'PassthroughCluster at 203.0.113.7:80 outside.example/'],
    ],
  },
  'rules of one host in one namespace add up: subsets of all, of two with one name the first, the policy of the first that has one': {
    objects:
      destinationRule(
        '{ host: web, subsets: [{ name: v1, labels: { version: v1 } }] }',
        'a',
        'namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"',
      ) +
      destinationRule(
        '{ host: web, trafficPolicy: { tls: { mode: DISABLE } }, subsets: [{ name: v1, labels: { version: v3 } }, { name: v2, labels: { version: v2 } }] }',
        'b',
        'namespace: shop, creationTimestamp: "2026-02-01T00:00:00Z"',
      ) +
      virtualService(
        `{ hosts: [web], http: [{ match: [{ uri: { prefix: /one } }], route: [${to('web', 'v1')}] }, { route: [${to('web', 'v2')}] }] }`,
      ),
    calls: [
      ['http://web/one', 'web:80/v1 at 10.2.1.1:8080 web/one | at shop/web-v1 application:8080 at 10.2.1.1:8080 web/one'],
      ['http://web/two', 'web:80/v2 at 10.2.1.2:8080 web/two | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/two'],
    ],
  },
  'a rule of the root namespace is for hosts that have no other; the most specific host of a level wins': {
    objects:
      destinationRule("{ host: '*.shop.svc.cluster.local', trafficPolicy: { tls: { mode: DISABLE } } }", 'all', 'namespace: istio-system') +
      destinationRule('{ host: web }'),
    calls: [
      ['http://admin/', 'admin:80 at 10.2.1.3:8080 admin/ | at shop/web-v3 application:8080 at 10.2.1.3:8080 admin/'],
      ['http://web/', 'web:80 at 10.2.1.2:8080 TLS web/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/'],
    ],
  },
  'a block of a subset takes the place of the one above it; settings of a port inherit nothing': {
    objects:
      destinationRule(
        `{ host: web, trafficPolicy: { tls: { mode: DISABLE } }, subsets: [
          { name: v1, labels: { version: v1 }, trafficPolicy: { loadBalancer: { simple: RANDOM } } },
          { name: v2, labels: { version: v2 }, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }] }`,
      ) +
      destinationRule(
        '{ host: admin, trafficPolicy: { tls: { mode: DISABLE }, portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: RANDOM } }] } }',
        'admin',
      ) +
      virtualService(
        `{ hosts: [web], http: [{ match: [{ uri: { prefix: /one } }], route: [${to('web', 'v1')}] }, { route: [${to('web', 'v2')}] }] }`,
      ),
    calls: [
      ['http://web/one', 'web:80/v1 at 10.2.1.1:8080 web/one | at shop/web-v1 application:8080 at 10.2.1.1:8080 web/one'],
      ['http://web/two', 'web:80/v2 at 10.2.1.2:8080 TLS web/two | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/two'],
      ['http://admin/', 'admin:80 at 10.2.1.3:8080 TLS admin/ | at shop/web-v3 application:8080 at 10.2.1.3:8080 admin/'],
    ],
  },
  'appProtocol says more than the name of a port, the name up to the first hyphen, and some numbers are never HTTP': {
    objects:
      port('said', '{ name: http, port: 81, targetPort: 8080, appProtocol: tcp }') +
      port('named', '{ name: http-web, port: 82, targetPort: 8080 }') +
      port('unnamed', '{ name: main, port: 3306, targetPort: 8080 }') +
      virtualService('{ hosts: [said, named, unnamed], http: [{ directResponse: { status: 201 } }] }'),
    calls: [
      ['http://said:81/', 'said:81 at 10.2.1.2:8080 TLS | at shop/web-v2 application:8080 at 10.2.1.2:8080 said:81/'],
      ['http://named:82/', '201'],
      ['http://unnamed:3306/', 'unnamed:3306 at 10.2.1.2:8080 TLS | at shop/web-v2 application:8080 at 10.2.1.2:8080 unnamed:3306/'],
    ],
  },
  'a mesh-external host never gets mutual TLS by itself': {
    objects: entry(
      '{ hosts: [outside.example], location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ address: 10.2.1.1, ports: { http: 8080 }, labels: { security.istio.io/tlsMode: istio } }] }',
    ),
    calls: [
      [
        'http://outside.example/',
        'outside.example:80 at 10.2.1.1:8080 outside.example/ | at shop/web-v1 application:8080 at 10.2.1.1:8080 outside.example/',
      ],
    ],
  },
  'a Sidecar says whom its workloads know; the one of the root namespace holds for namespaces without': {
    objects:
      sidecar("{ egress: [{ hosts: ['./web.shop.svc.cluster.local'] }], outboundTrafficPolicy: { mode: REGISTRY_ONLY } }") +
      sidecar("{ egress: [{ hosts: ['shop/admin.shop.svc.cluster.local'] }] }", 'default', 'istio-system'),
    calls: [
      ['http://web/', 'web:80 at 10.2.1.2:8080 TLS web/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/'],
      ['http://admin/', '502'],
      [stranger('http://admin.shop/'), 'admin:80 at 10.2.1.3:8080 TLS admin.shop/ | at shop/web-v3 application:8080 at 10.2.1.3:8080 admin.shop/'],
      [stranger('http://web.shop/'), 'PassthroughCluster at 203.0.113.7:80 web.shop/'],
    ],
  },
  'a port that the workload does not declare is passed to the application; STRICT asks mutual TLS of it too': {
    objects: '',
    calls: [['tcp://10.2.1.1:7777', 'PassthroughCluster at 10.2.1.1:7777 | at shop/web-v1 InboundPassthroughCluster at 10.2.1.1:7777']],
  },
  'STRICT and a port that is not declared': {
    objects: peers('{ mtls: { mode: STRICT } }'),
    calls: [['tcp://10.2.1.1:7777', 'PassthroughCluster at 10.2.1.1:7777 | at shop/web-v1 closed NR']],
  },
  'one port may be taken out of STRICT, for chosen workloads': {
    objects:
      peers('{ selector: { matchLabels: { app: web } }, mtls: { mode: STRICT }, portLevelMtls: { 8080: { mode: PERMISSIVE } } }') +
      destinationRule('{ host: web, trafficPolicy: { tls: { mode: DISABLE } } }'),
    calls: [
      ['http://web/', 'web:80 at 10.2.1.2:8080 web/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/'],
      ['tcp://10.2.1.1:7777', 'PassthroughCluster at 10.2.1.1:7777 | at shop/web-v1 closed NR'],
    ],
  },
  'DISABLE at the server: callers send plain text by themselves': {
    objects: peers('{ mtls: { mode: DISABLE } }'),
    calls: [['http://web/', 'web:80 at 10.2.1.2:8080 web/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/']],
  },
  'nobody calls the ports of the proxies': {
    objects: '',
    calls: [
      ['tcp://10.2.0.1:15001', 'closed UH'],
      ['tcp://10.2.1.1:15006', 'closed UH'],
    ],
  },
  'a path is put in order before anything matches': {
    objects: virtualService(
      '{ hosts: [web], http: [{ match: [{ uri: { exact: /secret } }], directResponse: { status: 403 } }, { directResponse: { status: 201 } }] }',
    ),
    calls: [
      ['http://web/public/../secret', '403'],
      ['http://web/public/%2e%2e/secret', '403'],
      ['http://web//secret', '201'],
    ],
  },
  'the namespace, the gateway and the port of a call choose when configuration is made': {
    objects: virtualService(
      `{ hosts: [web, web.example], gateways: [mesh, edge], http: [
        { match: [{ sourceNamespace: other }], directResponse: { status: 201 } },
        { match: [{ gateways: [edge] }], directResponse: { status: 202 } },
        { match: [{ port: 81 }], directResponse: { status: 203 } },
        { directResponse: { status: 204 } }] }`,
    ),
    calls: [
      [stranger('http://web.shop/'), '201'],
      [edge('http://web.example:8080/'), '202'],
      ['http://web/', '204'],
    ],
  },
  'TLS of applications goes by its server name': {
    objects:
      entry(
        '{ hosts: [a.outside.example, b.outside.example], location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 443, name: tls, protocol: TLS }], endpoints: [{ address: 192.0.2.1 }] }',
      ) +
      virtualService(
        '{ hosts: [a.outside.example], tls: [{ match: [{ sniHosts: [a.outside.example], port: 443 }], route: [{ destination: { host: b.outside.example } }] }] }',
        'sni',
      ),
    calls: [
      ['https://a.outside.example/', 'b.outside.example:443 at 192.0.2.1:443'],
      ['https://b.outside.example/', 'b.outside.example:443 at 192.0.2.1:443'],
    ],
  },
  'a gateway without any route answers 404': {
    objects: '',
    calls: [[edge('http://a.example:8080/'), '404 NR']],
  },
};

for (const [name, rule] of Object.entries(RULES)) {
  test(name, () =>
    assert.deepEqual(
      answersTo(rule),
      rule.calls.map(([, expected]) => expected),
    ),
  );
}

function client(objects: string, target = 'http://web/'): Leg {
  const result = simulate(shop(objects), { from: 'shop/client', to: target });
  assert.ok(result.t === 'decided', JSON.stringify(result));
  return result.client;
}

test('nothing said: two retries of what was not taken, other hosts first, and no time-out', () => {
  const { retry, timeoutMs } = client('');
  assert.equal(timeoutMs, 0);
  assert.equal(retry?.numRetries, 2);
});

test('attempts: 0 switches retries off; a fault that does not hit a call leaves it its retries and time-out', () => {
  assert.equal(client(virtualService(`{ hosts: [web], http: [{ retries: { attempts: 0 }, route: [${to('web')}] }] }`)).retry, undefined);
  const faulty = client(
    virtualService(
      `{ hosts: [web], http: [{ timeout: 3s, retries: { attempts: 5 }, fault: { abort: { httpStatus: 500, percentage: { value: 1 } } }, route: [${to('web')}] }] }`,
    ),
  );
  assert.deepEqual([faulty.retry?.numRetries, faulty.timeoutMs], [5, 3000]);
});

test('a subset of the destination rule has the share that its weight says, of a sum that need not be 100', () => {
  const { clusters } = client(
    SUBSETS + virtualService(`{ hosts: [web], http: [{ route: [${to('web', 'v1', ', weight: 3')}, ${to('web', 'v2', ', weight: 1')}] }] }`),
  );
  assert.deepEqual(
    clusters.map(({ share }) => share),
    [0.75, 0.25],
  );
});
