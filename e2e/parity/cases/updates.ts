import { defineCase } from '../define.ts';
import { assignment, cluster, direct, edsCluster, hcm, listener, rds, routes, tcpProxy, to } from '../resources.ts';
import type { Resources } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { clusterStats, count, http, push, raw, remove, tcp, together } from '../steps.ts';

/** A listener with routes by name and a cluster with endpoints by name. */
function dynamic(c: CaseContext, target = 'main', backends: readonly string[] = ['main']): Resources {
  return {
    listeners: [listener(c, [hcm(c, [], rds(c, 'table'))])],
    routes: [routes(c, 'table', [to(c, target)])],
    clusters: [edsCluster(c, target)],
    endpoints: [assignment(c, target, backends)],
  };
}

const NAMED = { main: [{ body: 'main' }], next: [{ body: 'next' }] } as const;
const load = (times: number) => count(times, http('/', {}), { main: [0, times], next: [0, times] });

/** Changes of configuration while it is in use. */
export const cases = [
  defineCase({
    name: 'a route table by name is exchanged',
    backends: NAMED,
    resources: (c) => ({ ...dynamic(c), clusters: [edsCluster(c, 'main'), cluster(c, 'next')] }),
    steps: [
      http('/', { status: 200, body: 'main' }),
      push((c) => ({ routes: [routes(c, 'table', [to(c, 'next')])] })),
      http('/', { status: 200, body: 'next' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'settings for connections hold for those that are there',
    resources: (c) => dynamic(c),
    steps: [
      ...Array.from({ length: 3 }, () => http('/', { status: 200 })),
      clusterStats('main', { upstream_cx_total: 1 }),
      push((c) => ({ clusters: [edsCluster(c, 'main', { common_http_protocol_options: { max_requests_per_connection: 1 } })] })),
      http('/', { status: 200 }),
      http('/', { status: 200 }),
      clusterStats('main', { upstream_cx_total: 3 }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'no request fails while routes change',
    backends: NAMED,
    resources: (c) => ({ ...dynamic(c), clusters: [edsCluster(c, 'main'), cluster(c, 'next')] }),
    steps: [
      together(
        load(150),
        push((c) => ({ routes: [routes(c, 'table', [to(c, 'next')])] })),
        load(150),
      ),
      http('/', { body: 'next' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'endpoints move',
    backends: NAMED,
    resources: (c) => dynamic(c),
    steps: [
      http('/', { status: 200, body: 'main' }),
      push((c) => ({ endpoints: [assignment(c, 'main', ['next'])] })),
      http('/', { status: 200, body: 'next' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'no request fails while endpoints move',
    backends: NAMED,
    resources: (c) => dynamic(c),
    steps: [
      together(
        load(150),
        push((c) => ({ endpoints: [assignment(c, 'main', ['main', 'next'])] })),
        load(150),
      ),
      together(
        load(150),
        push((c) => ({ endpoints: [assignment(c, 'main', ['next'])] })),
        load(150),
      ),
      http('/', { status: 200, body: 'next' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'all endpoints go, and one comes back',
    backends: NAMED,
    resources: (c) => dynamic(c),
    steps: [
      push((c) => ({ endpoints: [assignment(c, 'main', [])] })),
      http('/', { status: 503, body: 'no healthy upstream' }, { eventually: true }),
      push((c) => ({ endpoints: [assignment(c, 'main', ['next'])] })),
      http('/', { status: 200, body: 'next' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a cluster is changed in place',
    backends: NAMED,
    resources: (c) => ({ ...dynamic(c), clusters: [cluster(c, 'main')] }),
    steps: [
      http('/', { status: 200, body: 'main' }),
      push((c) => ({ clusters: [cluster(c, 'main', { connect_timeout: '3s' }, ['next'])] })),
      http('/', { status: 200, body: 'next' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'no request fails while a cluster is changed',
    backends: NAMED,
    resources: (c) => ({ ...dynamic(c), clusters: [cluster(c, 'main')] }),
    steps: [
      together(
        load(150),
        push((c) => ({ clusters: [cluster(c, 'main', { connect_timeout: '3s' }, ['next'])] })),
        load(150),
      ),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a cluster goes: 503 NC',
    resources: (c) => ({ ...dynamic(c), clusters: [cluster(c, 'main')], endpoints: [] }),
    steps: [http('/', { status: 200 }), remove((c) => ({ clusters: [cluster(c, 'main')] })), http('/', { status: 503 }, { eventually: true })],
    log: 'not compared',
  }),
  defineCase({
    name: 'a route comes before its cluster',
    backends: NAMED,
    resources: (c) => ({ ...dynamic(c) }),
    steps: [
      push((c) => ({ routes: [routes(c, 'table', [to(c, 'next')])] })),
      http('/', { status: 503 }, { eventually: true }),
      push((c) => ({ clusters: [cluster(c, 'next')] })),
      http('/', { status: 200, body: 'next' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a listener is changed in place',
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [direct('before')])])] }),
    steps: [
      http('/', { status: 200, body: 'before' }),
      push((c) => ({ listeners: [listener(c, [hcm(c, [direct('after')])])] })),
      http('/', { status: 200, body: 'after' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'no request fails while a listener is changed',
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [direct('main')])])] }),
    steps: [
      together(
        load(150),
        push((c) => ({ listeners: [listener(c, [hcm(c, [direct('next')])])] })),
        load(150),
      ),
      http('/', { body: 'next' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a listener comes and goes',
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [direct('main')])])] }),
    steps: [
      push((c) => ({ listeners: [listener(c, [hcm(c, [direct('second')])], {}, 'second')] })),
      http('/', { status: 200, body: 'second' }, { port: 'second' }),
      remove((c) => ({ listeners: [listener(c, [], {}, 'second')] })),
      tcp([], { received: '', connection: 'ended' }, { port: 'second', eventually: true }),
      http('/', { status: 200, body: 'main' }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a listener becomes a TCP proxy',
    backends: { main: { t: 'tcp', tcp: { greeting: 'bytes', after: 'close' } } },
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [direct('http')])])], clusters: [cluster(c, 'main')] }),
    steps: [
      http('/', { status: 200, body: 'http' }),
      push((c) => ({ listeners: [listener(c, [tcpProxy(c, 'main')])] })),
      tcp([], { received: 'bytes', connection: 'ended' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'an answer in flight survives a change of its listener',
    backends: { main: [{ gate: 'go', body: 'late' }] },
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [to(c, 'main')])])], clusters: [cluster(c, 'main')] }),
    steps: [
      raw(['GET / HTTP/1.1\r\nhost: a\r\n\r\n', { backendHas: 1 }], { connection: 'silent', responses: [] }, { on: 'a' }),
      push((c) => ({ listeners: [listener(c, [hcm(c, [direct('new')])])] })),
      http('/', { status: 200, body: 'new' }, { eventually: true }),
      raw([{ open: 'go' }, { responses: 1 }], { status: 200, body: 'late' }, { on: 'a' }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a kept connection is told to end when its listener goes',
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [direct('main')], { drain_timeout: '0.1s' })])] }),
    steps: [
      http('/', { status: 200, connection: 'open' }, { on: 'a' }),
      remove((c) => ({ listeners: [listener(c, [])] })),
      raw(['GET / HTTP/1.1\r\nhost: a\r\n\r\n'], { connection: 'ended' }, { on: 'a' }),
    ],
    log: 'not compared',
  }),
];
