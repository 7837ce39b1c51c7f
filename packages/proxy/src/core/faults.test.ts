import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, test } from 'node:test';
import { createRuntimeState, decodeCluster, decodeListener } from '@meltemi/runtime';
import { createDataPlane } from '../data-plane.ts';
import { systemClock, systemTimers } from '../main/ports.ts';
import { cluster, faultOf, hcm, plainListener, routeTo, tcpProxy } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { rawCall, rawClient, startRawServer } from '../testing/plane.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const FAILED = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n';
const app = await startRawServer((socket) =>
  socket
    .on('data', (bytes: Buffer) => {
      unlucky = bytes.includes('/unlucky');
      socket.write(unlucky ? FAILED : OK);
    })
    .on('end', () => socket.end()),
);
const state = createRuntimeState(Math.random);
const said: string[] = [];
const quiet = { debug() {}, info() {}, warn() {} };
/** The fault: whatever ends with a path that says so, throws where nothing may throw. */
const dataPlane = createDataPlane(state, {
  clock: systemClock,
  timers: systemTimers,
  random: {
    next() {
      if (unlucky) throw new Error('injected');
      return Math.random();
    },
  },
  log: { ...quiet, error: (text, fields) => void said.push(`${text} ${JSON.stringify(fields)}`) },
  streams: {
    onTcpOpen() {
      if (refusing) throw new Error('injected');
    },
    onStreamEnd({ path, protocol }) {
      if (path.startsWith('/broken') || (protocol === 'tcp' && broken)) throw new Error('injected');
    },
  },
  accessLog: { write() {} },
});
let broken = false;
let refusing = false;
/** While it is so, what asks for a random number throws: a back-off, of all that happens after a response. */
let unlucky = false;
after(async () => {
  await dataPlane.close();
  await app[Symbol.asyncDispose]();
});
const must = <T>(decoded: { ok: true; value: T } | { ok: false }): T => {
  assert.ok(decoded.ok);
  return decoded.value;
};
const delayed = faultOf({
  delay: { fixed_delay: '0.05s', percentage: { numerator: 100 } },
  abort: { http_status: 418, percentage: { numerator: 100 } },
});
const PROXY_PROTOCOL = {
  name: 'proxy',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol' },
};
await dataPlane.apply(
  state.apply({
    clusters: [must(decodeCluster(cluster('app', [app.port])))],
    listeners: [
      must(
        decodeListener(
          plainListener(
            'http',
            hcm([
              { ...routeTo('app', {}, { prefix: '/broken/later' }), typed_per_filter_config: delayed },
              routeTo('app', { retry_policy: { retry_on: '5xx' } }),
            ]),
          ),
        ),
      ),
      must(decodeListener(plainListener('tcp', tcpProxy('app')))),
      must(decodeListener(plainListener('told', tcpProxy('app'), { listener_filters: [PROXY_PROTOCOL] }))),
    ],
  }),
);
const port = (name: string): number => Number(/\d+$/.exec(dataPlane.listeners().find((item) => item.name === name)?.addresses[0] ?? '')?.[0]);
const errors = (): number => said.filter((line) => line.includes('injected')).length;
const request = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

test('an error in the handling of one connection ends that one, with a line and a count; the others go on', async () => {
  const bystander = await rawClient(port('http'));
  const session = http2.connect(`http://127.0.0.1:${port('http')}`);
  session.on('error', () => {});
  const other = http2.connect(`http://127.0.0.1:${port('http')}`);
  const call = (on: http2.ClientHttp2Session, path: string): Promise<number> =>
    new Promise((resolve) => {
      const stream = on.request({ ':path': path });
      stream.on('response', (headers) => resolve(Number(headers[':status'])));
      stream.on('error', () => resolve(0));
      stream.on('close', () => resolve(0));
    });
  assert.equal(await call(session, '/'), 200);
  for (const path of ['/broken', '/broken/later']) {
    const before = errors();
    const text = await Promise.race([rawCall(port('http'), request(path)), until('the fault', () => errors() > before || undefined)]);
    assert.ok(text);
    assert.ok(errors() > before, path);
  }
  const before = errors();
  void call(session, '/broken');
  await until('the fault over HTTP/2', () => errors() > before || undefined);
  broken = true;
  const bytes = await rawClient(port('tcp'));
  bytes.socket.write(request('/'));
  await bytes.sees('ok');
  bytes.socket.destroy();
  await until('the fault over TCP', () => errors() > before + 1 || undefined);
  broken = false;
  bystander.socket.write(request('/'));
  await bystander.sees(/ok$/);
  assert.equal(await call(other, '/'), 200);
  assert.match(said.join('\n'), /an internal error ended a connection .*injected/);
  for (const one of [session, other]) one.destroy();
  bystander.socket.destroy();
  await until('nothing is left', () => dataPlane.activity.connections === 0 || undefined);
});

test('an error after a response has come leaves nothing counted that is over', async () => {
  const before = errors();
  const client = await rawClient(port('http'));
  client.socket.write(request('/unlucky'));
  await client.closed;
  unlucky = false;
  assert.equal(errors(), before + 1);
  const { usage } = state.cluster('app') ?? {};
  assert.deepEqual([usage?.retries, usage?.requests, usage?.pending, dataPlane.activity.requests], [0, 0, 0, 0]);
});

test('an error behind a header of the PROXY protocol ends its connection', async () => {
  const before = errors();
  refusing = true;
  const client = await rawClient(port('told'));
  client.socket.write('PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n');
  await client.closed;
  refusing = false;
  assert.equal(errors(), before + 1);
  assert.equal(dataPlane.activity.connections, 0);
});
