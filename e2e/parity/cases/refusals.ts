import { defineCase, type ParityCase } from '../define.ts';
import { any, cluster, direct, hcm, http1, listener, rds, routes, tcpProxy, to } from '../resources.ts';
import type { Resources } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, push } from '../steps.ts';

/** A change that both refuse; what was in force before stays so. */
function refused(name: string, change: (c: CaseContext) => Resources): ParityCase {
  return defineCase({
    name,
    resources: (c) => http1(c, [direct('before')]),
    steps: [http('/', { status: 200, body: 'before' }), push(change, { verdict: 'nack' }), http('/', { status: 200, body: 'before' })],
    log: [{ code: 200 }, { code: 200 }],
  });
}

/** A change that Envoy takes, and ours refuses as a mistake (`intended-differences.ts`). */
function taken(name: string, change: (c: CaseContext) => Resources): ParityCase {
  return defineCase({
    name,
    resources: (c) => http1(c, [direct('before')]),
    steps: [http('/', { status: 200, body: 'before' }), push(change)],
    log: 'not compared',
  });
}

/** The listener of the case with a connection manager that has this route. */
function withRoute(name: string, route: object): ParityCase {
  return refused(name, (c) => http1(c, [route]));
}

function withOptions(name: string, options: Readonly<Record<string, unknown>>): ParityCase {
  return refused(name, (c) => http1(c, [direct('after')], options));
}

function withCluster(name: string, fields: (c: CaseContext) => object): ParityCase {
  return refused(name, (c) => ({ clusters: [{ name: c.name('new'), ...fields(c) }] }));
}

function withMatch(name: string, match: object): ParityCase {
  return withRoute(name, direct('after', match));
}

