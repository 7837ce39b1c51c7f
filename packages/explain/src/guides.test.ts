/** Each guide of docs/guides, asked of the simulation: what its files do to a call, before anything runs. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configKey, decodeYaml } from '@meltemi/api';
import { formatProblem } from '@meltemi/base';
import { parseLocality, type Workload } from '@meltemi/model';
import { meshOf } from './mesh.ts';
import { simulate } from './simulate.ts';
import { another, told } from './testing/shop.ts';
import type { Call, Result, SimulatedMesh } from './types.ts';

const ROOT = new URL('../../../', import.meta.url);
const BASE = ['bookinfo/services.yaml', 'bookinfo/destination-rules.yaml', 'bookinfo/gateway.yaml', 'chain/mesh.yaml'];

const link = (name: string, address: string, more: Partial<Workload> = {}): Workload =>
  another(name, address, { namespace: 'chain', ports: [{ number: 8080, protocol: 'http' }], ...more });
const page = (version: string, address: string): Workload =>
  another(`productpage-${version}`, address, { namespace: 'bookinfo', ports: [{ number: 9080, protocol: 'http' }] });

const WORKLOADS: readonly Workload[] = [
  another('ingress', '10.3.0.1', { namespace: 'istio-system', labels: { istio: 'ingressgateway' } }),
  another('nginx', '10.3.0.2', { namespace: 'bookinfo' }),
  page('v1', '10.3.1.1'),
  page('v2', '10.3.1.2'),
  link('customer-v1', '10.3.2.1'),
  link('preference-v1', '10.3.2.2'),
  link('recommendation-v1', '10.3.2.3'),
  link('recommendation-v2', '10.3.2.4'),
  another('tcp-echo-v1', '10.3.3.1', { namespace: 'chain', ports: [{ number: 9000, protocol: 'tcp' }] }),
  another('tcp-echo-v2', '10.3.3.2', { namespace: 'chain', ports: [{ number: 9000, protocol: 'tcp' }] }),
  link('traveller-v1', '10.3.4.1', { locality: parseLocality('eu/west/b') }),
  link('place-v1', '10.3.4.2', { locality: parseLocality('eu/west/a') }),
  link('place-v2', '10.3.4.3', { locality: parseLocality('us/east/a') }),
];

/** The samples' mesh with these files of samples/guides; one that comes later takes the place of an object that was there. */
function meshWith(files: readonly string[], workloads: readonly Workload[] = WORKLOADS): SimulatedMesh {
  const documents = [...BASE, ...files.map((file) => `guides/${file}`)].map((file) =>
    decodeYaml(readFileSync(new URL(`samples/${file}`, ROOT), 'utf8'), { file }),
  );
  const problems = documents.flatMap((document) => document.problems.filter(({ severity }) => severity === 'error'));
  assert.deepEqual(problems.map(formatProblem), []);
  const configs = new Map(documents.flatMap((document) => document.configs.map((config) => [configKey(config), config])));
  return meshOf({
    configs: [...configs.values()],
    documents: documents.flatMap((document) => document.documents),
    workloads,
    gateways: ['istio-system/ingress'],
  });
}

/** What `preference` sees of `recommendation`. */
const next = (headers: Readonly<Record<string, string>> = {}): Call => ({ from: 'chain/preference-v1', to: 'http://recommendation:8080/', headers });
const outside = (to: string, headers: Readonly<Record<string, string>> = {}): Call => ({ from: 'istio-system/ingress', to, headers });

const V1 = /^recommendation\S*:8080\/v1 at 10\.3\.2\.3:8080 TLS .*application:8080/;
const V2 = /^recommendation\S*:8080\/v2 at 10\.3\.2\.4:8080 TLS .*application:8080/;

const tokenOf = (name: string): string => readFileSync(new URL(`samples/guides/one-customer/${name}.jwt`, ROOT), 'utf8').trim();

const withToken = (name: string): Call => outside('http://anything.example:8080/productpage', { authorization: `Bearer ${tokenOf(name)}` });

/** The gateway looks whether the token is good. */
function asksForToken(result: Result): void {
  assert.ok(result.t === 'decided');
  const asked = result.client.decision.steps.some(
    (step) => step.t === 'filter' && step.name === 'envoy.filters.http.jwt_authn' && step.asks === true,
  );
  assert.equal(asked, true);
}

interface Step {
  readonly files: readonly string[];
  readonly calls: readonly (readonly [call: Call, expected: RegExp | ((result: Result) => void)])[];
  readonly workloads?: readonly Workload[];
}

/** What the call has whatever becomes of it, at the caller's proxy. */
function caller(result: Result): Extract<Result, { readonly t: 'decided' }>['client'] {
  assert.ok(result.t === 'decided', told(result));
  return result.client;
}

const retries = (attempts: number | undefined) => (result: Result) => assert.equal(caller(result).retry?.numRetries, attempts);
/** The object that says so is named. */
const because = (kind: string, name: string) => (result: Result) =>
  assert.ok(
    caller(result).because.some(({ object }) => object.kind === kind && object.name === name),
    JSON.stringify(caller(result).because),
  );

