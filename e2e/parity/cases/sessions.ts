/** Clients that come back to the host of their session. */
import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, http1, ROUTER, to, type Resources } from '../resources.ts';
import { count, http, type Step } from '../steps.ts';

const AB = { a: [{ body: 'a' }], b: [{ body: 'b' }] } as const;

const HEADER_STATE = {
  name: 'envoy.http.stateful_session.header',
  typed_config: any('http.stateful_session.header.v3.HeaderBasedSessionState', { name: 'X-Session' }),
};
const cookieState = (cookie: object): object => ({
  name: 'envoy.http.stateful_session.cookie',
  typed_config: any('http.stateful_session.cookie.v3.CookieBasedSessionState', { cookie: { name: 'session', ...cookie } }),
});

interface Setup {
  readonly state?: object;
  readonly strict?: boolean;
  /** The header that the client brings, if it brings one: only the case knows the hosts' ports. */
  readonly brings?: readonly [name: string, value: string];
  readonly route?: object;
}

function sessions(c: CaseContext, { state = HEADER_STATE, strict = false, brings, route = {} }: Setup): Resources {
  const bringing = {
    name: 'bringing',
    typed_config: any('filters.http.header_mutation.v3.HeaderMutation', {
      mutations: { request_mutations: brings === undefined ? [] : [{ append: { header: { key: brings[0], value: brings[1] } } }] },
    }),
  };
  const filter = {
    name: 'sessions',
    typed_config: any('filters.http.stateful_session.v3.StatefulSession', { session_state: state, strict }),
  };
  const filters = brings === undefined ? [filter, ROUTER] : [bringing, filter, ROUTER];
  return http1(c, [to(c, 'all', undefined, { timeout: '0s' }, route)], { http_filters: filters }, [cluster(c, 'all', {}, ['a', 'b'])]);
}

const host = (c: CaseContext, name: string): string => `${c.backend(name).host}:${c.backend(name).port}`;
const base64 = (data: string | Uint8Array): string => Buffer.from(data).toString('base64');

/** The message that is in the cookie: `{ address = 1, expires = 2 }`. */
function cookieOf(address: string, expires = 0): string {
  const text = Buffer.from(address);
  return `session="${base64(Buffer.concat([Buffer.from([10, text.length]), text, Buffer.from(expires === 0 ? [] : [16, expires])]))}"`;
}

const shares = (expected: Readonly<Record<string, readonly [number, number]>>): Step => count(20, http('/', {}), expected);
const BOTH = { a: [10, 10], b: [10, 10] } as const;
// Cookies and headers hold the port.
const RANDOM = ['0.responses.0.headers.set-cookie', '0.responses.0.headers.x-session', '0.responses.0.headers.content-length'];

