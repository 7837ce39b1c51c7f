import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, direct, hcm, listener, serverTls, TLS_INSPECTOR, to, cluster, type Resources } from '../resources.ts';
import { http, push, raw, type Step } from '../steps.ts';

const route = (fields: object): object => ({ action: { name: 'route', typed_config: any('envoy.config.route.v3.Route', fields) } });
const says = (body: string, match: object = { prefix: '/' }): object => route(direct(body, match));
const several = (...routes: readonly object[]): object => ({
  action: { name: 'routes', typed_config: any('envoy.config.route.v3.RouteList', { routes }) },
});
const header = (name: string): object => ({ name, typed_config: any('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: name }) });
const query = (name: string): object => ({ name, typed_config: any('envoy.type.matcher.v3.HttpRequestQueryParamMatchInput', { query_param: name }) });
const single = (input: object, value_match: object): object => ({ single_predicate: { input, value_match } });
const tree = (input: object, kind: 'exact' | 'prefix', map: object): object => ({ matcher_tree: { input, [`${kind}_match_map`]: { map } } });
const list = (...matchers: readonly (readonly [predicate: object, on_match: object])[]): object => ({
  matcher_list: { matchers: matchers.map(([predicate, on_match]) => ({ predicate, on_match })) },
});

function byTree(c: CaseContext, matcher: object): Resources {
  return { listeners: [listener(c, [hcm(c, [{ name: 'all', domains: ['*'], matcher }])])] };
}

function chooses(name: string, matcher: object, steps: readonly Step[]): ParityCase {
  return defineCase({ name, resources: (c) => byTree(c, matcher), steps });
}

const gets = (body: string, request: Parameters<typeof http>[0]): Step => http(request, { status: 200, body });
const gets404 = (request: Parameters<typeof http>[0]): Step => http(request, { status: 404 });
const A = { headers: { 'x-a': '1' } };

// ------------------------------------------------------------------------------------------------------------ filter chains

const network = (name: string): object => ({ name, typed_config: any(`matching.common_inputs.network.v3.${name}Input`) });
const chain = (name: string): object => ({ action: { name, typed_config: any('google.protobuf.StringValue', { value: name }) } });

interface Chains {
  readonly matcher: object;
  readonly more?: object;
}

function byChainTree(c: CaseContext, { matcher, more = {} }: Chains): Resources {
  const chains = ['one', 'two'].map((name) => ({ name, filters: [hcm(c, [direct(name)])] }));
  return { listeners: [listener(c, [], { filter_chains: chains, filter_chain_matcher: matcher, ...more })] };
}

function choosesChain(name: string, chains: Chains, steps: readonly Step[]): ParityCase {
  return defineCase({ name, resources: (c) => byChainTree(c, chains), steps });
}

const ended: Step = raw('GET / HTTP/1.1\r\nhost: a\r\n\r\n', { connection: 'ended' });

function refused(name: string, change: (c: CaseContext) => Resources): ParityCase {
  return defineCase({ name, steps: [push(change, { verdict: 'nack' })] });
}

const DEEP = (levels: number): object => (levels === 0 ? says('deep') : { matcher: tree(header('x-a'), 'exact', { 1: DEEP(levels - 1) }) });

/** Trees of `xds.type.matcher.v3` that choose routes and filter chains. */
export const cases = [
  chooses('a value leads to a route', tree(header('x-a'), 'exact', { 1: says('one'), 2: says('two') }), [
    gets('one', A),
    gets('two', { headers: { 'x-a': '2' } }),
    gets404({ headers: { 'x-a': '3' } }),
    gets404('/'),
  ]),
  chooses('what leads nowhere has a route of its own', { ...tree(header('x-a'), 'exact', { 1: says('one') }), on_no_match: says('none') }, [
    gets('one', A),
    gets('none', { headers: { 'x-a': '2' } }),
    gets('none', '/'),
  ]),
  chooses('the longest prefix', tree(header(':path'), 'prefix', { '/': says('root'), '/a': says('a'), '/a/b': says('b') }), [
    gets('root', '/x'),
    gets('a', '/a/c'),
    gets('b', '/a/b?c'),
  ]),
  chooses(
    'the first of a list that holds',
    list(
      [single(header('x-a'), { prefix: 'v' }), says('prefix')],
      [single(header('x-a'), { safe_regex: { google_re2: {}, regex: '[a-z]+' } }), says('letters')],
    ),
    [gets('prefix', { headers: { 'x-a': 'vw' } }), gets('letters', { headers: { 'x-a': 'w' } }), gets404({ headers: { 'x-a': '1' } })],
  ),
  chooses(
    'and, or, not',
    list(
      [{ and_matcher: { predicate: [single(header('x-a'), { exact: '1' }), single(header('x-b'), { exact: '1' })] } }, says('both')],
      [{ or_matcher: { predicate: [single(header('x-a'), { exact: '1' }), single(header('x-b'), { exact: '1' })] } }, says('either')],
      [{ not_matcher: single(header('x-c'), { exact: '1' }) }, says('not')],
    ),
    [
      gets('both', { headers: { 'x-a': '1', 'x-b': '1' } }),
      gets('either', { headers: { 'x-b': '1' } }),
      gets('not', '/'),
      gets404({ headers: { 'x-c': '1' } }),
    ],
  ),
  chooses('a tree in a tree', tree(header('x-a'), 'exact', { 1: { matcher: tree(header('x-b'), 'exact', { 1: says('both') }) } }), [
    gets('both', { headers: { 'x-a': '1', 'x-b': '1' } }),
    gets404(A),
  ]),
  chooses(
    'a tree in a list that leads nowhere: the next one counts',
    list(
      [single(header('x-a'), { exact: '1' }), { matcher: tree(header('x-b'), 'exact', { 1: says('both') }) }],
      [single(header('x-a'), { exact: '1' }), says('next')],
    ),
    [gets('both', { headers: { 'x-a': '1', 'x-b': '1' } }), gets('next', A)],
  ),
  chooses('a route has a condition of its own', tree(header('x-a'), 'exact', { 1: says('one', { prefix: '/only' }) }), [
    gets('one', { path: '/only/this', ...A }),
    gets404({ path: '/other', ...A }),
  ]),
  chooses('several routes', tree(header('x-a'), 'exact', { 1: several(direct('first', { prefix: '/first' }), direct('rest')) }), [
    gets('first', { path: '/first', ...A }),
    gets('rest', { path: '/other', ...A }),
  ]),
  chooses('ignoring case', list([single(header('x-a'), { exact: 'ABC', ignore_case: true }), says('abc')]), [
    gets('abc', { headers: { 'x-a': 'aBc' } }),
  ]),
  defineCase({
    name: 'a route of a tree leads to a cluster',
    resources: (c) => ({ ...byTree(c, tree(header('x-a'), 'exact', { 1: route(to(c, 'main')) })), clusters: [cluster(c, 'main')] }),
    steps: [http(A, { status: 200, body: 'main' })],
  }),
  chooses('eight levels', tree(header('x-a'), 'exact', { 1: DEEP(7) }), [gets('deep', A)]),

  choosesChain('a chain by the port', { matcher: { ...tree(network('DestinationPort'), 'exact', { 1: chain('one') }), on_no_match: chain('two') } }, [
    gets('two', '/'),
  ]),
  choosesChain(
    'a chain by a range of addresses',
    {
      matcher: {
        matcher_tree: {
          input: network('SourceIP'),
          custom_match: {
            name: 'ip',
            typed_config: any('xds.type.matcher.v3.IPMatcher', {
              range_matchers: [
                { ranges: [{ address_prefix: '127.0.0.0', prefix_len: 8 }], on_match: chain('one') },
                { ranges: [{ address_prefix: '127.0.0.77', prefix_len: 32 }], on_match: chain('two') },
              ],
            }),
          },
        },
      },
    },
    [gets('one', '/'), http('/', { status: 200, body: 'two' }, { from: '127.0.0.77' })],
  ),
  choosesChain(
    'a chain by a condition on an address',
    {
      matcher: {
        ...list([
          {
            single_predicate: {
              input: network('SourceIP'),
              custom_match: {
                name: 'ip',
                typed_config: any('matching.input_matchers.ip.v3.Ip', {
                  cidr_ranges: [{ address_prefix: '127.0.0.77', prefix_len: 32 }],
                  stat_prefix: 'x',
                }),
              },
            },
          },
          chain('two'),
        ]),
        on_no_match: chain('one'),
      },
    },
    [gets('one', '/'), http('/', { status: 200, body: 'two' }, { from: '127.0.0.77' })],
  ),
  choosesChain('local clients', { matcher: { ...tree(network('SourceType'), 'exact', { local: chain('one') }), on_no_match: chain('two') } }, [
    gets('one', '/'),
  ]),
  choosesChain('no chain', { matcher: tree(network('DestinationPort'), 'exact', { 1: chain('one') }) }, [ended]),
  choosesChain(
    'a chain that is not there',
    { matcher: { ...tree(network('DestinationPort'), 'exact', { 1: chain('one') }), on_no_match: chain('three') } },
    [ended],
  ),
  defineCase({
    name: 'no chain, and a default',
    resources: (c) =>
      byChainTree(c, {
        matcher: tree(network('DestinationPort'), 'exact', { 1: chain('one') }),
        more: { default_filter_chain: { name: 'default', filters: [hcm(c, [direct('default')])] } },
      }),
    steps: [gets('default', '/')],
  }),
  defineCase({
    name: 'a chain by the server name and the transport',
    resources: (c) => ({
      listeners: [
        listener(c, [], {
          listener_filters: [TLS_INSPECTOR],
          filter_chains: ['one', 'two'].map((name) => ({ name, transport_socket: serverTls(c, 'server'), filters: [hcm(c, [direct(name)])] })),
          filter_chain_matcher: tree(network('TransportProtocol'), 'exact', {
            tls: { matcher: { ...tree(network('ServerName'), 'exact', { 'one.example': chain('one') }), on_no_match: chain('two') } },
          }),
        }),
      ],
    }),
    steps: [
      http('/', { status: 200, body: 'one' }, { tls: { sni: 'one.example' } }),
      http('/', { status: 200, body: 'two' }, { tls: { sni: 'two.example' } }),
      ended,
    ],
  }),
  refused('a tree and routes', (c) => ({
    listeners: [
      listener(
        c,
        [hcm(c, [{ name: 'all', domains: ['*'], routes: [direct('x')], matcher: tree(header('x-a'), 'exact', { 1: says('one') }) }])],
        {},
        'bad',
      ),
    ],
  })),
  refused('an empty tree', (c) => ({
    listeners: [listener(c, [hcm(c, [{ name: 'all', domains: ['*'], matcher: tree(header('x-a'), 'exact', {}) }])], {}, 'bad')],
  })),
  refused('a parameter of the query', (c) => ({
    listeners: [listener(c, [hcm(c, [{ name: 'all', domains: ['*'], matcher: tree(query('k'), 'exact', { v: says('v') }) }])], {}, 'bad')],
  })),
  refused('one condition is no "and"', (c) => ({
    listeners: [
      listener(
        c,
        [
          hcm(c, [
            { name: 'all', domains: ['*'], matcher: list([{ and_matcher: { predicate: [single(header('x-a'), { exact: '1' })] } }, says('x')]) },
          ]),
        ],
        {},
        'bad',
      ),
    ],
  })),
  refused('an action of another kind', (c) => ({
    listeners: [listener(c, [hcm(c, [{ name: 'all', domains: ['*'], matcher: tree(header('x-a'), 'exact', { 1: chain('one') }) }])], {}, 'bad')],
  })),
  refused('two chains of one name', (c) => ({
    listeners: [
      listener(
        c,
        [],
        {
          filter_chains: ['same', 'same'].map((name) => ({ name, filters: [hcm(c, [direct(name)])] })),
          filter_chain_matcher: tree(network('DestinationPort'), 'exact', { 1: chain('same') }),
        },
        'bad',
      ),
    ],
  })),
];
