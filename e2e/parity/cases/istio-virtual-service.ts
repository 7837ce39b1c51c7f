import { defineCase, type LogExpectation, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import { http, istio, rule } from '../istio.ts';
import { count, http as ask, type Step } from '../steps.ts';

const TO_MAIN = 'route: [{ destination: { host: $main } }]';

interface Setting {
  readonly name: string;
  readonly rules: string;
  readonly steps: readonly Step[];
  readonly backends?: Readonly<Record<string, BackendScript>>;
  readonly log?: readonly LogExpectation[];
  /** Further objects. */
  readonly more?: string;
}

/** A field of VirtualService, seen from outside. */
function field({ name, rules, steps, backends, log, more = '' }: Setting): ParityCase {
  return defineCase({
    name,
    ...(backends === undefined ? {} : { backends }),
    resources: (c) => istio(c, [http(rules), more].filter((text) => text !== '').join('---\n')),
    steps,
    ...(log === undefined ? {} : { log }),
  });
}

type Asked = readonly [request: Parameters<typeof ask>[0], matches: boolean];

/** What `match` takes goes to `main`; everything else is answered with 404. */
function match(name: string, text: string, asked: readonly Asked[]): ParityCase {
  return field({
    name,
    rules: `- match: [${text}]\n  ${TO_MAIN}`,
    steps: asked.map(([request, matches]) => ask(request, { status: matches ? 200 : 404 })),
  });
}

const header = (value: string): { readonly headers: Readonly<Record<string, string>> } => ({ headers: { 'x-a': value } });
const cors = (origin: string, method: string, more: Readonly<Record<string, string>> = {}) => ({ method, headers: { origin, ...more } });

/** Every field of VirtualService.http that a caller can see, as the control plane translates it. */
export const cases: readonly ParityCase[] = [
  match('match.uri.exact', '{ uri: { exact: /a } }', [
    ['/a', true],
    ['/a?q', true],
    ['/a/', false],
    ['/A', false],
  ]),
  match('match.uri.prefix', '{ uri: { prefix: /a } }', [
    ['/a', true],
    ['/ab', true],
    ['/b', false],
  ]),
  match('match.uri.regex', "{ uri: { regex: '/a[0-9]+' } }", [
    ['/a12', true],
    ['/a12/', false],
    ['/a', false],
  ]),
  match('match.ignoreUriCase', '{ uri: { exact: /Path }, ignoreUriCase: true }', [
    ['/PATH', true],
    ['/path', true],
    ['/pat', false],
  ]),
  match('match.scheme', '{ scheme: { exact: http } }', [['/', true]]),
  match('match.scheme of another', '{ scheme: { exact: https } }', [['/', false]]),
  match('match.method', '{ method: { exact: DELETE } }', [
    [{ method: 'DELETE' }, true],
    ['/', false],
  ]),
  match('match.authority', "{ authority: { prefix: 'www.' } }", [
    [{ host: 'www.a.example' }, true],
    [{ host: 'a.example' }, false],
  ]),
  match(
    'match.headers exact, prefix, regex and present',
    "{ headers: { x-a: { exact: b } } }, { headers: { x-p: { prefix: c } } }, { headers: { x-r: { regex: 'd+' } } }, { headers: { x-any: {} } }",
    [
      [header('b'), true],
      [header('bb'), false],
      [{ headers: { 'x-p': 'cx' } }, true],
      [{ headers: { 'x-r': 'ddd' } }, true],
      [{ headers: { 'x-r': 'dddx' } }, false],
      [{ headers: { 'x-any': '' } }, true],
      ['/', false],
    ],
  ),
  match('match.withoutHeaders', '{ withoutHeaders: { x-a: { exact: b } } }', [
    ['/', true],
    [header('c'), true],
    [header('b'), false],
  ]),
  match('match.queryParams', "{ queryParams: { q: { exact: '1' } } }, { queryParams: { r: { regex: '[a-z]+' } } }, { queryParams: { s: {} } }", [
    ['/?q=1', true],
    ['/?q=2', false],
    ['/?r=abc', true],
    ['/?r=1', false],
    ['/?s', true],
  ]),
  match('several conditions of one match must all hold', '{ uri: { prefix: /a }, method: { exact: GET }, headers: { x-a: { exact: b } } }', [
    [{ path: '/a', ...header('b') }, true],
    ['/a', false],
    [{ path: '/b', ...header('b') }, false],
  ]),
  field({
    name: 'the first rule that matches counts, and names itself in the log',
    rules: `- name: first\n  match: [{ uri: { prefix: /a }, name: m }]\n  ${TO_MAIN}\n- name: rest\n  directResponse: { status: 404 }`,
    steps: [ask('/a', { status: 200 }), ask('/', { status: 404 })],
    log: [{ route: 'first.m' }, { route: 'rest' }],
  }),
  defineCase({
    name: 'weights share requests',
    backends: { web: [{ body: 'web' }], other: [{ body: 'other' }] },
    resources: (c) => istio(c, http('- route: [{ destination: { host: $web }, weight: 75 }, { destination: { host: $other }, weight: 25 }]')),
    // 400 requests: 75 % ± 6 standard deviations.
    steps: [count(400, ask('/', { status: 200 }), { web: [248, 352], other: [48, 152] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'subsets are endpoints by label',
    backends: { 'web-v1': [{ body: 'v1' }], 'web-v2': [{ body: 'v2' }] },
    resources: (c) =>
      istio(
        c,
        `${http('- match: [{ headers: { x-a: { exact: b } } }]\n  route: [{ destination: { host: $web, subset: v2 } }]\n- route: [{ destination: { host: $web, subset: v1 } }]')}---\n${rule('web', '', ['v1', 'v2'])}`,
      ),
    steps: [ask('/', { status: 200, body: 'v1' }), ask(header('b'), { status: 200, body: 'v2' }), ask('/', { body: 'v1' })],
  }),
  field({
    name: 'a destination that does not exist is 503 with NC',
    rules: '- route: [{ destination: { host: nowhere.example, port: { number: 80 } } }]',
    steps: [ask('/', { status: 503 })],
    log: [{ code: 503, flags: 'NC', details: 'cluster_not_found' }],
  }),
  field({
    name: 'redirect.uri, authority and redirectCode',
    rules: '- redirect: { uri: /new, authority: new.example, redirectCode: 308 }',
    steps: [ask({ path: '/old?q', host: 'a.example' }, { status: 308, headers: { location: 'http://new.example/new?q' } })],
  }),
  field({
    name: 'redirect.scheme',
    rules: '- redirect: { scheme: https }',
    steps: [ask({ path: '/p?q=1', host: 'a.example' }, { status: 301, headers: { location: 'https://a.example/p?q=1' } })],
  }),
  field({
    name: 'redirect.port',
    rules: '- redirect: { port: 8443 }',
    steps: [ask({ path: '/p', host: 'a.example' }, { status: 301, headers: { location: 'http://a.example:8443/p' } })],
  }),
  field({
    name: 'redirect.prefixRewrite',
    rules: '- match: [{ uri: { prefix: /old/ } }]\n  redirect: { prefixRewrite: /new/ }',
    steps: [ask({ path: '/old/a?q', host: 'a.example' }, { status: 301, headers: { location: 'http://a.example/new/a?q' } })],
  }),
  field({
    name: 'directResponse with a body',
    rules: '- directResponse: { status: 418, body: { string: short and stout } }',
    steps: [ask('/', { status: 418, body: 'short and stout' })],
    log: [{ code: 418, details: 'direct_response' }],
  }),
  field({
    name: 'directResponse with bytes',
    rules: '- directResponse: { status: 200, body: { bytes: aGVsbG8= } }',
    steps: [ask('/', { status: 200, body: 'hello' })],
  }),
  field({
    name: 'rewrite.uri replaces a prefix',
    rules: `- match: [{ uri: { prefix: /old } }]\n  rewrite: { uri: /new }\n  ${TO_MAIN}`,
    steps: [ask('/old/x?q', { status: 200, backend: { target: '/new/x?q' } })],
    log: [{ path: '/old/x?q' }],
  }),
  field({
    name: 'rewrite.uri replaces an exact path',
    rules: `- match: [{ uri: { exact: /old } }]\n  rewrite: { uri: /new }\n  ${TO_MAIN}`,
    steps: [ask('/old?q', { status: 200, backend: { target: '/new?q' } })],
  }),
  field({
    name: 'rewrite.authority',
    rules: `- rewrite: { authority: inner.example }\n  ${TO_MAIN}`,
    steps: [ask({ host: 'a.example' }, { status: 200, backend: { headers: { host: 'inner.example' } } })],
  }),
  field({
    name: 'rewrite.uriRegexRewrite',
    rules: `- rewrite: { uriRegexRewrite: { match: '/users/([0-9]+)/(.*)', rewrite: '/u/\\2/\\1' } }\n  ${TO_MAIN}`,
    steps: [ask('/users/12/photos?q', { status: 200, backend: { target: '/u/photos/12?q' } })],
  }),
  field({
    name: 'timeout',
    rules: `- timeout: 0.1s\n  ${TO_MAIN}`,
    backends: { main: [{ silent: true }] },
    steps: [ask('/', { status: 504, body: 'upstream request timeout' })],
    log: [{ code: 504, flags: 'UT' }],
  }),
  field({
    name: 'retries.attempts and retryOn',
    rules: `- retries: { attempts: 2, retryOn: 5xx }\n  ${TO_MAIN}`,
    backends: { main: [{ status: 500 }, { status: 503 }, { body: 'third' }] },
    steps: [ask('/', { status: 200, body: 'third' })],
    log: [{ code: 200, attempts: 3 }],
  }),
  field({
    name: 'retries.attempts: 0 switches them off',
    rules: `- retries: { attempts: 0 }\n  ${TO_MAIN}`,
    backends: { main: [{ status: 503 }, { body: 'never' }] },
    steps: [ask('/', { status: 503 })],
    log: [{ code: 503, attempts: 1 }],
  }),
  field({
    name: 'without retries, the default of the mesh tries no answer again',
    rules: `- ${TO_MAIN}`,
    backends: { main: [{ status: 503 }, { body: 'second' }] },
    steps: [ask('/', { status: 503 })],
    log: [{ attempts: 1 }],
  }),
  field({
    name: 'retries.retryOn with statuses',
    rules: `- retries: { attempts: 1, retryOn: '404,retriable-4xx' }\n  ${TO_MAIN}`,
    backends: { main: [{ status: 404 }, { body: 'second' }] },
    steps: [ask('/', { status: 200, body: 'second' })],
  }),
  field({
    name: 'retries.perTryTimeout',
    rules: `- retries: { attempts: 1, perTryTimeout: 0.1s, retryOn: 5xx }\n  ${TO_MAIN}`,
    backends: { main: [{ silent: true }, { body: 'second' }] },
    steps: [ask('/', { status: 200, body: 'second' })],
    log: [{ attempts: 2 }],
  }),
  field({
    name: 'fault.abort.httpStatus',
    rules: `- fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }\n  ${TO_MAIN}`,
    steps: [ask('/', { status: 418, body: 'fault filter abort', backend: null })],
    log: [{ code: 418, flags: 'FI', details: 'fault_filter_abort' }],
  }),
  field({
    name: 'fault.abort.grpcStatus',
    rules: `- fault: { abort: { grpcStatus: UNAVAILABLE, percentage: { value: 100 } } }\n  ${TO_MAIN}`,
    steps: [ask({ method: 'POST', headers: { 'content-type': 'application/grpc' } }, { status: 200, headers: { 'grpc-status': '14' } })],
  }),
  field({
    name: 'fault.delay',
    rules: `- fault: { delay: { fixedDelay: 0.05s, percentage: { value: 100 } } }\n  ${TO_MAIN}`,
    steps: [ask('/', { status: 200 })],
    log: [{ code: 200, flags: 'DI' }],
  }),
  field({
    name: 'fault with a percentage of 0 does nothing',
    rules: `- fault: { abort: { httpStatus: 500, percentage: { value: 0 } } }\n  ${TO_MAIN}`,
    steps: [ask('/', { status: 200 })],
  }),
  field({
    name: 'headers.request set, add and remove',
    rules: `- headers: { request: { set: { x-s: s, x-a: new }, add: { x-b: two }, remove: [x-r] } }\n  ${TO_MAIN}`,
    steps: [
      ask(
        { headers: { 'x-a': 'old', 'x-b': 'one', 'x-r': 'r' } },
        { status: 200, backend: { headers: { 'x-s': 's', 'x-a': 'new', 'x-b': 'one, two', 'x-r': null } } },
      ),
    ],
  }),
  field({
    name: 'headers.response set, add and remove',
    rules: `- headers: { response: { set: { x-s: s }, add: { x-b: two }, remove: [x-r] } }\n  ${TO_MAIN}`,
    backends: { main: [{ headers: { 'x-s': 'old', 'x-b': 'one', 'x-r': 'r' } }] },
    steps: [ask('/', { status: 200, headers: { 'x-s': 's', 'x-b': 'one, two', 'x-r': null } })],
  }),
  field({
    name: 'headers of one destination',
    rules: '- route: [{ destination: { host: $main }, headers: { request: { set: { x-d: d } }, response: { set: { x-e: e } } } }]',
    steps: [ask('/', { status: 200, headers: { 'x-e': 'e' }, backend: { headers: { 'x-d': 'd' } } })],
  }),
  field({
    name: 'headers.request.set of Host',
    rules: `- headers: { request: { set: { Host: set.example } } }\n  ${TO_MAIN}`,
    steps: [ask({ host: 'a.example' }, { status: 200, backend: { headers: { host: 'set.example' } } })],
  }),
  field({
    name: 'corsPolicy: a preflight is answered here',
    rules: `- corsPolicy: { allowOrigins: [{ exact: 'https://a.example' }], allowMethods: [PUT], allowHeaders: [x-a], exposeHeaders: [x-b], maxAge: 60s, allowCredentials: true }\n  ${TO_MAIN}`,
    steps: [
      ask(cors('https://a.example', 'OPTIONS', { 'access-control-request-method': 'PUT' }), {
        status: 200,
        headers: {
          'access-control-allow-origin': 'https://a.example',
          'access-control-allow-methods': 'PUT',
          'access-control-allow-headers': 'x-a',
          'access-control-max-age': '60',
          'access-control-allow-credentials': 'true',
        },
        backend: null,
      }),
      ask(cors('https://a.example', 'GET'), {
        status: 200,
        headers: { 'access-control-allow-origin': 'https://a.example', 'access-control-expose-headers': 'x-b' },
      }),
      ask(cors('https://b.example', 'GET'), { status: 200, headers: { 'access-control-allow-origin': null } }),
    ],
  }),
  field({
    name: 'corsPolicy.allowOrigins by prefix and regex',
    rules: `- corsPolicy: { allowOrigins: [{ prefix: 'https://a.' }, { regex: 'https://[bc]\\.example' }], allowMethods: [GET] }\n  ${TO_MAIN}`,
    steps: [
      ask(cors('https://a.other', 'GET'), { headers: { 'access-control-allow-origin': 'https://a.other' } }),
      ask(cors('https://c.example', 'GET'), { headers: { 'access-control-allow-origin': 'https://c.example' } }),
      ask(cors('https://d.example', 'GET'), { headers: { 'access-control-allow-origin': null } }),
    ],
  }),
  field({
    name: 'corsPolicy.unmatchedPreflights: FORWARD and IGNORE',
    rules: `- match: [{ uri: { prefix: /forward } }]\n  corsPolicy: { allowOrigins: [{ exact: 'https://a.example' }], unmatchedPreflights: FORWARD }\n  ${TO_MAIN}\n- corsPolicy: { allowOrigins: [{ exact: 'https://a.example' }], unmatchedPreflights: IGNORE }\n  ${TO_MAIN}`,
    steps: ['/forward', '/ignore'].map((path) =>
      ask({ path, ...cors('https://b.example', 'OPTIONS', { 'access-control-request-method': 'GET' }) }, { status: 200 }),
    ),
  }),
  field({
    name: 'directResponse.body beyond what Envoy takes untold',
    rules: `- directResponse: { status: 200, body: { string: ${'x'.repeat(5_000)} } }`,
    steps: [ask('/', { status: 200, body: 'x'.repeat(5_000), backend: null })],
  }),
  field({
    name: 'mirror sends a copy, and its answer is nobody’s',
    rules: `- mirror: { host: $copy }\n  ${TO_MAIN}`,
    backends: { main: [{ body: 'main' }], copy: [{ status: 500, body: 'copy' }] },
    steps: [
      ask(
        { method: 'POST', path: '/m', body: 'text' },
        {
          status: 200,
          body: 'main',
          backend: [
            { at: 'main', body: 'text' },
            { at: 'copy', body: 'text' },
          ],
          backendOrder: 'by name',
        },
      ),
    ],
  }),
  field({
    name: 'mirrorPercentage of 0 sends none',
    rules: `- mirror: { host: $copy }\n  mirrorPercentage: { value: 0 }\n  ${TO_MAIN}`,
    backends: { main: [{ body: 'main' }], copy: [{ body: 'copy' }] },
    steps: [ask('/', { status: 200, body: 'main', backend: { at: 'main' } })],
  }),
  defineCase({
    name: 'a delegate brings its own rules, within those of the root',
    resources: (c) =>
      istio(
        c,
        `${http('- match: [{ uri: { prefix: /team } }]\n  delegate: { name: team }\n  headers: { request: { set: { x-root: r } } }')}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: team }
spec:
  http:
    - match: [{ uri: { prefix: /team/a } }]
      ${TO_MAIN}
    - match: [{ uri: { prefix: /other } }]
      directResponse: { status: 418 }
`,
      ),
    steps: [
      ask('/team/a', { status: 200, backend: { headers: { 'x-root': 'r' } } }),
      ask('/team/b', { status: 404 }),
      ask('/other', { status: 404 }),
    ],
  }),
  defineCase({
    name: 'several VirtualServices of a gateway add up, hosts exact before wildcard',
    resources: (c) =>
      istio(
        c,
        `${http('- directResponse: { status: 202 }', "['*.example']")}---\n${http('- directResponse: { status: 203 }', '[a.example]').replace('name: all', 'name: one')}`,
      ),
    steps: [ask({ host: 'a.example' }, { status: 203 }), ask({ host: 'b.example' }, { status: 202 }), ask({ host: 'c.other' }, { status: 404 })],
  }),
];
