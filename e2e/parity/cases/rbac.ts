import { defineCase, type ParityCase } from '../define.ts';
import { chain, DISABLED, filter, filtered, settings } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, direct, hcm, http1, listener, serverTls, tcpProxy, TLS_INSPECTOR, to, type Resources } from '../resources.ts';
import { http, push, raw, tcp, type Http1Request, type Step } from '../steps.ts';

const TYPE = 'filters.http.rbac.v3.RBAC';
const ANY = { any: true };

const rbac = (config: object): object => filter('rbac', TYPE, config);
const policy = (permission: object, principal: object = ANY): object => ({ permissions: [permission], principals: [principal] });
const deny = (permission: object, principal: object = ANY): object =>
  rbac({ rules: { action: 'DENY', policies: { p: policy(permission, principal) } } });
const perRoute = (config: object): object => any('filters.http.rbac.v3.RBACPerRoute', config);

const REFUSED = { status: 403, body: 'RBAC: access denied', backend: null } as const;
const PASSED = { status: 200 } as const;

/** A policy that denies, asked twice: what it is for, and what it is not for. */
function denies(name: string, permission: object, hit: string | Http1Request, miss: string | Http1Request, principal: object = ANY): ParityCase {
  return defineCase({
    name,
    resources: (c) => filtered(c, [deny(permission, principal)]),
    steps: [http(hit, REFUSED), http(miss, PASSED)],
  });
}

const header = (name: string, match: object): object => ({ header: { name, ...match } });
const path = (match: object): object => ({ url_path: { path: match } });
const template = (text: string): object => ({
  uri_template: { name: 't', typed_config: any('path.match.uri_template.v3.UriTemplateMatchConfig', { path_template: text }) },
});
const withHeader = (name: string, value: string): Http1Request => ({ headers: { [name]: value } });

/** A TLS listener that asks for client certificates, with filters before the router. */
function mutual(c: CaseContext, filters: readonly object[]): Resources {
  const resources = filtered(c, filters);
  const [plain] = resources.listeners as readonly { readonly filter_chains: readonly { readonly filters: readonly object[] }[] }[];
  const tls = { filters: plain?.filter_chains[0]?.filters, transport_socket: serverTls(c, 'server', { mutual: true }) };
  return { ...resources, listeners: [listener(c, [], { listener_filters: [TLS_INSPECTOR], filter_chains: [tls] })] };
}

const asClient = { tls: { identity: 'client', sni: 'server.test' } } as const;
const asGuest = { tls: { identity: 'guest', sni: 'other.test' } } as const;
const named = (match: object): object => ({ authenticated: { principal_name: match } });

/** Who is refused over mutual TLS: the client is, the guest is not. */
function deniesPeer(name: string, principal: object, permission: object = ANY): ParityCase {
  return defineCase({
    name,
    resources: (c) => mutual(c, [deny(permission, principal)]),
    steps: [http('/', REFUSED, asClient), http('/', PASSED, asGuest)],
  });
}

const network = (config: object): object => ({
  name: 'rbac',
  typed_config: any('filters.network.rbac.v3.RBAC', { stat_prefix: 'tcp.', ...config }),
});

function tcpCase(name: string, config: object, step: Step): ParityCase {
  return defineCase({
    name,
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: (c) => ({ listeners: [listener(c, [network(config), tcpProxy(c, 'main')])], clusters: [cluster(c, 'main')] }),
    steps: [step],
  });
}

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