const GUIDES: Readonly<Record<string, readonly Step[]>> = {
  canary: [
    { files: ['canary/all-v1.yaml'], calls: [[next(), V1]] },
    { files: ['canary/v2-10.yaml'], calls: [[next(), /^90% recommendation\S*:8080\/v1, 10% recommendation\S*:8080\/v2 \|/]] },
    { files: ['canary/v2-50.yaml'], calls: [[next(), /^50% recommendation\S*:8080\/v1, 50% recommendation\S*:8080\/v2 \|/]] },
    { files: ['canary/all-v2.yaml'], calls: [[next(), V2]] },
  ],
  'ab-testing': [
    {
      files: ['ab-testing/header-and-cookie.yaml'],
      calls: [
        [next(), V1],
        [next({ 'x-group': 'b' }), V2],
        [next({ cookie: 'theme=dark; group=b' }), V2],
        [next({ cookie: 'group=bb' }), V1],
      ],
    },
  ],
  'dark-launch': [
    {
      files: ['dark-launch/insiders-only.yaml'],
      calls: [
        [next(), V1],
        [next({ 'end-user': 'insider' }), V2],
      ],
    },
  ],
  mirroring: [
    { files: ['mirroring/mirror-a-quarter.yaml'], calls: [[next(), /^recommendation\S*:8080\/v1 .*25% copied to recommendation\S*:8080\/v2$/]] },
    { files: ['mirroring/mirror-to-v2.yaml'], calls: [[next(), /^recommendation\S*:8080\/v1 .*100% copied to recommendation\S*:8080\/v2$/]] },
  ],
  'blue-green': [
    { files: ['blue-green/blue.yaml'], calls: [[next(), V1]] },
    { files: ['blue-green/blue.yaml', 'blue-green/green.yaml'], calls: [[next(), V2]] },
  ],
  'one-customer': [
    {
      files: ['one-customer/productpage-v2-for-foo.yaml'],
      calls: [
        [
          outside('http://anything.example:8080/productpage', { 'end-user': 'anna@foo.example' }),
          /^productpage\.bookinfo\S*\/v2 at 10\.3\.1\.2:9080/,
        ],
        [
          outside('http://anything.example:8080/productpage', { 'end-user': 'anna@foo.example.org' }),
          /^productpage\.bookinfo\S*\/v1 at 10\.3\.1\.1:9080/,
        ],
        [outside('http://anything.example:8080/productpage'), /^productpage\.bookinfo\S*\/v1 at/],
      ],
    },
    {
      files: ['one-customer/by-claim.yaml'],
      calls: [
        [outside('http://anything.example:8080/productpage'), /^productpage\.bookinfo\S*\/v1 at 10\.3\.1\.1:9080/],
        // What a header says of a claim is no claim, and what a token's signature is worth only those know who have the keys.
        [
          outside('http://anything.example:8080/productpage', { '@request.auth.claims.email': 'anna@foo.example' }),
          /^productpage\.bookinfo\S*\/v1 at/,
        ],
        [withToken('anna'), asksForToken],
        // Told what the issuer's keys say of the signature, it goes on.
        [{ ...withToken('anna'), signatures: 'good' }, /^productpage\.bookinfo\S*\/v2 at 10\.3\.1\.2:9080/],
        [{ ...withToken('ben'), signatures: 'good' }, /^productpage\.bookinfo\S*\/v1 at 10\.3\.1\.1:9080/],
        [{ ...withToken('anna'), signatures: 'bad' }, /401/],
        [{ ...withToken('anna'), signatures: 'good', wallMs: Date.UTC(2110, 0) }, /401/],
      ],
    },
  ],
  'sticky-sessions': [
    {
      files: ['sticky-sessions/by-user.yaml'],
      calls: [
        [next({ 'end-user': 'anna' }), (result) => assert.equal(hostFor(result), hostFor(again('sticky-sessions/by-user.yaml', 'anna', 0.9)))],
        [next({ 'end-user': 'anna' }), because('DestinationRule', 'recommendation')],
      ],
    },
    { files: ['sticky-sessions/by-cookie.yaml'], calls: [[next({ cookie: 'session=abc' }), because('DestinationRule', 'recommendation')]] },
  ],
  'fault-injection': [
    {
      files: ['fault-injection/delay-jason.yaml'],
      calls: [
        [next({ 'end-user': 'jason' }), /\| 100% delay 2000$/],
        [next(), V1],
      ],
    },
    {
      files: ['fault-injection/abort-jason.yaml'],
      calls: [
        [next({ 'end-user': 'jason' }), /^418 FI/],
        [next({ 'end-user': 'anna' }), V1],
      ],
    },
  ],
  timeouts: [{ files: ['timeouts/half-a-second.yaml'], calls: [[next(), /\| time-out 500$/]] }],
  retries: [
    { files: ['retries/none.yaml'], calls: [[next(), retries(undefined)]] },
    { files: ['retries/three.yaml'], calls: [[next(), retries(3)]] },
    { files: [], calls: [[next(), retries(2)]] },
  ],
  'circuit-breaker': [
    {
      files: ['canary/all-v1.yaml', 'circuit-breaker/100-connections.yaml'],
      calls: [
        [next(), V1],
        [next(), because('DestinationRule', 'recommendation')],
      ],
    },
  ],
  'outlier-ejection': [
    { files: ['outlier-ejection/quick.yaml'], calls: [[next(), because('DestinationRule', 'recommendation')]] },
    { files: ['outlier-ejection/seven-errors.yaml'], calls: [[next(), because('DestinationRule', 'recommendation')]] },
  ],
  'tcp-shifting': [
    {
      files: ['tcp-shifting/service.yaml', 'tcp-shifting/all-v1.yaml'],
      calls: [[outside('tcp://any:31400'), /^tcp-echo\.chain\S*\/v1 at 10\.3\.3\.1:9000 TLS/]],
    },
    {
      files: ['tcp-shifting/service.yaml', 'tcp-shifting/v2-20.yaml'],
      calls: [[outside('tcp://any:31400'), /^80% tcp-echo\.chain\S*\/v1, 20% tcp-echo\.chain\S*\/v2 \|/]],
    },
  ],
  'nginx-ingress': [
    {
      files: ['nginx-ingress/productpage-v2-for-testers.yaml'],
      calls: [
        [
          { from: 'bookinfo/nginx', to: 'http://productpage:9080/productpage', headers: { 'end-user': 'tester' } },
          /^productpage\.bookinfo\S*\/v2 at 10\.3\.1\.2/,
        ],
        [{ from: 'bookinfo/nginx', to: 'http://productpage:9080/productpage' }, /^productpage\.bookinfo\S*\/v1 at 10\.3\.1\.1/],
      ],
    },
  ],
  'ingress-tls': [
    {
      files: ['ingress-tls/simple.yaml'],
      calls: [
        [outside('https://chain.example:8443/'), /^customer\.chain\S* at 10\.3\.2\.1:8080 TLS/],
        [outside('https://other.example:8443/'), /^closed NR$/],
      ],
    },
    { files: ['ingress-tls/mutual.yaml'], calls: [[outside('https://chain.example:8443/'), /^customer\.chain\S* at 10\.3\.2\.1:8080 TLS/]] },
  ],
  egress: [
    {
      files: ['egress/external-service.yaml'],
      calls: [[outside('http://external.example:8080/'), /^external\.example:80 at 127\.0\.0\.1:9443 external\.example/]],
    },
    {
      files: ['egress/external-service.yaml', 'egress/tls-origination.yaml'],
      calls: [[outside('http://external.example:8080/'), /^external\.example:80 at 127\.0\.0\.1:9443 TLS external\.example/]],
    },
    { files: [], calls: [[{ from: 'chain/customer-v1', to: 'https://nowhere.example/' }, /^PassthroughCluster at 203\.0\.113\.7:443$/]] },
  ],
  'locality-failover': [
    {
      files: ['locality-failover/places.yaml', 'locality-failover/near-first.yaml'],
      calls: [[{ from: 'chain/traveller-v1', to: 'http://place:8080/' }, /^place\.chain\S*:8080 at 10\.3\.4\.2:8080 TLS/]],
    },
    {
      files: ['locality-failover/places.yaml', 'locality-failover/near-first.yaml'],
      workloads: WORKLOADS.filter(({ name }) => name !== 'place-v1'),
      calls: [[{ from: 'chain/traveller-v1', to: 'http://place:8080/' }, /^place\.chain\S*:8080 at 10\.3\.4\.3:8080 TLS/]],
    },
  ],
};

