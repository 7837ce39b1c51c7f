import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { cluster, hcm, plainListener, ROUTER, routeTo } from '../../testing/build.ts';
import { flagsOf, rawCall, rawClient, startPlane, startRawServer, type Plane, type RawServer } from '../../testing/plane.ts';
import { until } from '../../testing/harness.ts';

const open: AsyncDisposable[] = [];
after(async () => {
  for (const item of open.reverse()) await item[Symbol.asyncDispose]();
});

async function server(serve: (socket: Socket, head: string) => void): Promise<RawServer> {
  const started = await startRawServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      if (/^[A-Z]+ \S+ HTTP/.test(text)) serve(socket, text);
    });
  });
  open.push(started);
  return started;
}

const reply = (socket: Socket, body: string | Buffer, lines = ''): void => {
  socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${lines}\r\n`), Buffer.from(body)]));
};
const filter = (name: string, config: object): object => ({
  name,
  typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.http.${name}`, ...config },
});

async function proxy(filters: readonly object[], ports: Readonly<Record<string, number>>, more: object = {}): Promise<Plane> {
  const plane = await startPlane({
    clusters: Object.entries(ports).map(([name, port]) => cluster(name, [port])),
    listeners: [plainListener('http', hcm([routeTo('app')], { http_filters: [...filters, ROUTER], ...more }))],
  });
  open.push(plane);
  return plane;
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const JWKS = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] });
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(): string {
  const data = `${encode({ alg: 'ES256', kid: 'k' })}.${encode({ iss: 'i' })}`;
  return `${data}.${sign('sha256', Buffer.from(data), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const GET = `GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token()}\r\nconnection: close\r\n\r\n`;
const JWT = filter('jwt_authn.v3.JwtAuthentication', {
  providers: { p: { issuer: 'i', remote_jwks: { http_uri: { uri: 'http://keys/jwks', cluster: 'keys', timeout: '5s' } } } },
  rules: [{ match: { prefix: '/' }, requires: { provider_name: 'p' } }],
});

test('keys are fetched once for all who wait, and nothing is left of those who have gone', async () => {
  const app = await server((socket) => reply(socket, 'app'));
  const waiting: Socket[] = [];
  const keys = await server((socket) => void waiting.push(socket));
  const plane = await proxy([JWT], { app: app.port, keys: keys.port });
  const port = plane.port('http');
  const gone = await rawClient(port);
  gone.socket.write(GET);
  await until('a fetch', () => (waiting.length > 0 ? true : undefined));
  const clients = await Promise.all([rawClient(port), rawClient(port)]);
  for (const client of clients) client.socket.write(GET);
  await until('three requests', () => (plane.dataPlane.activity.requests === 3 ? true : undefined));
  gone.socket.resetAndDestroy();
  const left = await plane.ended(1);
  assert.equal(flagsOf(left), 'DC');
  reply(waiting[0] as Socket, JWKS);
  for (const client of clients) assert.match(await client.closed, /200 OK[^]*app$/);
  assert.equal(keys.received().match(/GET \/jwks/g)?.length, 1);
  assert.equal(plane.dataPlane.activity.requests, 0);
});

const GZIP = filter('compressor.v3.Compressor', {
  compressor_library: { name: 'gzip', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip' } },
});
const ASKS = 'GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n';

/** The payload of a chunked response. */
function unchunked(text: string): Buffer {
  const pieces: Buffer[] = [];
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4);
  for (;;) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (!(size > 0)) return Buffer.concat(pieces);
    pieces.push(Buffer.from(rest.slice(line + 2, line + 2 + size), 'latin1'));
    rest = rest.slice(line + 2 + size + 2);
  }
}

test('filters count under the names of Envoy', async () => {
  const app = await server((socket) => reply(socket, 'app'));
  const refuse = filter('rbac.v3.RBAC', { rules: { policies: {} }, shadow_rules: { action: 'DENY', policies: {} } });
  const plane = await proxy([refuse], { app: app.port });
  for (let i = 0; i < 3; i++) await rawCall(plane.port('http'), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  assert.deepEqual(plane.dataPlane.stats().find(({ kind }) => kind === 'other')?.counters, {
    'http.test.rbac.denied': 3,
    'http.test.rbac.shadow_allowed': 3,
  });
});

test('a compressed stream of events reaches the client event by event', async () => {
  let upstream: Socket | undefined;
  const app = await server((socket) => {
    upstream = socket;
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n');
  });
  const plane = await proxy([GZIP], { app: app.port });
  const client = await rawClient(plane.port('http'));
  client.socket.write(ASKS);
  // The first event is there, whole, before there is a second one.
  await client.sees(/\r\n\r\n[0-9a-f]+\r\n[^]*\r\n$/);
  const before = client.text().length;
  upstream?.write('6\r\nsecond\r\n0\r\n\r\n');
  const text = await client.closed;
  assert.ok(text.length > before);
  assert.equal(gunzipSync(unchunked(text)).toString(), 'firstsecond');
});

test('a large body is compressed for a client that reads late, in bounded memory', async () => {
  const body = randomBytes(6 * 1024 * 1024).toString('base64');
  const app = await server((socket) => reply(socket, body, 'content-type: text/plain\r\n'));
  const plane = await proxy([GZIP], { app: app.port });
  const client = await rawClient(plane.port('http'));
  client.socket.pause();
  client.socket.write(ASKS);
  await until('the application is slowed down', () =>
    app.sockets[0] !== undefined && app.sockets[0].writableLength > 1024 * 1024 ? true : undefined,
  );
  client.socket.resume();
  assert.equal(gunzipSync(unchunked(await client.closed)).toString(), body);
});

test('a response that is cut upstream is cut for the client, compressed or slowed down', async () => {
  const app = await server((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1000\r\n\r\nbegun');
    setImmediate(() => socket.destroy());
  });
  const slow = filter('fault.v3.HTTPFault', { response_rate_limit: { fixed_limit: { limit_kbps: 1 }, percentage: { numerator: 100 } } });
  for (const item of [GZIP, slow]) {
    const plane = await proxy([item], { app: app.port });
    const text = await rawCall(plane.port('http'), ASKS);
    assert.ok(!text.endsWith('0\r\n\r\n'), text);
    assert.match(flagsOf(await plane.ended(1)), /^UP?[CE]$/);
  }
});

test('a response is not faster than its limit', async () => {
  const app = await server((socket) => reply(socket, 'x'.repeat(16 * 1024)));
  const slow = filter('fault.v3.HTTPFault', { response_rate_limit: { fixed_limit: { limit_kbps: 64 }, percentage: { numerator: 100 } } });
  const plane = await proxy([slow], { app: app.port });
  const started = performance.now();
  const text = await rawCall(plane.port('http'), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  assert.ok(text.endsWith('x'.repeat(16 * 1024)));
  // A quarter of a second's worth, less the first of sixteen turns and the rounding of timers.
  assert.ok(performance.now() - started > 150);
});

const BUFFER = filter('buffer.v3.Buffer', { max_request_bytes: 1_000_000 });

test('a held body is not passed on before its end, and not at all without one', async () => {
  const app = await server((socket) => reply(socket, 'app'));
  const plane = await proxy([BUFFER], { app: app.port });
  const client = await rawClient(plane.port('http'));
  const body = 'y'.repeat(300_000);
  client.socket.write(`POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n`);
  await client.sees('100 Continue');
  client.socket.write(`${body.length.toString(16)}\r\n${body}\r\n`);
  await until('the body is here', () => (plane.dataPlane.activity.requests === 1 ? true : undefined));
  assert.equal(app.received(), '');
  client.socket.write('0\r\n\r\n');
  await client.closed;
  assert.match(app.received(), /content-length: 300000\r\n[^]*y$/);
  const gone = await rawClient(plane.port('http'));
  gone.socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab');
  await until('the second request', () => (plane.dataPlane.activity.requests === 1 ? true : undefined));
  gone.socket.end();
  assert.equal(flagsOf(await plane.ended(2)), 'DC');
  assert.equal(app.received().match(/POST/g)?.length, 1);
});

test('requests that wait for a filter while others pass keep their own heads', async () => {
  const app = await server((socket, head) => reply(socket, /x-who: (\w+)/.exec(head)?.[1] ?? 'nobody'));
  const held: Socket[] = [];
  const authz = await server((socket, head) => (head.includes('/slow') ? void held.push(socket) : reply(socket, '', 'x-who: fast\r\n')));
  const ask = filter('ext_authz.v3.ExtAuthz', {
    http_service: {
      server_uri: { uri: 'http://a', cluster: 'authz', timeout: '5s' },
      authorization_response: { allowed_upstream_headers: { patterns: [{ exact: 'x-who' }] } },
    },
  });
  const plane = await proxy([ask], { app: app.port, authz: authz.port });
  const port = plane.port('http');
  const slow = await rawClient(port);
  slow.socket.write('GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  await until('the question', () => (held.length === 1 ? true : undefined));
  const fast = await Promise.all(Array.from({ length: 5 }, () => rawCall(port, 'GET /fast HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n')));
  for (const text of fast) assert.ok(text.endsWith('fast'));
  reply(held[0] as Socket, '', 'x-who: slow\r\n');
  assert.ok((await slow.closed).endsWith('slow'));
  assert.match(app.received(), /GET \/slow HTTP\/1.1\r\nhost: a/);
});

test('whatever an authorization service sends, nothing of it becomes a line of its own', async () => {
  const app = await server((socket) => reply(socket, 'app'));
  const answers = [
    'HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'nonsense\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nshort',
  ];
  let turn = 0;
  const authz = await server((socket) => {
    socket.end(answers[turn++ % answers.length] ?? '', 'latin1');
  });
  const ask = filter('ext_authz.v3.ExtAuthz', { http_service: { server_uri: { uri: 'http://a', cluster: 'authz', timeout: '5s' } } });
  const plane = await proxy([ask], { app: app.port, authz: authz.port });
  for (const answer of answers) {
    const text = await rawCall(plane.port('http'), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    assert.match(text, /^HTTP\/1.1 403/, answer);
  }
  assert.equal(app.received(), '');
});

/** A provider whose keys are kept for so long; `more` for its way of fetching. */
const keeping = (cacheMs: number, more: object = {}): object =>
  filter('jwt_authn.v3.JwtAuthentication', {
    providers: {
      p: {
        issuer: 'i',
        remote_jwks: { http_uri: { uri: 'http://keys/jwks', cluster: 'keys', timeout: '5s' }, cache_duration: `${cacheMs / 1000}s`, ...more },
      },
    },
    rules: [{ match: { prefix: '/' }, requires: { provider_name: 'p' } }],
  });

test('keys that are refreshed in the background hold nobody up; others are waited for', async () => {
  const app = await server((socket) => reply(socket, 'app'));
  for (const background of [true, false]) {
    let fetches = 0;
    const held: Socket[] = [];
    const keys = await server((socket) => (++fetches === 1 ? reply(socket, JWKS) : void held.push(socket)));
    const plane = await proxy([keeping(20, background ? { async_fetch: { failed_refetch_duration: '1s' } } : {})], {
      app: app.port,
      keys: keys.port,
    });
    const port = plane.port('http');
    assert.match(await rawCall(port, GET), /app$/);
    let answer: string | undefined;
    // The keys grow old; from then on there is a second fetch that nobody answers.
    await until('a second fetch', async () => {
      if (answer === undefined && held.length === 0) await Promise.race([rawCall(port, GET), until('a fetch', () => held.length > 0 || undefined)]);
      return held.length > 0 || undefined;
    });
    const waiting = rawCall(port, GET).then((text) => (answer = text));
    if (background) assert.match(await waiting, /app$/);
    else {
      await until('a request that waits', () => plane.dataPlane.activity.requests > 0 || undefined);
      assert.equal(answer, undefined);
      reply(held[0] as Socket, JWKS);
      assert.match(await waiting, /app$/);
    }
  }
});

test('a fetch that fails is tried again as often as is said, and no oftener', async () => {
  const app = await server((socket) => reply(socket, 'app'));
  const keys = await server((socket) => void socket.write('HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n'));
  const retries = { retry_policy: { num_retries: 2, retry_back_off: { base_interval: '0.005s' } } };
  const plane = await proxy([keeping(1_000, retries)], { app: app.port, keys: keys.port });
  assert.match(await rawCall(plane.port('http'), GET), /^HTTP\/1.1 401[^]*Jwks remote fetch is failed$/);
  assert.equal(keys.received().match(/GET \/jwks/g)?.length, 3);
});

test('what two filters make of a payload, the one behind makes first', async () => {
  const app = await server((socket) => reply(socket, 'x'.repeat(40_000), 'content-type: text/html\r\n'));
  const slow = filter('fault.v3.HTTPFault', { response_rate_limit: { fixed_limit: { limit_kbps: 4 }, percentage: { numerator: 100 } } });
  // Compressed first and slowed down then, 40 kB are a few bytes; the other way round they take ten seconds.
  const plane = await proxy([slow, GZIP], { app: app.port });
  const started = performance.now();
  const text = await rawCall(plane.port('http'), ASKS);
  assert.equal(gunzipSync(unchunked(text)).length, 40_000);
  assert.ok(performance.now() - started < 4_000);
});
