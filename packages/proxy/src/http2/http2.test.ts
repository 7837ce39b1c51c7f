import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import test, { after, describe } from 'node:test';
import { cluster, hcm, plainListener, routeTo, textLog } from '../testing/build.ts';
import { startPlane, flagsOf, type Plane } from '../testing/plane.ts';
import { until } from '../testing/harness.ts';

const H2_UPSTREAM = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

interface Answer {
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

function read(stream: http2.ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: Answer['headers'] = {};
    let trailers: http2.IncomingHttpHeaders = {};
    const parts: Buffer[] = [];
    stream.on('response', (got) => (headers = got));
    stream.on('trailers', (got) => (trailers = got));
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => resolve({ headers, trailers, body: Buffer.concat(parts) }));
    stream.on('error', reject);
  });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function answerH2(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): void {
  const parts: Buffer[] = [];
  stream.on('error', () => {});
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('end', () => {
    const path = headers[':path'] ?? '';
    if (path.startsWith('/never')) return;
    if (path.startsWith('/reset')) {
      stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
      return;
    }
    if (path.startsWith('/trailers')) {
      stream.respond({ ':status': 200, 'x-said': JSON.stringify(headers) }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }));
      stream.end(Buffer.concat(parts));
      return;
    }
    if (path.startsWith('/204')) {
      stream.respond({ ':status': 204 }, { endStream: true });
      return;
    }
    stream.respond({ ':status': 200, 'x-said': JSON.stringify(headers) });
    stream.end(Buffer.concat(parts));
  });
}

