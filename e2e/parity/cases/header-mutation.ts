import { defineCase } from '../define.ts';
import { chain, filter, filtered, settings } from '../filters.ts';
import { any, cluster, direct, hcm, http1, HTTP2_UPSTREAM, listener, to } from '../resources.ts';
import { http, http2, push } from '../steps.ts';

const set = (key: string, value: string, more: object = {}): object => ({
  append: { header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD', ...more },
});
const append = (key: string, value: string): object => set(key, value, { append_action: 'APPEND_IF_EXISTS_OR_ADD' });
const drop = (name: string): object => ({ remove: name });
const mutation = (mutations: object, more: object = {}): object =>
  filter('mutation', 'filters.http.header_mutation.v3.HeaderMutation', { mutations, ...more });
const perRoute = (mutations: object): object => settings({ mutation: any('filters.http.header_mutation.v3.HeaderMutationPerRoute', { mutations }) });

/** Steps on parameters, and what becomes of queries. */
const PARAMETERS: readonly object[] = [
  { append: { record: { key: 'added', value: '1' } } },
  { append: { record: { key: 'name', value: '%REQ(X-NAME)%' }, action: 'OVERWRITE_IF_EXISTS_OR_ADD' } },
  { append: { record: { key: 'old', value: 'new' }, action: 'OVERWRITE_IF_EXISTS' } },
  { append: { record: { key: 'once', value: 'x' }, action: 'ADD_IF_ABSENT' } },
  { remove: 'gone' },
];
const QUERIES: readonly (readonly [path: string, target: string])[] = [
  ['/p', '/p?added=1&name=a%20b%26c&once=x'],
  ['/p?z=1&added=0&gone=1&old=o&once=y', '/p?added=0&added=1&name=a%20b%26c&old=new&once=y&z=1'],
  ['/p?z=b+c&flag&name=1&name=2', '/p?added=1&flag=&name=a%20b%26c&once=x&z=b+c'],
];

/** The header mutation filter. */
export const cases = [
  defineCase({
    name: 'headers of a request are set, appended and removed in order',
    resources: (c) =>
      filtered(c, [
        mutation({ request_mutations: [set('x-set', 'new'), append('x-more', '2'), drop('x-gone'), set('x-made', 'a'), drop('x-made')] }),
      ]),
    steps: [
      http(
        { headers: { 'x-set': 'old', 'x-more': '1', 'x-gone': 'x' } },
        { backend: { headers: { 'x-set': 'new', 'x-more': '1, 2', 'x-gone': null, 'x-made': null } } },
      ),
    ],
  }),
  defineCase({
    name: 'only where there is one, only where there is none',
    resources: (c) =>
      filtered(c, [
        mutation({
          request_mutations: [
            set('x-a', 'new', { append_action: 'OVERWRITE_IF_EXISTS' }),
            set('x-b', 'new', { append_action: 'OVERWRITE_IF_EXISTS' }),
            set('x-a', 'added', { append_action: 'ADD_IF_ABSENT' }),
            set('x-c', 'added', { append_action: 'ADD_IF_ABSENT' }),
          ],
        }),
      ]),
    steps: [http({ headers: { 'x-a': 'old' } }, { backend: { headers: { 'x-a': 'new', 'x-b': null, 'x-c': 'added' } } })],
  }),
  defineCase({
    name: 'values are made of the request',
    resources: (c) =>
      filtered(c, [
        mutation({
          request_mutations: [
            set('x-copy', '%REQ(x-from)%'),
            set('x-proto', '%PROTOCOL% %%'),
            set('x-empty', '%REQ(x-none)%'),
            set('x-kept', '', { keep_empty_value: true }),
          ],
        }),
      ]),
    steps: [http({ headers: { 'x-from': 'value' } }, { backend: { headers: { 'x-copy': 'value', 'x-proto': 'HTTP/1.1 %' } } })],
  }),
  defineCase({
    name: 'headers of a response',
    backends: { main: [{ body: 'x', headers: { 'x-old': '1', 'x-more': '1', 'x-code': 'c' } }] },
    resources: (c) =>
      filtered(c, [
        mutation({ response_mutations: [set('x-new', '%RESPONSE_CODE%'), append('x-more', '2'), drop('x-old'), set('x-copy', '%RESP(x-code)%')] }),
      ]),
    steps: [http('/', { headers: { 'x-new': '200', 'x-more': '1, 2', 'x-old': null, 'x-copy': 'c' } })],
  }),
  defineCase({
    name: 'the log tells what came of it',
    backends: { main: [{ body: 'x', headers: { 'x-old': '1' } }] },
    resources: (c) =>
      filtered(c, [mutation({ request_mutations: [set('x-up', 'new')], response_mutations: [set('x-down', 'new'), drop('x-old')] })], undefined, {
        up: '%REQ(x-up)%',
        down: '%RESP(x-down)%',
        old: '%RESP(x-old)%',
      }),
    steps: [http({ headers: { 'x-up': 'old' } }, { status: 200 })],
    log: [{ up: 'new', down: 'new', old: null }],
  }),
  defineCase({
    name: "responses of the proxy's own",
    resources: (c) =>
      filtered(c, [mutation({ response_mutations: [set('x-new', '1'), drop('content-type')] })], [direct('here', { path: '/direct' })]),
    steps: [
      http('/direct', { status: 200, body: 'here', headers: { 'x-new': '1', 'content-type': null } }),
      http('/none', { status: 404, headers: { 'x-new': '1' } }),
    ],
  }),
  defineCase({
    name: 'the least specific level has the last word',
    resources: (c) =>
      filtered(
        c,
        [mutation({ request_mutations: [set('x-a', 'chain')], response_mutations: [append('x-r', 'chain')] })],
        [
          {
            name: 'v',
            domains: ['*'],
            ...perRoute({ request_mutations: [set('x-a', 'host')], response_mutations: [append('x-r', 'host')] }),
            routes: [
              to(
                c,
                'main',
                { prefix: '/' },
                {},
                perRoute({ request_mutations: [set('x-a', 'route')], response_mutations: [append('x-r', 'route')] }),
              ),
            ],
          },
        ],
      ),
    steps: [http('/', { headers: { 'x-r': 'chain, route, host' }, backend: { headers: { 'x-a': 'host' } } })],
  }),
  defineCase({
    name: 'the most specific level has the last word where it shall',
    resources: (c) =>
      filtered(
        c,
        [mutation({ request_mutations: [set('x-a', 'chain')] }, { most_specific_header_mutations_wins: true })],
        [
          {
            name: 'v',
            domains: ['*'],
            ...perRoute({ request_mutations: [set('x-a', 'host')] }),
            routes: [to(c, 'main', { prefix: '/' }, {}, perRoute({ request_mutations: [set('x-a', 'route')] }))],
          },
        ],
      ),
    steps: [http('/', { backend: { headers: { 'x-a': 'route' } } })],
  }),
  defineCase({
    name: 'filters behind see what a filter before has changed',
    resources: (c) =>
      filtered(c, [
        mutation({ request_mutations: [set('x-role', 'guest')] }),
        filter('rbac', 'filters.http.rbac.v3.RBAC', {
          rules: {
            action: 'DENY',
            policies: { p: { permissions: [{ header: { name: 'x-role', string_match: { exact: 'admin' } } }], principals: [{ any: true }] } },
          },
        }),
      ]),
    steps: [http({ headers: { 'x-role': 'admin' } }, { status: 200, backend: { headers: { 'x-role': 'guest' } } })],
  }),
  defineCase({
    name: 'the last filter is the first to change a response',
    resources: (c) =>
      filtered(c, [
        filter('first', 'filters.http.header_mutation.v3.HeaderMutation', { mutations: { response_mutations: [append('x-r', 'first')] } }),
        filter('second', 'filters.http.header_mutation.v3.HeaderMutation', { mutations: { response_mutations: [append('x-r', 'second')] } }),
      ]),
    steps: [http('/', { headers: { 'x-r': 'second, first' } })],
  }),
  defineCase({
    name: 'a changed request is sent again as it was changed',
    backends: { main: [{ status: 503 }, { body: 'again' }] },
    resources: (c) =>
      filtered(
        c,
        [mutation({ request_mutations: [append('x-a', '2')] })],
        [to(c, 'main', { prefix: '/' }, { timeout: '0s', retry_policy: { retry_on: '5xx', num_retries: 1 } })],
      ),
    steps: [
      http(
        { method: 'POST', body: 'hello', headers: { 'x-a': '1' } },
        {
          status: 200,
          body: 'again',
          backend: [
            { body: 'hello', headers: { 'x-a': '1, 2' } },
            { body: 'hello', headers: { 'x-a': '1, 2' } },
          ],
        },
      ),
    ],
  }),
  ...[set(':path', '/x'), set('host', 'x')].map((step, index) =>
    defineCase({
      name: `what names the request is not for a mutation: ${index}`,
      steps: [
        push((c) => ({ listeners: [listener(c, [hcm(c, [to(c, 'main')], chain(c, [mutation({ request_mutations: [step] })]))], {}, 'bad')] }), {
          verdict: 'nack',
        }),
      ],
    }),
  ),
  defineCase({
    name: 'all headers of a family are removed, of requests and responses',
    backends: { main: [{ headers: { 'x-old-a': '1', 'x-old-b': '2', 'x-new': '3' }, body: 'main' }] },
    resources: (c) => {
      const family = { remove_on_match: { key_matcher: { prefix: 'x-old-' } } };
      return http1(c, [to(c, 'main')], chain(c, [mutation({ request_mutations: [set('x-old-c', 'made'), family], response_mutations: [family] })]));
    },
    steps: [
      http(
        { headers: { 'X-Old-A': '1', 'x-old-b': '2', 'x-new': '3' } },
        {
          status: 200,
          headers: { 'x-old-a': null, 'x-old-b': null, 'x-new': '3' },
          backend: { headers: { 'x-old-a': null, 'x-old-b': null, 'x-old-c': null, 'x-new': '3' } },
        },
      ),
    ],
  }),
  ...QUERIES.map(([path, target]) =>
    defineCase({
      name: `parameters of a query: ${path}`,
      resources: (c) => http1(c, [to(c, 'main')], chain(c, [mutation({ query_parameter_mutations: PARAMETERS })])),
      steps: [http({ path, headers: { 'x-name': 'a b&c' } }, { status: 200, backend: { target } })],
    }),
  ),
  defineCase({
    name: 'trailers of requests and responses',
    backends: { main: { t: 'http2', replies: [{ body: 'main', trailers: { 'x-sum': '1', 'x-gone': '2' } }] } },
    resources: (c) =>
      http1(
        c,
        [to(c, 'main')],
        chain(c, [
          mutation({
            request_trailers_mutations: [set('x-added', '%REQ(X-NAME)%'), { remove: 'x-gone' }],
            response_trailers_mutations: [set('x-added', 'back'), { remove: 'x-gone' }],
          }),
        ]),
        [cluster(c, 'main', HTTP2_UPSTREAM)],
      ),
    steps: [
      http2(
        { method: 'POST', body: 'one', headers: { 'x-name': 'n' }, trailers: { 'x-kept': '1', 'x-gone': '2' } },
        {
          status: 200,
          body: 'main',
          trailers: { 'x-sum': '1', 'x-gone': null, 'x-added': 'back' },
          backend: { body: 'one', trailers: { 'x-kept': '1', 'x-gone': null, 'x-added': 'n' } },
        },
      ),
      http2({}, { status: 200, body: 'main', backend: { trailers: { 'x-added': null } } }),
    ],
  }),
];
