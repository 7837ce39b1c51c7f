/**
 * Every field by which a caller is answered otherwise is written by some case that runs on both data planes, or stands in `ELSEWHERE` with where it is shown.
 * docs/reference/fields-seen-by-callers.md is made here: MELTEMI_GOLDEN=write node --test e2e/parity/fields.test.ts
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { kindByName } from '@meltemi/api';
import { fieldsOfCases, leafFields } from './harness/fields.ts';
import { createIdentities } from './harness/identities.ts';
import { loadTopics } from './harness/topics.ts';

const KINDS = ['VirtualService', 'DestinationRule', 'HTTPRoute', 'GRPCRoute', 'RequestAuthentication'] as const;
const SIDECARS = 'sidecars only: golden/virtual-service/match-source-labels, match-source-namespace; explain/src/simulate.test.ts';
const TLS_ROUTES = 'golden/virtual-service/tls-sni; e2e/netns/egress.test.ts calls by server name; chains: parity filter-chains';
const HASHING = 'translated: golden/destination-rule/hash-*; what proxies make of it: parity consistent-hashing; e2e: docs/guides/sticky-sessions.md';
const TLS = 'translated: golden/destination-rule/tls-*; what proxies make of it: parity tls; e2e: docs/guides/egress.md';
const RETRIES = 'translated: golden/virtual-service/retries; what proxies make of it: parity retries';

/** Kind → beginning of a field → where it is shown. The longest beginning counts. */
const ELSEWHERE: Readonly<Record<(typeof KINDS)[number], Readonly<Record<string, string>>>> = {
  VirtualService: {
    'http[].match[].sourceLabels': SIDECARS,
    'http[].match[].sourceNamespace': SIDECARS,
    'http[].match[].statPrefix': 'a name in statistics: golden/virtual-service/match-stat-prefix',
    'http[].retries.retryRemoteLocalities': RETRIES,
    'http[].retries.retryIgnorePreviousHosts': RETRIES,
    'http[].retries.backoff': RETRIES,
    'tls[]': TLS_ROUTES,
    'tcp[].match[].sourceLabels': SIDECARS,
    'tcp[].match[].sourceNamespace': SIDECARS,
    exportTo: 'who sees the object: golden/virtual-service/export-to-own-namespace, export-to-named-namespace',
  },
  DestinationRule: {
    'trafficPolicy.loadBalancer.consistentHash': HASHING,
    'trafficPolicy.loadBalancer.zoneAwareLbSetting.failoverPriority': 'golden/destination-rule/zone-aware-everywhere',
    'trafficPolicy.loadBalancer.warmupDurationSecs': 'golden/destination-rule/warmup-old-form; what proxies make of it: parity balancing',
    'trafficPolicy.connectionPool.tcp.maxConnections': 'golden/destination-rule/pool-tcp; parity resilience; e2e: docs/guides/circuit-breaker.md',
    'trafficPolicy.connectionPool.http.http1MaxPendingRequests':
      'golden/destination-rule/pool-http; parity resilience; e2e: docs/guides/circuit-breaker.md',
    'trafficPolicy.tls': TLS,
    'trafficPolicy.tunnel': 'golden/destination-rule/tunnel; parity tcp',
    'trafficPolicy.proxyProtocol': 'golden/destination-rule/proxy-protocol; parity proxy-protocol',
    'trafficPolicy.retryBudget': 'golden/destination-rule/retry-budget; parity resilience',
    'subsets[].trafficPolicy':
      'the same blocks as under trafficPolicy: golden/destination-rule/subsets, in all four places by accepted-fields.test.ts',
    'trafficPolicy.portLevelSettings': 'the same blocks as under trafficPolicy: golden/destination-rule/port-level-inherits-nothing',
    exportTo: 'who sees the object: golden/destination-rule/no-merge-of-different-export',
    workloadSelector: 'sidecars only: golden/destination-rule/workload-selector',
  },
  HTTPRoute: {},
  GRPCRoute: {},
  RequestAuthentication: {
    'targetRefs[].namespace': 'it may only be empty',
  },
};

const PAGE = new URL('../../docs/reference/fields-seen-by-callers.md', import.meta.url);
let port = 2_000;
const place = { address: '127.0.0.1', folder: 'nowhere', logPath: 'nowhere', identities: await createIdentities(), nextPort: () => port++ };
const written = fieldsOfCases(await loadTopics(), place);

function elsewhere(kind: (typeof KINDS)[number], field: string): string | undefined {
  const fitting = Object.entries(ELSEWHERE[kind]).filter(([start]) => field.startsWith(start));
  return fitting.sort(([a], [b]) => b.length - a.length)[0]?.[1];
}

/** Field → where it is shown. */
function rows(kind: (typeof KINDS)[number]): readonly (readonly [field: string, shown: string | undefined])[] {
  const definition = kindByName(kind);
  assert.ok(definition !== undefined);
  return leafFields(definition).map((field) => {
    const found = written.get(`${definition.tag} ${field}`);
    return [field, found === undefined ? elsewhere(kind, field) : `parity ${found}`];
  });
}

test('every field that a caller can see is shown on both data planes', () => {
  const gaps = KINDS.flatMap((kind) => rows(kind).flatMap(([field, shown]) => (shown === undefined ? [`${kind} ${field}`] : [])));
  assert.deepEqual(gaps, [], 'write a case in e2e/parity/cases, or say in ELSEWHERE where the field is shown');
});

test('what is shown elsewhere is not written by a case as well', () => {
  const idle = KINDS.flatMap((kind) =>
    Object.keys(ELSEWHERE[kind])
      .filter((start) => !rows(kind).some(([field, shown]) => field.startsWith(start) && shown?.startsWith('parity ') !== true))
      .filter((start) => !rows(kind).some(([field, shown]) => field.startsWith(start) && shown === ELSEWHERE[kind][start]))
      .map((start) => `${kind} ${start}`),
  );
  assert.deepEqual(idle, []);
});

test('the page is what the cases write', () => {
  const page = [
    '# Fields that callers see',
    '',
    'Made by `e2e/parity/fields.test.ts`. A case of `e2e/parity` writes the field, calls through our proxy and through a real Envoy, and what callers,',
    'backends and logs see must be as expected and the same. What is shown elsewhere says where. All fields, also those that only some proxy sees, are in',
    '[fields.md](fields.md).',
    '',
    ...KINDS.flatMap((kind) => [
      `## ${kind}`,
      '',
      '| field | shown by |',
      '|---|---|',
      ...rows(kind).map(([field, shown = 'nothing']) => `| \`${field}\` | ${shown.replaceAll('|', '\\|')} |`),
      '',
    ]),
  ].join('\n');
  if (process.env['MELTEMI_GOLDEN'] === 'write') writeFileSync(PAGE, page);
  assert.equal(readFileSync(PAGE, 'utf8'), page);
});
