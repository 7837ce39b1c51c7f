import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCluster, decodeEndpoint, decodeListener, decodeRoute, decodeSecret, nackText } from './decode/index.ts';
import { any, faults, hcm, listener, rds, ROUTER, socket, tcpProxy } from './testing/samples.ts';

const LISTENER = { name: 'l', address: socket('127.0.0.1', 1) };

test('every fault is told at once, with its path', () => {
  const filter = hcm({
    ...rds('9080'),
    scheme_header_transformation: { scheme_to_overwrite: 'https' },
    stream_idle_timeout: 'soon',
    codec_type: 'HTTP3',
  });
  const problems = faults(
    decodeListener({
      ...LISTENER,
      transparent: true,
      filter_chains: [
        { filters: [filter], transport_socket: { name: 't', typed_config: any('x.Y', { a: 1 }) } },
        { filter_chain_match: { destination_port: 1 }, filters: [] },
      ],
    }),
  );
  assert.deepEqual(problems.toSorted(), [
    'filter_chains[0].filters[0].typed_config.codec_type: "HTTP3" is not supported by this proxy; supported: AUTO, HTTP1, HTTP2',
    'filter_chains[0].filters[0].typed_config.scheme_header_transformation: not supported by this proxy',
    'filter_chains[0].filters[0].typed_config.stream_idle_timeout: expected a duration such as "1.5s" that is not negative, found "soon"',
    'filter_chains[0].transport_socket.typed_config: extension "t" of type x.Y is not supported by this proxy',
    'filter_chains[1].filters: a filter chain must end in an HTTP connection manager or a TCP proxy',
    'transparent: not supported by this proxy',
  ]);
});

test('state of connections: only the protocols of TLS to the upstream', () => {
  const type = 'envoy.extensions.filters.network.set_filter_state.v3.Config';
  const value = {
    object_key: 'envoy.network.application_protocols',
    format_string: { text_format_source: { inline_string: 'istio, h2' } },
    shared_with_upstream: 'ONCE',
  };
  const chain = (more: object): object => ({
    ...LISTENER,
    filter_chains: [{ filters: [{ name: 's', typed_config: any(type, { on_new_connection: [{ ...value, ...more }] }) }, tcpProxy('c')] }],
  });
  const at = 'filter_chains[0].filters[0].typed_config.on_new_connection[0]';
  assert.deepEqual(listener(chain({}) as { name: string }).filterChains[0]?.networkFilters, [{ t: 'upstream-alpn', protocols: ['istio', 'h2'] }]);
  assert.deepEqual(faults(decodeListener(chain({ object_key: 'x' }))), [
    `${at}.object_key: "x": only envoy.network.application_protocols is supported by this proxy`,
  ]);
  assert.deepEqual(faults(decodeListener(chain({ shared_with_upstream: 'NONE' }))), [
    `${at}.shared_with_upstream: state that upstreams do not see has no use here`,
  ]);
  assert.deepEqual(faults(decodeListener(chain({ format_string: { text_format_source: { inline_string: '%PROTOCOL%' } } }))), [
    `${at}.format_string: expected plain text as text_format_source.inline_string`,
  ]);
});

test('HTTP filters: known, unknown, optional, order', () => {
  const fault = { name: 'envoy.filters.http.fault', typed_config: any('envoy.extensions.filters.http.fault.v3.HTTPFault', {}) };
  const lua = { name: 'lua', typed_config: any('envoy.extensions.filters.http.lua.v3.Lua', { inline_code: 'x' }) };
  const chain = (filters: readonly object[]): object => ({
    ...LISTENER,
    filter_chains: [{ filters: [hcm({ ...rds('9080'), http_filters: filters })] }],
  });
  const path = 'filter_chains[0].filters[0].typed_config.http_filters';
  assert.deepEqual(faults(decodeListener(chain([fault, ROUTER]))), []);
  assert.deepEqual(faults(decodeListener(chain([{ ...lua, is_optional: true }, ROUTER]))), []);
  assert.deepEqual(faults(decodeListener(chain([lua, ROUTER]))), [
    `${path}[0].typed_config: HTTP filter "lua" of type envoy.extensions.filters.http.lua.v3.Lua is not supported by this proxy`,
  ]);
  assert.deepEqual(faults(decodeListener(chain([ROUTER, fault]))), [
    `${path}[0]: the router must be the last HTTP filter`,
    `${path}[1]: the last HTTP filter must be the router`,
  ]);
});

