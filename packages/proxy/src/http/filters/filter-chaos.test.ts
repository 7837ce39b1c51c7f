import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { cluster, hcm, plainListener, ROUTER, routeTo } from '../../testing/build.ts';
import { until } from '../../testing/harness.ts';
import { rawClient, startPlane, startRawServer, type RawServer } from '../../testing/plane.ts';

const SEED = Number(process.env['MELTEMI_SEED'] ?? Math.floor(Math.random() * 1e9));

function sequence(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

const random = sequence(SEED);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const soon = (run: () => void): void => void setTimeout(run, random() * 20);
const plain = (status: string, body = '', lines = ''): string => `HTTP/1.1 ${status}\r\n${lines}content-length: ${body.length}\r\n\r\n${body}`;

/** What an authorization service may do with a question. */
const VERDICTS: readonly ((socket: Socket) => void)[] = [
  ...Array.from({ length: 6 }, () => (socket: Socket) => void socket.write(plain('200 OK', '', 'x-user: ann\r\n'))),
  (socket) => soon(() => socket.write(plain('200 OK'))),
  (socket) => void socket.write(plain('403 Forbidden', 'no')),
  (socket) => soon(() => socket.write(plain('302 Found', '', 'location: /login\r\n'))),
  (socket) => void socket.write(plain('500 X')),
  (socket) => void socket.destroy(),
  (socket) => soon(() => socket.resetAndDestroy()),
  (socket) => void socket.write('garbage\r\n\r\n'),
  (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
  () => {},
];

/** What the application may do; the mark is long enough to be compressed. */
const ANSWERS: readonly ((socket: Socket, mark: string) => void)[] = [
  ...Array.from({ length: 5 }, () => (socket: Socket, mark: string) => void socket.write(plain('200 OK', mark, 'content-type: text/html\r\n'))),
  (socket, mark) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n${mark.length.toString(16)}\r\n`);
    soon(() => socket.write(`${mark}\r\n0\r\n\r\n`));
  },
  (socket, mark) => void socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n${mark}`),
  (socket, mark) => void socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1000\r\n\r\n${mark}`),
  (socket) => void socket.destroy(),
  () => {},
];

const filter = (name: string, config: object): object => ({
  name,
  typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.http.${name}`, ...config },
});

const FILTERS = [
  filter('buffer.v3.Buffer', { max_request_bytes: 5_000 }),
  filter('ext_authz.v3.ExtAuthz', {
    http_service: {
      server_uri: { uri: 'http://a', cluster: 'authz', timeout: '0.06s' },
      authorization_response: { allowed_upstream_headers: { patterns: [{ exact: 'x-user' }] } },
    },
    with_request_body: { max_request_bytes: 100, allow_partial_message: true },
    clear_route_cache: true,
  }),
  filter('fault.v3.HTTPFault', {
    response_rate_limit: { fixed_limit: { limit_kbps: 500 }, percentage: { numerator: 20 } },
    delay: { fixed_delay: '0.003s', percentage: { numerator: 20 } },
  }),
  filter('compressor.v3.Compressor', {
    compressor_library: { name: 'gzip', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip' } },
    response_direction_config: { common_config: { min_content_length: 1 } },
  }),
];

function requestOf(mark: string): string {
  const head = `Host: a\r\nX-Mark: ${mark}\r\n${pick(['', 'accept-encoding: gzip\r\n'])}`;
  const body = 'y'.repeat(pick([0, 5, 200, 6_000]));
  if (pick([true, false])) return `POST / HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (body === '') return `GET / HTTP/1.1\r\n${head}\r\n`;
  return `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

/** One client; leaves before the end, or not. Answers that are not compressed bear its own mark or none. */
async function client(port: number, name: string): Promise<void> {
  const { socket, text, closed } = await rawClient(port);
  const marks = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, at) => `<${name}.${at}>`);
  const bytes = marks.map(requestOf).join('');
  const manner = pick(['whole', 'whole', 'half-close', 'reset', 'torn']);
  if (manner === 'torn') socket.write(bytes.slice(0, Math.floor(random() * bytes.length)));
  else socket.write(bytes);
  if (manner === 'half-close') socket.end();
  else if (manner === 'whole') {
    await Promise.race([
      closed,
      until('the answers', () => (text().match(/HTTP\/1\.1 [2-5]/g)?.length ?? 0) >= marks.length || socket.readableEnded || undefined, 3_000),
    ]);
    socket.end();
  } else soon(() => (manner === 'reset' ? socket.resetAndDestroy() : socket.destroy()));
  await closed;
  socket.destroy();
  for (const [mark] of text().matchAll(/<[\d.]+>/g)) assert.ok(marks.includes(mark), `${name} got ${mark}; seed ${SEED}`);
}

/** Serves each request whose head has come, by chance. */
function byChance(serve: (socket: Socket, mark: string) => void): Promise<RawServer> {
  return startRawServer((socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const mark = /x-mark: (<[\d.]+>)/i.exec(text)?.[1] ?? '';
      text = '';
      serve(socket, mark);
    });
  });
}

test(`filters that wait, hold and transform leave nothing behind, whatever happens (seed ${SEED})`, { timeout: 60_000 }, async () => {
  const app = await byChance((socket, mark) => pick(ANSWERS)(socket, mark));
  const authz = await byChance((socket) => pick(VERDICTS)(socket));
  const plane = await startPlane(
    {
      clusters: [cluster('app', [app.port]), cluster('authz', [authz.port])],
      listeners: [plainListener('http', hcm([routeTo('app', { timeout: '0.1s' })], { http_filters: [...FILTERS, ROUTER] }))],
    },
    random,
  );
  const port = plane.port('http');
  let next = 0;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (next < 600) await client(port, String(next++));
    }),
  );
  await until('idle', () => (plane.dataPlane.activity.connections === 0 && plane.dataPlane.activity.requests === 0) || undefined);
  // A question that nobody waits for any more ends by its own time.
  await until('no question', () => plane.state.cluster('authz')?.usage.requests === 0 || undefined);
  for (const name of ['app', 'authz']) {
    const { connections, ...others } = { ...(plane.state.cluster(name)?.usage as unknown as Record<string, number>) };
    assert.ok((connections ?? 0) >= 0);
    assert.deepEqual(others, { pending: 0, requests: 0, retries: 0 }, name);
    assert.deepEqual(
      plane.state
        .cluster(name)
        ?.hosts()
        .map((host) => host.active),
      [0],
    );
  }
  const codes = new Set(plane.streams.map((info) => info.responseCode));
  for (const code of [200, 302, 403, 413, 504]) assert.ok(codes.has(code), `${code} occurred; seed ${SEED}`);
  await plane[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
  await authz[Symbol.asyncDispose]();
});
