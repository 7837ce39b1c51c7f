import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NOT_IN_TRAILERS } from '../chunked.ts';
import { plainBytes } from '../bytes.ts';
import { HeadScanner } from '../head-scanner.ts';
import { FieldTable } from './field-table.ts';
import { HeadBuilder } from './head-builder.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { huffmanDecode, huffmanEncode, huffmanLength, huffmanRoom } from './huffman.ts';
import { outgoing } from './testdata/socket-session.ts';
import { decode, latin1, LIMITS, textOf } from './testdata/tools.ts';

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('accept', 'x-request-id', 'user-agent', 'Content-Type', 'authorization', 'x-a', 'set-cookie', 'expect') },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,30}$/) },
);
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', 'same', 'application/grpc', 'x'.repeat(60), 'Bearer abc') },
  { weight: 1, arbitrary: fc.stringMatching(/^[!-~\u0080-\u00ff]([\t -~\u0080-\u00ff]{0,300}[!-~\u0080-\u00ff])?$/) },
);
const SPECIAL = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'content-length',
  'cookie',
  'http2-settings',
]);
const lines = fc.array(
  fc.tuple(name, value).filter(([text]) => !SPECIAL.has(text.toLowerCase())),
  { maxLength: 12 },
);
const written = (list: readonly (readonly [string, string])[], lower: boolean): string =>
  list.map(([text, content]) => `${lower ? text.toLowerCase() : text}: ${content}\r\n`).join('');

const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'GOT', 'PUT'),
    path: fc.constantFrom('/', '/a', '/a?b=c', `/${'p'.repeat(50)}`),
    host: fc.constantFrom('a', 'b.c:80'),
    first: lines,
    rest: lines,
  })
  .map(({ method, path, host, first, rest }) => ({
    sent: `${method} ${path} HTTP/1.1\r\n${written(first, false)}Host: ${host}\r\nConnection: close\r\nTE: trailers\r\n${written(rest, false)}\r\n`,
    got: `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${written(first, true)}te: trailers\r\n${written(rest, true)}\r\n`,
  }));

test('whatever is encoded is decoded again, through tables of changing size, and the scanner agrees', () => {
  const step = fc.record({ request, again: fc.nat(3), size: fc.option(fc.constantFrom(0, 33, 64, 200, 1000, 4096), { freq: 8 }) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const encoder = new HpackEncoder(plainBytes);
      const decoder = new HpackDecoder(plainBytes);
      const head = new HeadBuilder(plainBytes, LIMITS);
      for (const { request: message, again, size } of steps) {
        if (size !== null) {
          encoder.allow(size);
          decoder.allow(size);
        }
        for (let i = 0; i <= again; i++) {
          const it = outgoing(message.sent, false);
          const out = new Uint8Array(HpackEncoder.room(it.end));
          const end = encoder.request(it, out, 0);
          assert.ok(end <= out.length, 'more than the room');
          assert.equal(decode(decoder, out.subarray(0, end), 'request', head), message.got);
          assertScan(head, 'request');
        }
      }
    }),
    { numRuns: 400 },
  );
});

/** A head handed to the scanner must be what it would have read. */
function assertScan(head: HeadBuilder, kind: 'request' | 'response'): void {
  const [given, read] = [new HeadScanner(), new HeadScanner()];
  assert.equal(read[kind](head.bytes, 0, head.end), head.end);
  assert.ok(head.load(given));
  const ends = ['count', 'contentLength', 'headersStart', 'headersEnd', 'minor', 'cuts', 'close', 'upgrade', 'chunked'] as const;
  const start = kind === 'request' ? (['methodStart', 'methodEnd', 'targetStart', 'targetEnd'] as const) : (['status'] as const);
  const all = (scanner: HeadScanner): unknown => [
    [...start, ...ends].map((field) => scanner[field]),
    [...scanner.known],
    Array.from({ length: scanner.count }, (_, i) => [scanner.nameStart(i), scanner.nameEnd(i), scanner.valueStart(i), scanner.valueEnd(i)]),
    Array.from({ length: scanner.count }, (_, i) => [scanner.lineEnd(i), scanner.ids[i], scanner.cut[i]]),
  ];
  assert.deepEqual(all(given), all(read));
}

test('responses and trailers too', () => {
  const forbidden = new Set(NOT_IN_TRAILERS.map((name) => Buffer.from(name).toString()));
  const message = fc.record({ status: fc.constantFrom(200, 204, 404, 418, 503), fields: lines });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 10 }), (messages) => {
      const encoder = new HpackEncoder(plainBytes);
      const decoder = new HpackDecoder(plainBytes);
      const out = new Uint8Array(16_384);
      const head = new HeadBuilder(plainBytes, LIMITS);
      for (const { status, fields } of [...messages, ...messages, ...messages, ...messages]) {
        const end = encoder.response(outgoing(`HTTP/1.1 ${status} Reason\r\n${written(fields, false)}\r\n`, false), out, 0);
        assert.equal(decode(decoder, out.subarray(0, end), 'response', head), `HTTP/1.1 ${status} \r\n${written(fields, true)}\r\n`);
        assertScan(head, 'response');
        const trailers = fields.filter(([text]) => !forbidden.has(text.toLowerCase()));
        const section = latin1(written(trailers, false));
        const after = encoder.trailers(section, 0, section.length, out, 0);
        assert.equal(decode(decoder, out.subarray(0, after), 'trailers'), written(trailers, true));
      }
    }),
    { numRuns: 300 },
  );
});

