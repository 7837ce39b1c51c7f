import type { ParityCase } from '../define.ts';
import { route, to, TO_MAIN, type RouteCase } from '../gateway-routes.ts';
import { count, http as ask } from '../steps.ts';

const filters = (...list: readonly string[]): string => `filters: [${list.join(', ')}]`;
const request = (text: string): string => `{ type: RequestHeaderModifier, requestHeaderModifier: ${text} }`;
const response = (text: string): string => `{ type: ResponseHeaderModifier, responseHeaderModifier: ${text} }`;
/** All three changes of both heads, wherever they stand. */
const CHANGES = {
  filters: filters(
    request('{ set: [{ name: x-q, value: q }], add: [{ name: x-b, value: two }], remove: [x-r] }'),
    response('{ set: [{ name: x-t, value: t }], add: [{ name: x-c, value: two }], remove: [x-s] }'),
  ),
  backends: { main: [{ headers: { 'x-c': 'one', 'x-s': 's' }, body: 'main' }] },
  steps: [
    ask(
      { headers: { 'x-b': 'one', 'x-r': 'r' } },
      {
        status: 200,
        headers: { 'x-t': 't', 'x-c': 'one, two', 'x-s': null },
        backend: { headers: { 'x-q': 'q', 'x-b': 'one, two', 'x-r': null } },
      },
    ),
  ],
} as const;
const CORS =
  'cors: { allowOrigins: ["https://a.example"], allowMethods: [PUT], allowHeaders: [x-a], exposeHeaders: [x-b], allowCredentials: true, maxAge: 7 }';
const preflight = { method: 'OPTIONS', headers: { origin: 'https://a.example', 'access-control-request-method': 'PUT' } } as const;
const PREFLIGHT = ask(preflight, {
  status: 200,
  headers: {
    'access-control-allow-origin': 'https://a.example',
    'access-control-allow-methods': 'PUT',
    'access-control-allow-headers': 'x-a',
    'access-control-allow-credentials': 'true',
    'access-control-max-age': '7',
  },
  backend: null,
});
const CROSS = ask(
  { headers: { origin: 'https://a.example' } },
  { status: 200, headers: { 'access-control-expose-headers': 'x-b', 'access-control-allow-credentials': 'true' } },
);
const mirror = (share: string): string => `{ type: RequestMirror, requestMirror: { backendRef: ${to('other')}${share} } }`;
const grpc = (path: string): Parameters<typeof ask>[0] => ({ path, headers: { 'content-type': 'application/grpc' } });

