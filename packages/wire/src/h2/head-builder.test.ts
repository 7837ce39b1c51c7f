/** What RFC 9113 section 8 calls malformed, and what comes out of the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plainBytes } from '../bytes.ts';
import { HeadBuilder, type HeadMode } from './head-builder.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { decode, LIMITS } from './testdata/tools.ts';

/** A block of literals. */
function block(fields: readonly (readonly [string, string])[]): Uint8Array {
  const text = (value: string): number[] => {
    const bytes = [...Buffer.from(value, 'latin1')];
    if (bytes.length < 127) return [bytes.length, ...bytes];
    const rest = bytes.length - 127;
    return rest < 128 ? [127, rest, ...bytes] : [127, (rest & 127) | 128, rest >> 7, ...bytes];
  };
  return Uint8Array.from(fields.flatMap(([name, value]) => [0, ...text(name), ...text(value)]));
}

function headOf(fields: readonly (readonly [string, string])[], mode: HeadMode = 'request', limits = LIMITS): string {
  return decode(new HpackDecoder(plainBytes), block(fields), mode, new HeadBuilder(plainBytes, limits));
}

const M = [':method', 'GET'] as const;
const S = [':scheme', 'https'] as const;
const A = [':authority', 'a.b'] as const;
const P = [':path', '/p'] as const;
const GET = [M, S, A, P] as const;

test('requests in the words of HTTP/1.1', () => {
  const cases: readonly [readonly (readonly [string, string])[], string][] = [
    [GET, 'GET /p HTTP/1.1\r\nhost: a.b\r\n\r\n'],
    [[P, A, S, M, ['x', 'y']], 'GET /p HTTP/1.1\r\nhost: a.b\r\nx: y\r\n\r\n'],
    [[M, S, P, ['x', 'y'], ['host', 'c']], 'GET /p HTTP/1.1\r\nx: y\r\nhost: c\r\n\r\n'],
    [[...GET, ['host', 'A.B']], 'GET /p HTTP/1.1\r\nhost: a.b\r\n\r\n'],
    [[M, S, P, [':authority', ''], ['host', 'c']], 'GET /p HTTP/1.1\r\nhost: c\r\n\r\n'],
    [
      [...GET, ['cookie', 'a=1'], ['x', ''], ['cookie', 'b=2'], ['cookie', 'c=3']],
      'GET /p HTTP/1.1\r\nhost: a.b\r\nx: \r\ncookie: a=1; b=2; c=3\r\n\r\n',
    ],
    [
      [...GET, ['te', 'trailers'], ['content-length', '5'], ['content-length', '5']],
      'GET /p HTTP/1.1\r\nhost: a.b\r\nte: trailers\r\ncontent-length: 5\r\n\r\n',
    ],
    [[...GET, ['cookie', ''], ['cookie', 'a'], ['cookie', '']], 'GET /p HTTP/1.1\r\nhost: a.b\r\ncookie: a\r\n\r\n'],
    [[[':method', 'OPTIONS'], S, A, [':path', '*']], 'OPTIONS * HTTP/1.1\r\nhost: a.b\r\n\r\n'],
    [
      [
        [':method', 'CONNECT'],
        [':authority', 'h:1'],
      ],
      'CONNECT h:1 HTTP/1.1\r\nhost: h:1\r\n\r\n',
    ],
    [
      [[':method', 'CONNECT'], [':protocol', 'websocket'], S, A, P, ['sec-websocket-version', '13']],
      'GET /p HTTP/1.1\r\nhost: a.b\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n',
    ],
    [[...GET, ['x', '\u00e9\ta']], 'GET /p HTTP/1.1\r\nhost: a.b\r\nx: \u00e9\ta\r\n\r\n'],
  ];
  for (const [fields, head] of cases) assert.equal(headOf(fields), head);
  assert.equal(
    headOf(
      [
        [':status', '418'],
        ['x', 'y'],
      ],
      'response',
    ),
    'HTTP/1.1 418 \r\nx: y\r\n\r\n',
  );
  assert.equal(
    headOf(
      [
        ['grpc-status', '0'],
        ['x', ''],
      ],
      'trailers',
    ),
    'grpc-status: 0\r\nx: \r\n',
  );
});

