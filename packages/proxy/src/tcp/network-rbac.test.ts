import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cluster, plainListener, tcpProxy, textLog } from '../testing/build.ts';
import { rawClient, startPlane, startRawServer } from '../testing/plane.ts';

test('a connection that a policy refuses ends at once, is logged, and reaches nobody', async () => {
  await using app = await startRawServer((socket) => {
    socket.on('end', () => socket.end());
    socket.write('hello');
  });
  const policy = { permissions: [{ any: true }], principals: [{ direct_remote_ip: { address_prefix: '127.0.0.0', prefix_len: 8 } }] };
  const rbac = (action: string): object => ({
    name: 'rbac',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC',
      stat_prefix: 'tcp.',
      rules: { action, policies: { loopback: policy } },
    },
  });
  const log = textLog('%CONNECTION_TERMINATION_DETAILS% %BYTES_SENT%\n');
  const listener = (name: string, action: string): object =>
    plainListener(name, {}, { filter_chains: [{ filters: [rbac(action), tcpProxy('app', log)] }] });
  await using plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [listener('closed', 'DENY'), listener('open', 'ALLOW')],
  });
  const refused = await rawClient(plane.port('closed'));
  // The server would speak first: nothing of it may be heard.
  assert.equal(await refused.closed, '');
  const info = await plane.ended(1);
  assert.equal(info.connectionTerminationDetails, 'rbac_access_denied_matched_policy[loopback]');
  assert.equal(app.sockets.length, 0);
  const allowed = await rawClient(plane.port('open'));
  await allowed.sees('hello');
  allowed.socket.end();
  await plane.ended(2);
  assert.deepEqual(plane.dataPlane.stats().find(({ kind }) => kind === 'other')?.counters, { 'tcp.rbac.denied': 1, 'tcp.rbac.allowed': 1 });
});
