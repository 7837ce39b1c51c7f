import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { flagsOf, rawCall, rawClient, startPlane, startRawServer } from '../testing/plane.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
/** What a smuggler wants to arrive as a request of its own. */
const INNER = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

const app = await startRawServer((socket) => void socket.on('data', () => socket.write(OK)));
const plane = await startPlane({
  clusters: [cluster('app', [app.port])],
  listeners: [plainListener('http', hcm([routeTo('app')], { normalize_path: true, upgrade_configs: [{ upgrade_type: 'websocket' }] }))],
});
const port = plane.port('http');
after(async () => {
  await plane[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

const post = (lines: string, body = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${body}`;
const get = (lines: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`;

/** Name, bytes, status. What follows the message is there to be smuggled. */
const CORPUS: readonly (readonly [name: string, bytes: string, status: number])[] = [
  ['CL.TE', post('Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\nG'), 400],
  ['TE.CL', post('Transfer-Encoding: chunked\r\nContent-Length: 4', `${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n`), 400],
  ['TE.TE: second is unknown', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: x', '0\r\n\r\n'), 501],
  ['TE twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), 501],
  ['TE list', post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'), 501],
  ['TE identity', post('Transfer-Encoding: identity\r\nContent-Length: 0'), 501],
  ['TE with a tab before the name', post('\tTransfer-Encoding: chunked', '0\r\n\r\n'), 400],
  ['TE with vertical tab', post('Transfer-Encoding:\u000bchunked', '0\r\n\r\n'), 400],
  ['TE in quotes', post('Transfer-Encoding: "chunked"', '0\r\n\r\n'), 501],
  ['TE with a parameter', post('Transfer-Encoding: chunked;q=1', '0\r\n\r\n'), 501],
  ['TE ends with NUL', post('Transfer-Encoding: chunked\u0000', '0\r\n\r\n'), 400],
  ['TE empty', post('Transfer-Encoding:', '0\r\n\r\n'), 501],
  ['TE on HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 501],
  ['space before the colon of TE', post('Transfer-Encoding : chunked', '0\r\n\r\n'), 400],
  ['space before the colon of CL', post('Content-Length : 5', 'hello'), 400],
  ['two different CL', post('Content-Length: 5\r\nContent-Length: 6', 'hello!'), 400],
  ['CL list', post('Content-Length: 5, 5', 'hello'), 400],
  ['CL with plus', post('Content-Length: +5', 'hello'), 400],
  ['CL negative', post('Content-Length: -5', 'hello'), 400],
  ['CL hexadecimal', post('Content-Length: 0x5', 'hello'), 400],
  ['CL with a point', post('Content-Length: 5.0', 'hello'), 400],
  ['CL with a space inside', post('Content-Length: 5 5', 'hello'), 400],
  ['CL empty', post('Content-Length:'), 400],
  ['CL too large to count', post('Content-Length: 18446744073709551621', 'hello'), 400],
  ['CL in Arabic digits', post('Content-Length: \u00b2', 'hello'), 400],
  ['CL underscored', post('Content-Length: 1_0', 'hello'), 400],
  ['obs-fold hides TE', get('X: a\r\n Transfer-Encoding: chunked'), 400],
  ['obs-fold first', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400],
  ['obs-fold of CL', post('Content-Length:\r\n 5', 'hello'), 400],
  ['bare LF ends a line', `POST / HTTP/1.1\r\nHost: a\nContent-Length: 5\r\n\r\nhello`, 400],
  ['bare LF everywhere', 'GET / HTTP/1.1\nHost: a\n\n', 400],
  ['bare LF ends the head', `GET / HTTP/1.1\r\nHost: a\r\n\n${INNER}`, 400],
  ['bare CR in a value', get('X: a\rTransfer-Encoding: chunked'), 400],
  ['bare CR ends the head', `GET / HTTP/1.1\r\nHost: a\r\n\r${INNER}`, 400],
  ['bare CR in the request line', 'GET /\r HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['NUL in a value', get('X: a\u0000b'), 400],
  ['NUL in a name', get('X\u0000: a'), 400],
  ['DEL in a value', get('X: a\u007fb'), 400],
  ['control character in a value', get('X: a\u0001b'), 400],
  ['obs-text in a name', get('X\u00e9: a'), 400],
  ['empty name', get(': a'), 400],
  ['line without a colon', get('garbage'), 400],
  ['name in brackets', get('[x]: a'), 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['no Host', 'GET / HTTP/1.1\r\nX: a\r\n\r\n', 400],
  ['Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['Host with user information', 'GET / HTTP/1.1\r\nHost: x@a\r\n\r\n', 400],
  ['Host with a space', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ['Host list', 'GET / HTTP/1.1\r\nHost: a,b\r\n\r\n', 400],
  ['fragment in the target', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['target without a slash', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['asterisk with GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['path above the root', 'GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['encoded path above the root', 'GET /%2e%2e/etc HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['absolute form with user information', 'GET http://x@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 404],
  ['a second upgrade behind an allowed one', get('Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c'), 403],
  ['HTTP/0.9', 'GET /\r\n', 400],
  ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 400],
  ['HTTP/2.0 in text', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 400],
  ['lower-case protocol', 'GET / http/1.1\r\nHost: a\r\n\r\n', 400],
  ['two spaces in the request line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['tab in the request line', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['space before the method', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['method with a bracket', 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['TLS hello on a plain port', '\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003', 400],
  ['chunk size with plus', post('Transfer-Encoding: chunked', '+5\r\nhello\r\n0\r\n\r\n'), 400],
  ['chunk size 0x5', post('Transfer-Encoding: chunked', '0x5\r\nhello\r\n0\r\n\r\n'), 400],
  ['chunk size with a space', post('Transfer-Encoding: chunked', '5 \r\nhello\r\n0\r\n\r\n'), 400],
  ['chunk size empty', post('Transfer-Encoding: chunked', '\r\nhello\r\n0\r\n\r\n'), 400],
  ['chunk size overflows', post('Transfer-Encoding: chunked', '10000000000000005\r\nhello\r\n0\r\n\r\n'), 400],
  ['chunk size ends with LF', post('Transfer-Encoding: chunked', '5\nhello\r\n0\r\n\r\n'), 400],
  ['LF hides in a chunk extension', post('Transfer-Encoding: chunked', '5;a\nb\r\nhello\r\n0\r\n\r\n'), 400],
  ['CR hides in a chunk extension', post('Transfer-Encoding: chunked', '5;a\rb\r\nhello\r\n0\r\n\r\n'), 400],
  ['chunk longer than said', post('Transfer-Encoding: chunked', '5\r\nhelloX\r\n0\r\n\r\n'), 400],
  ['chunk ends with two characters', post('Transfer-Encoding: chunked', `5\r\nhelloXX0\r\n\r\n${INNER}`), 400],
  ['endless chunk extension', post('Transfer-Encoding: chunked', `5;${'a'.repeat(4000)}\r\nhello\r\n0\r\n\r\n`), 400],
  ['trailer frames the message', post('Transfer-Encoding: chunked', '0\r\nContent-Length: 5\r\n\r\n'), 400],
  ['trailer addresses the message', post('Transfer-Encoding: chunked', '0\r\nHost: b\r\n\r\n'), 400],
  ['trailer without a colon', post('Transfer-Encoding: chunked', `0\r\nGET /smuggled HTTP/1.1\r\n\r\n`), 400],
  ['trailers too large', post('Transfer-Encoding: chunked', `0\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`), 400],
  ['a header too large', get(`X: ${'a'.repeat(70_000)}`), 431],
  ['a header that never ends', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(100_000)}`, 431],
  ['a target that never ends', `GET /${'a'.repeat(100_000)}`, 431],
  ['too many headers', get(Array.from({ length: 101 }, () => 'X: a').join('\r\n')), 431],
  ['very many headers', get(Array.from({ length: 2000 }, () => 'X: a').join('\r\n')), 431],
];

/** Response flags of what is well-formed and not wanted; the rest is DPE, as in Envoy. */
const FLAGS: Readonly<Record<string, string>> = {
  'no Host': '-',
  'path above the root': '-',
  'encoded path above the root': '-',
  CONNECT: 'NR',
  'a second upgrade behind an allowed one': '-',
};

/** Plays the bytes in pieces; answers what came until the proxy closed. */
async function play(bytes: string, cuts: readonly number[]): Promise<string> {
  const client = await rawClient(port);
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    if (to <= from) continue;
    client.socket.write(bytes.slice(from, to), 'latin1');
    from = to;
    if (to < bytes.length) await new Promise((resolve) => setImmediate(resolve));
  }
  const text = await client.closed;
  client.socket.destroy();
  return text;
}

test(`${CORPUS.length} smuggling and malformed requests are refused and closed; nothing of them is forwarded`, { timeout: 60_000 }, async (t) => {
  assert.ok(CORPUS.length >= 40);
  for (const [name, bytes, status] of CORPUS) {
    await t.test(name, async () => {
      const before = app.received().length;
      const ended = plane.streams.length;
      // What has no end is not ended by what follows.
      const text = await rawCall(port, bytes.length > 90_000 ? bytes : bytes + INNER);
      assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(text, /\r\nconnection: close\r\n/);
      assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1, 'one answer only');
      assert.equal(app.received().slice(before), '');
      const info = await plane.ended(ended + 1);
      assert.equal(info.responseCode, status);
      assert.equal(flagsOf(info), FLAGS[name] ?? 'DPE');
    });
  }
});

test('the same cases in pieces: refused, and no whole request reaches the application', { timeout: 60_000 }, async (t) => {
  for (const [name, bytes, status] of CORPUS) {
    if (bytes.length > 10_000) continue;
    await t.test(name, async () => {
      const before = app.received().length;
      const text = await play(
        bytes + INNER,
        Array.from({ length: bytes.length - 1 }, (_, at) => at + 1).filter((at) => at % 3 === 0),
      );
      // A head whose body turns out bad may have gone out; the answer of the application must then not come as a success for it.
      const forwarded = app.received().slice(before);
      assert.ok(!forwarded.includes('smuggled'), forwarded);
      assert.ok(!/0\r\n(?:.*\r\n)*\r\n$/.test(forwarded), forwarded);
      assert.match(text, new RegExp(`^HTTP/1.1 (${status}|200) `));
      assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1);
      if (forwarded === '') assert.match(text, new RegExp(`^HTTP/1.1 ${status} `));
    });
  }
});

test('any split of the bytes gives the same answers and the same upstream bytes', { timeout: 60_000 }, async () => {
  const echo = await startRawServer((socket) => {
    // Answers when the head and the whole body are here.
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      for (;;) {
        const match = /^(GET|POST) [^]*?\r\n\r\n/.exec(text);
        if (match === null) return;
        const [head] = match;
        const length = /\r\ntransfer-encoding: chunked/i.test(head)
          ? (/^(?:[0-9a-f]+\r\n[^]*?\r\n)*?0\r\n\r\n/.exec(text.slice(head.length))?.[0].length ?? -1)
          : Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (length < 0 || text.length < head.length + length) return;
        text = text.slice(head.length + length);
        socket.write(OK);
      }
    });
  });
  await using split = await startPlane({
    clusters: [cluster('app', [echo.port])],
    listeners: [plainListener('http', hcm([routeTo('app')], { generate_request_id: false }))],
  });
  const requests = [
    'GET /a HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world',
    'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n',
    '\r\nGET /d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  ];
  const run = async (bytes: string, cuts: readonly number[]): Promise<{ down: string; up: string }> => {
    const before = echo.received().length;
    const client = await rawClient(split.port('http'));
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      client.socket.write(bytes.slice(from, to), 'latin1');
      from = to;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const down = (await client.closed).replaceAll(/date: .*\r\n|x-envoy-upstream-service-time: .*\r\n/g, '');
    client.socket.destroy();
    return { down, up: echo.received().slice(before) };
  };
  const whole = requests.join('');
  const expected = await run(whole, []);
  assert.equal(expected.down.match(/200 OK/g)?.length, requests.length);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 12 }), async (cuts) => {
      assert.deepEqual(
        await run(
          whole,
          cuts.toSorted((a, b) => a - b),
        ),
        expected,
      );
    }),
    { numRuns: 150 },
  );
  await echo[Symbol.asyncDispose]();
});

/** What a hostile or broken application says, and what the client and the log get to see. */
const RESPONSES: readonly (readonly [name: string, bytes: string, status: number, flag: string])[] = [
  ['no HTTP at all', 'hello there\r\n\r\n', 502, 'UPE'],
  ['bare LF', 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok', 502, 'UPE'],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok', 502, 'UPE'],
  ['status of two digits', 'HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\nok', 502, 'UPE'],
  ['status of letters', 'HTTP/1.1 2x0 OK\r\ncontent-length: 2\r\n\r\nok', 502, 'UPE'],
  ['CL and TE', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 502, 'UPE'],
  ['two different CL', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok', 502, 'UPE'],
  ['CL with plus', 'HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok', 502, 'UPE'],
  ['unknown TE', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok', 502, 'UPE'],
  ['TE on HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 502, 'UPE'],
  ['space before the colon', 'HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok', 502, 'UPE'],
  ['obs-fold', 'HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 2\r\n\r\nok', 502, 'UPE'],
  ['NUL in a value', 'HTTP/1.1 200 OK\r\nx: a\u0000\r\ncontent-length: 2\r\n\r\nok', 502, 'UPE'],
  ['bare CR in a value', 'HTTP/1.1 200 OK\r\nx: a\rset-cookie: x\r\ncontent-length: 2\r\n\r\nok', 502, 'UPE'],
  ['head that is too large', `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(110_000)}\r\n\r\n`, 502, 'UPE'],
  ['very many headers', `HTTP/1.1 200 OK\r\n${'x: a\r\n'.repeat(300)}\r\n`, 502, 'UPE'],
  ['101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 502, 'UPE'],
  ['bad first chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n', 502, 'UPE'],
  ['nothing, then FIN', '', 503, 'UC'],
  ['half a head, then FIN', 'HTTP/1.1 200 OK\r\ncontent-le', 503, 'UC'],
];

test(`${RESPONSES.length} malformed responses become an answer of our own with its flag`, async (t) => {
  let answer = '';
  const bad = await startRawServer((socket) => void socket.on('data', () => socket.end(answer, 'latin1')));
  await using broken = await startPlane({ clusters: [cluster('app', [bad.port])], listeners: [plainListener('http', hcm([routeTo('app')]))] });
  for (const [name, bytes, status, flag] of RESPONSES) {
    await t.test(name, async () => {
      answer = bytes;
      const ended = broken.streams.length;
      const text = await rawCall(broken.port('http'), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const info = await broken.ended(ended + 1);
      assert.match(text, new RegExp(`^HTTP/1.1 ${status} [^]*upstream connect error or disconnect/reset before headers`));
      assert.deepEqual([info.responseCode, flagsOf(info)], [status, flag]);
    });
  }
  await bad[Symbol.asyncDispose]();
});

test('bytes after a response, unasked bytes and a body cut short never reach another request', async (t) => {
  let serve: (count: number) => string = () => OK;
  let count = 0;
  const bad = await startRawServer((socket) => void socket.on('data', () => socket.write(serve(++count))));
  await using plane = await startPlane({ clusters: [cluster('app', [bad.port])], listeners: [plainListener('http', hcm([routeTo('app')]))] });
  const call = (): Promise<string> => rawCall(plane.port('http'), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');

  await t.test('a second response in the same breath', async () => {
    serve = (at) => (at === 1 ? `${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison` : OK);
    for (let at = 0; at < 3; at++) assert.match(await call(), /\r\n\r\nok$/);
    assert.equal(bad.sockets.length, 2, 'the poisoned connection serves no more');
  });

  await t.test('a body longer than said, after HEAD and after 204', async () => {
    serve = () => 'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison';
    const sockets = bad.sockets.length;
    assert.doesNotMatch(await call(), /poison/);
    serve = () => OK;
    assert.match(await call(), /\r\n\r\nok$/);
    assert.ok(bad.sockets.length > sockets);
  });

  await t.test('a response that is cut is seen to be cut', async () => {
    const cut = await startRawServer((socket) => void socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')));
    await plane.apply({ clusters: [cluster('app', [cut.port])] });
    const ended = plane.streams.length;
    const text = await call();
    assert.match(text, /content-length: 10[^]*\r\n\r\nhalf$/);
    const info = await plane.ended(ended + 1);
    assert.equal(flagsOf(info), 'UPE');
    assert.equal(info.bytesSent, 4);
    assert.match(info.responseCodeDetails, /^upstream_reset_after_response_started/);
    await cut[Symbol.asyncDispose]();
  });

  await t.test('a chunked response that turns bad midway', async () => {
    const cut = await startRawServer((socket) => {
      socket.on('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n');
        setTimeout(() => socket.write('zz\r\n0\r\n\r\n'), 20);
      });
    });
    await plane.apply({ clusters: [cluster('app', [cut.port])] });
    const ended = plane.streams.length;
    const text = await call();
    assert.ok(!text.includes('0\r\n\r\n') && text.includes('hello'), text);
    assert.equal(flagsOf(await plane.ended(ended + 1)), 'UPE');
    await cut[Symbol.asyncDispose]();
  });
  await bad[Symbol.asyncDispose]();
});

test('any split of a response gives the client the same', { timeout: 60_000 }, async () => {
  const responses = [
    'HTTP/1.1 200 OK\r\ncontent-length: 11\r\nx-a: 1\r\n\r\nhello world',
    'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 1\r\n\r\n',
    'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length : 5\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\nhello',
  ];
  let bytes = '';
  let cuts: readonly number[] = [];
  const app = await startRawServer((socket) => {
    socket.setNoDelay();
    socket.on('data', async () => {
      let from = 0;
      for (const to of [...cuts, bytes.length]) {
        socket.write(bytes.slice(from, to), 'latin1');
        from = to;
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  });
  await using plane = await startPlane({ clusters: [cluster('app', [app.port])], listeners: [plainListener('http', hcm([routeTo('app')]))] });
  const call = async (): Promise<string> => {
    const text = await rawCall(plane.port('http'), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    return text.replaceAll(/date: .*\r\n|x-envoy-upstream-service-time: .*\r\n/g, '');
  };
  for (bytes of responses) {
    cuts = [];
    const expected = await call();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (places) => {
        cuts = places.toSorted((a, b) => a - b);
        assert.equal(await call(), expected);
      }),
      { numRuns: 60 },
    );
  }
  await app[Symbol.asyncDispose]();
});

test('a client that pipelines without end and reads nothing is not kept in memory', { timeout: 30_000 }, async () => {
  collectGarbage();
  const before = process.memoryUsage();
  const client = await rawClient(port);
  client.socket.removeAllListeners('data');
  client.socket.pause();
  const piece = INNER.replace('smuggled', 'x'.repeat(1000)).repeat(60);
  let sent = 0;
  for (let waiting = false; !waiting && sent < 100 * 1024 * 1024;) {
    sent += piece.length;
    if (client.socket.write(piece)) continue;
    waiting = !(await Promise.race([
      new Promise((resolve) => client.socket.once('drain', () => resolve(true))),
      new Promise((resolve) => setTimeout(() => resolve(false), 300)),
    ]));
  }
  collectGarbage();
  const after = process.memoryUsage();
  assert.ok(after.arrayBuffers - before.arrayBuffers < 16 * 1024 * 1024, `${(after.arrayBuffers - before.arrayBuffers) >> 20} MB`);
  assert.ok(sent < 100 * 1024 * 1024, 'the client was stopped');
  client.socket.resetAndDestroy();
});

/** Takes away what nothing holds any more, so that only what is kept counts. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
  gc();
}
