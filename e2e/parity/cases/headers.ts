import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { accessLog, cluster, direct, hcm, http1, listener, to, type Resources } from '../resources.ts';
import { http } from '../steps.ts';

const add = (key: string, value: string, more: object = {}): object => ({ header: { key, value }, ...more });
const OVERWRITE = { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' };
const BACKEND = { main: [{ headers: { 'x-there': 'backend' }, body: 'main' }] };

/** One route to `main` with these fields beside its action. */
function withFields(c: CaseContext, fields: object): Resources {
  return http1(c, [to(c, 'main', undefined, {}, fields)]);
}

/** An append action on requests and responses, for a header that is there and for one that is not. */
function appendAction(action: string, there: string, absent: string | null): ParityCase {
  const mutations = [add('x-there', 'new', { append_action: action }), add('x-absent', 'new', { append_action: action })];
  return defineCase({
    name: `append action ${action}`,
    backends: BACKEND,
    resources: (c) => withFields(c, { request_headers_to_add: mutations, response_headers_to_add: mutations }),
    steps: [
      http(
        { headers: { 'x-there': 'client' } },
        {
          status: 200,
          headers: { 'x-there': there.replace('old', 'backend'), 'x-absent': absent },
          backend: { headers: { 'x-there': there.replace('old', 'client'), 'x-absent': absent } },
        },
      ),
    ],
  });
}

/** Substitution operators in header values and what they give, for one request. */
const OPERATORS: Readonly<Record<string, readonly [format: string, value: string | RegExp | null]>> = {
  text: ['plain text', 'plain text'],
  percent: ['100%%', '100%'],
  protocol: ['%PROTOCOL%', 'HTTP/1.1'],
  method: ['%REQ(:METHOD)%', 'GET'],
  path: ['%REQ(:PATH)%', '/the/path?q=1'],
  authority: ['%REQ(:AUTHORITY)%', 'test.example'],
  'req-header': ['%REQ(x-client)%', 'client value'],
  'req-fallback': ['%REQ(x-none?x-client)%', 'client value'],
  'req-cut': ['%REQ(x-client):6%', 'client'],
  'req-missing': ['%REQ(x-none)%', null],
  'downstream-remote': ['%DOWNSTREAM_REMOTE_ADDRESS%', '127.0.0.1:<port>'],
  'downstream-remote-ip': ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '127.0.0.1'],
  'downstream-direct': ['%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%', '127.0.0.1'],
  'downstream-local': ['%DOWNSTREAM_LOCAL_ADDRESS%', '<listener main>'],
  'downstream-local-ip': ['%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%', '<proxy>'],
  'route-name': ['%ROUTE_NAME%', 'the-route'],
  'start-year': ['%START_TIME(%Y)%', /^20\d\d$/],
  'start-default': ['%START_TIME%', '<time>'],
  'start-seconds': ['%START_TIME(%s.%3f)%', '<seconds>'],
  mixed: ['a=%PROTOCOL%;b=%REQ(:METHOD)%', 'a=HTTP/1.1;b=GET'],
  'request-id': ['%REQ(x-request-id)%', '<uuid>'],
};

