import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setProbes } from './keep-alive.ts';
import { descriptor } from './original-dst.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

test('interval and number of probes are what the system works with', { skip: process.platform === 'linux' ? false : 'Linux only' }, async () => {
  const koffi = await import('koffi').catch(() => undefined);
  if (koffi === undefined) return;
  const getsockopt = koffi.default.load(null).func('int getsockopt(int fd, int level, int name, _Out_ int32_t *value, _Inout_ uint32_t *length)');
  const server = createServer((peer) => peer.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', keepAlive: true, keepAliveInitialDelay: 75_000 });
  await once(socket, 'connect');
  const read = (name: number): number => {
    const value = Int32Array.of(0);
    (getsockopt as (...args: readonly unknown[]) => number)(descriptor(socket), 6, name, value, [4]);
    return value[0] ?? 0;
  };
  setProbes(socket, { timeMs: 75_000, intervalSeconds: 7, probes: 3 }, silent);
  while (read(6) !== 3) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([read(4), read(5), read(6)], [75, 7, 3]);
  socket.destroy();
  server.close();
});
