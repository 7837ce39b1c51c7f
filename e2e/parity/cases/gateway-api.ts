import { defineCase, type ParityCase } from '../define.ts';
import { route, to, TO_MAIN } from '../gateway-routes.ts';
import { count, http as ask } from '../steps.ts';

const TO_OTHER = `backendRefs: [${to('other')}]`;

/** What an HTTPRoute does at a gateway. */
export const cases: readonly ParityCase[] = [
  route({
    name: 'PathPrefix takes whole segments',
    rules: `- { matches: [{ path: { value: /foo/ } }], ${TO_MAIN} }`,
    steps: [ask('/foo', { status: 200 }), ask('/foo/', { status: 200 }), ask('/foo/x', { status: 200 }), ask('/foobar', { status: 404 })],
  }),
  route({
    name: 'the most specific match wins, whatever the order',
    rules: `- { ${TO_MAIN} }
- { matches: [{ path: { value: /a } }], ${TO_OTHER} }
- { matches: [{ path: { value: /a/b } }], ${TO_MAIN} }
- { matches: [{ path: { type: Exact, value: /a/b } }], ${TO_OTHER} }`,
    steps: [ask('/', { body: 'main' }), ask('/a/x', { body: 'other' }), ask('/a/b/c', { body: 'main' }), ask('/a/b', { body: 'other' })],
  }),
  route({
    name: 'headers, query parameters and method',
    rules: `- { matches: [{ headers: [{ name: X-A, value: b }], queryParams: [{ name: q, value: "1" }], method: GET }], ${TO_OTHER} }
- { ${TO_MAIN} }`,
    steps: [
      ask({ path: '/?q=1', headers: { 'x-a': 'b' } }, { body: 'other' }),
      ask({ path: '/?q=2', headers: { 'x-a': 'b' } }, { body: 'main' }),
      ask({ path: '/?q=1', headers: { 'x-a': 'b' }, method: 'DELETE' }, { body: 'main' }),
    ],
  }),
  route({
    name: 'a regular expression in path and header',
    rules: `- { matches: [{ path: { type: RegularExpression, value: "/v[0-9]+/.*" }, headers: [{ name: x-a, type: RegularExpression, value: "b+" }] }], ${TO_OTHER} }
- { ${TO_MAIN} }`,
    steps: [
      ask({ path: '/v12/x', headers: { 'x-a': 'bbb' } }, { body: 'other' }),
      ask({ path: '/v12/x', headers: { 'x-a': 'c' } }, { body: 'main' }),
      ask('/vx/x', { body: 'main' }),
    ],
  }),
  route({
    name: 'hostnames, exact and with a wildcard',
    hostnames: '["*.a.example", b.example]',
    rules: `- { ${TO_MAIN} }`,
    steps: [
      ask({ host: 'x.a.example' }, { status: 200 }),
      ask({ host: 'b.example' }, { status: 200 }),
      ask({ host: 'a.example' }, { status: 404 }),
      ask({ host: 'c.example' }, { status: 404 }),
    ],
  }),
  route({
    name: 'a backend that is missing is 500 for its share',
    rules: '- backendRefs: [{ name: nobody, port: 80 }]',
    steps: [ask('/', { status: 500 })],
  }),
  defineCase({
    ...route({ name: '', rules: `- backendRefs: [${to('main', ', weight: 3')}, { name: nobody, port: 80 }]`, steps: [] }),
    name: 'and the others keep theirs',
    // 400 requests: 75 % ± 6 standard deviations.
    steps: [count(400, ask('/', {}), { main: [248, 352], '': [48, 152] })],
    log: 'not compared',
  }),
  route({ name: 'no backend at all is 500', rules: '- { matches: [{ path: { value: / } }] }', steps: [ask('/', { status: 500 })] }),
  route({
    name: 'RequestHeaderModifier and ResponseHeaderModifier',
    rules: `- filters:
    - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-S, value: "100%" }], add: [{ name: x-b, value: two }], remove: [x-r] } }
    - { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-t, value: t }] } }
  ${TO_MAIN}`,
    steps: [
      ask(
        { headers: { 'x-b': 'one', 'x-r': 'r' } },
        { status: 200, headers: { 'x-t': 't' }, backend: { headers: { 'x-s': '100%', 'x-b': 'one, two', 'x-r': null } } },
      ),
    ],
  }),
  route({
    name: 'header modifiers of one backend',
    rules: `- backendRefs: [${to('main', ', filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-d, value: d }] } }]')}]`,
    steps: [ask('/', { status: 200, backend: { headers: { 'x-d': 'd' } } })],
  }),
  route({
    name: 'URLRewrite of a prefix to the root leaves one slash',
    rules: `- { matches: [{ path: { value: /strip } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }], ${TO_MAIN} }`,
    steps: [
      ask('/strip/x?q', { backend: { target: '/x?q' } }),
      ask('/strip', { backend: { target: '/' } }),
      ask('/strip/', { backend: { target: '/' } }),
    ],
  }),
  route({
    name: 'URLRewrite of a prefix, of every path, and of the whole path',
    rules: `- { matches: [{ path: { value: /from } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /to/ } } }], ${TO_MAIN} }
- { matches: [{ path: { value: /all } }], filters: [{ type: URLRewrite, urlRewrite: { hostname: inner.example, path: { type: ReplaceFullPath, replaceFullPath: /one } } }], ${TO_MAIN} }
- { filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /sub } } }], ${TO_MAIN} }`,
    steps: [
      ask('/from/x', { backend: { target: '/to/x' } }),
      ask('/from', { backend: { target: '/to' } }),
      ask('/all/x?q', { backend: { target: '/one?q', headers: { host: 'inner.example' } } }),
      ask('/rest', { backend: { target: '/sub/rest' } }),
    ],
  }),
  route({
    name: 'RequestRedirect of scheme, host, path and status',
    rules: `- { matches: [{ path: { value: /s } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, statusCode: 301 } }] }
- { matches: [{ path: { value: /h } }], filters: [{ type: RequestRedirect, requestRedirect: { hostname: new.example, port: 8443 } }] }
- { matches: [{ path: { value: /f } }], filters: [{ type: RequestRedirect, requestRedirect: { hostname: new.example, port: 80, path: { type: ReplaceFullPath, replaceFullPath: /g }, statusCode: 308 } }] }
- { matches: [{ path: { value: /p } }], filters: [{ type: RequestRedirect, requestRedirect: { hostname: new.example, port: 80, path: { type: ReplacePrefixMatch, replacePrefixMatch: /q } } }] }`,
    steps: [
      ask({ path: '/s/x?q', host: 'a.example' }, { status: 301, headers: { location: 'https://a.example/s/x?q' } }),
      ask('/h/x', { status: 302, headers: { location: 'http://new.example:8443/h/x' } }),
      ask('/f/x', { status: 308, headers: { location: 'http://new.example/g' } }),
      ask('/p/x?q', { status: 302, headers: { location: 'http://new.example/q/x?q' } }),
    ],
  }),
  route({
    name: 'timeouts.request',
    rules: `- { timeouts: { request: 100ms }, ${TO_MAIN} }`,
    backends: { main: [{ silent: true }] },
    steps: [ask('/', { status: 504 })],
    log: [{ code: 504, flags: 'UT' }],
  }),
  route({
    name: 'retry.codes and attempts',
    rules: `- { retry: { codes: [502], attempts: 1 }, ${TO_MAIN} }`,
    backends: { main: [{ status: 502 }, { body: 'again' }] },
    steps: [ask('/', { status: 200, body: 'again' })],
    log: [{ attempts: 2 }],
  }),
  route({
    name: 'CORS',
    rules: `- { filters: [{ type: CORS, cors: { allowOrigins: ["https://*.a.example"], allowMethods: [PUT], maxAge: 60 } }], ${TO_MAIN} }`,
    steps: [
      ask({ headers: { origin: 'https://x.a.example' } }, { status: 200, headers: { 'access-control-allow-origin': 'https://x.a.example' } }),
      ask({ headers: { origin: 'https://b.example' } }, { status: 200, headers: { 'access-control-allow-origin': null } }),
    ],
  }),
  defineCase({
    ...route({
      name: '',
      rules: `- matches: [{ path: { value: /old } }]
  backendRefs:
    - ${to('main', ', weight: 1, filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }]')}
    - ${to('other', ', weight: 1, filters: [{ type: RequestRedirect, requestRedirect: { hostname: new.example, statusCode: 302 } }]')}
    - ${to('other', ', weight: 2')}`,
      steps: [],
    }),
    name: 'filters of single backends: each has its share',
    // 400 requests: a quarter, a quarter and a half, each ± 6 standard deviations.
    steps: [count(400, ask('/old/x', {}), { main: [48, 152], '': [48, 152], other: [140, 260] })],
    log: 'not compared',
  }),
  route({
    name: 'URLRewrite of one backend',
    rules: `- matches: [{ path: { value: /old } }]
  backendRefs: [${to('main', ', filters: [{ type: URLRewrite, urlRewrite: { hostname: in.example, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }]')}]`,
    steps: [ask('/old/x', { status: 200, backend: { target: '/new/x', headers: { host: 'in.example' } } })],
  }),
  route({
    name: 'RequestMirror of one backend',
    rules: `- backendRefs: [${to('main', `, filters: [{ type: RequestMirror, requestMirror: { backendRef: ${to('other')} } }]`)}]`,
    steps: [ask('/m', { status: 200, body: 'main', backend: [{ at: 'main' }, { at: 'other' }], backendOrder: 'by name' })],
  }),
  route({
    name: 'RequestRedirect of one backend',
    rules: `- backendRefs: [${to('main', ', filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, hostname: new.example, port: 443 } }]')}]`,
    steps: [ask('/r', { status: 302, headers: { location: 'https://new.example/r' }, backend: null })],
  }),
  route({
    name: 'CORS of one backend',
    rules: `- backendRefs: [${to('main', ', filters: [{ type: CORS, cors: { allowOrigins: ["https://a.example"], maxAge: 7 } }]')}]`,
    steps: [ask({ headers: { origin: 'https://a.example' } }, { status: 200, headers: { 'access-control-allow-origin': 'https://a.example' } })],
  }),
];