/** Header operations of routes, virtual hosts, tables and weighted clusters, and the operators in their values. */
export const cases = [
  appendAction('APPEND_IF_EXISTS_OR_ADD', 'old, new', 'new'),
  appendAction('ADD_IF_ABSENT', 'old', 'new'),
  appendAction('OVERWRITE_IF_EXISTS_OR_ADD', 'new', 'new'),
  appendAction('OVERWRITE_IF_EXISTS', 'new', null),
  defineCase({
    name: 'the older append: false replaces, append: true appends',
    backends: BACKEND,
    resources: (c) => withFields(c, { request_headers_to_add: [add('x-a', 'new', { append: false }), add('x-b', 'new', { append: true })] }),
    steps: [http({ headers: { 'x-a': 'old', 'x-b': 'old' } }, { backend: { headers: { 'x-a': 'new', 'x-b': 'old, new' } } })],
  }),
  defineCase({
    name: 'headers are removed from requests and responses, whatever their case',
    backends: BACKEND,
    resources: (c) => withFields(c, { request_headers_to_remove: ['X-Gone'], response_headers_to_remove: ['X-There'] }),
    steps: [
      http(
        { headers: { 'x-gone': '1', 'x-stays': '1' } },
        { headers: { 'x-there': null }, backend: { headers: { 'x-gone': null, 'x-stays': '1' } } },
      ),
    ],
  }),
  defineCase({
    name: 'removing goes before adding',
    resources: (c) => withFields(c, { request_headers_to_remove: ['x-a'], request_headers_to_add: [add('x-a', 'new')] }),
    steps: [http({ headers: { 'x-a': 'old' } }, { backend: { headers: { 'x-a': 'new' } } })],
  }),
  defineCase({
    name: 'route, virtual host and table each add theirs, the route first',
    backends: BACKEND,
    resources: (c) => levels(c, false),
    steps: [http('/', { headers: { 'x-level': 'route, host, table' }, backend: { headers: { 'x-level': 'route, host, table' } } })],
  }),
  defineCase({
    name: 'most_specific_header_mutations_wins turns the order',
    backends: BACKEND,
    resources: (c) => levels(c, true),
    steps: [http('/', { headers: { 'x-level': 'table, host, route' }, backend: { headers: { 'x-level': 'table, host, route' } } })],
  }),
  defineCase({
    name: 'a weighted cluster adds its own headers',
    backends: BACKEND,
    resources: (c) => {
      const arm = {
        name: c.name('main'),
        weight: 1,
        request_headers_to_add: [add('x-arm', 'a')],
        request_headers_to_remove: ['x-gone'],
        response_headers_to_add: [add('x-arm', 'b')],
        response_headers_to_remove: ['x-there'],
        host_rewrite_literal: 'arm.example',
      };
      return http1(c, [{ match: { prefix: '/' }, route: { weighted_clusters: { clusters: [arm] } } }]);
    },
    steps: [
      http(
        { headers: { 'x-gone': '1' } },
        { headers: { 'x-arm': 'b', 'x-there': null }, backend: { headers: { 'x-arm': 'a', 'x-gone': null, host: 'arm.example' } } },
      ),
    ],
  }),
  defineCase({
    name: 'an empty value is left out',
    resources: (c) => withFields(c, { request_headers_to_add: [add('x-left', '%REQ(x-none)%')] }),
    steps: [http('/', { status: 200, backend: { headers: { 'x-left': null } } })],
  }),
  ...Object.entries(OPERATORS).map(([name, [format, value]]) =>
    defineCase({
      name: `operator ${name}`,
      resources: (c) => withFields(c, { name: 'the-route', request_headers_to_add: [add('x-out', format)] }),
      steps: [http({ path: '/the/path?q=1', headers: { 'x-client': 'client value' } }, { status: 200, backend: { headers: { 'x-out': value } } })],
    }),
  ),
  defineCase({
    name: 'operators of the upstream in responses',
    backends: BACKEND,
    resources: (c) =>
      withFields(c, {
        name: 'the-route',
        response_headers_to_add: [
          add('x-host', '%UPSTREAM_HOST%'),
          add('x-remote', '%UPSTREAM_REMOTE_ADDRESS%'),
          add('x-cluster', '%UPSTREAM_CLUSTER%'),
          add('x-code', '%RESPONSE_CODE%'),
          add('x-resp', '%RESP(x-there)%'),
          add('x-flags', '%RESPONSE_FLAGS%'),
          add('x-details', '%RESPONSE_CODE_DETAILS%'),
          add('x-attempts', '%UPSTREAM_REQUEST_ATTEMPT_COUNT%'),
          add('x-req', '%REQ(x-client)%'),
        ],
      }),
    steps: [
      http(
        { headers: { 'x-client': 'asked' } },
        {
          headers: {
            'x-host': '<backend main>',
            'x-remote': '<backend main>',
            'x-cluster': '<id>-main',
            'x-code': '200',
            'x-resp': 'backend',
            'x-details': 'via_upstream',
            'x-attempts': '1',
            'x-req': 'asked',
          },
        },
      ),
    ],
  }),
  defineCase({
    name: 'a direct response carries response headers',
    resources: (c) =>
      http1(c, [direct('text', { prefix: '/' }, { response_headers_to_add: [add('x-added', '1'), add('content-type', 'text/html', OVERWRITE)] })]),
    steps: [http('/', { status: 200, body: 'text', headers: { 'x-added': '1', 'content-type': 'text/html' } })],
  }),
  defineCase({
    name: 'a redirect carries response headers',
    resources: (c) => http1(c, [{ match: { prefix: '/' }, redirect: { path_redirect: '/new' }, response_headers_to_add: [add('x-added', '1')] }]),
    steps: [http('/', { status: 301, headers: { 'x-added': '1', location: 'http://test.example/new' } })],
  }),
  defineCase({
    name: 'an answer of the proxy itself carries response headers',
    backends: { main: { t: 'closed' } },
    resources: (c) => withFields(c, { response_headers_to_add: [add('x-added', '1')] }),
    steps: [http('/', { status: 503, headers: { 'x-added': '1' } })],
  }),
  defineCase({
    name: 'escaped line breaks in a value from the client stay escaped',
    resources: (c) => withFields(c, { response_headers_to_add: [add('x-echo', '%REQ(x-client)%')] }),
    steps: [http({ headers: { 'x-client': 'a%0d%0ab' } }, { status: 200, headers: { 'x-echo': 'a%0d%0ab' } })],
  }),
  defineCase({
    name: 'the log tells headers as they went on',
    resources: (c) => {
      const log = { access_log: [accessLog(c, { client: '%REQ(x-client)%', answer: '%RESP(x-answer)%' })] };
      const route = to(c, 'main', undefined, {}, { request_headers_to_remove: ['x-client'], response_headers_to_add: [add('x-answer', 'set')] });
      return { listeners: [listener(c, [hcm(c, [route], log)])], clusters: [cluster(c, 'main')] };
    },
    steps: [http({ headers: { 'x-client': 'here' } }, { backend: { headers: { 'x-client': null } } })],
    log: [{ client: null, answer: 'set' }],
  }),
];

/** The same header added on three levels. */
function levels(c: CaseContext, specificWins: boolean): Resources {
  const both = (value: string): object => ({ request_headers_to_add: [add('x-level', value)], response_headers_to_add: [add('x-level', value)] });
  const table = {
    name: 'levels',
    most_specific_header_mutations_wins: specificWins,
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [to(c, 'main', undefined, {}, both('route'))], ...both('host') }],
    ...both('table'),
  };
  return { listeners: [listener(c, [hcm(c, [], { route_config: table })])], clusters: [cluster(c, 'main')] };
}
