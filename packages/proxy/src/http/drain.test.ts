import assert from 'node:assert/strict';
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { cluster, hcm, plainListener, routeTo, tcpProxy } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { rawClient, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const UPGRADE =
  'GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n';

const held: Socket[] = [];
/** Answers on demand only: a long poll; changes to WebSocket when asked to. */
const app = await startRawServer((socket) => {
  socket.on('data', (bytes: Buffer) => {
    if (bytes.toString('latin1').startsWith('GET /chat')) socket.write(SWITCH);
    else held.push(socket);
  });
});
const planes: Plane[] = [];
after(async () => {
  for (const plane of planes) await plane[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

async function proxy(): Promise<Plane> {
  const options = { upgrade_configs: [{ upgrade_type: 'websocket' }] };
  const plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [
      plainListener('out', hcm([routeTo('app', { timeout: '0s' })], options)),
      plainListener('in', hcm([routeTo('app', { timeout: '0s' })], options), { traffic_direction: 'INBOUND' }),
      plainListener('tcp', tcpProxy('app')),
    ],
  });
  planes.push(plane);
  held.length = 0;
  return plane;
}

test('a busy connection ends with its response, an idle one within a second, nothing new is taken', async () => {
  const plane = await proxy();
  const busy = await rawClient(plane.port('out'));
  const idle = await rawClient(plane.port('out'));
  const port = plane.port('out');
  busy.socket.write(GET);
  await until('the request', () => held[0]);
  await plane.dataPlane.drain({ t: 'tell', scope: 'all' });
  const told = performance.now();
  await plane.dataPlane.drain({ t: 'unlisten', scope: 'all' });
  const drained = plane.dataPlane.drain({ t: 'finish', deadlineMs: 5_000, quietMs: 0 });
  await assert.rejects(rawClient(port), { code: 'ECONNREFUSED' });
  assert.equal(await idle.closed, '');
  assert.ok(performance.now() - told < 1_100);
  held[0]?.write(OK);
  assert.match(await busy.closed, /^HTTP\/1.1 200 [^]*connection: close\r\n[^]*ok$/);
  for (const client of [busy, idle]) client.socket.destroy();
  assert.deepEqual(await drained, { requests: 0, tunnels: 0, tcp: 0 });
});

test('nobody came for a while before the drain: those who have not heard of it yet are waited for all the same', async () => {
  const plane = await proxy();
  const port = plane.port('out');
  const drained = plane.dataPlane.drain({ t: 'finish', deadlineMs: 5_000, quietMs: 400 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const late = await rawClient(port);
  late.socket.destroy();
  assert.deepEqual(await drained, { requests: 0, tunnels: 0, tcp: 0 });
  await assert.rejects(rawClient(port), { code: 'ECONNREFUSED' });
});

test('while listeners stay, new connections are served and told to go; a client that uses an idle one in time is answered', async () => {
  const plane = await proxy();
  const old = await rawClient(plane.port('out'));
  await plane.dataPlane.drain({ t: 'tell', scope: 'all' });
  const young = await rawClient(plane.port('out'));
  for (const [at, client] of [old, young].entries()) {
    client.socket.write(GET);
    await until('the request', () => held[at]);
    held[at]?.write(OK);
    assert.match(await client.closed, /^HTTP\/1.1 200 [^]*connection: close\r\n[^]*ok$/);
    client.socket.destroy();
  }
});

test('HTTP/2: GOAWAY at once, first with the highest id, then with the last; what runs ends well', async () => {
  const plane = await proxy();
  const session = http2.connect(`http://127.0.0.1:${plane.port('out')}`);
  const idle = http2.connect(`http://127.0.0.1:${plane.port('out')}`);
  const goaways: number[] = [];
  session.on('goaway', (_code, last) => goaways.push(last));
  const idleGone = new Promise((resolve) => idle.once('goaway', resolve));
  await Promise.all([session, idle].map((one) => new Promise((resolve) => one.once('remoteSettings', resolve))));
  const closed = new Promise((resolve) => session.once('close', resolve));
  const stream = session.request({ ':path': '/' }).resume();
  const status = new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status'])));
  await until('the request', () => held[0]);
  const told = performance.now();
  await plane.dataPlane.drain({ t: 'tell', scope: 'all' });
  await idleGone;
  assert.ok(performance.now() - told < 1_000);
  await until('both', () => goaways.length === 2 || undefined);
  assert.deepEqual(goaways, [2 ** 31 - 1, 1]);
  held[0]?.write(OK);
  assert.equal(await status, 200);
  await closed;
  idle.destroy();
});

test('what lasts is ended with a reason when the time is up, and counted: long poll, WebSocket, HTTP/2, TCP', async () => {
  const plane = await proxy();
  const poll = await rawClient(plane.port('out'));
  poll.socket.write(GET);
  const socket = await rawClient(plane.port('out'));
  socket.socket.write(UPGRADE);
  await socket.sees('\r\n\r\n');
  const bytes = await rawClient(plane.port('tcp'));
  bytes.socket.write('GET /chat');
  await bytes.sees('101 ');
  const session = http2.connect(`http://127.0.0.1:${plane.port('out')}`);
  const status = new Promise((resolve) => session.request({ ':path': '/' }).once('response', (headers) => resolve(headers[':status'])));
  await until('both requests', () => held.length === 2 || undefined);
  await plane.dataPlane.drain({ t: 'tell', scope: 'all' });
  const report = await plane.dataPlane.drain({ t: 'finish', deadlineMs: 300, quietMs: 0 });
  assert.deepEqual(report, { requests: 2, tunnels: 1, tcp: 1 });
  assert.match(await poll.closed, /^HTTP\/1.1 503 [^]*connection: close\r\n[^]*the proxy is shutting down$/);
  const frame = (await socket.closed).split('\r\n\r\n')[1] ?? '';
  assert.equal(frame, '\u0088\u001c\u0003\u00e9the proxy is shutting down');
  await bytes.closed;
  assert.equal(await status, 503);
  for (const client of [poll, socket, bytes]) client.socket.destroy();
  session.destroy();
});

test('inbound only: what the workload itself calls goes on', async () => {
  const plane = await proxy();
  await plane.dataPlane.drain({ t: 'tell', scope: 'inbound' });
  const [inbound, outbound] = [await rawClient(plane.port('in')), await rawClient(plane.port('out'))];
  for (const [at, client] of [inbound, outbound].entries()) {
    client.socket.write(GET);
    await until('the request', () => held[at]);
    held[at]?.write(OK);
    await client.sees('\r\n\r\nok');
    assert.equal(client.text().includes('connection: close'), client === inbound);
  }
  const port = plane.port('in');
  await plane.dataPlane.drain({ t: 'unlisten', scope: 'inbound' });
  await assert.rejects(rawClient(port), { code: 'ECONNREFUSED' });
  (await rawClient(plane.port('out'))).socket.destroy();
  for (const client of [inbound, outbound]) client.socket.destroy();
});

test('delayed_close_timeout bounds the wait for a client that does not close, drain_timeout that for one that does not answer', async () => {
  const options = { delayed_close_timeout: '0.2s', drain_timeout: '0.2s' };
  const plane = await startPlane({ clusters: [cluster('app', [app.port])], listeners: [plainListener('out', hcm([routeTo('app')], options))] });
  planes.push(plane);
  held.length = 0;
  const client = await rawClient(plane.port('out'));
  client.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await until('the request', () => held[0]);
  held[0]?.write(OK);
  await client.closed;
  const said = performance.now();
  assert.equal(plane.dataPlane.activity.connections, 1);
  await until('it is given up', () => plane.dataPlane.activity.connections === 0 || undefined);
  assert.ok(performance.now() - said < 900, 'the default is a second');
  client.socket.destroy();

  const silent = await rawClient(plane.port('out'));
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  silent.socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]));
  const goaways = (): number => framesOf(silent.text()).filter((type) => type === 7).length;
  await until('settings', () => framesOf(silent.text()).includes(4) || undefined);
  await plane.dataPlane.drain({ t: 'tell', scope: 'all' });
  await until('the first', () => goaways() === 1 || undefined);
  const first = performance.now();
  await until('the second', () => goaways() === 2 || undefined);
  assert.ok(performance.now() - first > 150);
  silent.socket.destroy();
});

/** The types of the frames in what came. */
function framesOf(text: string): readonly number[] {
  const bytes = Buffer.from(text, 'latin1');
  const types: number[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes[at + 3] ?? 0);
  return types;
}