test('routes: unsupported parts are named', () => {
  const route = (fields: object): object => ({
    name: 't',
    virtual_hosts: [{ name: 'v', domains: ['a'], routes: [{ match: { prefix: '/' }, ...fields }] }],
  });
  const at = 'virtual_hosts[0].routes[0]';
  assert.deepEqual(faults(decodeRoute(route({ route: { cluster: 'c', cluster_specifier_plugin: 'x', retry_policy: { retry_on: '5xx,never' } } }))), [
    `${at}.route.cluster_specifier_plugin: not supported by this proxy`,
    `${at}.route.retry_policy.retry_on: condition "never" is not supported by this proxy`,
  ]);
  assert.deepEqual(faults(decodeRoute(route({ route: { weighted_clusters: { clusters: [{ name: 'a' }] } } }))), [
    `${at}.route.weighted_clusters.clusters: all weights are 0`,
  ]);
  assert.match(
    faults(decodeRoute(route({ route: { cluster: 'c' }, request_headers_to_add: [{ header: { key: 'x', value: '%NOPE%' } }] })))[0] ?? '',
    /%NOPE% is not supported/,
  );
  assert.match(
    faults(decodeRoute(route({ match: { safe_regex: { regex: '(' } }, route: { cluster: 'c' } })))[0] ?? '',
    /invalid regular expression "\("/,
  );
  assert.deepEqual(faults(decodeRoute(route({ direct_response: { status: 200, body: { inline_bytes: '/w==' } } }))), [
    `${at}.direct_response.body.inline_bytes: a body that is not text in UTF-8 is not supported by this proxy`,
  ]);
  const twice = {
    name: 't',
    virtual_hosts: [
      { name: 'v', domains: ['a'] },
      { name: 'w', domains: ['A'] },
    ],
  };
  assert.deepEqual(faults(decodeRoute(twice)), ['virtual_hosts[1].domains: "a" is already a domain of virtual host "v"']);
});

test('clusters and endpoints: defaults, limits and refusals', () => {
  const decoded = decodeCluster({
    name: 'c',
    type: 'STATIC',
    load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('127.0.0.1', 9) } }] }] },
    circuit_breakers: { thresholds: [{ max_connections: 4294967295, max_requests: 7 }] },
    metadata: { filter_metadata: { istio: { services: [{ host: 'a.b.svc', name: 'a', namespace: 'b' }] } } },
  });
  assert.ok(decoded.ok);
  assert.deepEqual(decoded.value.limits, {
    maxConnections: Infinity,
    maxPendingRequests: 1024,
    maxRequests: 7,
    maxRetries: 3,
    maxConnectionsPerHost: Infinity,
    trackRemaining: false,
  });
  assert.deepEqual(decoded.value.services, [{ host: 'a.b.svc', name: 'a', namespace: 'b' }]);
  assert.deepEqual(
    faults(
      decodeCluster({
        name: 'c',
        type: 'ORIGINAL_DST',
        lb_policy: 'RING_HASH',
        ring_hash_lb_config: { minimum_ring_size: 9, maximum_ring_size: 8 },
        health_checks: [{ timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, custom_health_check: { name: 'x' } }],
      }),
    ),
    [
      'ring_hash_lb_config.minimum_ring_size: 9 is not within 1 and the maximum 8',
      'health_checks[0]: one of http_health_check, tcp_health_check and grpc_health_check must be set; others are not supported by this proxy',
      'health_checks[0].custom_health_check: not supported by this proxy',
    ],
  );
  assert.deepEqual(faults(decodeEndpoint({ cluster_name: 'c', endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('name', 1) } }] }] })), [
    'endpoints[0].lb_endpoints[0].endpoint.address: expected an IP address with port, or a pipe',
  ]);
});

test('secrets: faults never quote key material', () => {
  const secret = { name: 'default', tls_certificate: { certificate_chain: { inline_string: 'x' }, private_key: { inline_string: 'TOP SECRET' } } };
  const decoded = decodeSecret(secret);
  assert.ok(!decoded.ok);
  const text = nackText([{ name: 'default', problems: decoded.problems }]);
  assert.match(text, /^default: tls_certificate\.certificate_chain: expected PEM text/);
  assert.ok(!text.includes('TOP SECRET'));
});

test('secrets: what is asked of a peer besides its root is refused, not lost', () => {
  const trusted_ca = { inline_string: '-----BEGIN CERTIFICATE-----' };
  const context = (more: object): readonly string[] => faults(decodeSecret({ name: 'ROOTCA', validation_context: { trusted_ca, ...more } }));
  assert.deepEqual(context({}), []);
  const elsewhere = 'belongs into the TLS context, not into the secret';
  assert.deepEqual(context({ trust_chain_verification: 'ACCEPT_UNTRUSTED' }), [`validation_context.trust_chain_verification: ${elsewhere}`]);
  assert.deepEqual(context({ verify_certificate_hash: ['00'.repeat(32)] }), [
    `validation_context.verify_certificate_hash: (or verify_certificate_spki) ${elsewhere}`,
  ]);
  assert.deepEqual(context({ match_subject_alt_names: [{ exact: 'a' }] }), [`validation_context.match_typed_subject_alt_names: ${elsewhere}`]);
});

