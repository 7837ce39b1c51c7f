import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { NodeTransport } from '../net/node-transport.ts';
import { until } from '../testing/harness.ts';
import { rawClient, startPlane, startRawServer } from '../testing/plane.ts';
import { Linger } from './linger.ts';

test('a client that takes nothing for a minute is given up, a slow one is not', () => {
  const stuck = new Linger();
  for (let at = 0; at < 60; at++) assert.equal(stuck.mayClose(100), false);
  assert.equal(stuck.mayClose(100), true);
  const slow = new Linger();
  for (let left = 500; left > 0; left--) assert.equal(slow.mayClose(left), false);
  assert.equal(slow.mayClose(0), true);
});

test('a connection on which everything is said is kept while the client takes what is queued', { timeout: 30_000 }, async (t) => {
  await using app = await startRawServer((socket) => void socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')));
  await using plane = await startPlane({ clusters: [cluster('app', [app.port])], listeners: [plainListener('http', hcm([routeTo('app')]))] });
  const queued = [300, 200];
  t.mock.getter(NodeTransport.prototype, 'queuedBytes', () => queued.shift() ?? 0);
  const client = await rawClient(plane.port('http'));
  client.socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await client.closed;
  const begun = performance.now();
  await until('the end of the connection', () => plane.dataPlane.activity.connections === 0 || undefined, 10_000);
  const took = performance.now() - begun;
  assert.ok(took > 2_500 && took < 5_000, `${took} ms`);
  client.socket.destroy();
});
