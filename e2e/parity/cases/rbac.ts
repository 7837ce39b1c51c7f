import { defineCase, type ParityCase } from '../define.ts';
import { chain, filter, filtered } from '../filters.ts';
import { ANY, deny, denyBy, header, PASSED, path, policy, rbac, REFUSED, withHeader } from '../rbac.ts';
import { any, http1, to } from '../resources.ts';
import { http, type Http1Request } from '../steps.ts';

/** A policy that denies, asked twice: what it is for, and what it is not for. */
function denies(name: string, permission: object, hit: string | Http1Request, miss: string | Http1Request, principal: object = ANY): ParityCase {
  return defineCase({
    name,
    resources: (c) => filtered(c, [deny(permission, principal)]),
    steps: [http(hit, REFUSED), http(miss, PASSED)],
  });
}

const template = (text: string): object => ({
  uri_template: { name: 't', typed_config: any('path.match.uri_template.v3.UriTemplateMatchConfig', { path_template: text }) },
});

const MULTI_RULES: readonly (readonly [string, object])[] = [
  ['/exact', { string_match: { exact: 'admin' } }],
  ['/joined', { string_match: { exact: 'guest,admin' } }],
  ['/inverted', { string_match: { exact: 'admin' }, invert_match: true }],
  ['/inverted-other', { string_match: { exact: 'nobody' }, invert_match: true }],
  ['/prefix', { string_match: { prefix: 'ad' } }],
  ['/contains', { string_match: { contains: 't,a' } }],
  ['/regex', { string_match: { safe_regex: { regex: 'admin' } } }],
  ['/regex-joined', { string_match: { safe_regex: { regex: 'guest.*' } } }],
  ['/present', { present_match: true }],
  ['/absent', { present_match: false }],
];