function hostFor(result: Result): string {
  const { outcome } = caller(result).decision;
  return outcome.t === 'forward' ? outcome.host : outcome.t;
}

/** The same call by another chance. */
function again(file: string, user: string, chance: number): Result {
  return simulate(meshWith([file]), next({ 'end-user': user }), () => chance);
}

for (const [guide, steps] of Object.entries(GUIDES)) {
  test(`guide ${guide}`, () => {
    for (const { files, calls, workloads } of steps) {
      const mesh = meshWith(files, workloads);
      for (const [call, expected] of calls) {
        const result = simulate(mesh, call);
        if (typeof expected === 'function') expected(result);
        else assert.match(told(result), expected, `${files.join(', ')}: ${JSON.stringify(call)}`);
      }
    }
  });
}

test('every guide is asked, and every file of it', () => {
  const pages = readdirSync(new URL('docs/guides/', ROOT)).flatMap((name) => (name === 'README.md' ? [] : [name.replace(/\.md$/, '')]));
  assert.deepEqual(Object.keys(GUIDES).sort(), pages.sort());
  const used = new Set(Object.values(GUIDES).flatMap((steps) => steps.flatMap(({ files }) => files)));
  const there = readdirSync(new URL('samples/guides/', ROOT), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
  assert.deepEqual(
    there.filter((name) => !used.has(name.replaceAll('\\', '/'))),
    [],
  );
});
