import assert from 'node:assert/strict';
import http from 'node:http';
import type { Socket } from 'node:net';
import { after, test } from 'node:test';
import { cluster, hcm, plainListener, routeTo, textLog } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { flagsOf, rawCall, rawClient, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
type Script = (socket: Socket, text: string) => void;
let script: Script = (socket) => void socket.write(OK);
let received = '';

const app = await startRawServer((socket) => {
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    received += text;
    script(socket, text);
  });
});
const planes: Plane[] = [];
after(async () => {
  for (const plane of planes) await plane[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

async function proxy(more: object = {}, route: object = {}, listener: object = {}): Promise<Plane> {
  const plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [plainListener('http', hcm([routeTo('app', route)], more), listener)],
  });
  planes.push(plane);
  received = '';
  script = (socket) => void socket.write(OK);
  return plane;
}

const request = (line: string, lines = '', body = ''): string => `${line} HTTP/1.1\r\nHost: a\r\n${lines}\r\n${body}`;

test('one client connection, one upstream connection, many requests; pipelined ones are answered in order', async () => {
  const plane = await proxy();
  const sockets = app.sockets.length;
  script = (socket, text) => {
    for (const [, path] of text.matchAll(/GET (\/\d+) /g)) socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${path?.length}\r\n\r\n${path}`);
  };
  const client = await rawClient(plane.port('http'));
  for (let at = 0; at < 5; at++) {
    client.socket.write(request(`GET /${at}`));
    await client.sees(`\r\n\r\n/${at}`);
  }
  client.socket.write(Array.from({ length: 20 }, (_, at) => request(`GET /${at + 100}`)).join(''));
  await client.sees(/\/119$/);
  assert.deepEqual(
    [...client.text().matchAll(/\r\n\r\n\/(\d+)/g)].map(([, at]) => Number(at)),
    [0, 1, 2, 3, 4, ...Array.from({ length: 20 }, (_, at) => at + 100)],
  );
  assert.equal(app.sockets.length - sockets, 1);
  client.socket.destroy();
});

test('HEAD, 204 and 304 have no body, whatever their length says', async () => {
  const plane = await proxy();
  const client = await rawClient(plane.port('http'));
  const cases: readonly (readonly [line: string, answer: string])[] = [
    ['HEAD /a', 'HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n'],
    ['HEAD /b', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['GET /c', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 77\r\n\r\n'],
    ['GET /d', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ];
  for (const [at, [line, answer]] of cases.entries()) {
    script = (socket) => void socket.write(answer);
    client.socket.write(request(line));
    await until(line, () => (client.text().match(/HTTP\/1\.1/g)?.length ?? 0) > at);
  }
  script = (socket) => void socket.write(OK);
  client.socket.write(request('GET /last'));
  await client.sees(/\r\n\r\nok$/);
  assert.match(client.text(), /content-length: 5000\r\n/);
  assert.match(client.text(), /content-length: 77\r\n/);
  client.socket.destroy();
});

test('100-continue: the proxy answers it and waits for nobody; the application is not asked', async () => {
  const plane = await proxy();
  script = (socket, text) => void (text.includes('world') ? socket.write(OK) : undefined);
  const client = await rawClient(plane.port('http'));
  client.socket.write(request('POST /', 'Expect: 100-continue\r\nContent-Length: 11\r\n'));
  await client.sees('HTTP/1.1 100 Continue\r\n\r\n');
  client.socket.write('hello world');
  await client.sees(/HTTP\/1.1 200 OK[^]*ok$/);
  assert.doesNotMatch(received, /^expect:/im);
  assert.match(received, /content-length: 11\r\n[^]*\r\n\r\nhello world$/i);
  // The application's own interim answers stay with the proxy; its final one comes through.
  script = (socket) => void socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}`);
  client.socket.write(request('GET /'));
  await until('the second answer', () => client.text().match(/200 OK/g)?.length === 2);
  assert.doesNotMatch(client.text(), /103/);
  // A refusal comes instead of the 100.
  const refusing = await proxy({
    route_config: {
      name: 'x',
      virtual_hosts: [{ name: 'x', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 413 } }] }],
    },
  });
  assert.match(
    await rawCall(refusing.port('http'), request('POST /', 'Expect: 100-continue\r\nContent-Length: 11\r\n')),
    /^HTTP\/1.1 413 [^]*connection: close/,
  );
  client.socket.destroy();
});

