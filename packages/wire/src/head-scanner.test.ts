import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ascii, HEADER, HeadScanner, KNOWN_HEADERS, knownHeader, NEED_MORE, plainBytes, REFUSED } from './index.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

function headers(scanner: HeadScanner, bytes: Uint8Array): [string, string, boolean][] {
  return Array.from({ length: scanner.count }, (_, i) => [
    plainBytes.latin1(bytes, scanner.nameStart(i), scanner.nameEnd(i)).toLowerCase(),
    plainBytes.latin1(bytes, scanner.valueStart(i), scanner.valueEnd(i)),
    scanner.cut[i] === 1,
  ]);
}

const GOOD = 'GET /a?b=c HTTP/1.1\r\nHost: reviews:9080\r\nX-Request-Id:  abc \t\r\nX-Empty:\r\n\r\n';

test('reads a request head into offsets', () => {
  const scanner = new HeadScanner();
  const bytes = bytesOf(`${GOOD}rest`);
  assert.equal(scanner.request(bytes, 0, bytes.length), GOOD.length);
  assert.equal(plainBytes.latin1(bytes, scanner.methodStart, scanner.methodEnd), 'GET');
  assert.equal(plainBytes.latin1(bytes, scanner.targetStart, scanner.targetEnd), '/a?b=c');
  assert.deepEqual(headers(scanner, bytes), [
    ['host', 'reviews:9080', false],
    ['x-request-id', 'abc', false],
    ['x-empty', '', false],
  ]);
  assert.equal(scanner.known[HEADER['x-request-id']], 2);
  assert.equal(scanner.contentLength, -1);
  assert.equal(plainBytes.latin1(bytes, scanner.nameStart(2), scanner.lineEnd(2)), 'X-Empty:\r\n');
});

test('every prefix of a good head asks for more, and the known names are all found', () => {
  const scanner = new HeadScanner();
  const bytes = bytesOf(GOOD);
  for (let end = 0; end < bytes.length; end++) assert.equal(scanner.request(bytes, 0, end), NEED_MORE, `prefix of ${end}`);
  for (const [id, name] of KNOWN_HEADERS.entries()) assert.equal(knownHeader(bytesOf(name.toUpperCase()), 0, name.length), id);
});

const REFUSALS: readonly [string, string][] = [
  ['bad-length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'],
  ['bad-length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n'],
  ['bad-length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n'],
  ['bad-length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n'],
  ['bad-length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x10\r\n\r\n'],
  ['bad-length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999\r\n\r\n'],
  ['length-and-encoding', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['bad-encoding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['bad-encoding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n'],
  ['bad-encoding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['bad-header', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u000bchunked\r\n\r\n'],
  ['bad-header', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n'],
  ['bad-header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n'],
  ['bad-header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n'],
  ['bad-header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\u0000b\r\n\r\n'],
  ['bad-header', 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n'],
  ['bad-header', 'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n'],
  ['bad-header', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
  ['bad-header', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n'],
  ['bad-host', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
  ['no-host', 'GET / HTTP/1.1\r\nX: a\r\n\r\n'],
  ['bad-connection', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Forwarded-For\r\n\r\n'],
  ['bad-connection', `GET / HTTP/1.1\r\nHost: a\r\nConnection: ${'z,'.repeat(65)}\r\n\r\n`],
  ['bad-length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n'],
  ['bad-host', 'GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n'],
  ['bad-target', 'GET  HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['bad-target', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['bad-target', 'GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['bad-version', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['bad-version', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
  ['bad-version', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['bad-start-line', 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['head-too-large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(70_000)}`],
  ['too-many-headers', `GET / HTTP/1.1\r\nHost: a\r\n${'X: a\r\n'.repeat(101)}\r\n`],
];

test('refuses what two parsers could read differently', () => {
  const scanner = new HeadScanner();
  for (const [error, text] of REFUSALS) {
    const bytes = bytesOf(text);
    assert.equal(scanner.request(bytes, 0, bytes.length), REFUSED, JSON.stringify(text.slice(0, 90)));
    assert.equal(scanner.error, error, JSON.stringify(text.slice(0, 90)));
  }
});

test('cuts hop-by-hop lines and those that Connection names, but not what frames the message', () => {
  const scanner = new HeadScanner();
  const text =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: x-a, Content-Length , close\r\nX-A: 1\r\nx-b: 2\r\nKeep-Alive: 5\r\nTE: gzip\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n';
  const bytes = bytesOf(text);
  assert.equal(scanner.request(bytes, 0, bytes.length), text.length);
  assert.deepEqual(
    headers(scanner, bytes)
      .filter(([, , cut]) => !cut)
      .map(([name]) => name),
    ['host', 'x-b', 'content-length'],
  );
  assert.ok(scanner.close && !scanner.keepAlive && !scanner.upgrade);
  assert.equal(scanner.find(bytes, ascii('x-b')), 3);
});

test('reads response heads and refuses bad ones', () => {
  const scanner = new HeadScanner();
  const good = 'HTTP/1.1 503 Service Unavailable\r\ntransfer-encoding: Chunked\r\n\r\n';
  for (const text of [good, 'HTTP/1.1 200\r\n\r\n', 'HTTP/1.0 204 \r\nconnection: keep-alive\r\n\r\n']) {
    const bytes = bytesOf(text);
    for (let end = 0; end < bytes.length; end++) assert.equal(scanner.response(bytes, 0, end), NEED_MORE, `${text} ${end}`);
    assert.equal(scanner.response(bytes, 0, bytes.length), text.length);
  }
  for (const text of [
    'HTTP/1.1 2x0 OK\r\n\r\n',
    'HTTP/1.1 099 X\r\n\r\n',
    'HTTP/1.12 200 OK\r\n\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 200 O\u0000K\r\n\r\n',
    'HTTP/1.1 200 OK\n\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
  ]) {
    const bytes = bytesOf(text);
    assert.equal(scanner.response(bytes, 0, bytes.length), REFUSED, text);
  }
});

test('never throws and never reads outside, whatever comes', () => {
  const scanner = new HeadScanner();
  const piece = fc.constantFrom(
    'GET ',
    '/',
    ' HTTP/1.1',
    '\r\n',
    '\r',
    '\n',
    'Host: a',
    'Connection: ',
    'close,',
    'upgrade',
    'Upgrade: x',
    'Content-Length: 1',
    'Transfer-Encoding: chunked',
    ':',
    ' ',
    '\t',
    '\u0000',
    'HTTP/1.1 200 OK',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(piece, { maxLength: 30 }).map((parts) => bytesOf(parts.join(''))),
      ),
      (bytes) => {
        for (const after of [scanner.request(bytes, 0, bytes.length), scanner.response(bytes, 0, bytes.length)])
          assert.ok(after >= REFUSED && after <= bytes.length);
      },
    ),
    { numRuns: 2000 },
  );
});
