import { defineCase, type ParityCase } from '../define.ts';
import { direct, http1, to } from '../resources.ts';
import { http, type Http1Request } from '../steps.ts';

/** A forwarding action and what the backend gets for a path. */
function rewrite(name: string, match: object, action: object, asked: Readonly<Record<string, string>>): ParityCase {
  return defineCase({
    name,
    resources: (c) => http1(c, [to(c, 'main', match, action)]),
    steps: Object.entries(asked).map(([path, target]) =>
      http(path, { status: 200, backend: { target, headers: { 'x-envoy-original-path': path } } }),
    ),
    log: Object.keys(asked).map((path) => ({ path })),
  });
}

/** A redirect and where it leads. */
function redirect(
  name: string,
  action: object,
  asked: readonly (readonly [request: string | Http1Request, location: string])[],
  match: object = { prefix: '/' },
  status = 301,
): ParityCase {
  return defineCase({
    name,
    resources: (c) => http1(c, [{ match, redirect: action }]),
    steps: asked.map(([request, location]) => http(request, { status, body: '', headers: { location } })),
  });
}

/** A host rewrite and what the backend gets. */
function host(name: string, action: object, request: string | Http1Request, expected: string): ParityCase {
  return defineCase({
    name,
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/' }, action)]),
    steps: [http(request, { status: 200, backend: { headers: { host: expected } } })],
  });
}