test('malformed requests', () => {
  const cases: readonly (readonly (readonly [string, string])[])[] = [
    [],
    [S, A, P],
    [M, A, P],
    [M, S, A],
    [M, S, P],
    [M, M, S, A, P],
    [M, S, A, P, A],
    [M, S, A, [':path', '']],
    [M, S, A, [':path', 'p']],
    [M, S, A, [':path', '*']],
    [M, S, A, [':path', '/a b']],
    [M, S, A, [':path', '/a#b']],
    [M, S, A, [':path', '/a\r\nx: y']],
    [M, S, [':authority', 'a b'], P],
    [M, S, [':authority', 'user@a'], P],
    [M, S, [':authority', 'a/b'], P],
    [[':method', ''], S, A, P],
    [[':method', 'G T'], S, A, P],
    [M, [':scheme', ''], A, P],
    [M, [':scheme', 'ht tp'], A, P],
    [...GET, [':status', '200']],
    [...GET, [':other', '1']],
    [...GET, ['x', 'y'], [':path', '/']],
    [['x', 'y'], ...GET],
    [...GET, ['X', 'y']],
    [...GET, ['', 'y']],
    [...GET, ['x y', 'z']],
    [...GET, ['x:', 'z']],
    [...GET, ['x\r\ny', 'z']],
    [...GET, ['x', 'a\nb']],
    [...GET, ['x', 'a\rb']],
    [...GET, ['x', 'a\u0000b']],
    [...GET, ['x', '\u007f']],
    [...GET, ['x', ' a']],
    [...GET, ['x', 'a\t']],
    [...GET, ['connection', 'close']],
    [...GET, ['keep-alive', '1']],
    [...GET, ['proxy-connection', 'x']],
    [...GET, ['transfer-encoding', 'chunked']],
    [...GET, ['upgrade', 'h2c']],
    [...GET, ['te', 'gzip']],
    [...GET, ['te', 'trailers, gzip']],
    [...GET, ['host', 'other']],
    [...GET, ['host', '']],
    [M, S, P, ['host', 'a'], ['host', 'a']],
    [M, S, P, ['host', '']],
    [...GET, ['content-length', '5'], ['content-length', '6']],
    [...GET, ['content-length', '']],
    [...GET, ['content-length', '+5']],
    [...GET, ['content-length', '5,5']],
    [...GET, ['content-length', '9'.repeat(16)]],
    [[':method', 'CONNECT'], A, P],
    [[':method', 'CONNECT'], A, S],
    [[':method', 'CONNECT']],
    [[':method', 'CONNECT'], [':protocol', 'websocket'], S, P],
    [[':method', 'CONNECT'], [':protocol', 'websocket'], A, P],
    [[':method', 'CONNECT'], [':protocol', 'websocket'], A, S],
    [[':method', 'CONNECT'], [':protocol', ''], A, S, P],
    [...GET, [':protocol', 'websocket']],
  ];
  for (const fields of cases) assert.equal(headOf(fields), 'malformed', JSON.stringify(fields));
  const extended = [[':method', 'CONNECT'], [':protocol', 'websocket'], S, A, P] as const;
  assert.equal(headOf(extended, 'request', { ...LIMITS, enableConnectProtocol: false }), 'malformed', 'extended CONNECT that was not offered');
});

test('malformed responses and trailers', () => {
  for (const fields of [
    [],
    [['x', 'y']],
    [[':status', '20']],
    [[':status', '2000']],
    [[':status', 'abc']],
    [[':status', '099']],
    [[':status', '101']],
    [
      [':status', '200'],
      [':status', '200'],
    ],
    [
      [':status', '200'],
      [':path', '/'],
    ],
    [
      [':status', '200'],
      ['connection', 'close'],
    ],
    [
      [':status', '200'],
      ['host', 'a'],
      ['host', 'b'],
    ],
  ] as [string, string][][])
    assert.equal(headOf(fields, 'response'), 'malformed', JSON.stringify(fields));
  for (const name of [
    ':path',
    ':status',
    'content-length',
    'host',
    'transfer-encoding',
    'authorization',
    'cookie',
    'set-cookie',
    'trailer',
    'te',
    'x-forwarded-for',
  ])
    assert.equal(headOf([[name, name === 'te' ? 'gzip' : '1']], 'trailers'), 'malformed', name);
});

