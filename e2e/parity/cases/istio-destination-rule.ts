import { defineCase, type LogExpectation, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import { http, istio, rule } from '../istio.ts';
import { count, http as ask, together, type Step } from '../steps.ts';

interface Setting {
  readonly name: string;
  readonly policy: string;
  readonly steps: readonly Step[];
  readonly backends?: Readonly<Record<string, BackendScript>>;
  readonly log?: readonly LogExpectation[] | 'not compared';
  readonly retries?: string;
  readonly random?: readonly string[];
}

const TWO: Readonly<Record<string, BackendScript>> = { 'web-v1': [{ body: 'v1' }], 'web-v2': [{ body: 'v2' }] };

/** A field of DestinationRule, seen by callers of `web`. */
function field({ name, policy, steps, backends = TWO, log = 'not compared', retries = 'attempts: 0', random = [] }: Setting): ParityCase {
  return defineCase({
    name,
    backends,
    resources: (c) =>
      istio(c, `${http(`- route: [{ destination: { host: $web } }]\n  retries: { ${retries} }`)}---\n${rule('web', policy, ['v1', 'v2'])}`),
    steps,
    log,
    random,
  });
}

const HALF = { v1: [60, 140], v2: [60, 140] } as const;

/** Fields of DestinationRule that a caller can see, as the control plane translates them. */
export const cases: readonly ParityCase[] = [
  field({
    name: 'loadBalancer.simple: ROUND_ROBIN takes turns',
    policy: '{ loadBalancer: { simple: ROUND_ROBIN } }',
    steps: [count(40, ask('/', { status: 200 }), { v1: [20, 20], v2: [20, 20] })],
  }),
  // 200 requests: half ± 5.6 standard deviations.
  field({
    name: 'loadBalancer.simple: RANDOM',
    policy: '{ loadBalancer: { simple: RANDOM } }',
    steps: [count(200, ask('/', { status: 200 }), HALF)],
  }),
  field({
    name: 'loadBalancer.simple: LEAST_REQUEST',
    policy: '{ loadBalancer: { simple: LEAST_REQUEST } }',
    steps: [count(200, ask('/', { status: 200 }), HALF)],
  }),
  field({
    name: 'loadBalancer.consistentHash.httpCookie gives a cookie and keeps to it',
    policy: '{ loadBalancer: { consistentHash: { httpCookie: { name: session, path: /p, ttl: 60s } } } }',
    steps: [ask('/', { status: 200, headers: { 'set-cookie': /^session="[0-9a-f]+"; Max-Age=60; Path=\/p; HttpOnly$/ } })],
    backends: { 'web-v1': [{ body: 'web' }] },
    // Made of the connection's addresses.
    random: ['0.responses.0.headers.set-cookie'],
  }),
  field({
    name: 'outlierDetection.consecutive5xxErrors ejects',
    policy:
      '{ loadBalancer: { simple: ROUND_ROBIN }, outlierDetection: { consecutive5xxErrors: 2, interval: 60s, baseEjectionTime: 60s, maxEjectionPercent: 50 } }',
    backends: { 'web-v1': [{ status: 500, body: 'bad' }], 'web-v2': [{ body: 'v2' }] },
    steps: [count(4, ask('/', {}), { bad: [2, 2], v2: [2, 2] }), count(10, ask('/', { status: 200 }), { v2: [10, 10] })],
  }),
  field({
    name: 'outlierDetection.consecutiveGatewayErrors heeds 502, 503 and 504 only',
    policy:
      '{ loadBalancer: { simple: ROUND_ROBIN }, outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, interval: 60s, baseEjectionTime: 60s, maxEjectionPercent: 50 } }',
    backends: {
      'web-v1': [
        { status: 500, body: 'bad' },
        { status: 500, body: 'bad' },
        { status: 500, body: 'bad' },
        { status: 503, body: 'bad' },
      ],
      'web-v2': [{ body: 'v2' }],
    },
    steps: [count(10, ask('/', {}), { bad: [5, 5], v2: [5, 5] }), count(10, ask('/', { status: 200 }), { v2: [10, 10] })],
  }),
  field({
    name: 'connectionPool.http.http2MaxRequests turns the crowd away',
    policy: '{ connectionPool: { http: { http2MaxRequests: 1 } } }',
    backends: { 'web-v1': [{ gate: 'go', body: 'v1' }] },
    steps: [
      together(
        { t: 'http1', send: ['GET / HTTP/1.1\r\nhost: a.example\r\n\r\n', { responses: 1 }], expect: { status: 200 } },
        {
          t: 'http1',
          send: [{ backendHas: 1 }, 'GET / HTTP/1.1\r\nhost: a.example\r\n\r\n', { responses: 1 }, { open: 'go' }],
          expect: { status: 503, headers: { 'x-envoy-overloaded': 'true' } },
        },
      ),
    ],
    log: 'not compared',
  }),
];