test('chunked bodies and trailers go through both ways; a client of HTTP/1.0 gets plain bytes', async () => {
  const plane = await proxy();
  const body = '5\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 1\r\n\r\n';
  script = (socket) => void socket.write(`HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
  const client = await rawClient(plane.port('http'));
  client.socket.write(request('POST /', 'Transfer-Encoding: chunked\r\nTrailer: x-sum\r\nTE: trailers\r\n', body));
  await client.sees(/x-sum: 1\r\n\r\n$/);
  assert.ok(client.text().endsWith(body));
  assert.ok(received.endsWith(body) && /te: trailers/i.test(received) && /trailer: x-sum/i.test(received));
  const info = await plane.ended(1);
  assert.deepEqual([info.bytesReceived, info.bytesSent], [11, 11]);
  const old = await proxy({ http_protocol_options: { accept_http_10: true } });
  script = (socket) => void socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
  const text = await rawCall(old.port('http'), 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
  assert.match(text, /^HTTP\/1.1 200 OK[^]*connection: close[^]*\r\n\r\nhello world$/);
  assert.doesNotMatch(text, /transfer-encoding/i);
  client.socket.destroy();
});

test('a response that ends with its connection reaches the client whole, and so does its end', async () => {
  const plane = await proxy();
  script = (socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end');
  assert.match(await rawCall(plane.port('http'), request('GET /')), /connection: close\r\n\r\nuntil the end$/);
});

test('upgrade: WebSocket bytes both ways, early ones too, each side may end first', async () => {
  const plane = await proxy({ upgrade_configs: [{ upgrade_type: 'websocket' }] });
  const handshake = request('GET /chat', 'Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n');
  script = (socket, text) => {
    if (!text.includes('/chat')) socket.write(`echo:${text}`, 'latin1');
    else socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\nfirst');
  };
  const client = await rawClient(plane.port('http'));
  client.socket.write(handshake);
  await client.sees(/^HTTP\/1.1 101 [^]*connection: Upgrade\r\n\r\nfirst$/i);
  assert.match(received, /upgrade: websocket/i);
  assert.match(received, /connection: upgrade/i);
  client.socket.write('\u0081\u0005hello', 'latin1');
  await client.sees('echo:\u0081\u0005hello');
  const upstream = app.sockets.at(-1);
  upstream?.once('end', () => upstream.end('bye'));
  client.socket.end();
  assert.match(await client.closed, /bye$/);
  const info = await plane.ended(1);
  assert.deepEqual([info.responseCode, info.bytesReceived, flagsOf(info)], [101, 7, '-']);
  const refused = await proxy();
  assert.match(await rawCall(refused.port('http'), handshake), /^HTTP\/1.1 403 /);
});

test('what proxies tell each other does not reach the application or the client', async () => {
  const forged = [
    'x-envoy-upstream-rq-timeout-ms: 100',
    'x-envoy-upstream-rq-per-try-timeout-ms: 10',
    'x-envoy-max-retries: 9',
    'x-envoy-retry-on: 5xx',
    'x-envoy-decorator-operation: forged',
    'x-envoy-internal: true',
    'x-envoy-hedge-on-per-try-timeout: true',
    'Connection: x-hop, keep-alive',
    'X-Hop: secret',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: gzip',
    'Upgrade: h2c',
  ];
  for (const [direction, more] of [
    ['INBOUND', {}],
    ['INBOUND', { tracing: {} }],
    ['OUTBOUND', { use_remote_address: true, tracing: {} }],
  ] as const) {
    const plane = await proxy(more, {}, { traffic_direction: direction });
    script = (socket) =>
      void socket.write(
        'HTTP/1.1 200 OK\r\nx-envoy-upstream-service-time: 99\r\nx-envoy-decorator-operation: told\r\nkeep-alive: timeout=9\r\nconnection: x-own\r\nx-own: 1\r\ncontent-length: 2\r\n\r\nok',
      );
    const client = await rawClient(plane.port('http'));
    client.socket.write(request('GET /', `${forged.join('\r\n')}\r\n`));
    const text = await client.sees(/\r\n\r\nok$/);
    for (const name of [
      'rq-timeout-ms: 100',
      'per-try',
      'max-retries',
      'retry-on',
      'hedge',
      'decorator-operation',
      'x-hop',
      'keep-alive',
      'proxy-connection',
      'te: gzip',
      'upgrade',
    ])
      assert.ok(!received.toLowerCase().includes(name), `${direction}: the application saw ${name}\n${received}`);
    for (const name of ['decorator-operation', 'service-time: 99', 'keep-alive', 'x-own'])
      assert.ok(!text.includes(name), `${direction}: the client saw ${name}\n${text}`);
    client.socket.destroy();
  }
});

test('trace headers: a new trace in both formats, the child of a W3C and of a B3 caller', async () => {
  const plane = await proxy({ tracing: {} });
  const seen = async (lines: string): Promise<Record<string, string>> => {
    received = '';
    await rawCall(plane.port('http'), request('GET /', `${lines}Connection: close\r\n`));
    return Object.fromEntries(
      [...received.matchAll(/^(traceparent|tracestate|b3|x-b3-[a-z]+): (.*)\r$/gim)].map(([, name = '', value = '']) => [name.toLowerCase(), value]),
    );
  };
  const fresh = await seen('');
  const [, traceId = '', spanId = ''] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(fresh['traceparent'] ?? '') ?? [];
  assert.deepEqual([fresh['x-b3-traceid'], fresh['x-b3-spanid'], fresh['x-b3-sampled']], [traceId, spanId, '1']);
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const w3c = await seen(`traceparent: 00-${trace}-b7ad6b7169203331-01\r\ntracestate: a=b\r\n`);
  assert.match(w3c['traceparent'] ?? '', new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`));
  assert.equal(w3c['tracestate'], 'a=b');
  const b3 = await seen(`x-b3-traceid: ${trace}\r\nx-b3-spanid: b7ad6b7169203331\r\nx-b3-sampled: 0\r\n`);
  assert.deepEqual([b3['x-b3-traceid'], b3['x-b3-parentspanid'], b3['x-b3-sampled']], [trace, 'b7ad6b7169203331', '0']);
  assert.notEqual(b3['x-b3-spanid'], 'b7ad6b7169203331');
  const bad = await seen('traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n');
  assert.match(bad['traceparent'] ?? '', /^00-(?!0{32})[0-9a-f]{32}-/);
});