test('over the limits: refused, and the table goes on', () => {
  const limits = { maxHeaderListBytes: 500, maxHeaders: 4, enableConnectProtocol: false };
  assert.equal(headOf([...GET, ['x', 'y'.repeat(400)]], 'request', limits), 'head-too-large');
  assert.equal(headOf([...GET, ['a', '1'], ['b', '2'], ['c', '3'], ['d', '4']], 'request', limits), 'too-many-headers');
  assert.equal(headOf([...GET, ['a', '1'], ['b', '2'], ['c', '3']], 'request', limits).startsWith('GET'), true);
  const decoder = new HpackDecoder(plainBytes);
  const head = new HeadBuilder(plainBytes, limits);
  // One indexed field of 3 KB, then 50 references to it: 150 kilobytes are claimed, none is kept.
  const bomb = Uint8Array.from([
    0x82,
    0x87,
    0x84,
    0x41,
    1,
    97,
    0x40,
    1,
    120,
    127,
    0x81,
    23,
    ...Array.from({ length: 3072 }, () => 98),
    ...Array.from({ length: 50 }, () => 0xbe),
  ]);
  assert.equal(decode(decoder, bomb, 'request', head), 'head-too-large');
  assert.ok(head.bytes.length < 16_384);
  assert.equal(decode(decoder, Uint8Array.of(0x82, 0x87, 0x84, 0xbf), 'request', head), 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
});

test('a block that claims hundreds of kilobytes, or makes the decoder copy its table over and over, breaks the connection', () => {
  const decoder = new HpackDecoder(plainBytes);
  const long = [0x40, 127, 0x81, 23, ...Array.from({ length: 3072 }, () => 98), 0];
  const named = Array.from({ length: 90 }, () => [0x0f, 62 - 15, 0]).flat();
  assert.equal(decode(decoder, Uint8Array.from([0x82, 0x87, 0x84, 0x41, 1, 97, ...long, ...named])), 'head-too-large');
  assert.equal(decode(decoder, Uint8Array.from([0x82, 0x87, 0x84, 0x41, 1, 97, ...long, ...named, ...named])), 'bomb');
  assert.equal(
    decode(new HpackDecoder(plainBytes), Uint8Array.from([0x82, 0x87, 0x84, 0x41, 1, 97, ...long, ...Array.from({ length: 200 }, () => 0xbe)])),
    'bomb',
  );
});

test('the same block gives the same head without work, unless the table has changed', () => {
  const decoder = new HpackDecoder(plainBytes);
  const head = new HeadBuilder(plainBytes, LIMITS);
  const first = Uint8Array.of(0x82, 0x87, 0x84, 0x41, 1, 97);
  const again = Uint8Array.of(0x82, 0x87, 0x84, 0xbe);
  assert.match(decode(decoder, first, 'request', head), /host: a/);
  assert.match(decode(decoder, again, 'request', head), /host: a/);
  const { serial } = head;
  assert.match(decode(decoder, again, 'request', head), /host: a/);
  assert.equal(head.serial, serial);
  assert.match(decode(decoder, Uint8Array.of(0x82, 0x87, 0x84, 0x41, 1, 98), 'request', head), /host: b/);
  assert.match(decode(decoder, again, 'request', head), /host: b/);
  assert.notEqual(head.serial, serial);
});

test('a block that uses no entry gives the same head with every table, and puts the same lines into it', () => {
  const decoder = new HpackDecoder(plainBytes);
  const head = new HeadBuilder(plainBytes, LIMITS);
  // As nginx answers: `server: nginx` and `date: now` with incremental indexing, every time.
  const block = Uint8Array.of(0x88, 0x40 | 54, 5, ...Buffer.from('nginx'), 0x40 | 33, 3, ...Buffer.from('now'));
  const expected = 'HTTP/1.1 200 \r\nserver: nginx\r\ndate: now\r\n\r\n';
  assert.equal(decode(decoder, block, 'response', head), expected);
  const { serial } = head;
  assert.equal(decode(decoder, block, 'response', head), expected);
  assert.equal(head.serial, serial);
  // Both times: date, server, date, server.
  assert.equal(decode(decoder, Uint8Array.of(0x88, 0xbf, 0xc0), 'response', head), 'HTTP/1.1 200 \r\nserver: nginx\r\ndate: now\r\n\r\n');
  assert.equal(decode(decoder, Uint8Array.of(0x88, 0xc1), 'response', head), 'HTTP/1.1 200 \r\nserver: nginx\r\n\r\n');
  assert.equal(decode(decoder, Uint8Array.of(0x88, 0xc2), 'response', head), 'broken');
});

test('what is remembered of blocks never shows: a decoder with one head agrees with one that has a new head each time', () => {
  const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
  // Literals that are added with a static and with a new name, one larger than the table, entries, and changes of the table's size.
  const piece = fc.constantFrom(
    [0x40 | 54, ...text('nginx')],
    [0x40 | 33, ...text('now')],
    [0x40, ...text('x-a'), ...text('1')],
    [0x40, ...text('x-b'), ...text('b'.repeat(100))],
    [0x00, ...text('x-c'), ...text('2')],
    [0x0f, 0, ...text('gzip')],
    [0xbe],
    [0xc0],
    [0x40 | 63, 0, ...text('named')],
  );
  const size = fc.constantFrom([], [], [], [0x3f, 0x21], [0x3f, 0xe1, 0x1f], [0x20]);
  const block = fc.tuple(size, fc.array(piece, { maxLength: 5 })).map(([resize, pieces]) => Uint8Array.from([...resize, 0x88, ...pieces.flat()]));
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(3), { maxLength: 30 }), (blocks, order) => {
      const [one, other] = [new HpackDecoder(plainBytes), new HpackDecoder(plainBytes)];
      const head = new HeadBuilder(plainBytes, LIMITS);
      for (const index of order) {
        const each = blocks[index % blocks.length] as Uint8Array;
        const result = decode(one, each, 'response', head);
        assert.equal(result, decode(other, each, 'response'));
        if (result === 'broken') return;
      }
    }),
    { numRuns: 2000 },
  );
});
