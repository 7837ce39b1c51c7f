/** Routes by the client's certificate, by what filters have left, and by templates of paths. */
import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, direct, hcm, http1, listener, ROUTER, serverTls, to, type Resources } from '../resources.ts';
import { http } from '../steps.ts';

const byCertificate = (c: CaseContext, criteria: object): Resources => {
  const routes = [direct('certificate', { prefix: '/', tls_context: criteria }), direct('other')];
  const chain = {
    transport_socket: serverTls(c, 'server', { mutual: true, more: { require_client_certificate: false } }),
    filters: [hcm(c, routes)],
  };
  return { listeners: [listener(c, [], { filter_chains: [chain] }), { ...listener(c, [hcm(c, routes)], {}, 'plain') }] };
};

const asked = (name: string, criteria: object, [withOne, without, plain]: readonly [boolean, boolean, boolean]): ParityCase => {
  const body = (matches: boolean): string => (matches ? 'certificate' : 'other');
  return defineCase({
    name,
    resources: (c) => byCertificate(c, criteria),
    steps: [
      http('/', { status: 200, body: body(withOne) }, { tls: { identity: 'client' } }),
      http('/', { status: 200, body: body(without) }, { tls: {} }),
      http('/', { status: 200, body: body(plain) }, { port: 'plain' }),
    ],
  });
};

const left = (value: object): object => ({
  name: 'left',
  typed_config: any('filters.http.set_metadata.v3.Config', { metadata: [{ metadata_namespace: 'test', value }] }),
});

/** A filter leaves a value. */
const byMetadata = (name: string, value: object, matcher: object, matches: boolean): ParityCase =>
  defineCase({
    name,
    resources: (c) => {
      const filters = [left(value), ROUTER];
      return http1(c, [direct('matched', { prefix: '/', dynamic_metadata: [{ filter: 'test', ...matcher }] }), direct('other')], {
        http_filters: filters,
      });
    },
    steps: [http('/', { status: 200, body: matches ? 'matched' : 'other' })],
  });

const template = (pattern: string, rewrite?: string): readonly [object, object] => [
  { path_match_policy: { name: 'm', typed_config: any('path.match.uri_template.v3.UriTemplateMatchConfig', { path_template: pattern }) } },
  rewrite === undefined
    ? {}
    : {
        path_rewrite_policy: {
          name: 'r',
          typed_config: any('path.rewrite.uri_template.v3.UriTemplateRewriteConfig', { path_template_rewrite: rewrite }),
        },
      },
];

const templated = (pattern: string, rewrite: string | undefined, paths: readonly (readonly [path: string, target: string | null])[]): ParityCase =>
  defineCase({
    name: `template ${pattern}${rewrite === undefined ? '' : ` to ${rewrite}`}`,
    resources: (c) => {
      const [match, action] = template(pattern, rewrite);
      return http1(c, [to(c, 'main', match, action), direct('none', undefined, {}, 404)]);
    },
    steps: paths.map(([path, target]) =>
      target === null ? http(path, { status: 404, body: 'none' }) : http(path, { status: 200, backend: { target } }),
    ),
  });

export const cases = [
  asked('a certificate was shown', { presented: true }, [true, false, false]),
  asked('no certificate was shown', { presented: false }, [false, true, true]),
  asked('a certificate was shown and is valid', { presented: true, validated: true }, [true, false, false]),
  asked('no valid certificate', { validated: false }, [false, true, true]),
  byMetadata(
    'what a filter leaves comes after the choice of the route',
    { a: 'b' },
    { path: [{ key: 'a' }], value: { string_match: { exact: 'b' } } },
    false,
  ),
  byMetadata('nothing is there, inverted', { a: 'c' }, { path: [{ key: 'a' }], value: { string_match: { exact: 'b' } }, invert: true }, true),
  templated('/users/{name}', undefined, [
    ['/users/ann', '/users/ann'],
    ['/users/ann?x=1', '/users/ann?x=1'],
    ['/users/ann/more', null],
    ['/users/', null],
  ]),
  templated('/a/*/c', undefined, [
    ['/a/b/c', '/a/b/c'],
    ['/a/b/b/c', null],
  ]),
  templated('/files/**', undefined, [
    ['/files/a/b', '/files/a/b'],
    ['/filesx', null],
  ]),
  templated('/{lang}/{path=**}', '/{path}/in/{lang}', [
    ['/de/a/b', '/a/b/in/de'],
    ['/de/a?q=1', '/a/in/de?q=1'],
  ]),
  templated('/v/{version=*}/x', '/x-{version}', [['/v/2/x', '/x-2']]),
];
