import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileMatch } from './compile/predicates.ts';
import { compileRoutes } from './compile/routes.ts';
import { pathOf } from './compile/target.ts';
import type { CompiledForward, RequestView } from './compiled.ts';
import { request, routeTable, sequence } from './testing/samples.ts';

const host = (name: string, domains: readonly string[], routes: readonly object[] = []): object => ({ name, domains, routes });
const to = (name: string, match: object, more: object = {}): object => ({ name, match, route: { cluster: name }, ...more });

test('virtual hosts: exact, longest suffix, longest prefix, any', () => {
  const table = compileRoutes(
    routeTable({
      name: 't',
      virtual_hosts: [
        host('exact', ['reviews:9080', 'reviews.bookinfo']),
        host('suffix', ['*.example.com']),
        host('longer', ['*.api.example.com']),
        host('prefix', ['www.*']),
        host('any', ['*']),
      ],
    }),
  );
  const CASES: Readonly<Record<string, string>> = {
    'reviews:9080': 'exact',
    'REVIEWS.bookinfo': 'exact',
    'reviews:80': 'any',
    'a.example.com': 'suffix',
    'a.b.example.com': 'suffix',
    'x.api.example.com': 'longer',
    '.example.com': 'any',
    'www.other.org': 'prefix',
    'www.example.com': 'suffix',
    '': 'any',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(CASES).map((name) => [name, table.virtualHost(name)?.name])), CASES);
  const portless = compileRoutes(routeTable({ name: 't', ignore_port_in_host_matching: true, virtual_hosts: [host('a', ['a.b'])] }));
  assert.equal(portless.virtualHost('a.b:8080')?.name, 'a');
});

test('routes: conditions', () => {
  const table = compileRoutes(
    routeTable({
      name: 't',
      virtual_hosts: [
        host(
          'all',
          ['*'],
          [
            to('jason', { prefix: '/', headers: [{ name: 'end-user', string_match: { exact: 'jason' } }] }),
            to('not-beta', { path: '/beta', headers: [{ name: 'x-beta', string_match: { exact: 'no' }, invert_match: true }] }),
            to('absent', { path: '/absent', headers: [{ name: 'x-a', present_match: true, invert_match: true }] }),
            to('range', { path: '/range', headers: [{ name: 'x-n', range_match: { start: 1, end: 5 } }] }),
            to('post', { prefix: '/m', headers: [{ name: ':method', string_match: { exact: 'POST' } }] }),
            to('query', { path: '/q', query_parameters: [{ name: 'v', string_match: { safe_regex: { regex: '[0-9]+' } } }] }),
            to('segment', { path_separated_prefix: '/api' }),
            to('case', { path: '/CASE', case_sensitive: false }),
            to('regex', { safe_regex: { regex: '/v[12]/.*' } }),
            to('grpc', { prefix: '/g', grpc: {} }),
            to('half', { prefix: '/half', runtime_fraction: { default_value: { numerator: 50 } } }),
            to('half-rest', { prefix: '/half' }),
          ],
        ),
      ],
    }),
  );
  const name = (path: string, headers = {}, method = 'GET', random = 0.1): string | undefined =>
    table.match(request(path, 'x', headers, method), () => random)?.config.name;
  assert.equal(name('/any', { 'end-user': 'jason' }), 'jason');
  assert.equal(name('/beta', { 'x-beta': 'yes' }), 'not-beta');
  assert.equal(name('/beta'), undefined, 'a missing header fails an inverted comparison too');
  assert.equal(name('/absent'), 'absent');
  assert.equal(name('/absent', { 'x-a': '' }), undefined);
  assert.equal(name('/range', { 'x-n': '4' }), 'range');
  assert.equal(name('/range', { 'x-n': '5' }), undefined);
  assert.equal(name('/m', {}, 'POST'), 'post');
  assert.equal(name('/q?a=1&v=42'), 'query');
  assert.equal(name('/q?v=x'), undefined);
  assert.equal(name('/api/x?y'), 'segment');
  assert.equal(name('/apiary'), undefined);
  assert.equal(name('/case?x=1'), 'case');
  assert.equal(name('/v2/a?b'), 'regex');
  assert.equal(name('/g', { 'content-type': 'application/grpc+proto' }), 'grpc');
  assert.equal(name('/g', { 'content-type': 'application/grpc-web' }), undefined);
  assert.equal(name('/half'), 'half');
  assert.equal(name('/half', {}, 'GET', 0.7), 'half-rest');
});

