import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { cluster, direct, hcm, http1, listener, rds, routes, to, type Resources } from '../resources.ts';
import { matching } from '../matching.ts';
import { count, http, raw } from '../steps.ts';

/** Virtual hosts that answer with their name. */
function domains(
  name: string,
  hosts: Readonly<Record<string, readonly string[]>>,
  asked: Readonly<Record<string, string>>,
  options: object = {},
): ParityCase {
  return defineCase({
    name,
    resources: (c) => {
      const virtualHosts = Object.entries(hosts).map(([host, list]) => ({ name: host, domains: list, routes: [direct(host)] }));
      return { listeners: [listener(c, [hcm(c, [], { route_config: { name: 'r', virtual_hosts: virtualHosts, ...options } })])] };
    },
    steps: Object.entries(asked).map(([host, owner]) => http({ host }, owner === '' ? { status: 404 } : { status: 200, body: owner })),
  });
}

const weighted = (c: CaseContext, one: number, two: number): Resources => {
  const clusters = [
    { name: c.name('one'), weight: one },
    { name: c.name('two'), weight: two },
  ];
  return http1(c, [{ match: { prefix: '/' }, route: { weighted_clusters: { clusters } } }]);
};

/** Which route serves a request. */
export const cases = [
  // Paths.
  matching('a prefix matches the beginning of the path', { prefix: '/api' }, [
    ['/api', true],
    ['/api/x', true],
    ['/apix', true],
    ['/ap', false],
    ['/API', false],
    ['/api?x', true],
  ]),
  matching('a prefix with case_sensitive false matches in any case', { prefix: '/Api', case_sensitive: false }, [
    ['/api', true],
    ['/API/x', true],
    ['/ap', false],
  ]),
  matching('an exact path matches without its query', { path: '/exact' }, [
    ['/exact', true],
    ['/exact?x=1', true],
    ['/exact/', false],
    ['/Exact', false],
  ]),
  matching('an exact path in any case', { path: '/Exact', case_sensitive: false }, [
    ['/eXACT', true],
    ['/exact/', false],
  ]),
  matching('a path_separated_prefix ends at a slash', { path_separated_prefix: '/dev' }, [
    ['/dev', true],
    ['/dev/x', true],
    ['/dev?x=1', true],
    ['/device', false],
    ['/de', false],
  ]),
  matching('a path_separated_prefix in any case', { path_separated_prefix: '/Dev', case_sensitive: false }, [
    ['/dev/x', true],
    ['/device', false],
  ]),
  matching('a regular expression must match the whole path', { safe_regex: { regex: '/user/[0-9]+' } }, [
    ['/user/42', true],
    ['/user/42?q=1', true],
    ['/user/42/x', false],
    ['/x/user/42', false],
    ['/user/', false],
  ]),
  matching('a regular expression with alternatives and classes', { safe_regex: { regex: '/(a|bc)/\\d{2,3}(\\.html)?' } }, [
    ['/a/12', true],
    ['/bc/123.html', true],
    ['/b/12', false],
    ['/a/1', false],
  ]),
  // Query.
  matching('a query parameter is equal', { prefix: '/', query_parameters: [{ name: 'a', string_match: { exact: '1' } }] }, [
    ['/?a=1', true],
    ['/?b=2&a=1', true],
    ['/?a=2', false],
    ['/', false],
    ['/?A=1', false],
  ]),
  matching('a query parameter is there', { prefix: '/', query_parameters: [{ name: 'a', present_match: true }] }, [
    ['/?a', true],
    ['/?a=', true],
    ['/?b', false],
  ]),
  matching(
    'a query parameter matches a regular expression',
    { prefix: '/', query_parameters: [{ name: 'id', string_match: { safe_regex: { regex: '[0-9]+' } } }] },
    [
      ['/?id=12', true],
      ['/?id=12x', false],
    ],
  ),
  matching(
    'a query parameter begins, in any case',
    { prefix: '/', query_parameters: [{ name: 'id', string_match: { prefix: 'AB', ignore_case: true } }] },
    [
      ['/?id=abc', true],
      ['/?id=b', false],
    ],
  ),
  matching(
    'two query parameters must both match',
    {
      prefix: '/',
      query_parameters: [
        { name: 'a', string_match: { exact: '1' } },
        { name: 'b', string_match: { exact: '2' } },
      ],
    },
    [
      ['/?b=2&a=1', true],
      ['/?a=1', false],
    ],
  ),
  matching('of a parameter given twice the first counts', { prefix: '/', query_parameters: [{ name: 'a', string_match: { exact: '1' } }] }, [
    ['/?a=1&a=2', true],
    ['/?a=2&a=1', false],
  ]),
  matching('an escaped parameter is matched as it is written', { prefix: '/', query_parameters: [{ name: 'a', string_match: { exact: 'x%20y' } }] }, [
    ['/?a=x%20y', true],
    ['/?a=x+y', false],
  ]),
  // Shares.
  matching('a fraction of 0 never matches', { prefix: '/', runtime_fraction: { default_value: { numerator: 0 } } }, [['/', false]]),
  matching('a fraction of 100 always matches', { prefix: '/', runtime_fraction: { default_value: { numerator: 100 } } }, [['/', true]]),
  defineCase({
    name: 'a gRPC match wants its content type',
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/', grpc: {} })]),
    steps: ['application/grpc', 'application/grpc+proto', 'application/json', 'application/grpcx'].map((type, index) =>
      http({ method: 'POST', headers: { 'content-type': type }, body: 'x' }, index < 2 ? { status: 200 } : { status: 404 }),
    ),
  }),
  defineCase({
    name: 'a direct response to a gRPC call is a gRPC status',
    resources: (c) => http1(c, [direct('words', { prefix: '/' }, {}, 503)]),
    steps: [
      http(
        { method: 'POST', headers: { 'content-type': 'application/grpc', connection: 'close' }, body: 'x' },
        { status: 200, body: '', headers: { 'content-type': 'application/grpc', 'grpc-status': '14', 'grpc-message': 'words' } },
      ),
    ],
  }),
  // Order.
  defineCase({
    name: 'the first route that matches serves',
    resources: (c) => http1(c, [direct('first', { prefix: '/a' }), direct('longer', { prefix: '/a/b' }), direct('rest')]),
    steps: [http('/a/b', { body: 'first' }), http('/c', { body: 'rest' })],
  }),
  // Domains.
  domains(
    'exact before suffix before prefix before *',
    { exact: ['www.foo.com'], suffix: ['*.foo.com'], longer: ['*.bar.foo.com'], prefix: ['www.*'], dashed: ['*-bar.foo.com'], rest: ['*'] },
    {
      'www.foo.com': 'exact',
      'a.foo.com': 'suffix',
      'a.bar.foo.com': 'longer',
      'foo-bar.foo.com': 'dashed',
      'www.other.com': 'prefix',
      'other.com': 'rest',
      'foo.com': 'rest',
      'WWW.FOO.COM': 'exact',
    },
  ),
  domains(
    'a longer prefix wildcard goes before a shorter',
    { short: ['foo.*'], long: ['foo.bar.*'] },
    { 'foo.x': 'short', 'foo.bar.x': 'long', 'bar.x': '' },
  ),
  domains(
    'a port in the host is part of it',
    { with: ['a.example:8080'], without: ['a.example'] },
    { 'a.example': 'without', 'a.example:8080': 'with', 'a.example:80': '' },
  ),
  domains(
    'a port in the host may be ignored',
    { a: ['a.example'] },
    { 'a.example': 'a', 'a.example:8080': 'a' },
    { ignore_port_in_host_matching: true },
  ),
  domains('an address with a port is a host', { v4: ['10.0.0.1:80'], v6: ['[::1]:80'] }, { '10.0.0.1:80': 'v4', '[::1]:80': 'v6', '[::1]': '' }),
  domains('a trailing dot makes another host', { plain: ['a.example'] }, { 'a.example': 'plain', 'a.example.': '' }),
  defineCase({
    name: 'strip_trailing_host_dot takes the dot away',
    resources: (c) => http1(c, [{ name: 'a', domains: ['a.example'], routes: [to(c, 'main')] }], { strip_trailing_host_dot: true }),
    steps: [http({ host: 'a.example.' }, { status: 200, backend: { headers: { host: 'a.example' } } })],
  }),
  defineCase({
    name: 'strip_any_host_port takes the port away',
    resources: (c) => http1(c, [{ name: 'a', domains: ['a.example'], routes: [to(c, 'main')] }], { strip_any_host_port: true }),
    steps: [http({ host: 'a.example:1234' }, { status: 200, backend: { headers: { host: 'a.example' } } })],
  }),
  defineCase({
    name: "strip_matching_host_port takes the listener's port away",
    resources: (c) => http1(c, [{ name: 'a', domains: ['a.example'], routes: [to(c, 'main')] }], { strip_matching_host_port: true }),
    steps: [http({ host: 'a.example:1234' }, { status: 404 })],
  }),
  defineCase({
    name: 'no virtual host matches: 404',
    resources: (c) => http1(c, [{ name: 'a', domains: ['a.example'], routes: [to(c, 'main')] }]),
    steps: [http({ host: 'b.example' }, { status: 404, body: '' })],
    log: [{ code: 404, flags: 'NR', details: 'route_not_found' }],
  }),
  // Clusters.
  defineCase({
    name: 'weights 0 and 100 send everything to one',
    backends: { one: [{ body: 'one' }], two: [{ body: 'two' }] },
    resources: (c) => weighted(c, 0, 100),
    steps: [count(10, http('/', {}), { two: [10, 10] })],
  }),
  defineCase({
    name: 'weights 25 and 75 share the load',
    backends: { one: [{ body: 'one' }], two: [{ body: 'two' }] },
    resources: (c) => weighted(c, 1, 3),
    // 400 fair draws of one in four stay within 50 and 150 but once in 10^8.
    steps: [count(400, http('/', {}, { on: 'a' }), { one: [50, 150], two: [250, 350] })],
  }),
  defineCase({
    name: 'a header names the cluster',
    backends: { one: [{ body: 'one' }], two: [{ body: 'two' }] },
    resources: (c) =>
      http1(c, [{ match: { prefix: '/' }, route: { cluster_header: 'x-cluster' } }], {}, [cluster(c, 'one', { name: 'named' }), cluster(c, 'two')]),
    steps: [
      http({ headers: { 'x-cluster': 'named' } }, { status: 200, body: 'one' }),
      http({ headers: { 'x-cluster': 'unknown' } }, { status: 503, body: '' }),
      http('/', { status: 503, body: '' }),
    ],
    log: [{ code: 200 }, { code: 503, flags: 'NC', details: 'cluster_not_found' }, { code: 503, flags: 'NC' }],
  }),
  defineCase({
    name: 'a route to an unknown cluster is 503 NC',
    resources: (c) => ({
      listeners: [listener(c, [hcm(c, [], rds(c, 'table'))])],
      routes: [routes(c, 'table', [{ match: { prefix: '/' }, route: { cluster: 'nobody' } }])],
    }),
    steps: [http('/', { status: 503, body: '' })],
    log: [{ code: 503, flags: 'NC', details: 'cluster_not_found' }],
  }),
  defineCase({
    name: 'what an unknown cluster is answered with can be said',
    resources: (c) => ({
      listeners: [listener(c, [hcm(c, [], rds(c, 'table'))])],
      routes: [
        routes(c, 'table', [
          { match: { prefix: '/404' }, route: { cluster: 'nobody', cluster_not_found_response_code: 'NOT_FOUND' } },
          { match: { prefix: '/500' }, route: { cluster: 'nobody', cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' } },
        ]),
      ],
    }),
    steps: [http('/404', { status: 404 }), http('/500', { status: 500 })],
  }),
  defineCase({
    name: 'a cluster without endpoints is 503 UH',
    resources: (c) => http1(c, [to(c, 'empty')], {}, [{ name: c.name('empty'), type: 'STATIC', load_assignment: { cluster_name: c.name('empty') } }]),
    steps: [http('/', { status: 503, body: 'no healthy upstream' })],
    log: [{ code: 503, flags: 'UH', details: 'no_healthy_upstream' }],
  }),
  defineCase({
    name: 'an unhealthy endpoint is not chosen',
    backends: { good: [{ body: 'good' }], bad: [{ body: 'bad' }] },
    resources: (c) => {
      const endpoints = ['good', 'bad'].map((name) => ({
        endpoint: { address: { socket_address: { address: c.backend(name).host, port_value: c.backend(name).port } } },
        health_status: name === 'good' ? 'HEALTHY' : 'UNHEALTHY',
      }));
      const assigned = { load_assignment: { cluster_name: c.name('both'), endpoints: [{ lb_endpoints: endpoints }] } };
      return http1(c, [to(c, 'both')], {}, [cluster(c, 'both', { ...assigned, common_lb_config: { healthy_panic_threshold: {} } }, [])]);
    },
    steps: [count(6, http('/', {}), { good: [6, 6] })],
  }),
  defineCase({
    name: 'round robin alternates',
    backends: { one: [{ body: 'one' }], two: [{ body: 'two' }] },
    resources: (c) => http1(c, [to(c, 'both')], {}, [cluster(c, 'both', {}, ['one', 'two'])]),
    steps: [count(10, http('/', {}), { one: [5, 5], two: [5, 5] })],
  }),
  // TLS wanted.
  defineCase({
    name: 'require_tls ALL redirects plain requests',
    resources: (c) => http1(c, [{ name: 'a', domains: ['*'], require_tls: 'ALL', routes: [to(c, 'main')] }]),
    steps: [http('/x?y=1', { status: 301, headers: { location: 'https://test.example/x?y=1' }, backend: null })],
  }),
  defineCase({
    name: 'require_tls believes x-forwarded-proto of an inner proxy',
    resources: (c) => http1(c, [{ name: 'a', domains: ['*'], require_tls: 'ALL', routes: [to(c, 'main')] }]),
    steps: [http({ headers: { 'x-forwarded-proto': 'https' } }, { status: 200 })],
  }),
  defineCase({
    name: 'require_tls EXTERNAL_ONLY lets internal requests through',
    resources: (c) =>
      http1(c, [{ name: 'a', domains: ['*'], require_tls: 'EXTERNAL_ONLY', routes: [to(c, 'main')] }], {
        use_remote_address: true,
        internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }] },
      }),
    steps: [http('/', { status: 200 })],
  }),
  defineCase({
    name: 'CONNECT without a route for it is 404',
    steps: [raw('CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n', { status: 404, backend: null })],
  }),
];