/** Access control of requests: which of them a policy means. (By who calls: rbac-peers; on which routes, and on trial: rbac-routes.) */
export const cases = [
  defineCase({
    name: 'without a policy nothing is allowed',
    resources: (c) => filtered(c, [rbac({ rules: {} })]),
    steps: [http('/', { ...REFUSED, headers: { 'content-type': 'text/plain', 'content-length': '19' } })],
    log: [{ code: 403, flags: '-', details: 'rbac_access_denied_matched_policy[none]' }],
  }),
  defineCase({ name: 'without rules everything passes', resources: (c) => filtered(c, [rbac({})]), steps: [http('/', PASSED)] }),
  defineCase({
    name: 'one policy of several allows',
    resources: (c) => filtered(c, [rbac({ rules: { policies: { a: policy(path({ exact: '/a' })), b: policy(path({ prefix: '/b' })) } } })]),
    steps: [http('/a', PASSED), http('/b/c', PASSED), http('/c', REFUSED)],
    log: [{ code: 200 }, { code: 200 }, { details: 'rbac_access_denied_matched_policy[none]' }],
  }),
  defineCase({
    name: 'the first policy by name is the one that is told of',
    resources: (c) => filtered(c, [denyBy({ zulu: policy(ANY), 'alpha one': policy(ANY), bravo: policy(ANY) })]),
    steps: [http('/', REFUSED)],
    log: [{ details: 'rbac_access_denied_matched_policy[alpha_one]' }],
  }),
  defineCase({
    name: 'a policy needs one permission and one principal',
    resources: (c) =>
      filtered(c, [
        denyBy({
          p: {
            permissions: [path({ exact: '/a' }), path({ exact: '/b' })],
            principals: [header('x', { string_match: { exact: '1' } }), header('x', { string_match: { exact: '2' } })],
          },
        }),
      ]),
    steps: [
      http({ path: '/b', ...withHeader('x', '2') }, REFUSED),
      http({ path: '/b', ...withHeader('x', '3') }, PASSED),
      http({ path: '/c', ...withHeader('x', '1') }, PASSED),
    ],
  }),
  denies('an exact path does not look at the query', path({ exact: '/admin' }), '/admin?x=1', '/admin/x'),
  denies('a path by prefix', path({ prefix: '/admin' }), '/admin/users', '/user/admin'),
  denies('a path by suffix', path({ suffix: '.secret' }), '/a.secret?x', '/a?x=.secret'),
  denies('a path by part', path({ contains: 'mid' }), '/a/mid/b', '/a/b'),
  denies('a path in any case', path({ exact: '/Admin', ignore_case: true }), '/aDMIN', '/admins'),
  denies('a path by regular expression is matched whole', path({ safe_regex: { regex: '/a[0-9]+' } }), '/a12', '/a12/b'),
  denies('a template takes one segment', template('/a/*/c'), '/a/b/c?d', '/a/b/b/c'),
  denies('a template takes the rest', template('/a/**'), '/a/b/c', '/ab/c'),
  denies('a template with a name', template('/a/{id}/c'), '/a/1/c', '/a//c'),
  denies('a template takes an escape', template('/a/*'), '/a/b%20c', '/a/b/'),
  denies('a method', header(':method', { string_match: { exact: 'DELETE' } }), { method: 'DELETE' }, { method: 'POST', body: 'x' }),
  denies('an authority', header(':authority', { string_match: { exact: 'secret.test' } }), { host: 'secret.test' }, { host: 'open.test' }),
  denies('a header that is there', header('x-a', { present_match: true }), withHeader('x-a', ''), '/'),
  denies('a header that is not there', header('x-a', { present_match: false }), '/', withHeader('x-a', '1')),
  denies('a header inverted', header('x-a', { string_match: { exact: '1' }, invert_match: true }), withHeader('x-a', '2'), withHeader('x-a', '1')),
  denies('a header as a number', header('x-a', { range_match: { start: 1, end: 10 } }), withHeader('x-a', '9'), withHeader('x-a', '10')),
  denies('a header by prefix', header('x-a', { string_match: { prefix: 'Bearer ' } }), withHeader('x-a', 'Bearer x'), withHeader('x-a', 'Basic x')),
  denies('not', { not_rule: path({ prefix: '/open' }) }, '/closed', '/open/x'),
  denies('and', { and_rules: { rules: [path({ prefix: '/a' }), { not_rule: header('x', { present_match: true }) }] } }, '/a', {
    path: '/a',
    ...withHeader('x', '1'),
  }),
  denies('or', { or_rules: { rules: [path({ prefix: '/a' }), header('x', { present_match: true })] } }, withHeader('x', '1'), '/b'),
  denies('and, or and not of principals', ANY, withHeader('x', '1'), '/', {
    and_ids: {
      ids: [
        ANY,
        { or_ids: { ids: [header('x', { present_match: true }), header('y', { present_match: true })] } },
        { not_id: header('z', { present_match: true }) },
      ],
    },
  }),
  denies('a principal by path', ANY, '/a', '/b', path({ exact: '/a' })),
  defineCase({
    name: 'a header with several lines matches by each of them',
    resources: (c) => filtered(c, [deny(header('x-a', { string_match: { exact: 'admin' } }))]),
    steps: [
      http({ headers: [['x-a', 'admin']] }, REFUSED),
      http(
        {
          headers: [
            ['x-a', 'guest'],
            ['x-a', 'admin'],
          ],
        },
        {},
      ),
      http({ headers: [['x-a', 'guest']] }, PASSED),
    ],
  }),
  defineCase({
    name: 'a policy sees the path as the routes see it',
    resources: (c) => http1(c, [to(c, 'main')], { normalize_path: true, merge_slashes: true, ...chain(c, [deny(path({ prefix: '/admin' }))]) }),
    steps: [http('/x/../admin', REFUSED), http('//admin', REFUSED), http('/%61dmin', REFUSED), http('/a/admin', PASSED)],
  }),
  defineCase({
    name: 'a header of several lines, held against every kind of match',
    resources: (c) =>
      filtered(c, [
        denyBy(
          Object.fromEntries(MULTI_RULES.map(([at, match]) => [at, policy({ and_rules: { rules: [path({ exact: at }), header('x-a', match)] } })])),
        ),
      ]),
    steps: MULTI_RULES.map(([at]) =>
      http(
        {
          path: at,
          headers: [
            ['x-a', 'guest'],
            ['x-a', 'admin'],
          ],
        },
        {},
      ),
    ),
  }),
  defineCase({
    name: 'metadata of a filter before',
    resources: (c) =>
      filtered(c, [
        filter('meta', 'filters.http.set_metadata.v3.Config', {
          metadata: [{ metadata_namespace: 'ns', value: { user: { name: 'ann', groups: ['a', 'b'] }, level: 3 } }],
        }),
        denyBy(
          Object.fromEntries(
            METADATA_RULES.map(([at, keys, value]) => [
              at,
              policy({ and_rules: { rules: [path({ exact: at }), { metadata: { filter: 'ns', path: keys.map((key) => ({ key })), value } }] } }),
            ]),
          ),
        ),
      ]),
    steps: [
      http('/name', REFUSED),
      http('/group', REFUSED),
      http('/level', REFUSED),
      http('/other', PASSED),
      http('/nothing', PASSED),
      http('/present', REFUSED),
    ],
  }),
];

const METADATA_RULES: readonly (readonly [string, readonly string[], object])[] = [
  ['/name', ['user', 'name'], { string_match: { exact: 'ann' } }],
  ['/group', ['user', 'groups'], { list_match: { one_of: { string_match: { exact: 'b' } } } }],
  ['/level', ['level'], { double_match: { range: { start: 2, end: 4 } } }],
  ['/other', ['user', 'name'], { string_match: { exact: 'bob' } }],
  ['/nothing', ['user', 'age'], { present_match: true }],
  ['/present', ['user', 'name'], { present_match: true }],
];