export const cases = [
  defineCase({
    name: 'the response says by header which host it was',
    backends: AB,
    resources: (c) => sessions(c, {}),
    steps: [http('/', { status: 200, headers: { 'x-session': /^MTI3\.?[A-Za-z0-9+/]+={0,2}$/ } })],
    random: [...RANDOM, '0.responses.0.body', '0.backend', 'log.0.upstream'],
  }),
  defineCase({
    name: 'the header leads to its host',
    backends: AB,
    resources: (c) => sessions(c, { brings: ['x-session', base64(host(c, 'b'))] }),
    steps: [http('/', { status: 200, body: 'b', headers: { 'x-session': null } }), shares({ b: [20, 20] })],
    random: ['0.backend.0.headers.x-session'],
    log: 'not compared',
  }),
  defineCase({
    name: 'a header that names nobody',
    backends: AB,
    resources: (c) => sessions(c, { brings: ['x-session', base64('127.0.0.1:9')] }),
    steps: [shares(BOTH)],
    log: 'not compared',
  }),
  defineCase({
    name: 'a header that is nonsense',
    backends: AB,
    resources: (c) => sessions(c, { brings: ['x-session', '!!!'] }),
    steps: [shares(BOTH)],
    log: 'not compared',
  }),
  defineCase({
    name: 'strict: the host or none',
    backends: AB,
    resources: (c) => sessions(c, { strict: true, brings: ['x-session', base64('127.0.0.1:9')] }),
    steps: [http('/', { status: 503, body: 'no healthy upstream' })],
    log: [{ code: 503, flags: 'UH' }],
  }),
  defineCase({
    name: 'strict: the host is there',
    backends: AB,
    resources: (c) => sessions(c, { strict: true, brings: ['x-session', base64(host(c, 'a'))] }),
    steps: [shares({ a: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'strict: a client without a session is served',
    backends: AB,
    resources: (c) => sessions(c, { strict: true }),
    steps: [shares(BOTH)],
    log: 'not compared',
  }),
  defineCase({
    name: 'the response sets a cookie',
    backends: AB,
    resources: (c) => sessions(c, { state: cookieState({ path: '/', ttl: '120s' }) }),
    steps: [http('/', { status: 200, headers: { 'set-cookie': /^session="[A-Za-z0-9+/]+=*"; Max-Age=120; Path=\/; HttpOnly$/ } })],
    random: [...RANDOM, '0.responses.0.body', '0.backend', 'log.0.upstream'],
  }),
  defineCase({
    name: 'a cookie without time or path',
    backends: AB,
    resources: (c) => sessions(c, { state: cookieState({}) }),
    steps: [http('/', { status: 200, headers: { 'set-cookie': /^session="[A-Za-z0-9+/]+=*"; HttpOnly$/ } })],
    random: [...RANDOM, '0.responses.0.body', '0.backend', 'log.0.upstream'],
  }),
  defineCase({
    name: 'the cookie leads to its host, and is not set again',
    backends: AB,
    resources: (c) => sessions(c, { state: cookieState({ path: '/' }), brings: ['cookie', cookieOf(host(c, 'b'))] }),
    steps: [http('/', { status: 200, body: 'b', headers: { 'set-cookie': null } }), shares({ b: [20, 20] })],
    random: ['0.backend.0.headers.cookie'],
    log: 'not compared',
  }),
  defineCase({
    name: 'a cookie that has expired',
    backends: AB,
    resources: (c) => sessions(c, { state: cookieState({ path: '/', ttl: '10s' }), brings: ['cookie', cookieOf(host(c, 'b'), 1)] }),
    steps: [shares(BOTH)],
    log: 'not compared',
  }),
  defineCase({
    name: 'a cookie that is nonsense',
    backends: AB,
    resources: (c) => sessions(c, { state: cookieState({ path: '/' }), brings: ['cookie', 'session=!!'] }),
    steps: [shares(BOTH)],
    log: 'not compared',
  }),
  defineCase({
    name: 'the path of the cookie',
    backends: AB,
    resources: (c) => sessions(c, { state: cookieState({ path: '/app' }) }),
    steps: [
      http('/app/x', { status: 200, headers: { 'set-cookie': /Path=\/app; HttpOnly$/ } }),
      http('/app', { status: 200, headers: { 'set-cookie': /Path=\/app; HttpOnly$/ } }),
      http('/application', { status: 200, headers: { 'set-cookie': null } }),
      http('/', { status: 200, headers: { 'set-cookie': null } }),
    ],
    random: ['*.responses.0.headers.set-cookie', '*.responses.0.body', '*.backend', 'log.*.upstream'],
  }),
  defineCase({
    name: 'a route without sessions',
    backends: AB,
    resources: (c) =>
      sessions(c, {
        strict: true,
        brings: ['x-session', base64(host(c, 'b'))],
        route: { typed_per_filter_config: { sessions: any('filters.http.stateful_session.v3.StatefulSessionPerRoute', { disabled: true }) } },
      }),
    steps: [shares(BOTH)],
    log: 'not compared',
  }),
  defineCase({
    name: 'a route with sessions of its own',
    backends: AB,
    resources: (c) =>
      sessions(c, {
        brings: ['x-session', base64(host(c, 'b'))],
        route: {
          typed_per_filter_config: {
            sessions: any('filters.http.stateful_session.v3.StatefulSessionPerRoute', { stateful_session: { session_state: cookieState({}) } }),
          },
        },
      }),
    steps: [shares(BOTH)],
    log: 'not compared',
  }),
];
