import { defineCase, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import { http, istio, rule } from '../istio.ts';
import { count, http as ask, http2, type Step } from '../steps.ts';

interface Setting {
  readonly name: string;
  readonly policy: string;
  readonly steps: readonly Step[];
  readonly backends: Readonly<Record<string, BackendScript>>;
  /** Backend → `region/zone`; the proxies are in here/a. */
  readonly places?: Readonly<Record<string, string>>;
}

/** A field of DestinationRule, seen by callers of `web`. */
function field({ name, policy, steps, backends, places = {} }: Setting): ParityCase {
  return defineCase({
    name,
    backends,
    resources: (c) =>
      istio(c, `${http('- route: [{ destination: { host: $web } }]\n  retries: { attempts: 0 }')}---\n${rule('web', policy)}`, {}, places),
    steps,
    log: 'not compared',
  });
}

const CALLS = 40;
const NOBODY = 'upstream connect error or disconnect/reset before headers. reset reason: remote connection failure';

/** Which of the endpoints get calls, by what their localities are. */
function places(name: string, setting: string, by: Readonly<Record<string, string>>, wanted: Readonly<Record<string, number>>): ParityCase {
  const names = Object.keys(by);
  return field({
    name: `localityLbSetting: ${name}`,
    policy: `{ loadBalancer: { simple: ROUND_ROBIN, localityLbSetting: ${setting} }, outlierDetection: { consecutive5xxErrors: 5 } }`,
    backends: Object.fromEntries(names.map((endpoint) => [`web-${endpoint}`, [{ body: endpoint }]])),
    places: Object.fromEntries(names.map((endpoint) => [`web-${endpoint}`, by[endpoint] ?? ''])),
    steps: [
      count(CALLS, ask('/', { status: 200 }), Object.fromEntries(Object.entries(wanted).map(([endpoint, calls]) => [endpoint, [calls, calls]]))),
    ],
  });
}

/** Further fields of DestinationRule that a caller can see. */
export const cases: readonly ParityCase[] = [
  places(
    'distribute sends all of a place to another',
    '{ distribute: [{ from: "here/*", to: { "there/*": 100 } }] }',
    { a: 'here/a', b: 'there/a' },
    { b: CALLS },
  ),
  places('failover names the next region', '{ failover: [{ from: here, to: there }] }', { b: 'there/a', c: 'elsewhere/a' }, { b: CALLS }),
  places('failoverPriority orders by a label', '{ failoverPriority: ["version=b"] }', { a: 'here/a', b: 'there/a' }, { b: CALLS }),
  places('enabled: false heeds no place', '{ enabled: false }', { a: 'here/a', b: 'there/a' }, { a: CALLS / 2, b: CALLS / 2 }),
  places('by itself the nearest come first', '{ enabled: true }', { a: 'here/a', b: 'there/a' }, { a: CALLS }),
  field({
    name: 'outlierDetection.outlierDetectionHttpErrorCodes: other statuses eject',
    policy:
      '{ loadBalancer: { simple: ROUND_ROBIN }, outlierDetection: { consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [418], interval: 60s, baseEjectionTime: 60s, maxEjectionPercent: 50 } }',
    backends: { 'web-v1': [{ status: 418, body: 'bad' }], 'web-v2': [{ body: 'v2' }] },
    steps: [count(4, ask('/', {}), { bad: [2, 2], v2: [2, 2] }), count(10, ask('/', { status: 200 }), { v2: [10, 10] })],
  }),
  field({
    name: 'outlierDetection.consecutiveLocalOriginFailures: nobody there, counted apart',
    policy:
      '{ loadBalancer: { simple: ROUND_ROBIN }, outlierDetection: { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, consecutive5xxErrors: 0, interval: 60s, baseEjectionTime: 60s, maxEjectionPercent: 50 } }',
    backends: { 'web-v1': { t: 'closed' }, 'web-v2': [{ body: 'v2' }] },
    steps: [count(4, ask('/', {}), { [NOBODY]: [2, 2], v2: [2, 2] }), count(10, ask('/', { status: 200 }), { v2: [10, 10] })],
  }),
  field({
    name: 'outlierDetection.minHealthPercent: when too few are left, all are used',
    policy:
      '{ loadBalancer: { simple: ROUND_ROBIN }, outlierDetection: { consecutive5xxErrors: 1, minHealthPercent: 80, interval: 60s, baseEjectionTime: 60s, maxEjectionPercent: 100 } }',
    backends: { 'web-v1': [{ status: 500, body: 'bad' }], 'web-v2': [{ body: 'v2' }] },
    // The turns begin anew when somebody is ejected. Without this setting, `bad` would get one call.
    steps: [count(20, ask('/', {}), { bad: [7, 13], v2: [7, 13] })],
  }),
  field({
    name: 'connectionPool.http.h2UpgradePolicy: UPGRADE',
    policy: '{ connectionPool: { http: { h2UpgradePolicy: UPGRADE } } }',
    backends: { 'web-v1': { t: 'http2', replies: [{ body: 'h2' }] } },
    steps: [ask('/', { status: 200, body: 'h2' })],
  }),
  field({
    name: 'connectionPool.http.useClientProtocol: HTTP/2 in, HTTP/2 out',
    policy: '{ connectionPool: { http: { useClientProtocol: true } } }',
    backends: { 'web-v1': { t: 'http2', replies: [{ body: 'h2' }] } },
    steps: [http2({ path: '/' }, { status: 200, body: 'h2' })],
  }),
  field({
    name: 'tls.mode: SIMPLE without a check',
    policy: '{ tls: { mode: SIMPLE, insecureSkipVerify: true, sni: server.test } }',
    backends: { 'web-v1': { t: 'http1', replies: [{ body: 'secret' }], tls: { identity: 'server' } } },
    steps: [ask('/', { status: 200, body: 'secret' })],
  }),
];
