/** The rules of Istio that are easy to get wrong, each asked of the whole chain: objects, translation, our own decoder, decision. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulate.ts';
import { answersTo, destinationRule, peers, SUBSETS, to, virtualService, type Rule } from './testing/rules.ts';
import { another, shop } from './testing/shop.ts';

const RULES: Readonly<Record<string, Rule>> = {
  'a short name is completed with the namespace of the object, not of the caller': {
    objects: virtualService(`{ hosts: [web], http: [{ route: [${to('admin')}] }] }`),
    calls: [
      [
        { from: 'other/stranger', to: 'http://web.shop/' },
        'admin:80 at 10.2.1.3:8080 TLS web.shop/ | at shop/web-v3 application:8080 at 10.2.1.3:8080 web.shop/',
      ],
      [{ from: 'other/stranger', to: 'http://web/' }, 'PassthroughCluster at 203.0.113.7:80 web/'],
    ],
  },
  'of a port without a protocol, rules for requests are for what is HTTP, others for the rest': {
    objects:
      'apiVersion: v1\nkind: Service\nmetadata: { name: any, namespace: shop }\nspec: { selector: { app: web }, ports: [{ name: main, port: 9000 }] }\n---\n' +
      virtualService(
        `{ hosts: [any], http: [{ match: [{ uri: { prefix: /a } }], directResponse: { status: 201 } }, { route: [${to('any')}] }], tcp: [{ route: [${to('db')}] }] }`,
        'any',
      ),
    calls: [
      ['http://any:9000/a', '201'],
      ['http://any:9000/b', 'any:9000 at 10.2.1.2:9000 TLS any:9000/b | at shop/web-v2 application:9000 at 10.2.1.2:9000 any:9000/b'],
      ['tcp://any:9000', 'db:5432 at 10.2.2.2:5432 TLS | at shop/db-v2 application:5432 at 10.2.2.2:5432'],
    ],
  },
  'of a port without a protocol, the server knows too what comes': {
    objects:
      'apiVersion: v1\nkind: Service\nmetadata: { name: any, namespace: shop }\nspec: { selector: { app: web }, ports: [{ name: main, port: 9000 }] }\n---\n',
    calls: [
      ['http://any:9000/b', 'any:9000 at 10.2.1.2:9000 TLS any:9000/b | at shop/web-v2 application:9000 at 10.2.1.2:9000 any:9000/b'],
      ['tcp://any:9000', 'any:9000 at 10.2.1.2:9000 TLS | at shop/web-v2 application:9000 at 10.2.1.2:9000'],
      ['https://any:9000', 'any:9000 at 10.2.1.2:9000 TLS | at shop/web-v2 application:9000 at 10.2.1.2:9000'],
    ],
  },
  'a name with a dot is final': {
    objects: virtualService(`{ hosts: [web], http: [{ route: [${to('admin.shop')}] }] }`),
    calls: [['http://web/', '503 NC']],
  },
  'the most specific host wins': {
    objects:
      virtualService(`{ hosts: ['*.shop.svc.cluster.local'], http: [{ directResponse: { status: 201 } }] }`, 'wide') +
      virtualService(`{ hosts: [web], http: [{ directResponse: { status: 202 } }] }`, 'exact'),
    calls: [
      ['http://web/', '202'],
      ['http://admin/', '201'],
    ],
  },
  'for sidecars the oldest object has the host, and others are dropped': {
    objects:
      virtualService(
        '{ hosts: [web], http: [{ match: [{ uri: { prefix: /b } }], directResponse: { status: 202 } }] }',
        'b',
        ', creationTimestamp: "2026-02-01T00:00:00Z"',
      ) +
      virtualService(
        '{ hosts: [web], http: [{ match: [{ uri: { prefix: /a } }], directResponse: { status: 201 } }] }',
        'a',
        ', creationTimestamp: "2026-01-01T00:00:00Z"',
      ),
    calls: [
      ['http://web/a', '201'],
      ['http://web/b', '404 NR'],
    ],
  },
  'at a gateway objects of one host add up, oldest first, and what takes everything comes last': {
    objects:
      virtualService(
        '{ hosts: [a.example], gateways: [edge], http: [{ directResponse: { status: 201 } }] }',
        'all',
        ', creationTimestamp: "2026-01-01T00:00:00Z"',
      ) +
      virtualService(
        '{ hosts: [a.example], gateways: [edge], http: [{ match: [{ uri: { prefix: /b } }], directResponse: { status: 202 } }] }',
        'some',
        ', creationTimestamp: "2026-02-01T00:00:00Z"',
      ),
    calls: [
      [{ from: 'shop/edge', to: 'http://a.example:8080/b' }, '202'],
      [{ from: 'shop/edge', to: 'http://a.example:8080/c' }, '201'],
      [{ from: 'shop/edge', to: 'http://b.example:8080/' }, '404 NR'],
    ],
  },
  'rules after one that takes everything vanish': {
    objects: virtualService(
      '{ hosts: [web], http: [{ match: [{ uri: { prefix: / } }], directResponse: { status: 201 } }, { directResponse: { status: 202 } }] }',
    ),
    calls: [['http://web/x', '201']],
  },
  'gateways left out means mesh; naming a gateway takes the sidecars out': {
    objects: virtualService('{ hosts: [web, web.example], gateways: [edge], http: [{ directResponse: { status: 201 } }] }'),
    calls: [
      ['http://web/', 'web:80 at 10.2.1.2:8080 TLS web/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/'],
      [{ from: 'shop/edge', to: 'http://web.example:8080/' }, '201'],
    ],
  },
  'a prefix is a prefix of the text; regular expressions match the whole path': {
    objects: virtualService(
      '{ hosts: [web], http: [{ match: [{ uri: { prefix: /foo } }], directResponse: { status: 201 } }, { match: [{ uri: { regex: "/v[0-9]" } }], directResponse: { status: 202 } }, { directResponse: { status: 203 } }] }',
    ),
    calls: [
      ['http://web/foobar?x=1', '201'],
      ['http://web/v1', '202'],
      ['http://web/v1/more', '203'],
    ],
  },
  'conditions of one match are joined by and, matches by or; a missing header counts as empty under withoutHeaders': {
    objects: virtualService(
      `{ hosts: [web], http: [
        { match: [{ headers: { x-a: { exact: a } }, queryParams: { q: { exact: '' } } }, { method: { exact: PUT } }], directResponse: { status: 201 } },
        { match: [{ withoutHeaders: { x-skip: { exact: 'yes' } } }], directResponse: { status: 202 } },
        { directResponse: { status: 203 } }] }`,
    ),
    calls: [
      [{ from: 'shop/client', to: 'http://web/?q', headers: { 'x-a': 'a' } }, '201'],
      [{ from: 'shop/client', to: 'http://web/', headers: { 'x-a': 'a' } }, '202'],
      [{ from: 'shop/client', to: 'http://web/', method: 'PUT', headers: { 'x-skip': 'yes' } }, '201'],
      [{ from: 'shop/client', to: 'http://web/', headers: { 'x-skip': 'yes' } }, '203'],
    ],
  },
  'sourceLabels choose callers when configuration is made; who is not chosen falls through to the service': {
    objects: virtualService('{ hosts: [web], http: [{ match: [{ sourceLabels: { team: a } }], directResponse: { status: 201 } }] }'),
    calls: [
      ['http://web/', '201'],
      [
        { from: 'other/stranger', to: 'http://web.shop/' },
        'web:80 at 10.2.1.2:8080 TLS web.shop/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web.shop/',
      ],
    ],
  },
  'weights are relative; one destination alone takes everything': {
    objects:
      SUBSETS +
      virtualService(
        `{ hosts: [web], http: [{ match: [{ uri: { prefix: /one } }], route: [${to('web', 'v1', ', weight: 10')}] }, { route: [${to('web', 'v1', ', weight: 1')}, ${to('web', 'v2', ', weight: 3')}] }] }`,
      ),
    calls: [
      ['http://web/one', 'web:80/v1 at 10.2.1.1:8080 TLS web/one | at shop/web-v1 application:8080 at 10.2.1.1:8080 web/one'],
      [
        'http://web/two',
        '25% web:80/v1, 75% web:80/v2 | web:80/v2 at 10.2.1.2:8080 TLS web/two | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/two',
      ],
    ],
  },
  'a host or subset that nothing defines is 503 NC, a subset without endpoints 503 UH': {
    objects:
      SUBSETS +
      virtualService(
        `{ hosts: [web], http: [{ match: [{ uri: { prefix: /host } }], route: [${to('nowhere.example')}] }, { match: [{ uri: { prefix: /subset } }], route: [${to('web', 'gone')}] }, { route: [${to('web', 'none')}] }] }`,
      ),
    calls: [
      ['http://web/host', '503 NC'],
      ['http://web/subset', '503 NC'],
      ['http://web/', '503 UH'],
    ],
  },
  'a fault without percentage hits nobody; delay and abort are drawn for each on its own': {
    objects: virtualService(
      `{ hosts: [web], http: [{ match: [{ uri: { prefix: /never } }], fault: { abort: { httpStatus: 500 } }, route: [${to('web')}] }, { fault: { delay: { fixedDelay: 2s, percentage: { value: 100 } }, abort: { httpStatus: 500, percentage: { value: 60 } } }, route: [${to('web')}] }] }`,
    ),
    calls: [
      ['http://web/never', 'web:80 at 10.2.1.2:8080 TLS web/never | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/never | 0% abort 500'],
      ['http://web/', '500 FI | 100% delay 2000 | 60% abort 500'],
    ],
  },
  'rewrite of a prefix, of the authority, and by expression': {
    objects: virtualService(
      `{ hosts: [web], http: [{ match: [{ uri: { prefix: /old/ } }], rewrite: { uri: /new/, authority: other.example }, timeout: 2s, route: [${to('web')}] }, { match: [{ uri: { prefix: /re } }], rewrite: { uriRegexRewrite: { match: '^/re/([^/]+)/(.*)$', rewrite: '/\\2/\\1' } }, route: [${to('web')}] }, { headers: { request: { set: { Host: set.example } } }, route: [${to('web')}] }] }`,
    ),
    calls: [
      [
        'http://web/old/x?y=z',
        'web:80 at 10.2.1.2:8080 TLS other.example/new/x?y=z | at shop/web-v2 application:8080 at 10.2.1.2:8080 other.example/new/x?y=z | time-out 2000',
      ],
      ['http://web/re/a/b', 'web:80 at 10.2.1.2:8080 TLS web/b/a | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/b/a'],
      ['http://web/', 'web:80 at 10.2.1.2:8080 TLS set.example/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 set.example/'],
    ],
  },
  'redirects: the whole path or the prefix; the usual port of the scheme is left out': {
    objects: virtualService(
      '{ hosts: [web], http: [{ match: [{ uri: { prefix: /uri } }], redirect: { uri: /there, authority: there.example } }, { match: [{ uri: { prefix: /prefix } }], redirect: { prefixRewrite: /else, scheme: https, port: 443, redirectCode: 308 } }, { redirect: { scheme: https, derivePort: FROM_REQUEST_PORT, redirectCode: 302 } }] }',
    ),
    calls: [
      ['http://web/uri/x', '301 http://there.example/there'],
      ['http://web/prefix/x?y', '308 https://web/else/x?y'],
      ['http://web/z', '302 https://web:80/z'],
    ],
  },
  'a delegate takes what lies within its root and inherits the rest; what leads out of it is dropped': {
    objects:
      virtualService(
        '{ hosts: [web], http: [{ match: [{ uri: { prefix: /shop } }], timeout: 3s, delegate: { name: part } }, { directResponse: { status: 201 } }] }',
      ) +
      virtualService(
        `{ http: [{ match: [{ uri: { prefix: /shop/cart } }], route: [${to('admin')}] }, { match: [{ uri: { prefix: /else } }], directResponse: { status: 202 } }] }`,
        'part',
      ),
    calls: [
      [
        'http://web/shop/cart',
        'admin:80 at 10.2.1.3:8080 TLS web/shop/cart | at shop/web-v3 application:8080 at 10.2.1.3:8080 web/shop/cart | time-out 3000',
      ],
      ['http://web/shop/other', '201'],
      ['http://web/else', '201'],
    ],
  },
  'unknown hosts pass through, or with REGISTRY_ONLY are refused with 502': {
    objects: '',
    calls: [
      ['http://nowhere.example/', 'PassthroughCluster at 203.0.113.7:80 nowhere.example/'],
      ['tcp://nowhere.example:9999', 'PassthroughCluster at 203.0.113.7:9999'],
    ],
  },
  REGISTRY_ONLY: {
    objects: '',
    more: { mesh: { outboundTrafficPolicy: 'REGISTRY_ONLY' } },
    calls: [
      ['http://nowhere.example/', '502'],
      ['tcp://nowhere.example:9999', 'closed UH'],
    ],
  },
  'every form of the name leads to the service; the bare one within its namespace only': {
    objects: '',
    calls: [
      [
        'http://web.shop.svc.cluster.local/',
        'web:80 at 10.2.1.2:8080 TLS web.shop.svc.cluster.local/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web.shop.svc.cluster.local/',
      ],
      ['http://web.shop.svc/', 'web:80 at 10.2.1.2:8080 TLS web.shop.svc/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web.shop.svc/'],
      [
        'http://web.shop.svc.cluster.local.:80/',
        'web:80 at 10.2.1.2:8080 TLS web.shop.svc.cluster.local./ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web.shop.svc.cluster.local./',
      ],
    ],
  },
  'connections: the first rule for the caller; the host itself without one': {
    objects:
      destinationRule('{ host: db, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }', 'db') +
      virtualService(
        `{ hosts: [db], tcp: [{ match: [{ sourceLabels: { team: a } }], route: [${to('db', 'v1', ', weight: 20')}, ${to('db', 'v2', ', weight: 80')}] }] }`,
        'db',
      ),
    calls: [
      ['tcp://db:5432', '20% db:5432/v1, 80% db:5432/v2 | db:5432/v2 at 10.2.2.2:5432 TLS | at shop/db-v2 application:5432 at 10.2.2.2:5432'],
      [{ from: 'other/stranger', to: 'tcp://db.shop:5432' }, 'db:5432 at 10.2.2.2:5432 TLS | at shop/db-v2 application:5432 at 10.2.2.2:5432'],
    ],
  },
  'mutual TLS by itself; a rule with tls decides alone; STRICT takes nothing plain': {
    objects: peers('{ mtls: { mode: STRICT } }') + destinationRule('{ host: web, trafficPolicy: { tls: { mode: DISABLE } } }'),
    calls: [
      ['http://admin/', 'admin:80 at 10.2.1.3:8080 TLS admin/ | at shop/web-v3 application:8080 at 10.2.1.3:8080 admin/'],
      ['http://web/', 'web:80 at 10.2.1.2:8080 web/ | at shop/web-v2 closed NR'],
    ],
  },
  'PERMISSIVE takes plain calls too': {
    objects: destinationRule('{ host: web, trafficPolicy: { tls: { mode: DISABLE } } }'),
    calls: [['http://web/', 'web:80 at 10.2.1.2:8080 web/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web/']],
  },
  'the rule of the client namespace, then of the service, then of the root: whole, never merged': {
    objects:
      destinationRule('{ host: web.shop.svc.cluster.local, trafficPolicy: { tls: { mode: DISABLE } } }', 'mine', 'namespace: other') +
      destinationRule('{ host: web, subsets: [{ name: v1, labels: { version: v1 } }] }') +
      virtualService(`{ hosts: [web], http: [{ route: [${to('web', 'v1')}] }] }`),
    calls: [
      ['http://web/', 'web:80/v1 at 10.2.1.1:8080 TLS web/ | at shop/web-v1 application:8080 at 10.2.1.1:8080 web/'],
      [{ from: 'other/stranger', to: 'http://web.shop/' }, '503 NC'],
    ],
  },
  'with ejection the nearest come first': {
    objects: destinationRule('{ host: web, trafficPolicy: { outlierDetection: {} } }'),
    calls: [
      ['http://web/', 'web:80 at 10.2.1.1:8080 TLS web/ | at shop/web-v1 application:8080 at 10.2.1.1:8080 web/'],
      [
        { from: 'other/stranger', to: 'http://web.shop/' },
        'web:80 at 10.2.1.3:8080 TLS web.shop/ | at shop/web-v3 application:8080 at 10.2.1.3:8080 web.shop/',
      ],
    ],
  },
  'shares of localities, of the caller': {
    objects: destinationRule(
      '{ host: web, trafficPolicy: { loadBalancer: { localityLbSetting: { distribute: [{ from: us, to: { eu/b: 100 } }] } } } }',
    ),
    calls: [
      [
        { from: 'other/stranger', to: 'http://web.shop/' },
        'web:80 at 10.2.1.2:8080 TLS web.shop/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web.shop/',
      ],
    ],
  },
  'endpoints that are not ready get nothing, even when there are no others': {
    objects: `apiVersion: v1\nkind: Service\nmetadata: { name: sick, namespace: shop }\nspec: { selector: { app: sick }, ports: [{ name: http, port: 80, targetPort: 8080 }] }\n`,
    more: { workloads: [another('sick', '10.2.5.1', { health: 'unhealthy', ports: [{ number: 8080, protocol: 'http' }] })] },
    calls: [['http://sick/', '503 UH']],
  },
  'a headless service is called by the address of an endpoint, with mutual TLS': {
    objects:
      `apiVersion: v1\nkind: Service\nmetadata: { name: peers, namespace: shop }\nspec: { clusterIP: None, selector: { app: web }, ports: [{ name: http, port: 8080 }] }\n---\n` +
      `apiVersion: v1\nkind: Service\nmetadata: { name: rows, namespace: shop }\nspec: { clusterIP: None, selector: { app: db }, ports: [{ name: tcp, port: 5432 }] }\n`,
    calls: [
      [
        'http://web-v2.peers.shop.svc.cluster.local:8080/',
        'peers:8080 at 10.2.1.2:8080 TLS web-v2.peers.shop.svc.cluster.local:8080/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 web-v2.peers.shop.svc.cluster.local:8080/',
      ],
      ['tcp://db-v2.rows.shop:5432', 'rows:5432 at 10.2.2.2:5432 TLS | at shop/db-v2 application:5432 at 10.2.2.2:5432'],
    ],
  },
  'a service that stands for another is ruled as that one': {
    objects:
      `apiVersion: v1\nkind: Service\nmetadata: { name: alias, namespace: other }\nspec: { type: ExternalName, externalName: web.shop.svc.cluster.local }\n---\n` +
      virtualService('{ hosts: [web], http: [{ directResponse: { status: 201 } }] }'),
    calls: [
      ['http://alias.other/', '201'],
      [{ from: 'other/stranger', to: 'http://alias/' }, '201'],
    ],
  },
  'what is no call': {
    objects: '',
    calls: [
      [{ from: 'shop/nobody', to: 'http://web/' }, 'there is no workload "shop/nobody" with a proxy'],
      ['web/', '"web/" is no target: write http://host:port/path, https://, tcp:// or tls://'],
    ],
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

test('a result names the objects that had a say, with the line of the very rule', () => {
  const objects = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: [web]
  http:
    - match: [{ uri: { prefix: /a } }]
      directResponse: { status: 201 }
    - retries: { attempts: 4 }
      route: [{ destination: { host: web, subset: v1 } }]
---
${SUBSETS}`;
  const mesh = shop(objects);
  const result = simulate(mesh, { from: 'shop/client', to: 'http://web/b' });
  assert.ok(result.t === 'decided');
  const first = (mesh.configs.find(({ kind }) => kind === 'VirtualService')?.origin.line ?? 0) - 1;
  assert.deepEqual(
    result.client.because.map(({ what, object, path, origin }) => [what, object.kind, path, (origin?.line ?? 0) - first]),
    [
      ['route', 'VirtualService', 'spec.http[1]', 9],
      ['endpoints', 'DestinationRule', 'spec.subsets[0]', 15],
    ],
  );
  assert.equal(result.client.retry?.numRetries, 4);
  assert.deepEqual(
    result.server?.because.map(({ what, object }) => [what, object.kind, object.name]),
    [
      ['route', 'Service', 'web'],
      ['endpoints', 'Service', 'web'],
    ],
  );
});

test('what our own proxy would not take is said, not thrown', () => {
  const patch = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: odd, namespace: shop }
spec:
  configPatches: [{ applyTo: CLUSTER, patch: { operation: MERGE, value: { prefetch_everything: 7 } } }]
`;
  const result = simulate(shop(patch), { from: 'shop/client', to: 'http://web/' });
  assert.ok(result.t === 'refused' && result.problems.length > 0, JSON.stringify(result));
});