/** Role-based access control of requests and connections. */
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
    resources: (c) =>
      filtered(c, [rbac({ rules: { action: 'DENY', policies: { zulu: policy(ANY), 'alpha one': policy(ANY), bravo: policy(ANY) } } })]),
    steps: [http('/', REFUSED)],
    log: [{ details: 'rbac_access_denied_matched_policy[alpha_one]' }],
  }),
  defineCase({
    name: 'a policy needs one permission and one principal',
    resources: (c) =>
      filtered(c, [
        rbac({
          rules: {
            action: 'DENY',
            policies: {
              p: {
                permissions: [path({ exact: '/a' }), path({ exact: '/b' })],
                principals: [header('x', { string_match: { exact: '1' } }), header('x', { string_match: { exact: '2' } })],
              },
            },
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
    name: 'the address of the peer, and the one that x-forwarded-for names',
    resources: (c) =>
      http1(c, [to(c, 'main')], {
        xff_num_trusted_hops: 0,
        ...chain(c, [
          rbac({
            rules: {
              action: 'DENY',
              policies: {
                client: policy(path({ exact: '/client' }), { remote_ip: { address_prefix: '10.1.0.0', prefix_len: 16 } }),
                peer: policy(path({ exact: '/peer' }), { direct_remote_ip: { address_prefix: '10.1.0.0', prefix_len: 16 } }),
              },
            },
          }),
        ]),
      }),
    steps: [
      http({ path: '/client', ...withHeader('x-forwarded-for', '10.2.0.1, 10.1.2.3') }, REFUSED),
      http({ path: '/client', ...withHeader('x-forwarded-for', '10.1.2.3, 10.2.0.1') }, PASSED),
      http({ path: '/peer', ...withHeader('x-forwarded-for', '10.1.2.3') }, PASSED),
      http({ path: '/client', ...withHeader('x-forwarded-for', 'nobody') }, PASSED),
    ],
  }),
  defineCase({
    name: 'the address of a peer',
    resources: (c) => filtered(c, [deny(ANY, { direct_remote_ip: { address_prefix: '127.0.0.9', prefix_len: 32 } })]),
    steps: [http('/', REFUSED, { from: '127.0.0.9' }), http('/', PASSED, { from: '127.0.0.8' })],
  }),
  defineCase({
    name: 'the port and address that were called',
    resources: (c) =>
      filtered(c, [
        rbac({
          rules: {
            action: 'DENY',
            policies: {
              port: policy({ and_rules: { rules: [path({ exact: '/port' }), { destination_port: c.port() }] } }),
              range: policy({
                and_rules: { rules: [path({ exact: '/range' }), { destination_port_range: { start: c.port(), end: c.port() + 1 } }] },
              }),
              below: policy({ and_rules: { rules: [path({ exact: '/below' }), { destination_port_range: { start: 1, end: c.port() } }] } }),
              address: policy({
                and_rules: { rules: [path({ exact: '/address' }), { destination_ip: { address_prefix: c.address, prefix_len: 32 } }] },
              }),
            },
          },
        }),
      ]),
    steps: [http('/port', REFUSED), http('/range', REFUSED), http('/below', PASSED), http('/address', REFUSED)],
  }),
  deniesPeer('a peer by the URI of its certificate', named({ suffix: '/sa/client' })),
  deniesPeer('a peer by a DNS name of its certificate', named({ exact: 'client.test' })),
  deniesPeer('a peer by regular expression', named({ safe_regex: { regex: 'spiffe://parity.test/ns/.*/sa/client' } })),
  deniesPeer('a connection by its server name', ANY, { requested_server_name: { exact: 'server.test' } }),
  defineCase({
    name: 'any TLS peer is authenticated, a plain one is not',
    resources: (c) => mutual(c, [deny(ANY, { authenticated: {} })]),
    steps: [http('/', REFUSED, asClient)],
  }),
  defineCase({
    name: 'a plain peer is not authenticated',
    resources: (c) => filtered(c, [deny(ANY, { authenticated: {} })]),
    steps: [http('/', PASSED)],
  }),
  defineCase({
    name: 'a policy sees the path as the routes see it',
    resources: (c) => http1(c, [to(c, 'main')], { normalize_path: true, merge_slashes: true, ...chain(c, [deny(path({ prefix: '/admin' }))]) }),
    steps: [http('/x/../admin', REFUSED), http('//admin', REFUSED), http('/%61dmin', REFUSED), http('/a/admin', PASSED)],
  }),
  defineCase({
    name: 'a route has its own rules',
    resources: (c) =>
      filtered(
        c,
        [rbac({ rules: {} })],
        [
          to(
            c,
            'main',
            { prefix: '/own' },
            {},
            settings({ rbac: perRoute({ rbac: { rules: { policies: { p: policy(header('x', { present_match: true })) } } } }) }),
          ),
          to(c, 'main'),
        ],
      ),
    steps: [http({ path: '/own', ...withHeader('x', '1') }, PASSED), http('/own', REFUSED), http('/other', REFUSED)],
  }),
  defineCase({
    name: 'a route without rules lets pass',
    resources: (c) => filtered(c, [rbac({ rules: {} })], [to(c, 'main', { prefix: '/open' }, {}, settings({ rbac: perRoute({}) })), to(c, 'main')]),
    steps: [http('/open', PASSED), http('/other', REFUSED)],
  }),
  defineCase({
    name: 'a filter that is off on a route',
    resources: (c) => filtered(c, [rbac({ rules: {} })], [to(c, 'main', { prefix: '/open' }, {}, settings({ rbac: DISABLED })), to(c, 'main')]),
    steps: [http('/open', PASSED), http('/other', REFUSED)],
  }),
  defineCase({
    name: 'a filter that is off but for one route',
    resources: (c) =>
      filtered(
        c,
        [{ ...rbac({ rules: {} }), disabled: true }],
        [to(c, 'main', { prefix: '/closed' }, {}, settings({ rbac: perRoute({ rbac: { rules: {} } }) })), to(c, 'main')],
      ),
    steps: [http('/closed', REFUSED), http('/other', PASSED)],
  }),
  defineCase({
    name: 'a direct response and a request without a route are refused too',
    resources: (c) =>
      filtered(
        c,
        [deny(header('x', { present_match: true }))],
        [direct('here', { prefix: '/direct' }), { match: { prefix: '/moved' }, redirect: { path_redirect: '/new' } }],
      ),
    steps: [
      http({ path: '/direct', ...withHeader('x', '1') }, REFUSED),
      http({ path: '/moved', ...withHeader('x', '1') }, REFUSED),
      http({ path: '/nowhere', ...withHeader('x', '1') }, REFUSED),
      http('/direct', { status: 200, body: 'here' }),
      http('/nowhere', { status: 404 }),
    ],
  }),
  defineCase({
    name: 'rules on trial leave their result for the log',
    resources: (c) =>
      filtered(
        c,
        [rbac({ shadow_rules: { action: 'DENY', policies: { trial: policy(path({ prefix: '/a' })) } }, shadow_rules_stat_prefix: 'x_' })],
        undefined,
        {
          policy: '%DYNAMIC_METADATA(envoy.filters.http.rbac:x_shadow_effective_policy_id)%',
          result: '%DYNAMIC_METADATA(envoy.filters.http.rbac:x_shadow_engine_result)%',
        },
      ),
    steps: [http('/a', PASSED), http('/b', PASSED)],
    log: [
      { policy: 'trial', result: 'denied' },
      { policy: null, result: 'allowed' },
    ],
  }),
  defineCase({
    name: 'what an enforced policy leaves for the log',
    resources: (c) =>
      filtered(c, [rbac({ rules: { policies: { open: policy(path({ prefix: '/a' })) } }, rules_stat_prefix: 'mine_' })], undefined, {
        all: '%DYNAMIC_METADATA(envoy.filters.http.rbac)%',
      }),
    steps: [http('/a', PASSED), http('/b', REFUSED)],
  }),
  defineCase({
    name: 'a header of several lines, held against every kind of match',
    resources: (c) =>
      filtered(c, [
        rbac({
          rules: {
            action: 'DENY',
            policies: Object.fromEntries(
              MULTI_RULES.map(([at, match]) => [at, policy({ and_rules: { rules: [path({ exact: at }), header('x-a', match)] } })]),
            ),
          },
        }),
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
    name: 'LOG lets everything pass and says what matched',
    resources: (c) =>
      filtered(c, [rbac({ rules: { action: 'LOG', policies: { p: policy(path({ prefix: '/a' })) } } })], undefined, {
        hint: '%DYNAMIC_METADATA(envoy.common:access_log_hint)%',
      }),
    steps: [http('/a', PASSED), http('/b', PASSED)],
    log: [{ hint: true }, { hint: false }],
  }),
  defineCase({
    name: 'metadata of a filter before',
    resources: (c) =>
      filtered(c, [
        filter('meta', 'filters.http.set_metadata.v3.Config', {
          metadata: [{ metadata_namespace: 'ns', value: { user: { name: 'ann', groups: ['a', 'b'] }, level: 3 } }],
        }),
        rbac({
          rules: {
            action: 'DENY',
            policies: Object.fromEntries(
              METADATA_RULES.map(([at, keys, value]) => [
                at,
                policy({ and_rules: { rules: [path({ exact: at }), { metadata: { filter: 'ns', path: keys.map((key) => ({ key })), value } }] } }),
              ]),
            ),
          },
        }),
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
  tcpCase('a connection that a policy allows', { rules: { policies: { p: policy(ANY) } } }, tcp('hello', { received: 'hello' }, { until: 'hello' })),
  tcpCase('a connection on trial', { shadow_rules: {} }, tcp('hello', { received: 'hello' }, { until: 'hello' })),
  defineCase({
    name: 'a connection has no headers to be asked for',
    steps: [
      push(
        (c) => ({
          listeners: [
            listener(c, [network({ rules: { policies: { p: policy(header('x', { present_match: true })) } } }), tcpProxy(c, 'main')], {}, 'bad'),
          ],
        }),
        { verdict: 'nack' },
      ),
    ],
  }),
  defineCase({
    name: 'a connection is refused by its address, before it can ask anything',
    resources: (c) => ({
      listeners: [
        listener(c, [
          network({ rules: { action: 'DENY', policies: { p: policy(ANY, { direct_remote_ip: { address_prefix: '127.0.0.7', prefix_len: 32 } }) } } }),
          hcm(c, [to(c, 'main')]),
        ]),
      ],
      clusters: [cluster(c, 'main')],
    }),
    steps: [
      http('/', PASSED),
      raw('GET / HTTP/1.1\r\nhost: a\r\n\r\n', { responses: [], connection: 'ended', backend: null }, { from: '127.0.0.7' }),
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
