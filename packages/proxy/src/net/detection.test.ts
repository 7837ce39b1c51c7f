/** Row 20 of the reliability table: looking at the first bytes has an end, and nobody is refused for it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { cluster, hcm, plainListener, routeTo, tcpProxy } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { rawClient, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

const TIMEOUT_MS = 200;
const DECLARED_MS = 100;
/** What a busy machine may add to a timer. */
const SLACK_MS = 1_000;

const inspector = (kind: 'tls' | 'http'): object => ({
  name: `envoy.filters.listener.${kind}_inspector`,
  typed_config: {
    '@type': `type.googleapis.com/envoy.extensions.filters.listener.${kind}_inspector.v3.${kind === 'tls' ? 'Tls' : 'Http'}Inspector`,
  },
});

const greeting = 'J\0\0\0\n8.0.36\0';
const app = await startRawServer((socket) => {
  socket.write(greeting);
  socket.on('data', (bytes: Buffer) => void socket.write(bytes)).on('end', () => socket.end());
});
const web = await startRawServer((socket) => {
  socket.on('data', (bytes: Buffer) => {
    if (bytes.includes('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nweb');
  });
});

const planes: Plane[] = [];
after(async () => {
  for (const plane of planes) await plane[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
  await web[Symbol.asyncDispose]();
});

/** HTTP is handled as such, everything else goes through as bytes; as the control plane writes it for a port without a protocol. */
async function detecting(): Promise<Plane> {
  const chains = [
    { name: 'http', filter_chain_match: { application_protocols: ['http/1.1', 'h2c'] }, filters: [hcm([routeTo('web')])] },
    { name: 'bytes', filters: [tcpProxy('app')] },
  ];
  const plane = await startPlane({
    clusters: [cluster('app', [app.port]), cluster('web', [web.port])],
    listeners: [
      plainListener('detects', tcpProxy('app'), {
        listener_filters: [inspector('tls'), inspector('http')],
        listener_filters_timeout: `${TIMEOUT_MS / 1_000}s`,
        continue_on_listener_filters_timeout: true,
        filter_chains: chains,
      }),
      plainListener('declared', tcpProxy('app')),
    ],
  });
  planes.push(plane);
  return plane;
}

const timeouts = (plane: Plane): number =>
  plane.dataPlane
    .stats()
    .filter(({ kind }) => kind === 'listener')
    .reduce((sum, { counters }) => sum + (counters['downstream_pre_cx_timeout'] ?? 0), 0);

test('row 20: a server that speaks first: at once where its protocol is declared, else after the time-out, which is counted', async (t) => {
  const plane = await detecting();
  const took: Record<string, number> = {};
  // The best of some counts where nothing is waited for: others use the machine too.
  for (const listener of ['declared', 'declared', 'declared', 'declared', 'detects']) {
    const begun = performance.now();
    const client = await rawClient(plane.port(listener));
    await client.sees(greeting);
    took[listener] = Math.min(took[listener] ?? Infinity, performance.now() - begun);
    client.socket.write('login');
    await client.sees(`${greeting}login`);
    client.socket.destroy();
  }
  t.diagnostic(JSON.stringify(took));
  assert.ok((took['declared'] ?? Infinity) <= DECLARED_MS, 'nothing is waited for');
  assert.ok((took['detects'] ?? 0) >= TIMEOUT_MS - 10, 'the client is given its time');
  assert.ok((took['detects'] ?? Infinity) <= TIMEOUT_MS + SLACK_MS, 'and no more');
  assert.equal(timeouts(plane), 1);
});

test('row 20: a client that sends a byte at a time is known by its first bytes, or passed on when the time is up: never an error', async () => {
  const plane = await detecting();
  const letters = async (text: string, pauseMs: number) => {
    const client = await rawClient(plane.port('detects'));
    for (const letter of text) {
      client.socket.write(letter);
      await new Promise((resolve) => (pauseMs === 0 ? setImmediate(resolve) : setTimeout(resolve, pauseMs)));
    }
    return client;
  };
  const quick = await letters('GET / HTTP/1.1\r\nhost: a\r\n\r\n', 0);
  await quick.sees(/^HTTP\/1\.1 200 OK\r\n[^]*web$/);
  assert.equal(timeouts(plane), 0);
  // No HTTP by its first letters: it need not wait for the time-out.
  const other = await letters('SSH-2.0-x\r\n', 0);
  await other.sees('SSH-2.0-x');
  assert.equal(timeouts(plane), 0);
  // So slow that the time is up in the middle of the line: bytes are bytes, and all of them arrive.
  const slow = await letters('GET / HTTP/1.1\r\n', 30);
  await slow.sees('GET / HTTP/1.1\r\n');
  assert.ok(slow.text().startsWith(greeting));
  assert.equal(timeouts(plane), 1);
  for (const { socket } of [quick, other, slow]) socket.destroy();
});

test('row 20: 100 clients that say nothing are each served after the time-out, counted, and nothing of them is left', async () => {
  const plane = await detecting();
  const begun = performance.now();
  const clients = await Promise.all(Array.from({ length: 100 }, () => rawClient(plane.port('detects'))));
  await Promise.all(clients.map((client) => client.sees(greeting)));
  assert.ok(performance.now() - begun <= TIMEOUT_MS + 3 * SLACK_MS);
  assert.equal(timeouts(plane), 100);
  for (const { socket } of clients) {
    socket.destroy();
    if (!socket.closed) await once(socket, 'close');
  }
  await until('all gone', () => plane.dataPlane.listeners().every(({ connections }) => connections === 0) || undefined);
});