/** What both kinds of routes say in the same words. */
function common(kind: 'HTTPRoute' | 'GRPCRoute'): readonly ParityCase[] {
  const field = (setting: RouteCase): ParityCase => route({ ...setting, kind, name: `${kind}: ${setting.name}` });
  return [
    field({ name: 'parentRefs.sectionName', parent: ', sectionName: http', rules: `- { ${TO_MAIN} }`, steps: [ask('/', { status: 200 })] }),
    field({
      name: 'parentRefs.sectionName of no listener',
      parent: ', sectionName: else',
      rules: `- { ${TO_MAIN} }`,
      steps: [ask('/', { status: 404 })],
    }),
    field({ name: 'parentRefs.port', parent: (c) => `, port: ${c.port()}`, rules: `- { ${TO_MAIN} }`, steps: [ask('/', { status: 200 })] }),
    field({ name: 'parentRefs.port of no listener', parent: ', port: 9', rules: `- { ${TO_MAIN} }`, steps: [ask('/', { status: 404 })] }),
    field({
      name: 'parentRefs.group, kind and namespace',
      parent: (c) => `, group: gateway.networking.k8s.io, kind: Gateway, namespace: ${c.id}`,
      rules: `- { ${TO_MAIN} }`,
      steps: [ask('/', { status: 200 })],
    }),
    field({
      name: 'backendRefs.namespace and rules.name, which logs tell',
      rules: (c) => `- { name: named, backendRefs: [${to('main', `, namespace: ${c.id}`)}] }`,
      steps: [ask('/', { status: 200 })],
      log: [{ route: 'named' }],
    }),
    field({
      name: 'header modifiers of the rule: set, add, remove',
      rules: `- ${CHANGES.filters}\n  ${TO_MAIN}`,
      backends: CHANGES.backends,
      steps: CHANGES.steps,
    }),
    field({
      name: 'header modifiers of a backend: set, add, remove',
      rules: `- backendRefs: [${to('main', `, ${CHANGES.filters}`)}]`,
      backends: CHANGES.backends,
      steps: CHANGES.steps,
    }),
    field({
      name: 'requestMirror.percent: 0',
      rules: `- ${filters(mirror(', percent: 0'))}\n  ${TO_MAIN}`,
      steps: [ask('/', { status: 200, backend: { at: 'main' } })],
    }),
    field({
      name: 'requestMirror.fraction: none of seven',
      rules: `- ${filters(mirror(', fraction: { numerator: 0, denominator: 7 }'))}\n  ${TO_MAIN}`,
      steps: [ask('/', { status: 200, backend: { at: 'main' } })],
    }),
    field({
      name: 'requestMirror: all, to a backend of this namespace',
      rules: (c) => `- ${filters(`{ type: RequestMirror, requestMirror: { backendRef: ${to('other', `, namespace: ${c.id}`)} } }`)}\n  ${TO_MAIN}`,
      steps: [ask('/', { status: 200, body: 'main', backend: [{ at: 'main' }, { at: 'other' }] })],
    }),
    field({
      name: 'requestMirror of a backend: percent and fraction',
      rules: (c) =>
        `- backendRefs: [${to('main', `, ${filters(mirror(', percent: 0'), mirror(', fraction: { numerator: 0, denominator: 7 }'), `{ type: RequestMirror, requestMirror: { backendRef: ${to('other', `, namespace: ${c.id}`)} } }`)}`)}]`,
      steps: [ask('/', { status: 200, body: 'main', backend: [{ at: 'main' }, { at: 'other' }] })],
    }),
    field({
      name: 'backendRefs.weight',
      rules: `- backendRefs: [${to('main', ', weight: 1')}, ${to('other', ', weight: 3')}]`,
      // 400 requests: 25 % ± 6 standard deviations.
      steps: [count(400, ask('/', { status: 200 }), { main: [48, 152], other: [248, 352] })],
      log: 'not compared',
    }),
    field({
      name: 'hostnames',
      hostnames: '["*.a.example"]',
      rules: `- { ${TO_MAIN} }`,
      steps: [ask({ host: 'x.a.example' }, { status: 200 }), ask({ host: 'b.example' }, { status: 404 })],
    }),
    field({
      name: 'sessionPersistence',
      rules: `- { sessionPersistence: { sessionName: basket, type: Cookie, absoluteTimeout: 1h, cookieConfig: { lifetimeType: Permanent } }, ${TO_MAIN} }`,
      steps: [ask('/', { status: 200, headers: { 'set-cookie': /^basket="[^"]+"; Max-Age=3600; Path=\/; HttpOnly$/ } })],
      log: 'not compared',
    }),
  ].map((made) => (made.name.endsWith('sessionPersistence') ? { ...made, random: ['0.responses.0.headers.set-cookie'] } : made));
}

/** Further fields of routes that a caller can see. */
export const cases: readonly ParityCase[] = [
  ...common('HTTPRoute'),
  ...common('GRPCRoute'),
  route({
    name: 'CORS of the rule: the answer to a preflight, and to the call',
    rules: `- ${filters(`{ type: CORS, ${CORS} }`)}\n  ${TO_MAIN}`,
    steps: [PREFLIGHT, CROSS],
  }),
  route({
    name: 'CORS of a backend: the answer to a preflight, and to the call',
    rules: `- backendRefs: [${to('main', `, ${filters(`{ type: CORS, ${CORS} }`)}`)}]`,
    steps: [PREFLIGHT, CROSS],
  }),
  route({
    name: 'RequestRedirect of a backend: the whole path',
    rules: `- backendRefs: [${to('main', `, ${filters('{ type: RequestRedirect, requestRedirect: { hostname: new.example, port: 80, path: { type: ReplaceFullPath, replaceFullPath: /g }, statusCode: 301 } }')}`)}]`,
    steps: [ask('/f/x', { status: 301, headers: { location: 'http://new.example/g' }, backend: null })],
  }),
  route({
    name: 'RequestRedirect of a backend: the prefix',
    rules: `- matches: [{ path: { value: /f } }]\n  backendRefs: [${to('main', `, ${filters('{ type: RequestRedirect, requestRedirect: { hostname: new.example, port: 80, path: { type: ReplacePrefixMatch, replacePrefixMatch: /g } } }')}`)}]`,
    steps: [ask('/f/x', { status: 302, headers: { location: 'http://new.example/g/x' }, backend: null })],
  }),
  route({
    name: 'URLRewrite of a backend: the whole path',
    rules: `- backendRefs: [${to('main', `, ${filters('{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /g } } }')}`)}]`,
    steps: [ask('/f/x?q', { status: 200, backend: { target: '/g?q' } })],
  }),
  route({
    name: 'timeouts.backendRequest',
    rules: `- { timeouts: { backendRequest: 200ms }, ${TO_MAIN} }`,
    backends: { main: [{ gate: 'never', body: 'late' }] },
    steps: [ask('/', { status: 504 })],
    log: 'not compared',
  }),
  route({
    name: 'retry.codes, attempts and backoff',
    rules: `- { retry: { codes: [500], attempts: 1, backoff: 30ms }, ${TO_MAIN} }`,
    backends: { main: [{ status: 500 }, { body: 'again' }] },
    steps: [ask('/', { status: 200, body: 'again' })],
  }),
  route({
    name: 'GRPCRoute: matches.method, whole',
    kind: 'GRPCRoute',
    rules: `- { matches: [{ method: { type: Exact, service: s.S, method: M } }], ${TO_MAIN} }`,
    steps: [ask(grpc('/s.S/M'), { status: 200, body: 'main' }), ask(grpc('/s.S/N'), { status: 200, backend: null })],
    log: 'not compared',
  }),
  route({
    name: 'GRPCRoute: matches.method by regular expressions',
    kind: 'GRPCRoute',
    rules: `- { matches: [{ method: { type: RegularExpression, service: "s[.].*", method: "M+" } }], ${TO_MAIN} }`,
    steps: [ask(grpc('/s.T/MM'), { status: 200, body: 'main' }), ask(grpc('/t.T/MM'), { status: 200, backend: null })],
    log: 'not compared',
  }),
  route({
    name: 'GRPCRoute: matches.headers',
    kind: 'GRPCRoute',
    rules: `- { matches: [{ headers: [{ name: x-a, value: b }, { name: x-c, type: RegularExpression, value: "d+" }] }], ${TO_MAIN} }`,
    steps: [ask({ headers: { 'x-a': 'b', 'x-c': 'dd' } }, { status: 200 }), ask({ headers: { 'x-a': 'b', 'x-c': 'e' } }, { status: 404 })],
  }),
];