test("the access log tells each request with Istio's operators", async () => {
  const format =
    '%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% "%REQ(USER-AGENT)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% %ROUTE_NAME%\n';
  const plane = await proxy(textLog(format));
  await rawCall(plane.port('http'), request('POST /x', 'Content-Length: 3\r\nUser-Agent: test\r\nConnection: close\r\n', 'abc'));
  script = (socket) => void socket.destroy();
  await rawCall(plane.port('http'), request('GET /y', 'Connection: close\r\n'));
  await rawCall(plane.port('http'), 'garbage\r\n\r\n');
  const lines = await until('three lines', () => {
    const all = plane.log().split('\n').slice(0, -1);
    return all.length === 3 ? all : undefined;
  });
  assert.deepEqual(lines, [
    `POST /x HTTP/1.1 200 - via_upstream 3 2 "test" "a" "127.0.0.1:${app.port}" app r`,
    `GET /y HTTP/1.1 503 UC upstream_reset_before_response_started{connection_termination} 0 118 "-" "a" "127.0.0.1:${app.port}" app r`,
    '- - HTTP/1.1 400 DPE http1.codec_error 0 11 "-" "-" "-" - -',
  ]);
});

test('log lines cannot be forged by header values', async () => {
  const plane = await proxy(textLog('%REQ(USER-AGENT)%|%REQ(:PATH)%\n'));
  await rawCall(plane.port('http'), request('GET /a%0d%0ab', 'User-Agent: x\u0085y\u00ff\r\nConnection: close\r\n'));
  const log = await until('a line', () => (plane.log().endsWith('\n') ? plane.log() : undefined));
  assert.equal(log.split('\n').length, 2);
});

/** How much of its sending a peer gets rid of before it has to wait. */
async function stalled(socket: Socket, total: number): Promise<number> {
  const piece = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  while (sent < total) {
    sent += piece.length;
    if (socket.write(piece)) continue;
    const drained = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 300);
      socket.once('drain', () => (clearTimeout(timer), resolve(true)));
    });
    if (!drained) return sent;
  }
  return sent;
}

const TOTAL = 200 * 1024 * 1024;
/** Buffers of the kernel (several per hop) and a little of ours; without back-pressure it would be all of it. */
const MOST = 40 * 1024 * 1024;