/** Configuration that is refused (NACK), and leaves what is in force alone. */
export const cases = [
  withMatch('a regular expression that does not compile', { safe_regex: { regex: '(' } }),
  withMatch('a regular expression with a look-ahead', { safe_regex: { regex: '/(?=a)b' } }),
  withMatch('a regular expression with a back reference', { safe_regex: { regex: '/(a)\\1' } }),
  withMatch('a path_separated_prefix that ends with a slash', { path_separated_prefix: '/a/' }),
  withMatch('a path_separated_prefix with a question mark', { path_separated_prefix: '/a?b' }),
  withMatch('a route without a path matcher', { headers: [{ name: 'a' }] }),
  withMatch('a header matcher without a name', { prefix: '/', headers: [{ name: '', present_match: true }] }),
  withMatch('a header matcher with a bad expression', { prefix: '/', headers: [{ name: 'a', string_match: { safe_regex: { regex: '[' } } }] }),
  withRoute('a route without an action', { match: { prefix: '/' } }),
  withRoute('a route without a match', { direct_response: { status: 200 } }),
  withRoute('a direct response of more than 4096 bytes', {
    match: { prefix: '/' },
    direct_response: { status: 200, body: { inline_string: 'x'.repeat(4097) } },
  }),
  refused('a direct response that is longer than the table allows', (c) =>
    http1(c, [], {
      route_config: {
        name: 'inline',
        max_direct_response_body_size_bytes: 3,
        virtual_hosts: [{ name: 'all', domains: ['*'], routes: [direct('four')] }],
      },
    }),
  ),
  withRoute('a direct response with status 99', { match: { prefix: '/' }, direct_response: { status: 99 } }),
  withRoute('a direct response with status 600', { match: { prefix: '/' }, direct_response: { status: 600 } }),
  withRoute('weights that are all 0', { match: { prefix: '/' }, route: { weighted_clusters: { clusters: [{ name: 'x', weight: 0 }] } } }),
  taken('a rewrite whose groups are not there', (c) =>
    http1(c, [
      {
        match: { prefix: '/' },
        redirect: { regex_rewrite: { pattern: { regex: '/(a)' }, substitution: '\\2' } },
      },
    ]),
  ),
  withRoute('removing the host header', { match: { prefix: '/' }, direct_response: { status: 200 }, request_headers_to_remove: ['host'] }),
  withRoute('removing a pseudo header', { match: { prefix: '/' }, direct_response: { status: 200 }, request_headers_to_remove: [':path'] }),
  withRoute('a header format that does not end', {
    match: { prefix: '/' },
    direct_response: { status: 200 },
    response_headers_to_add: [{ header: { key: 'a', value: '%PROTOCOL' } }],
  }),
  withRoute('a header format with an unknown operator', {
    match: { prefix: '/' },
    direct_response: { status: 200 },
    response_headers_to_add: [{ header: { key: 'a', value: '%NO_SUCH_THING%' } }],
  }),
  withRoute('a header value with a line break', {
    match: { prefix: '/' },
    direct_response: { status: 200 },
    response_headers_to_add: [{ header: { key: 'a', value: 'b\r\nc: d' } }],
  }),
  taken('a header name with a space', (c) =>
    http1(c, [
      {
        match: { prefix: '/' },
        direct_response: { status: 200 },
        response_headers_to_add: [{ header: { key: 'a b', value: 'c' } }],
      },
    ]),
  ),
  refused('two virtual hosts of one domain', (c) =>
    http1(c, [
      { name: 'one', domains: ['a.example'], routes: [direct('1')] },
      { name: 'two', domains: ['a.example'], routes: [direct('2')] },
    ]),
  ),
  refused('a virtual host without domains', (c) => http1(c, [{ name: 'one', domains: [], routes: [direct('1')] }])),
  taken('a domain with a star in the middle', (c) => http1(c, [{ name: 'one', domains: ['a.*.example'], routes: [direct('1')] }])),
  taken('a connection manager without filters', (c) => http1(c, [direct('after')], { http_filters: [] })),
  withOptions('a connection manager whose last filter is not the router', {
    http_filters: [{ name: 'envoy.filters.http.fault', typed_config: any('filters.http.fault.v3.HTTPFault') }],
  }),
  withOptions('an HTTP filter of an unknown type', { http_filters: [{ name: 'nobody', typed_config: any('google.protobuf.Empty') }] }),
  taken('an upgrade without a type', (c) => http1(c, [direct('after')], { upgrade_configs: [{}] })),
  withOptions('a negative timeout', { stream_idle_timeout: '-1s' }),
  withOptions('an access log of an unknown type', { access_log: [{ name: 'nobody', typed_config: any('google.protobuf.Empty') }] }),
  withOptions('an access log without a path', {
    access_log: [{ name: 'envoy.access_loggers.file', typed_config: any('access_loggers.file.v3.FileAccessLog', { path: '' }) }],
  }),
  withOptions('an access log with a bad format', {
    access_log: [
      {
        name: 'envoy.access_loggers.file',
        typed_config: any('access_loggers.file.v3.FileAccessLog', {
          path: '/dev/null',
          log_format: { text_format_source: { inline_string: '%REQ(' } },
        }),
      },
    ],
  }),
  refused('a listener without chains', (c) => ({ listeners: [listener(c, [], { filter_chains: [] })] })),
  refused('a listener without an address', (c) => ({
    listeners: [{ name: c.name('main'), filter_chains: [{ filters: [hcm(c, [direct('after')])] }] }],
  })),
  refused('a listener with two chains of one match', (c) => ({
    listeners: [
      listener(c, [], {
        filter_chains: [
          { name: 'a', filter_chain_match: { destination_port: 1 }, filters: [hcm(c, [direct('a')])] },
          { name: 'b', filter_chain_match: { destination_port: 1 }, filters: [hcm(c, [direct('b')])] },
        ],
      }),
    ],
  })),
  refused('a listener with an unknown network filter', (c) => ({
    listeners: [listener(c, [{ name: 'nobody', typed_config: any('google.protobuf.Empty') }])],
  })),
  refused('a listener filter of an unknown type', (c) => ({
    listeners: [listener(c, [hcm(c, [direct('after')])], { listener_filters: [{ name: 'nobody', typed_config: any('google.protobuf.Empty') }] })],
  })),
  refused('a TCP proxy without a cluster', (c) => ({
    listeners: [
      listener(c, [{ name: 'envoy.filters.network.tcp_proxy', typed_config: any('filters.network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'x' }) }]),
    ],
  })),
  refused('a chain with TLS and without a certificate that can be read', (c) => ({
    listeners: [
      listener(c, [], {
        filter_chains: [
          {
            transport_socket: {
              name: 'envoy.transport_sockets.tls',
              typed_config: any('transport_sockets.tls.v3.DownstreamTlsContext', {
                common_tls_context: {
                  tls_certificates: [{ certificate_chain: { inline_string: 'no PEM' }, private_key: { inline_string: 'no PEM' } }],
                },
              }),
            },
            filters: [hcm(c, [direct('after')])],
          },
        ],
      }),
    ],
  })),
  withCluster('a static cluster with a name for an address', (c) => ({
    type: 'STATIC',
    load_assignment: {
      cluster_name: c.name('new'),
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'a.example', port_value: 1 } } } }] }],
    },
  })),
  withCluster('an EDS cluster without a source', () => ({ type: 'EDS' })),
  withCluster('a cluster with a connect timeout of 0', () => ({ type: 'STATIC', connect_timeout: '0s' })),
  withCluster('a cluster with protocol options of an unknown type', () => ({
    type: 'STATIC',
    typed_extension_protocol_options: { nobody: any('google.protobuf.Empty') },
  })),
  withCluster('an endpoint with port 70000', (c) => ({
    type: 'STATIC',
    load_assignment: {
      cluster_name: c.name('new'),
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 70_000 } } } }] }],
    },
  })),
  // Routes by name, and good resources beside bad ones.
  defineCase({
    name: 'a bad route table is refused and the old one stays',
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [], rds(c, 'table'))])], routes: [routes(c, 'table', [direct('before')])] }),
    steps: [
      http('/', { status: 200, body: 'before' }),
      push((c) => ({ routes: [routes(c, 'table', [direct('after', { safe_regex: { regex: '(' } })])] }), { verdict: 'nack' }),
      http('/', { status: 200, body: 'before' }),
      push((c) => ({ routes: [routes(c, 'table', [direct('after')])] })),
      http('/', { status: 200, body: 'after' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a good cluster comes into force beside a bad one',
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [], rds(c, 'table'))])], routes: [routes(c, 'table', [to(c, 'main')])] }),
    steps: [
      http('/', { status: 503 }),
      push((c) => ({ clusters: [cluster(c, 'main'), { name: c.name('bad'), type: 'EDS' }] }), { verdict: 'nack' }),
      http('/', { status: 200, body: 'main' }, { eventually: true }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'a good listener comes into force beside a bad one',
    resources: (c) => http1(c, [direct('before')]),
    steps: [
      push((c) => ({ listeners: [listener(c, [hcm(c, [direct('new')])], {}, 'second'), listener(c, [], { filter_chains: [] }, 'third')] }), {
        verdict: 'nack',
      }),
      http('/', { status: 200, body: 'new' }, { port: 'second', eventually: true }),
    ],
    log: 'not compared',
  }),
  refused('a listener with the address of another one', (c) => ({
    listeners: [
      { ...listener(c, [hcm(c, [direct('other')])], {}, 'second'), address: { socket_address: { address: c.address, port_value: c.port('main') } } },
    ],
  })),
  refused('weighted TCP clusters that are all 0', (c) => ({
    listeners: [listener(c, [tcpProxy(c, 'x', { weighted_clusters: { clusters: [{ name: 'x', weight: 0 }] } })])],
  })),
];