/** Ways to hold a header against a value; the index may use one of them only. */
const HEADER_FORMS = [
  (value: string) => ({ string_match: { exact: value } }),
  (value: string) => ({ string_match: { exact: value }, invert_match: true }),
  (value: string) => ({ string_match: { exact: value }, treat_missing_header_as_empty: true }),
  (value: string) => ({ string_match: { exact: value, ignore_case: true } }),
  (value: string) => ({ string_match: { prefix: value === '' ? '1' : value } }),
  () => ({ present_match: true }),
] as const;

const segment = fc.constantFrom('a', 'b', 'ab', 'A', '');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const matcher = fc.oneof(
  path.map((value) => ({ prefix: value })),
  path.map((value) => ({ path: value })),
  path.map((value) => ({ prefix: value, case_sensitive: false })),
  path.filter((value) => !value.endsWith('/')).map((value) => ({ path_separated_prefix: value })),
  path.chain((value) => fc.constantFrom('.*', '/?', '|/b.*', '*', '/[ab]', '').map((tail) => ({ safe_regex: { regex: value + tail } }))),
);

const headerMatcher = fc
  .tuple(fc.constantFrom('x-a', 'x-b', ':method', 'host'), fc.constantFrom('1', '2', 'GET', 'a,b', ''), fc.constantFrom(...HEADER_FORMS))
  .map(([name, value, form]) => ({ name, ...form(value) }));
const conditions = fc.record({ headers: fc.array(headerMatcher, { maxLength: 2 }) });
const routes = fc.array(
  fc.tuple(matcher, fc.option(conditions, { nil: {} })).map(([match, more]) => ({ ...match, ...more })),
  { minLength: 9, maxLength: 40 },
);
const lines = fc.array(fc.constantFrom('1', '2', 'a', 'b', 'a,b', ''), { maxLength: 14 });

/** A request whose headers have several lines. */
function linesRequest(target: string, headers: Readonly<Record<string, readonly string[]>>): RequestView {
  const of = (name: string): readonly string[] => headers[name] ?? [];
  return { ...request(target, 'a,b'), header: (name) => (of(name).length === 0 ? undefined : of(name).join(',')), values: of };
}

test('routes: the index finds what trying one by one finds', () => {
  fc.assert(
    fc.property(routes, fc.array(fc.tuple(path, lines, lines), { minLength: 1, maxLength: 20 }), (matches, requests) => {
      const config = routeTable({
        name: 't',
        virtual_hosts: [
          host(
            'v',
            ['*'],
            matches.map((match, index) => to(`r${index}`, match)),
          ),
        ],
      });
      const table = compileRoutes(config);
      const naive = config.virtualHosts[0]?.routes.map((route) => ({ route, matches: compileMatch(route.match) })) ?? [];
      for (const [target, a, b] of requests) {
        const asked = linesRequest(target, { 'x-a': a, 'x-b': b });
        const expected = naive.find((item) => item.matches(asked, pathOf(target), () => 0))?.route.name;
        assert.equal(table.match(asked, () => 0)?.config.name, expected, target);
      }
    }),
    { numRuns: 300 },
  );
});

test('routes: of ten thousand, few are asked', () => {
  const name = (at: number): object =>
    at % 3 === 0
      ? { prefix: `/api/v1/service${at}/` }
      : at % 3 === 1
        ? { prefix: '/', headers: [{ name: 'x-canary', string_match: { exact: `v${at}` } }] }
        : { path: `/users/${at}` };
  const table = compileRoutes(
    routeTable({
      name: 't',
      virtual_hosts: [host('v', ['*'], [...Array.from({ length: 10_000 }, (_, at) => to(`r${at}`, name(at))), to('rest', { prefix: '/' })])],
    }),
  );
  let asked = 0;
  const find = (target: string, canary?: string): string | undefined =>
    table.match({ ...request(target), header: () => (asked++, canary) }, () => 0)?.config.name;
  assert.deepEqual(
    [find('/api/v1/service9999/x'), find('/users/2'), find('/', 'v9997'), find('/users/2', 'v1'), find('/none')],
    ['r9999', 'r2', 'r9997', 'r1', 'rest'],
  );
  assert.ok(asked < 20, `${asked} headers looked at`);
});

function forward(route: object, match: object = { prefix: '/api/' }, table: object = {}): CompiledForward {
  const config = routeTable({ name: 't', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match, route }], ...table }] });
  const compiled = compileRoutes(config).match(request('/api/x'), () => 0);
  if (compiled?.action.t !== 'forward') throw new Error('expected a forwarding route');
  return compiled.action;
}