describe('HTTP/2', async () => {
  const closers: (() => unknown)[] = [];
  after(async () => {
    for (const close of closers.toReversed()) await close();
  });
  const up2 = http2.createServer();
  up2.on('stream', answerH2);
  const port2 = await listen(up2);
  const up1 = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (request.url === '/204') {
        response.writeHead(204).end();
        return;
      }
      response.writeHead(200, {
        'x-said': JSON.stringify(request.headers),
        'x-method': request.method,
        ...(request.url === '/trailers' ? { trailer: 'x-end' } : {}),
      });
      if (request.url === '/trailers') response.addTrailers({ 'x-end': JSON.stringify(request.trailers) });
      response.end(Buffer.concat(parts));
    });
  });
  const port1 = await listen(up1);
  const plane: Plane = await startPlane({
    clusters: [cluster('h2', [port2], H2_UPSTREAM), cluster('h1', [port1])],
    listeners: [
      plainListener(
        'main',
        hcm(
          [
            routeTo('h1', {}, { prefix: '/h1', headers: [] }),
            routeTo('h1', {}, { prefix: '/', headers: [{ name: 'x-to', string_match: { exact: 'h1' } }] }),
            routeTo('h2', {}),
          ],
          textLog('%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS%\n'),
        ),
      ),
    ],
  });
  closers.push(() => plane[Symbol.asyncDispose]());
  closers.push(
    () => up1.close(),
    () => up2.close(),
  );
  const port = plane.port('main');
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  closers.push(() => session.destroy());

  test('a request without body, both sides HTTP/2', async () => {
    const answer = await read(session.request({ ':path': '/a?b=c', 'x-mine': '1' }));
    assert.equal(Number(answer.headers[':status']), 200);
    const said = JSON.parse(String(answer.headers['x-said'])) as Record<string, string>;
    assert.equal(said[':path'], '/a?b=c');
    assert.equal(said[':authority'], `127.0.0.1:${port}`);
    assert.equal(said['x-mine'], '1');
    assert.equal(answer.headers['server'], 'envoy');
  });

  for (const to of ['h1', 'h2'] as const) {
    test(`bodies and trailers, HTTP/2 to ${to}`, async () => {
      const small = session.request({ ':method': 'POST', ':path': '/echo', 'x-to': to });
      small.end('hello');
      assert.equal((await read(small)).body.toString(), 'hello');
      const big = session.request({ ':method': 'POST', ':path': '/echo', 'x-to': to });
      const body = Buffer.alloc(3_000_000, 'abcdefghij');
      big.end(body);
      const answer = await read(big);
      assert.equal(Number(answer.headers[':status']), 200);
      assert.ok(answer.body.equals(body));
      const trailed = session.request({ ':method': 'POST', ':path': '/trailers', 'x-to': to }, { waitForTrailers: true });
      trailed.on('wantTrailers', () => trailed.sendTrailers({ 'x-tail': 'up' }));
      trailed.end('x');
      const end = await read(trailed);
      assert.equal(end.body.toString(), 'x');
      assert.match(String(end.trailers['x-end']), to === 'h1' ? /x-tail/ : /yes/);
      const empty = await read(session.request({ ':path': '/204', 'x-to': to }));
      assert.equal(Number(empty.headers[':status']), 204);
      const head = session.request({ ':method': 'HEAD', ':path': '/x', 'x-to': to });
      assert.equal(Number((await read(head)).headers[':status']), 200);
    });
  }

  test('HTTP/1.1 to HTTP/2: bodies, chunks, trailers', async () => {
    const call = (
      options: http.RequestOptions,
      body?: string | Uint8Array,
      trailers?: http.OutgoingHttpHeaders,
    ): Promise<{ status: number; body: Buffer; headers: http.IncomingHttpHeaders; trailers: NodeJS.Dict<string> }> =>
      new Promise((resolve, reject) => {
        const request = http.request({ host: '127.0.0.1', port, ...options }, (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts), headers: response.headers, trailers: response.trailers }),
          );
        });
        request.on('error', reject);
        if (trailers !== undefined) request.addTrailers(trailers);
        request.end(body);
      });
    const plain = await call({ path: '/one' });
    assert.equal(plain.status, 200);
    assert.equal(plain.headers['content-length'] ?? plain.headers['transfer-encoding'], 'chunked');
    const big = Buffer.alloc(2_000_000, '0123456789');
    assert.ok((await call({ path: '/echo', method: 'POST', headers: { 'content-length': big.length } }, big)).body.equals(big));
    const chunked = await call({ path: '/trailers', method: 'POST', headers: { 'transfer-encoding': 'chunked', trailer: 'x-tail' } }, 'abc', {
      'x-tail': 'up',
    });
    assert.equal(chunked.body.toString(), 'abc');
    assert.equal(chunked.trailers['x-end'], 'yes');
    assert.equal((await call({ path: '/204' })).status, 204);
  });

  test('a reset of the upstream is told; a cancelled request is cancelled upstream, and the connection lives', async () => {
    const before = plane.streams.length;
    const answer = await read(session.request({ ':path': '/reset' }));
    assert.equal(Number(answer.headers[':status']), 503);
    assert.match(answer.body.toString(), /remote reset/);
    assert.equal(flagsOf(await plane.ended(before + 1)), 'UR');
    const arrived = Promise.withResolvers<void>();
    const seen = new Promise<void>((resolve) =>
      up2.once('stream', (stream) => {
        stream.once('aborted', resolve);
        arrived.resolve();
      }),
    );
    const never = session.request({ ':path': '/never' });
    never.on('error', () => {});
    await arrived.promise;
    never.close(http2.constants.NGHTTP2_CANCEL);
    await seen;
    const info = await plane.ended(before + 2);
    assert.equal(flagsOf(info), 'DR');
    assert.equal(info.responseCodeDetails, 'http2.remote_reset');
    assert.equal(Number((await read(session.request({ ':path': '/after' }))).headers[':status']), 200);
  });

  test('many requests at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) => {
        const request = session.request({ ':method': 'POST', ':path': `/n${i}`, 'x-to': i % 2 === 0 ? 'h1' : 'h2' });
        request.end(`body ${i}`);
        return read(request);
      }),
    );
    assert.deepEqual(
      answers.map(({ body }) => body.toString()),
      Array.from({ length: 300 }, (_, i) => `body ${i}`),
    );
  });

  test('drain: GOAWAY, and the requests under way end', async () => {
    const other = http2.connect(`http://127.0.0.1:${port}`);
    let gone = false;
    other.on('goaway', () => (gone = true));
    other.on('error', () => {});
    const request = other.request({ ':method': 'POST', ':path': '/slow' });
    request.write('a');
    await until('the request is under way', () => plane.dataPlane.activity.requests === 1);
    await plane.dataPlane.drain({ t: 'tell', scope: 'all' });
    const done = plane.dataPlane.drain({ t: 'finish', deadlineMs: 3_000, quietMs: 0 });
    await until('goaway', () => gone);
    request.end('b');
    assert.equal((await read(request)).body.toString(), 'ab');
    await done;
  });
});
