import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCluster, decodeListener, decodeRoute } from './decode/index.ts';
import { any, faults, hcm, rds, socket } from './testing/samples.ts';

const CHAIN = { filter_chains: [{ filters: [hcm(rds('9080'))] }] };
const LISTENER = { name: 'l', address: socket('127.0.0.1', 1), ...CHAIN };
const NO_STATISTICS = 'these statistics are not kept by this proxy';

test('a wrapper that says 0 is not one that says nothing', () => {
  const validation = { trusted_ca: { inline_string: 'x' }, max_verify_depth: 0 };
  const tls = { common_tls_context: { validation_context: validation } };
  const transport = { name: 'tls', typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', tls) };
  assert.deepEqual(faults(decodeCluster({ name: 'c', type: 'EDS', eds_cluster_config: {}, transport_socket: transport })).slice(-1), [
    'transport_socket.typed_config.common_tls_context.validation_context.max_verify_depth: not supported by this proxy',
  ]);
  const route = { match: { prefix: '/' }, direct_response: { status: 200 }, per_request_buffer_limit_bytes: 0 };
  const host = { name: 'h', domains: ['*'], routes: [route], per_request_buffer_limit_bytes: 0 };
  assert.deepEqual(faults(decodeRoute({ name: 'r', virtual_hosts: [host] })), [
    'virtual_hosts[0].per_request_buffer_limit_bytes: not supported by this proxy',
    'virtual_hosts[0].routes[0].per_request_buffer_limit_bytes: not supported by this proxy',
  ]);
});

test('statistics of clusters, sizes of sockets and of greetings: what is not done is refused', () => {
  const statistics = { timeout_budgets: true, request_response_sizes: true, per_endpoint_stats: true };
  const cluster = { name: 'c', type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } };
  assert.deepEqual(faults(decodeCluster({ ...cluster, track_timeout_budgets: true, track_cluster_stats: statistics })), [
    `track_timeout_budgets: ${NO_STATISTICS}`,
    ...Object.keys(statistics).map((name) => `track_cluster_stats.${name}: ${NO_STATISTICS}`),
  ]);
  assert.ok(decodeCluster({ ...cluster, track_cluster_stats: {} }).ok);
  assert.deepEqual(faults(decodeListener({ ...LISTENER, tcp_backlog_size: 0 })), ['tcp_backlog_size: 0 is not supported by this proxy']);
  assert.ok(decodeListener({ ...LISTENER, drain_type: 'MODIFY_ONLY' }).ok);
  const inspector = (most: number): object => ({
    ...LISTENER,
    listener_filters: [
      { name: 'tls', typed_config: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', { max_client_hello_size: most }) },
    ],
  });
  assert.ok(decodeListener(inspector(16_384) as { name: string }).ok);
  assert.deepEqual(faults(decodeListener(inspector(1000) as { name: string })), [
    'listener_filters[0].typed_config.max_client_hello_size: 1000 is not supported by this proxy: its limit is 16384',
  ]);
});
