/** Requests that are sent more than once or elsewhere: mirrors, hedges, internal redirects. */
import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, hcm, http1, listener, rds, routes, to } from '../resources.ts';
import { count, http } from '../steps.ts';

const UNTIMED = { timeout: '0s' };
const MAIN_AND_COPY = { main: [{ body: 'main' }], copy: [{ body: 'copy' }] } as const;

const mirrored = (c: CaseContext, policy: object, action: object = {}): object =>
  to(c, 'main', undefined, { request_mirror_policies: [{ cluster: c.name('copy'), ...policy }], ...action });

const redirecting = (c: CaseContext, policy: object = {}, more: object = {}): object => ({
  match: { path: '/from' },
  route: { ...UNTIMED, cluster: c.name('first'), internal_redirect_policy: policy, ...more },
  name: 'from',
});
const moved = (status: number, location: string): object => ({ status, headers: { location }, body: 'moved' });

export const cases = [
  defineCase({
    name: 'a mirror gets the same request with a host of its own',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [mirrored(c, {})]),
    steps: [
      http(
        { path: '/x?y=1', headers: { 'x-a': '1' } },
        {
          status: 200,
          body: 'main',
          backend: [
            { at: 'main', target: '/x?y=1', headers: { host: 'test.example', 'x-a': '1' } },
            { at: 'copy', target: '/x?y=1', headers: { host: 'test.example-shadow', 'x-a': '1' } },
          ],
          backendOrder: 'by name',
        },
      ),
    ],
    log: [{ code: 200, attempts: 1 }],
  }),
  defineCase({
    name: 'a port stays behind the mark of a mirror',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [mirrored(c, {})]),
    steps: [
      http({ host: 'test.example:81' }, { status: 200, backend: [{}, { headers: { host: 'test.example-shadow:81' } }], backendOrder: 'by name' }),
    ],
  }),
  defineCase({
    name: 'a mirror may keep the host',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [mirrored(c, { disable_shadow_host_suffix_append: true })]),
    steps: [
      http(
        { headers: { 'x-forwarded-for': '10.0.0.1' } },
        {
          status: 200,
          body: 'main',
          backend: [{ headers: { host: 'test.example' } }, { headers: { host: 'test.example' } }],
          backendOrder: 'by name',
        },
      ),
    ],
  }),
  defineCase({
    name: 'a body is mirrored',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [mirrored(c, {})]),
    steps: [
      http(
        { method: 'POST', body: 'the body' },
        { status: 200, body: 'main', backend: [{ body: 'the body' }, { body: 'the body' }], backendOrder: 'by name' },
      ),
    ],
  }),
  defineCase({
    name: 'a chunked body is mirrored',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [mirrored(c, {})]),
    steps: [
      http(
        { method: 'POST', body: ['the ', 'body'] },
        { status: 200, body: 'main', backend: [{ body: 'the body' }, { body: 'the body' }], backendOrder: 'by name' },
      ),
    ],
  }),
  defineCase({
    name: 'a mirror that does not answer holds nobody up',
    backends: { main: [{ body: 'main' }], copy: [{ silent: true }] },
    resources: (c) => http1(c, [mirrored(c, {})]),
    steps: [http('/', { status: 200, body: 'main', backend: [{}, {}], backendOrder: 'by name' })],
  }),
  defineCase({
    name: 'a mirror that is away is nobody’s concern',
    backends: { main: [{ body: 'main' }], copy: { t: 'closed' } },
    resources: (c) => http1(c, [mirrored(c, {})]),
    steps: [http('/', { status: 200, body: 'main', backend: [{ at: 'main' }] })],
    log: [{ code: 200, flags: '-' }],
  }),
  defineCase({
    name: 'a mirror whose cluster is not known is left out',
    backends: { main: [{ body: 'main' }] },
    resources: (c) => ({
      listeners: [listener(c, [hcm(c, [], rds(c, 'routes'))])],
      clusters: [cluster(c, 'main')],
      routes: [routes(c, 'routes', [mirrored(c, {})])],
    }),
    steps: [http('/', { status: 200, body: 'main', backend: [{ at: 'main' }] })],
  }),
  defineCase({
    name: 'several mirrors',
    backends: { ...MAIN_AND_COPY, other: [{ body: 'other' }] },
    resources: (c) => http1(c, [to(c, 'main', undefined, { request_mirror_policies: [{ cluster: c.name('copy') }, { cluster: c.name('other') }] })]),
    steps: [http('/', { status: 200, body: 'main', backend: [{}, {}, {}], backendOrder: 'by name' })],
  }),
  defineCase({
    name: 'none of the requests is mirrored when the fraction is 0',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [mirrored(c, { runtime_fraction: { default_value: { numerator: 0 } } })]),
    steps: [http('/', { status: 200, body: 'main', backend: [{ at: 'main' }] })],
  }),
  defineCase({
    name: 'all of the requests are mirrored when the fraction is 1',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [mirrored(c, { runtime_fraction: { default_value: { numerator: 1_000_000, denominator: 'MILLION' } } })]),
    steps: [http('/', { status: 200, body: 'main', backend: [{}, {}], backendOrder: 'by name' })],
  }),
  defineCase({
    name: 'a header says where the mirror is',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [to(c, 'main', undefined, { request_mirror_policies: [{ cluster_header: 'x-copy-to' }] })]),
    steps: [http('/', { status: 200, backend: [{ at: 'main' }] })],
  }),
  defineCase({
    name: 'the policy of the virtual host holds for routes without one',
    backends: MAIN_AND_COPY,
    resources: (c) => http1(c, [{ name: 'v', domains: ['*'], request_mirror_policies: [{ cluster: c.name('copy') }], routes: [to(c, 'main')] }]),
    steps: [http('/', { status: 200, body: 'main', backend: [{}, {}], backendOrder: 'by name' })],
  }),
  defineCase({
    name: 'a hedge: the slow try goes on beside the next',
    backends: { main: [{ silent: true }, { body: 'second' }] },
    resources: (c) =>
      http1(c, [
        to(c, 'main', undefined, {
          ...UNTIMED,
          retry_policy: { retry_on: '5xx', num_retries: 1, per_try_timeout: '0.2s' },
          hedge_policy: { hedge_on_per_try_timeout: true },
        }),
      ]),
    steps: [http('/', { status: 200, body: 'second', backend: [{}, {}] })],
    log: [{ code: 200, attempts: 2 }],
    // The first try is cut off when the second has answered.
    random: ['0.backend'],
  }),
  defineCase({
    name: 'a hedge: the first try may still win',
    backends: { main: [{ delayMs: 1500, body: 'first' }, { silent: true }] },
    resources: (c) =>
      http1(c, [
        to(c, 'main', undefined, {
          ...UNTIMED,
          retry_policy: { retry_on: '5xx', num_retries: 1, per_try_timeout: '0.2s' },
          hedge_policy: { hedge_on_per_try_timeout: true },
        }),
      ]),
    steps: [http('/', { status: 200, body: 'first', backend: [{}, {}] })],
    log: [{ code: 200, attempts: 2 }],
    random: ['0.backend'],
  }),
  defineCase({
    name: 'without a hedge the slow try is given up',
    backends: {
      main: [
        { delayMs: 2_400, body: 'first' },
        { delayMs: 100, body: 'second' },
      ],
    },
    resources: (c) =>
      http1(c, [to(c, 'main', undefined, { ...UNTIMED, retry_policy: { retry_on: '5xx', num_retries: 1, per_try_timeout: '1.2s' } })]),
    steps: [http('/', { status: 200, body: 'second', backend: [{}, {}] })],
    random: ['0.backend'],
  }),
  ...[302].map((status) =>
    defineCase({
      name: `a ${status} is followed inside`,
      backends: { first: [moved(status, 'http://test.example/to')], second: [{ body: 'there' }] },
      resources: (c) => http1(c, [redirecting(c), to(c, 'second', { path: '/to' }, UNTIMED, { name: 'to' })]),
      log: [{}, {}],
      steps: [
        http('/from', {
          status: 200,
          body: 'there',
          backend: [
            { at: 'first', target: '/from' },
            { at: 'second', target: '/to' },
          ],
        }),
      ],
    }),
  ),
  defineCase({
    name: 'only the codes that are listed are followed',
    backends: { first: [moved(307, 'http://test.example/to')], second: [{ body: 'there' }] },
    resources: (c) => http1(c, [redirecting(c), to(c, 'second', { path: '/to' }, UNTIMED)]),
    steps: [http('/from', { status: 307, body: 'moved', backend: [{ at: 'first' }] })],
  }),
  defineCase({
    name: 'a 307 is followed when it is listed, with the body',
    backends: { first: [moved(307, 'http://test.example/to')], second: [{ body: 'there' }] },
    resources: (c) => http1(c, [redirecting(c, { redirect_response_codes: [307] }), to(c, 'second', { path: '/to' }, UNTIMED)]),
    log: [{}, {}],
    steps: [
      http(
        { method: 'POST', path: '/from', body: 'the body' },
        {
          status: 200,
          body: 'there',
          backend: [
            { method: 'POST', body: 'the body' },
            { method: 'POST', target: '/to', body: 'the body' },
          ],
        },
      ),
    ],
  }),
  defineCase({
    name: 'a 303 makes a GET of a POST',
    backends: { first: [moved(303, 'http://test.example/to')], second: [{ body: 'there' }] },
    resources: (c) => http1(c, [redirecting(c, { redirect_response_codes: [303] }), to(c, 'second', { path: '/to' }, UNTIMED)]),
    log: [{}, {}],
    steps: [
      http(
        { method: 'POST', path: '/from', body: 'the body' },
        {
          status: 200,
          body: 'there',
          backend: [{ method: 'POST' }, { method: 'GET', target: '/to', body: '', headers: { 'content-length': null } }],
        },
      ),
    ],
  }),
  defineCase({
    name: 'a place without a host is passed on',
    backends: { first: [moved(302, '/to?a=b')], second: [{ body: 'there' }] },
    resources: (c) => http1(c, [redirecting(c), to(c, 'second', { path: '/to' }, UNTIMED)]),
    steps: [http('/from', { status: 302, body: 'moved', backend: [{}] })],
  }),
  defineCase({
    name: 'another host is another virtual host',
    backends: { first: [moved(302, 'http://other.example/x')], second: [{ body: 'there' }] },
    resources: (c) =>
      http1(c, [
        { name: 'a', domains: ['test.example'], routes: [redirecting(c)] },
        { name: 'b', domains: ['other.example'], routes: [to(c, 'second', undefined, UNTIMED)] },
      ]),
    log: [{}, {}],
    steps: [http('/from', { status: 200, body: 'there', backend: [{}, { headers: { host: 'other.example' } }] })],
  }),
  defineCase({
    name: 'the other scheme is not followed unless allowed',
    backends: { first: [moved(302, 'https://test.example/to')], second: [{ body: 'there' }] },
    resources: (c) => http1(c, [redirecting(c), to(c, 'second', { path: '/to' }, UNTIMED)]),
    steps: [http('/from', { status: 302, body: 'moved', backend: [{}] })],
  }),
  defineCase({
    name: 'the other scheme is followed when allowed',
    backends: { first: [moved(302, 'https://test.example/to')], second: [{ body: 'there' }] },
    resources: (c) => http1(c, [redirecting(c, { allow_cross_scheme_redirect: true }), to(c, 'second', { path: '/to' }, UNTIMED)]),
    log: [{}, {}],
    steps: [http('/from', { status: 200, body: 'there', backend: [{}, { target: '/to' }] })],
  }),
  defineCase({
    name: 'the safe scheme: an https client may be sent to http, not the other way',
    backends: { first: [moved(302, 'https://test.example/to')], second: [{ body: 'there' }] },
    resources: (c) =>
      http1(c, [
        redirecting(c, {
          allow_cross_scheme_redirect: true,
          predicates: [predicate('safe_cross_scheme', 'SafeCrossSchemeConfig')],
        }),
        to(c, 'second', { path: '/to' }, UNTIMED),
      ]),
    steps: [http('/from', { status: 302, backend: [{}] })],
  }),
  defineCase({
    name: 'once, unless more is allowed',
    backends: { first: [moved(302, 'http://test.example/from')] },
    resources: (c) => http1(c, [redirecting(c)]),
    log: [{}, {}],
    steps: [http('/from', { status: 302, body: 'moved', backend: [{}, {}] })],
  }),
  defineCase({
    name: 'as often as allowed',
    backends: { first: [moved(302, 'http://test.example/from')] },
    resources: (c) => http1(c, [redirecting(c, { max_internal_redirects: 3 })]),
    steps: [http('/from', { status: 302, body: 'moved', backend: [{}, {}, {}, {}] })],
    log: [{}, {}, {}, {}],
  }),
  defineCase({
    name: 'a place that is no URL is passed on',
    backends: { first: [moved(302, 'nonsense:///')] },
    resources: (c) => http1(c, [redirecting(c)]),
    steps: [http('/from', { status: 302, body: 'moved', backend: [{}] })],
  }),
  defineCase({
    name: 'a place without a route is passed on',
    backends: { first: [moved(302, 'http://test.example/nowhere')] },
    resources: (c) => http1(c, [redirecting(c)]),
    steps: [http('/from', { status: 302, body: 'moved', backend: [{}] })],
  }),
  defineCase({
    name: 'the path of the new place is put in order before it is routed',
    backends: { first: [moved(302, 'http://test.example/x/%2e%2e/secret')], second: [{ body: 'there' }], main: [{ body: 'main' }] },
    resources: (c) =>
      http1(c, [redirecting(c), to(c, 'second', { prefix: '/secret' }, UNTIMED), to(c, 'main', undefined, UNTIMED)], { normalize_path: true }),
    log: [{}, {}],
    steps: [http('/from', { status: 200, body: 'there', backend: [{}, { target: '/secret' }] })],
  }),
  defineCase({
    name: 'a step from route to route is taken once',
    backends: { first: [moved(302, 'http://test.example/from')] },
    resources: (c) => http1(c, [redirecting(c, { max_internal_redirects: 5, predicates: [predicate('previous_routes', 'PreviousRoutesConfig')] })]),
    steps: [http('/from', { status: 302, body: 'moved', backend: [{}, {}] })],
    log: [{}, {}],
  }),
  defineCase({
    name: 'routes that are allowed by name',
    backends: { first: [moved(302, 'http://test.example/to')], second: [{ body: 'there' }] },
    resources: (c) =>
      http1(c, [
        redirecting(c, { predicates: [predicate('allow_listed_routes', 'AllowListedRoutesConfig', { allowed_route_names: ['elsewhere'] })] }),
        to(c, 'second', { path: '/to' }, UNTIMED, { name: 'to' }),
      ]),
    steps: [http('/from', { status: 302, backend: [{}] })],
  }),
  defineCase({
    name: 'headers of the answer may go along',
    backends: { first: [{ status: 302, headers: { location: 'http://test.example/to', 'x-state': 'kept' } }], second: [{ body: 'there' }] },
    resources: (c) => http1(c, [redirecting(c, { response_headers_to_copy: ['x-state'] }), to(c, 'second', { path: '/to' }, UNTIMED)]),
    log: [{}, {}],
    steps: [http('/from', { status: 200, backend: [{}, { headers: { 'x-state': 'kept' } }] })],
  }),
  defineCase({
    name: 'a share of the requests is mirrored',
    backends: { main: [{ body: 'main' }], copy: [{ body: 'copy' }] },
    resources: (c) => http1(c, [mirrored(c, { runtime_fraction: { default_value: { numerator: 50 } } })]),
    steps: [count(50, http('/', {}), { main: [50, 50] })],
    log: 'not compared',
  }),
];

function predicate(name: string, message: string, config: object = {}): object {
  return { name, typed_config: any(`internal_redirect.${name}.v3.${message}`, config) };
}
