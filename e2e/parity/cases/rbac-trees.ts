import { defineCase, type ParityCase } from '../define.ts';
import { filter, filtered } from '../filters.ts';
import { any, cluster, direct, hcm, listener, ROUTER } from '../resources.ts';
import { http, push, raw, type Step } from '../steps.ts';

const header = (name: string): object => ({ name, typed_config: any('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: name }) });
const network = (name: string): object => ({ name, typed_config: any(`matching.common_inputs.network.v3.${name}Input`) });
const leaf = (name: string, action = 'ALLOW'): object => ({ action: { name, typed_config: any('envoy.config.rbac.v3.Action', { name, action }) } });
const tree = (input: object, map: object, more: object = {}): object => ({ matcher_tree: { input, exact_match_map: { map } }, ...more });
const range = (address_prefix: string, prefix_len: number): object => ({ ranges: [{ address_prefix, prefix_len }] });

const REFUSED = { status: 403, body: 'RBAC: access denied' } as const;
const as = (role: string): { headers: Readonly<Record<string, string>> } => ({ headers: { 'x-role': role } });

function requests(name: string, config: object, steps: readonly Step[], log?: ParityCase['log']): ParityCase {
  return defineCase({
    name,
    resources: (c) => filtered(c, [filter('rbac', 'filters.http.rbac.v3.RBAC', config)]),
    steps,
    ...(log === undefined ? {} : { log }),
  });
}

function connections(name: string, matcher: object, steps: readonly Step[]): ParityCase {
  return defineCase({
    name,
    resources: (c) => {
      const rbac = { name: 'rbac', typed_config: any('filters.network.rbac.v3.RBAC', { stat_prefix: c.id, matcher }) };
      return { listeners: [listener(c, [rbac, hcm(c, [direct('served')])])], clusters: [cluster(c, 'main')] };
    },
    steps,
  });
}

const ROLES = tree(header('x-role'), { admin: leaf('admins'), guest: leaf('guests', 'DENY') });
const byAddress = {
  matcher_tree: {
    input: network('SourceIP'),
    custom_match: {
      name: 'ip',
      typed_config: any('xds.type.matcher.v3.IPMatcher', {
        range_matchers: [
          { ...range('127.0.0.0', 8), on_match: leaf('loopback') },
          { ...range('127.0.0.77', 32), on_match: leaf('that one', 'DENY') },
        ],
      }),
    },
  },
};
const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

/** Policies that are trees. */
export const cases = [
  requests('a leaf allows, a leaf denies, and who is led nowhere is denied', { matcher: ROLES }, [
    http(as('admin'), { status: 200 }),
    http(as('guest'), REFUSED),
    http(as('other'), REFUSED),
    http('/', REFUSED),
  ]),
  requests(
    'the log tells the leaf',
    { matcher: ROLES },
    [http(as('guest'), REFUSED), http('/', REFUSED)],
    [{ details: 'rbac_access_denied_matched_policy[guests]' }, { details: 'rbac_access_denied_matched_policy[none]' }],
  ),
  requests('another word for whom it leads nowhere', { matcher: { ...ROLES, on_no_match: leaf('rest') } }, [
    http(as('guest'), REFUSED),
    http('/', { status: 200 }),
  ]),
  requests(
    'a tree goes before rules',
    { matcher: ROLES, rules: { action: 'DENY', policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } } },
    [http(as('admin'), { status: 200 })],
  ),
  requests('a tree on trial changes nothing', { shadow_matcher: ROLES }, [http(as('guest'), { status: 200 })]),
  requests('requests by address', { matcher: byAddress }, [http('/', { status: 200 }), http('/', REFUSED, { from: '127.0.0.77' })]),
  connections('connections by address', byAddress, [
    raw(GET, { status: 200, body: 'served' }),
    raw(GET, { connection: 'ended' }, { from: '127.0.0.77' }),
  ]),
  connections('connections by port', tree(network('DestinationPort'), { 1: leaf('one') }, { on_no_match: leaf('none', 'DENY') }), [
    raw(GET, { connection: 'ended' }),
  ]),
  ...(
    [
      ['a leaf without a name', tree(header('x-role'), { admin: leaf('') })],
      [
        'a leaf of another kind',
        tree(header('x-role'), { admin: { action: { name: 'x', typed_config: any('google.protobuf.StringValue', { value: 'x' }) } } }),
      ],
    ] as const
  ).map(([name, matcher]) =>
    defineCase({
      name,
      steps: [
        push(
          (c) => ({
            listeners: [
              listener(c, [hcm(c, [direct('x')], { http_filters: [filter('rbac', 'filters.http.rbac.v3.RBAC', { matcher }), ROUTER] })], {}, 'bad'),
            ],
          }),
          { verdict: 'nack' },
        ),
      ],
    }),
  ),
];