test('secrets are never indexed, repeated lines are, and what differs every time is not', () => {
  const encoder = new HpackEncoder(plainBytes);
  const encode = (i: number): string => {
    const out = new Uint8Array(1024);
    const end = encoder.request(
      outgoing(`GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\ncookie: a=b\r\nx-same: value\r\nx-id: ${i}\r\n\r\n`, false),
      out,
      0,
    );
    return Buffer.from(out.subarray(0, end)).toString('hex');
  };
  const blocks = Array.from({ length: 20 }, (_, i) => encode(i));
  const literal = (index: number, text: string): string =>
    Buffer.concat([Buffer.of(0x1f, index - 15, text.length), Buffer.from(text)]).toString('hex');
  for (const block of blocks) {
    assert.ok(block.includes(literal(23, 'Bearer x')), 'authorization: never indexed, static name');
    assert.ok(block.includes(literal(32, 'a=b')), 'a short cookie: the same');
  }
  const last = blocks.at(-1) as string;
  assert.ok(!last.includes(Buffer.from('value').toString('hex')), 'x-same is an index');
  assert.ok(!last.includes(Buffer.from('x-id').toString('hex')), 'the name of x-id is an index');
  assert.equal(last.length, blocks[10]?.length);
});

test('the beginning of a head that was sent before is not taken for another one', () => {
  const encoder = new HpackEncoder(plainBytes);
  const decoder = new HpackDecoder(plainBytes);
  const out = new Uint8Array(1024);
  const send = (text: string, scheme: 'http' | 'https' = 'http', extended = false): string =>
    decode(decoder, out.subarray(0, encoder.request(outgoing(text, false, scheme, extended), out, 0)));
  for (let i = 0; i < 3; i++) {
    // The authority stands behind a line that changes.
    assert.match(send(`GET / HTTP/1.1\r\nx-id: ${i}\r\nhost: a${i % 2}\r\n\r\n`), new RegExp(`host: a${i % 2}\r\n`));
    assert.match(send('GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n', 'http', true), /upgrade: websocket/);
    assert.doesNotMatch(send('GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n', 'http'), /upgrade/);
    assert.equal(send('CONNECT b:1 HTTP/1.1\r\nhost: b:1\r\n\r\n'), 'CONNECT b:1 HTTP/1.1\r\nhost: b:1\r\n\r\n');
  }
});

test('a dynamic table holds what a plain list would', () => {
  const entry = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 200 }));
  const step = fc.oneof({ weight: 10, arbitrary: entry }, { weight: 1, arbitrary: fc.constantFrom(0, 64, 300, 1000, 4096) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new FieldTable(plainBytes, 1000);
      let model: string[] = [];
      let max = 1000;
      const size = (): number => model.reduce((sum, line) => sum + line.length - 4 + 32, 0);
      for (const [i, item] of steps.entries()) {
        if (typeof item === 'number') {
          max = item;
          table.resize(item);
        } else {
          const line = `${String.fromCharCode(97 + (i % 26)).repeat(item[0])}: ${String.fromCharCode(65 + (i % 26)).repeat(item[1])}\r\n`;
          table.add(latin1(line), 0, item[0], item[1], i & 0xff);
          model = [line, ...model];
        }
        while (size() > max) model.pop();
        assert.equal(table.count, model.length);
        assert.equal(table.size, size());
        for (const [back, line] of model.entries()) {
          const at = table.entry(back);
          const from = table.meta[at] as number;
          assert.equal(textOf(table.bytes, from, from + (table.meta[at + 1] as number) + (table.meta[at + 2] as number) + 4), line);
        }
        assert.ok(table.bytes.length <= 2 * 4096 + 512, `${table.bytes.length} bytes are kept`);
      }
    }),
    { numRuns: 200 },
  );
});

test('Huffman: round trip, and no decoding reads or writes outside', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const packed = new Uint8Array(huffmanLength(bytes, 0, bytes.length));
      assert.equal(huffmanEncode(bytes, 0, bytes.length, packed, 0), packed.length);
      const out = new Uint8Array(huffmanRoom(packed.length));
      const end = huffmanDecode(packed, 0, packed.length, out, 0);
      assert.deepEqual(out.subarray(0, end), bytes);
      const wild = new Uint8Array(huffmanRoom(bytes.length) + 1);
      const after = huffmanDecode(bytes, 0, bytes.length, wild, 0);
      assert.ok(after < wild.length);
      // What is accepted is the one encoding of its text.
      if (after >= 0) {
        const again = new Uint8Array(bytes.length);
        assert.equal(huffmanLength(wild, 0, after), bytes.length);
        huffmanEncode(wild, 0, after, again, 0);
        assert.deepEqual(again, bytes);
      }
    }),
    { numRuns: 2000 },
  );
});
