/** Which of several objects counts, and what a policy says of retries, places and unknown hosts: the rest of the rules that are easy to get wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulate.ts';
import { answersTo, destinationRule, to, virtualService, type Rule } from './testing/rules.ts';
import { another, shop } from './testing/shop.ts';
import { parseLocality } from '@meltemi/model';
import type { Leg } from './types.ts';

const stranger = (target: string) => ({ from: 'other/stranger', to: target });
const edge = (target: string) => ({ from: 'shop/edge', to: target });
const answer = (status: number): string => `[{ directResponse: { status: ${status} } }]`;
const inOther = (text: string): string => text.replaceAll('namespace: shop', 'namespace: other');
const WEB = (caller: string, more = ''): string =>
  `web:80 at 10.2.1.2:8080 ${more}${caller}/ | at shop/web-v2 application:8080 at 10.2.1.2:8080 ${caller}/`;

const RULES: Readonly<Record<string, Rule>> = {
  'of objects of one age the name decides': {
    objects:
      virtualService(`{ hosts: [web], http: ${answer(202)} }`, 'b', ', creationTimestamp: "2026-01-01T00:00:00Z"') +
      virtualService(`{ hosts: [web], http: ${answer(201)} }`, 'a', ', creationTimestamp: "2026-01-01T00:00:00Z"'),
    calls: [['http://web/', '201']],
  },
  'what is private to a namespace comes before what others export to it, however old that is': {
    objects:
      virtualService(`{ hosts: [web.shop.svc.cluster.local], http: ${answer(201)} }`, 'old', ', creationTimestamp: "2026-01-01T00:00:00Z"') +
      inOther(
        virtualService(
          `{ hosts: [web.shop.svc.cluster.local], exportTo: [.], http: ${answer(202)} }`,
          'own',
          ', creationTimestamp: "2026-02-01T00:00:00Z"',
        ),
      ),
    calls: [
      ['http://web/', '201'],
      [stranger('http://web.shop/'), '202'],
    ],
  },
  'in the root namespace itself its rules for everybody are not its own': {
    objects:
      destinationRule('{ host: web.shop.svc.cluster.local, trafficPolicy: { tls: { mode: DISABLE } } }', 'all', 'namespace: istio-system') +
      destinationRule('{ host: web, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }'),
    more: { workloads: [another('rooted', '10.2.0.9', { namespace: 'istio-system' })] },
    calls: [[{ from: 'istio-system/rooted', to: 'http://web.shop/' }, WEB('web.shop', 'TLS ')]],
  },
  'a rule for chosen callers is for them alone': {
    objects:
      destinationRule(
        '{ host: web, workloadSelector: { matchLabels: { team: a } }, trafficPolicy: { tls: { mode: DISABLE } }, subsets: [{ name: v1, labels: { version: v1 } }] }',
      ) + virtualService(`{ hosts: [web], http: [{ match: [{ uri: { prefix: /one } }], route: [${to('web', 'v1')}] }, { route: [${to('web')}] }] }`),
    more: { workloads: [another('plain', '10.2.0.9', {})] },
    calls: [
      ['http://web/one', 'web:80/v1 at 10.2.1.1:8080 web/one | at shop/web-v1 application:8080 at 10.2.1.1:8080 web/one'],
      [{ from: 'shop/plain', to: 'http://web/one' }, '503 NC'],
      [{ from: 'shop/plain', to: 'http://web/' }, WEB('web', 'TLS ')],
    ],
  },
  'a ServiceEntry exported to nobody is known to nobody': {
    objects:
      'apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: outside, namespace: shop }\nspec: { hosts: [outside.example], exportTo: ["~"], location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ address: 192.0.2.1 }] }\n---\n',
    calls: [['http://outside.example/', 'PassthroughCluster at 203.0.113.7:80 outside.example/']],
  },
  'TLS of a rule is not that of the mesh: a sidecar that ends TLS itself does not take it for HTTP': {
    objects: destinationRule('{ host: web, trafficPolicy: { tls: { mode: SIMPLE, insecureSkipVerify: true } } }'),
    calls: [['http://web/', 'web:80 at 10.2.1.2:8080 TLS web/ | at shop/web-v2 closed NR']],
  },
  'PeerAuthentication of the root namespace holds everywhere, one of a namespace takes its place there': {
    objects:
      'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: default, namespace: istio-system }\nspec: { mtls: { mode: STRICT } }\n---\n' +
      'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: default, namespace: other }\nspec: { mtls: { mode: PERMISSIVE } }\n---\n' +
      'apiVersion: v1\nkind: Service\nmetadata: { name: mine, namespace: other }\nspec: { selector: { app: mine }, ports: [{ name: http, port: 80, targetPort: 8080 }] }\n---\n' +
      destinationRule('{ host: "*.svc.cluster.local", trafficPolicy: { tls: { mode: DISABLE } } }', 'plain', 'namespace: istio-system'),
    more: { workloads: [another('mine', '10.2.0.9', { namespace: 'other', ports: [{ number: 8080, protocol: 'http' }] })] },
    calls: [
      ['http://web/', 'web:80 at 10.2.1.2:8080 web/ | at shop/web-v2 closed NR'],
      [
        'http://mine.other/',
        'mine.other.svc.cluster.local:80 at 10.2.0.9:8080 mine.other/ | at other/mine application:8080 at 10.2.0.9:8080 mine.other/',
      ],
    ],
  },
  'a gateway that serves no such host, and one without that port': {
    objects: virtualService(`{ hosts: ['*'], gateways: [edge], http: ${answer(201)} }`),
    calls: [
      [edge('http://a.example:8080/'), '201'],
      [edge('http://a.other:8080/'), '404 NR'],
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

function client(objects: string, more: Parameters<typeof shop>[1] = {}, target = 'http://web/'): Leg {
  const result = simulate(shop(objects, more), { from: 'shop/client', to: target });
  assert.ok(result.t === 'decided', JSON.stringify(result));
  return result.client;
}

const retries = (text: string): string => virtualService(`{ hosts: [web], http: [{ retries: { ${text} }, route: [${to('web')}] }] }`);

test('numbers in retryOn are status codes of the server; another host first, but not where a hash says which one', () => {
  const { retry } = client(retries('attempts: 3, perTryTimeout: 2s, retryOn: "503,reset"'));
  assert.deepEqual(
    [retry?.numRetries, retry?.perTryTimeoutMs, retry?.statusCodes, [...(retry?.on ?? [])].sort(), retry?.avoid.previousHosts],
    [3, 2000, [503], ['reset', 'retriable-status-codes'], true],
  );
  const hashed = client(destinationRule('{ host: web, trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: x-user } } } }'));
  assert.deepEqual([hashed.retry?.numRetries, hashed.retry?.avoid.previousHosts], [2, false]);
});

test('places: that of the caller, its zone, its region, then all others at once; without ejection all are alike', () => {
  const places = { 'near-v1': 'eu/a/1', 'near-v2': 'eu/a/2', 'near-v3': 'eu/b/1', 'near-v4': 'us/c/1', 'near-v5': 'asia/d/1' };
  const workloads = Object.entries(places).map(([name, place], index) =>
    another(name, `10.2.6.${index + 1}`, { ports: [{ number: 8080, protocol: 'http' }], locality: parseLocality(place) }),
  );
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: { name: near, namespace: shop }\nspec: { selector: { app: near }, ports: [{ name: http, port: 80, targetPort: 8080 }] }\n---\n';
  const priorities = (policy: string): readonly number[] =>
    client(service + destinationRule(`{ host: near, trafficPolicy: { ${policy} } }`, 'near'), { workloads }, 'http://near/')
      .hosts.toSorted((a, b) => a.address.localeCompare(b.address))
      .map(({ priority }) => priority);
  assert.deepEqual(priorities('outlierDetection: {}'), [0, 1, 2, 3, 3]);
  const preferred = 'outlierDetection: {}, loadBalancer: { localityLbSetting: { failover: [{ from: eu, to: asia }] } }';
  assert.deepEqual(priorities(preferred), [0, 1, 2, 4, 3]);
  assert.deepEqual(priorities('loadBalancer: { simple: RANDOM }'), [0, 0, 0, 0, 0]);
});

test('unknown hosts, where names may be looked up on demand: requests go to the name, connections pass through', () => {
  const more = { mesh: { outboundTrafficPolicy: 'ALLOW_ANY_DYNAMIC_DNS' as const } };
  const { outcome } = client('', more, 'http://nowhere.example/').decision;
  assert.ok(outcome.t === 'forward' && outcome.cluster !== 'PassthroughCluster', JSON.stringify(outcome));
  const bytes = client('', more, 'tcp://nowhere.example:9999').decision.outcome;
  assert.ok(bytes.t === 'forward' && bytes.cluster === 'PassthroughCluster', JSON.stringify(bytes));
});