/** Rewrites, redirects and direct responses. */
export const cases = [
  rewrite(
    'a prefix is rewritten',
    { prefix: '/old' },
    { prefix_rewrite: '/new' },
    { '/old': '/new', '/old/x?y=1': '/new/x?y=1', '/older': '/newer' },
  ),
  rewrite('a prefix rewritten to / leaves two slashes, as asked for', { prefix: '/old' }, { prefix_rewrite: '/' }, { '/old/x': '//x', '/old': '/' }),
  rewrite('a prefix with its slash rewritten to /', { prefix: '/old/' }, { prefix_rewrite: '/' }, { '/old/x': '/x' }),
  rewrite('an exact path is rewritten whole', { path: '/old' }, { prefix_rewrite: '/new' }, { '/old?x=1': '/new?x=1' }),
  rewrite(
    'a path_separated_prefix is rewritten',
    { path_separated_prefix: '/old' },
    { prefix_rewrite: '/new' },
    { '/old': '/new', '/old/x': '/new/x' },
  ),
  rewrite(
    'a prefix in another case is rewritten by its length',
    { prefix: '/OLD', case_sensitive: false },
    { prefix_rewrite: '/new' },
    { '/old/x': '/new/x' },
  ),
  rewrite(
    'a regular expression rewrites by groups',
    { prefix: '/' },
    { regex_rewrite: { pattern: { regex: '^/service/([^/]+)(/.*)$' }, substitution: '\\2/instance/\\1' } },
    { '/service/foo/v1/api': '/v1/api/instance/foo', '/other': '/other' },
  ),
  rewrite(
    'a regular expression replaces every occurrence and spares the query',
    { prefix: '/' },
    { regex_rewrite: { pattern: { regex: 'one' }, substitution: 'two' } },
    { '/xxx/one/yyy/one/zzz?one=one': '/xxx/two/yyy/two/zzz?one=one' },
  ),
  rewrite(
    'a regular expression in any case with an escaped backslash',
    { prefix: '/' },
    { regex_rewrite: { pattern: { regex: '(?i)/xxx/' }, substitution: '/yyy/' } },
    { '/aaa/XxX/bbb': '/aaa/yyy/bbb' },
  ),
  host('a host is rewritten to a text', { host_rewrite_literal: 'new.example' }, '/', 'new.example'),
  host('a host is rewritten to a header', { host_rewrite_header: 'x-host' }, { headers: { 'x-host': 'header.example' } }, 'header.example'),
  host('a host stays when the header is missing', { host_rewrite_header: 'x-host' }, '/', 'test.example'),
  host(
    'a host is rewritten from the path',
    { host_rewrite_path_regex: { pattern: { regex: '^/(.+)/.+$' }, substitution: '\\1' } },
    '/from.path/x',
    'from.path',
  ),
  defineCase({
    name: 'append_x_forwarded_host keeps the old host',
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/' }, { host_rewrite_literal: 'new.example', append_x_forwarded_host: true })]),
    steps: [
      http('/', { backend: { headers: { host: 'new.example', 'x-forwarded-host': 'test.example' } } }),
      http({ headers: { 'x-forwarded-host': 'first.example' } }, { backend: { headers: { 'x-forwarded-host': 'first.example,test.example' } } }),
    ],
  }),
  // Redirects.
  redirect('to another path', { path_redirect: '/new' }, [
    ['/old', 'http://test.example/new'],
    ['/old?x=1', 'http://test.example/new?x=1'],
  ]),
  redirect('to a path with a query of its own', { path_redirect: '/new?a=b' }, [['/old?x=1', 'http://test.example/new?a=b']]),
  redirect('to another path without the query', { path_redirect: '/new', strip_query: true }, [['/old?x=1', 'http://test.example/new']]),
  redirect('to another host', { host_redirect: 'new.example' }, [['/x?y=1', 'http://new.example/x?y=1']]),
  redirect('to https', { https_redirect: true }, [
    ['/x', 'https://test.example/x'],
    [{ path: '/x', host: 'test.example:80' }, 'https://test.example/x'],
    [{ path: '/x', host: 'test.example:8080' }, 'https://test.example:8080/x'],
  ]),
  redirect('to another scheme', { scheme_redirect: 'https' }, [['/x', 'https://test.example/x']]),
  redirect('to another port', { port_redirect: 8443 }, [
    ['/x', 'http://test.example:8443/x'],
    [{ path: '/x', host: 'test.example:80' }, 'http://test.example:8443/x'],
  ]),
  redirect('with a rewritten prefix', { prefix_rewrite: '/new' }, [['/old/x?y=1', 'http://test.example/new/x?y=1']], { prefix: '/old' }),
  redirect(
    'with a regular expression',
    { regex_rewrite: { pattern: { regex: '^/old/(\\w+)' }, substitution: '/new/\\1/x' } },
    [['/old/a?b', 'http://test.example/new/a/x?b']],
    { prefix: '/old' },
  ),
  ...(
    [
      ['FOUND', 302],
      ['SEE_OTHER', 303],
      ['TEMPORARY_REDIRECT', 307],
      ['PERMANENT_REDIRECT', 308],
    ] as const
  ).map(([code, status]) =>
    redirect(`answered with ${status}`, { path_redirect: '/new', response_code: code }, [['/', 'http://test.example/new']], { prefix: '/' }, status),
  ),
  defineCase({
    name: 'a redirect keeps the scheme that an inner proxy tells',
    resources: (c) => http1(c, [{ match: { prefix: '/' }, redirect: { path_redirect: '/new' } }]),
    steps: [http({ headers: { 'x-forwarded-proto': 'https' } }, { status: 301, headers: { location: 'https://test.example/new' } })],
  }),
  // Direct responses.
  defineCase({
    name: 'a direct response has status and body',
    resources: (c) => http1(c, [direct('gone', { prefix: '/' }, {}, 410)]),
    steps: [http('/', { status: 410, body: 'gone', headers: { 'content-type': 'text/plain', 'content-length': '4' }, connection: 'open' })],
    log: [{ code: 410, details: 'direct_response', flags: '-', sent: 4 }],
  }),
  defineCase({
    name: 'a direct response without a body',
    resources: (c) => http1(c, [{ match: { prefix: '/' }, direct_response: { status: 204 } }]),
    steps: [http('/', { status: 204, body: '', connection: 'open' })],
  }),
  defineCase({
    name: 'a direct response to HEAD has no body',
    resources: (c) => http1(c, [direct('text')]),
    steps: [http({ method: 'HEAD' }, { status: 200, body: '', connection: 'open' })],
  }),
  defineCase({
    name: 'a direct response does not wait for the body',
    resources: (c) => http1(c, [direct('text')]),
    steps: [http({ method: 'POST', body: 'abc' }, { status: 200, body: 'text' })],
  }),
];