test('weights, and rewrites of path and host', () => {
  const weighted = forward({
    weighted_clusters: {
      clusters: [
        { name: 'a', weight: 1 },
        { name: 'b', weight: 3, host_rewrite_literal: 'b.local' },
        { name: 'c', weight: 0 },
      ],
    },
  });
  const random = sequence();
  const counts: Record<string, number> = {};
  for (let at = 0; at < 8000; at++) {
    const { cluster } = weighted.pickCluster(request('/'), random());
    counts[cluster] = (counts[cluster] ?? 0) + 1;
  }
  assert.ok(Math.abs((counts['a'] ?? 0) - 2000) < 200, JSON.stringify(counts));
  assert.equal(counts['c'], undefined);
  assert.equal(weighted.rewriteHost(request('/'), weighted.pickCluster(request('/'), 0.9), ''), 'b.local');

  const target = (route: object, match?: object, sent = '/api/x?y=1'): string =>
    forward({ cluster: 'c', ...route }, match).rewritePath(request(sent));
  assert.equal(target({ prefix_rewrite: '/' }), '/x?y=1');
  assert.equal(target({ prefix_rewrite: '/new' }, { path: '/api/x' }), '/new?y=1');
  assert.equal(target({ regex_rewrite: { pattern: { regex: '^/api/(.*)$' }, substitution: '/v2/\\1' } }), '/v2/x?y=1');
  const byHeader = forward({ cluster_header: 'x-to' });
  assert.equal(byHeader.pickCluster(request('/', 'a', { 'x-to': 'c7' }), 0).cluster, 'c7');
  const auto = forward({ cluster: 'c', auto_host_rewrite: true });
  assert.equal(auto.rewriteHost(request('/'), auto.pickCluster(request('/'), 0), 'db.example.com'), 'db.example.com');
});

test('header operations: cluster, route, virtual host, table; removal first', () => {
  const add = (name: string, value: string, more: object = {}): object => ({
    header: { key: name, value },
    append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
    ...more,
  });
  const config = routeTable({
    name: 't',
    request_headers_to_add: [add('x-who', 'table')],
    virtual_hosts: [
      {
        name: 'v',
        domains: ['*'],
        request_headers_to_remove: ['x-gone'],
        routes: [
          {
            match: { prefix: '/' },
            route: { cluster: 'c' },
            request_headers_to_add: [add('x-who', 'route'), add('X-Gone', 'soon'), add('x-proto', '%PROTOCOL%')],
          },
        ],
      },
    ],
  });
  const action = compileRoutes(config).match(request('/'), () => 0)?.action;
  assert.ok(action?.t === 'forward');
  const { requestHeaders } = action.pickCluster(request('/'), 0);
  const source = { format: () => 'HTTP/1.1' };
  assert.deepEqual(requestHeaders.remove, ['x-gone']);
  assert.deepEqual(
    requestHeaders.set.map((header) => [header.name, header.value(source), header.constant]),
    [
      ['x-who', 'route', 'route'],
      ['x-proto', 'HTTP/1.1', undefined],
      ['x-who', 'table', 'table'],
    ],
  );
});

test('redirects', () => {
  const locate = (redirect: object, target = '/api/x?y=1', authority = 'host:80'): string => {
    const config = routeTable({ name: 't', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/api' }, redirect }] }] });
    const action = compileRoutes(config).match(request(target, authority), () => 0)?.action;
    if (action?.t !== 'redirect') throw new Error('expected a redirect');
    const { status, location } = action.locate(request(target, authority));
    return `${status} ${location}`;
  };
  assert.equal(locate({ https_redirect: true }), '301 https://host/api/x?y=1');
  assert.equal(locate({ https_redirect: true }, '/api', 'host:8080'), '301 https://host:8080/api');
  assert.equal(locate({ port_redirect: 8443, response_code: 'FOUND' }), '302 http://host:8443/api/x?y=1');
  assert.equal(locate({ host_redirect: 'other', path_redirect: '/new', strip_query: true }), '301 http://other/new');
  assert.equal(locate({ prefix_rewrite: '/v2', response_code: 'PERMANENT_REDIRECT' }), '308 http://host:80/v2/x?y=1');
  assert.equal(locate({ path_redirect: '/new?z=2' }), '301 http://host:80/new?z=2');
});