test('what is decoded is plain data', () => {
  const value = listener({
    ...LISTENER,
    filter_chains: [{ filters: [tcpProxy('c')] }],
    metadata: { filter_metadata: { 'meltemi.io': { origin: 'Service/b/a#spec' } } },
  });
  assert.deepEqual(structuredClone(value), value);
  assert.equal(value.origin, 'Service/b/a#spec');
});

test('what would be accepted and without effect is refused by its name', () => {
  const manager = { ...rds('9080'), tracing: { verbose: true }, request_id_extension: { typed_config: any('x.Y', {}) } };
  const at = 'filter_chains[0].filters[0].typed_config';
  const told = faults(decodeListener({ ...LISTENER, filter_chains: [{ filters: [hcm(manager)] }] }));
  assert.deepEqual(told.toSorted(), [
    `${at}.request_id_extension: not supported by this proxy`,
    `${at}.tracing.verbose: annotations of each step are not supported by this proxy`,
  ]);
  const route = { match: { prefix: '/' }, route: { cluster: 'c', upgrade_configs: [{ upgrade_type: 'connect-udp' }] } };
  assert.deepEqual(faults(decodeRoute({ name: 't', virtual_hosts: [{ name: 'v', domains: ['a'], routes: [route] }] })), [
    'virtual_hosts[0].routes[0].route.upgrade_configs[0].upgrade_type: upgrade "connect-udp" is not supported by this proxy',
  ]);
  const tcp_keepalive = { keepalive_time: 75, keepalive_probes: 3, keepalive_interval: 5 };
  const cluster = decodeCluster({
    name: 'c',
    type: 'EDS',
    eds_cluster_config: { eds_config: { ads: {} } },
    upstream_connection_options: { tcp_keepalive },
  });
  assert.deepEqual(cluster.ok && cluster.value.tcpKeepalive, { timeSeconds: 75, intervalSeconds: 5, probes: 3 });
});

test('clusters and endpoints: what would be accepted and without effect is refused by its name', () => {
  const assignment = { cluster_name: 'c', endpoints: [] };
  const base = { name: 'c', type: 'STATIC', load_assignment: assignment };
  assert.deepEqual(faults(decodeCluster({ ...base, connection_pool_per_downstream_connection: true })), [
    'connection_pool_per_downstream_connection: not supported by this proxy: clients share connections to a host',
  ]);
  assert.deepEqual(faults(decodeEndpoint({ ...assignment, policy: { endpoint_stale_after: '5s' } })), [
    'policy.endpoint_stale_after: not supported by this proxy: endpoints do not go stale',
  ]);
  const old = decodeCluster({ ...base, protocol_selection: 'USE_DOWNSTREAM_PROTOCOL', http2_protocol_options: {} });
  assert.equal(old.ok && old.value.http.codec, 'downstream');
  const proxy = tcpProxy('c') as { readonly name: string; readonly typed_config: object };
  const idle = { ...proxy, typed_config: { ...proxy.typed_config, downstream_idle_timeout: '0s' } };
  assert.deepEqual(faults(decodeListener({ ...LISTENER, filter_chains: [{ filters: [idle] }] })), [
    'filter_chains[0].filters[0].typed_config.downstream_idle_timeout: not supported by this proxy',
  ]);
});

test('an address range that is none is refused: its chain would never match', () => {
  const matching = (prefix_ranges: readonly object[]): readonly string[] =>
    faults(decodeListener({ ...LISTENER, filter_chains: [{ filter_chain_match: { prefix_ranges }, filters: [tcpProxy('c')] }] }));
  assert.deepEqual(
    matching([
      { address_prefix: '10.0.0.0', prefix_len: 8 },
      { address_prefix: '::1', prefix_len: 128 },
    ]),
    [],
  );
  const at = 'filter_chains[0].filter_chain_match.prefix_ranges[0]';
  assert.deepEqual(matching([{ address_prefix: '10.0.0', prefix_len: 8 }]), [`${at}.address_prefix: "10.0.0" is no IP address`]);
  assert.deepEqual(matching([{ address_prefix: '10.0.0.0', prefix_len: 33 }]), [`${at}.prefix_len: 33 is no prefix length of an address of 32 bits`]);
});