test('a client that does not read stops the application, and gets everything when it reads', { timeout: 60_000 }, async () => {
  const plane = await proxy();
  let upstream: Socket | undefined;
  script = (socket) => {
    upstream = socket;
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${TOTAL}\r\n\r\n`);
  };
  const client = await rawClient(plane.port('http'));
  client.socket.removeAllListeners('data');
  client.socket.pause();
  client.socket.write(request('GET /'));
  await until('the request', () => upstream);
  const before = process.memoryUsage().arrayBuffers;
  const sent = await stalled(upstream as Socket, TOTAL);
  assert.ok(sent < MOST, `${sent} bytes were taken`);
  assert.ok(process.memoryUsage().arrayBuffers - before < MOST);
  let got = 0;
  client.socket.on('data', (bytes: Buffer) => (got += bytes.length));
  client.socket.resume();
  const rest = (async () => {
    for (let left = TOTAL - sent; left > 0;) {
      const size = Math.min(left, 64 * 1024);
      left -= size;
      if (!(upstream as Socket).write(Buffer.alloc(size, 'x'))) await new Promise((resolve) => (upstream as Socket).once('drain', resolve));
    }
  })();
  await rest;
  await until('the whole body', () => got > TOTAL, 20_000);
  const info = await plane.ended(1);
  assert.equal(info.bytesSent, TOTAL);
  client.socket.destroy();
});

test('an application that does not read stops the client', { timeout: 60_000 }, async () => {
  const plane = await proxy();
  script = (socket) => void socket.pause();
  const client = await rawClient(plane.port('http'));
  client.socket.write(request('POST /', `Content-Length: ${TOTAL}\r\n`));
  const before = process.memoryUsage().arrayBuffers;
  const sent = await stalled(client.socket, TOTAL);
  assert.ok(sent < MOST, `${sent} bytes were taken`);
  assert.ok(process.memoryUsage().arrayBuffers - before < MOST);
  client.socket.destroy();
  app.sockets.at(-1)?.destroy();
});

test('an answer before the end of the request ends the connection; the client gets it all the same', async () => {
  const plane = await proxy();
  script = (socket) => void socket.write('HTTP/1.1 413 X\r\ncontent-length: 4\r\n\r\nlong');
  const client = await rawClient(plane.port('http'));
  client.socket.write(request('POST /', 'Content-Length: 10000000\r\n', 'x'.repeat(100_000)));
  assert.match(await client.closed, /^HTTP\/1.1 413 [^]*connection: close[^]*long$/);
  client.socket.destroy();
});

test('idle time-outs close idle connections on both sides, and no sooner', async () => {
  const plane = await proxy({ common_http_protocol_options: { idle_timeout: '0.15s' } });
  const client = await rawClient(plane.port('http'));
  const begun = performance.now();
  assert.equal(await client.closed, '');
  const took = performance.now() - begun;
  assert.ok(took > 140 && took < 2_000, `${took} ms`);
  client.socket.destroy();
});

test('an ordinary client by node:http: keep-alive, bodies, many at once', async () => {
  const server = http.createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => void parts.push(part));
    incoming.on('end', () => response.end(Buffer.concat(parts)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const plane = await proxy();
  await plane.apply({ clusters: [cluster('app', [(server.address() as { port: number }).port])] });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 10 });
  const echo = (size: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const call = http.request({ port: plane.port('http'), host: '127.0.0.1', method: 'POST', agent }, (response) => {
        let length = 0;
        response.on('data', (part: Buffer) => (length += part.length));
        response.on('end', () => resolve(response.statusCode === 200 ? length : -1));
      });
      call.on('error', reject);
      for (let left = size; left > 0; left -= 50_000) call.write(Buffer.alloc(Math.min(left, 50_000), 'y'));
      call.end();
    });
  const sizes = [0, 1, 1000, 65_535, 65_536, 65_537, 1_000_000, 5_000_000];
  const got = await Promise.all([...sizes, ...sizes, ...sizes].map(echo));
  assert.deepEqual(got, [...sizes, ...sizes, ...sizes]);
  agent.destroy();
  server.closeAllConnections();
  server.close();
});

test('heads at the limit, made larger by the configuration, go out whole with their body', async (t) => {
  const path = `/old/${'p'.repeat(60_000)}`;
  const value = 'v'.repeat(30_000);
  const body = 'b'.repeat(64_000);
  const copies = Array.from({ length: 6 }, (_, at) => ({ header: { key: `x-copy-${at}`, value: '%REQ(X-VALUE)%' } }));
  const plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [
      plainListener(
        'http',
        hcm(
          [
            {
              match: { prefix: '/old' },
              route: { cluster: 'app', prefix_rewrite: '/new' },
              request_headers_to_add: copies,
              response_headers_to_add: [{ header: { key: 'x-size', value: 'y'.repeat(120_000) } }],
            },
          ],
          {
            max_request_headers_kb: 96,
          },
        ),
      ),
    ],
  });
  planes.push(plane);
  for (const round of ['fresh connection', 'kept connection']) {
    await t.test(round, async () => {
      received = '';
      script = (socket) =>
        void (received.endsWith('end')
          ? socket.write(`HTTP/1.1 200 OK\r\nx-large: ${'z'.repeat(80_000)}\r\ncontent-length: 60000\r\n\r\n${'a'.repeat(59_996)}last`)
          : undefined);
      const text = await rawCall(
        plane.port('http'),
        request(`POST ${path}`, `X-Value: ${value}\r\nContent-Length: ${body.length + 3}\r\nConnection: close\r\n`, `${body}end`),
      );
      const at = received.indexOf('\r\n\r\n');
      assert.equal(received.slice(at + 4), `${body}end`);
      assert.ok(received.startsWith(`POST /new/${'p'.repeat(60_000)} HTTP/1.1\r\n`));
      assert.equal(received.split(value).length - 1, 7);
      assert.match(text, /^HTTP\/1.1 200 OK\r\n/);
      assert.equal(text.length - text.indexOf('\r\n\r\n') - 4, 60_000);
      assert.ok(text.endsWith('last') && text.includes('y'.repeat(120_000)) && text.includes('z'.repeat(80_000)));
    });
  }
});

test('no text of the configuration, and no value that it copies, can end a line of a head', async () => {
  // The lower bytes of these are CR and LF.
  const evil = 'a\u010d\u010aX-Evil: 1\u010d\u010a';
  const more = {
    request_headers_to_add: [{ header: { key: 'x-evil-value', value: evil } }, { header: { key: 'x-copied', value: '%REQ(X-PATH)%' } }],
    response_headers_to_add: [{ header: { key: 'x-answer', value: evil } }],
  };
  const plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [
      plainListener(
        'http',
        hcm(
          [
            { match: { prefix: '/go' }, redirect: { path_redirect: `/${evil}` } },
            { match: { prefix: '/copied' }, route: { cluster: 'app' }, ...more },
            { match: { prefix: '/' }, route: { cluster: 'app', prefix_rewrite: `/${evil}`, host_rewrite_literal: evil }, ...more },
          ],
          { server_name: evil },
        ),
      ),
    ],
  });
  planes.push(plane);
  for (const path of ['/', '/copied', '/go']) {
    received = '';
    script = (socket) => void socket.write(OK);
    const text = await rawCall(plane.port('http'), request(`GET ${path}`, 'X-Path: /b HTTP/1.1 c\r\nConnection: close\r\n'));
    for (const head of [received, text]) {
      assert.doesNotMatch(head, /^X-Evil:/m);
      assert.doesNotMatch(head, /[^\r]\n|\r[^\n]/);
    }
    if (path === '/go') assert.match(text, /location: http:\/\/a\/a\u00c4\u008d/);
    else assert.match(received, /^GET \S+ HTTP\/1\.1\r\n/);
    if (path === '/copied') assert.match(received, /^x-copied: \/b HTTP\/1\.1 c\r$/m);
  }
});

test('the upstream is told the authority that the route was chosen by, also when the host line said another one', async () => {
  const cases: readonly (readonly [line: string, host: string, more: object, told: string])[] = [
    ['GET http://reviews/x', 'other', {}, 'reviews'],
    ['GET http://reviews:9080', 'other', {}, 'reviews:9080'],
    ['GET /x', 'reviews:1', { strip_any_host_port: true }, 'reviews'],
    ['GET /x', 'reviews.', { strip_trailing_host_dot: true }, 'reviews'],
    ['GET /x', 'reviews', {}, 'reviews'],
  ];
  for (const [line, host, more, told] of cases) {
    const plane = await proxy({
      route_config: { name: 't', virtual_hosts: [{ name: 'r', domains: ['reviews', 'reviews:9080'], routes: [routeTo('app')] }] },
      ...more,
    });
    assert.match(await rawCall(plane.port('http'), `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), /^HTTP\/1.1 200 /);
    assert.deepEqual(
      [...received.matchAll(/^host: (.*)\r$/gim)].map(([, value]) => value),
      [told],
      line,
    );
  }
});
