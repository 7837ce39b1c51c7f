import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyFramer, HeadBuffer, HeadScanner, NEED_MORE, plainBytes } from './index.ts';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

/** Feeds `text` cut at `cuts`; tells the payload, where the body ended, and the error. */
function run(
  mode: 'chunked' | 'length' | 'until-close',
  length: number,
  text: string,
  cuts: readonly number[],
): { payload: string; end: number; error: string } {
  const framer = new BodyFramer();
  framer.start(mode, length);
  const bytes = bytesOf(text);
  let payload = '';
  let at = 0;
  for (const next of [...cuts, bytes.length]) {
    while (at < next && !framer.done) {
      const after = framer.feed(bytes, at, next, (data, from, to) => (payload += plainBytes.latin1(data, from, to)));
      if (after < 0) return { payload: '', end: -1, error: framer.error };
      at = after;
    }
  }
  assert.equal(framer.payloadBytes, payload.length);
  return { payload, end: framer.done ? at : -2, error: '' };
}

const chunk = fc.string({ minLength: 1, maxLength: 20 }).map((text) => Buffer.from(text).toString('latin1'));
const chunkedBody = fc
  .tuple(fc.array(fc.tuple(chunk, fc.constantFrom('', ';a=b', ';x')), { maxLength: 6 }), fc.constantFrom('', 'x-sum: 1\r\n', 'a: b\r\nc:\r\n'))
  .map(([chunks, trailers]) => ({
    payload: chunks.map(([text]) => text).join(''),
    wire: `${chunks.map(([text, extension]) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`).join('')}0\r\n${trailers}\r\n`,
  }));

test('any split of a chunked body gives the same payload and the same end', () => {
  fc.assert(
    fc.property(chunkedBody, fc.array(fc.nat(200), { maxLength: 8 }), ({ payload, wire }, splits) => {
      const text = `${wire}NEXT`;
      const cuts = splits.filter((cut) => cut <= text.length).sort((a, b) => a - b);
      assert.deepEqual(run('chunked', 0, text, cuts), { payload, end: wire.length, error: '' });
    }),
    { numRuns: 500 },
  );
});

test('any split of any bytes gives the same verdict', () => {
  const piece = fc.constantFrom('5\r\n', 'hello', '\r\n', '0\r\n', '\r', '\n', ';', 'x', 'a: b\r\n', '1', ' ', '\u0000', 'Host: x\r\n');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
      fc.array(fc.nat(60), { maxLength: 6 }),
      (text, splits) => {
        const cuts = splits.filter((cut) => cut <= text.length).sort((a, b) => a - b);
        assert.deepEqual(run('chunked', 0, text, cuts), run('chunked', 0, text, []));
      },
    ),
    { numRuns: 2000 },
  );
});

test('refuses chunk framing that others read differently', () => {
  for (const text of [
    '5\nhello',
    '5 \r\nhello\r\n',
    ' 5\r\nhello\r\n',
    '+5\r\n',
    '0x5\r\n',
    '\r\n',
    'g\r\n',
    '5;a\nb\r\nhello',
    '5\r\nhelloX\r\n',
    '5\r\nhello\rX',
    '10000000000000\r\n',
    `5;${'a'.repeat(1100)}\r\n`,
    '5;\u0000\r\n',
  ]) {
    assert.equal(run('chunked', 0, text, []).error, 'bad-chunk', JSON.stringify(text.slice(0, 40)));
  }
  for (const text of [
    '0\r\nContent-Length: 5\r\n\r\n',
    '0\r\nTRANSFER-encoding: chunked\r\n\r\n',
    '0\r\nX-Forwarded-Client-Cert: By=a\r\n\r\n',
    '0\r\nupgrade: a\r\n\r\n',
    '0\r\n: a\r\n\r\n',
    '0\r\na b: c\r\n\r\n',
    '0\r\na: b\n\r\n',
    '0\r\na: b\rc\r\n\r\n',
    `0\r\nx: ${'a'.repeat(17_000)}\r\n\r\n`,
    '0\r\n\rX',
  ]) {
    assert.equal(run('chunked', 0, text, []).error, 'bad-trailer', JSON.stringify(text.slice(0, 40)));
  }
});

test('length and until-close', () => {
  assert.deepEqual(run('length', 5, 'helloNEXT', [2]), { payload: 'hello', end: 5, error: '' });
  assert.deepEqual(run('length', 0, 'NEXT', []), { payload: '', end: 0, error: '' });
  const framer = new BodyFramer();
  framer.start('until-close', 0);
  assert.equal(framer.feed(bytesOf('abc'), 0, 3), 3);
  assert.equal(framer.done, false);
  assert.equal(framer.finish(), true);
  framer.start('length', 3);
  assert.equal(framer.finish(), false);
});

test('a head that comes byte by byte is scanned a logarithmic number of times and found whole', () => {
  const text = `GET / HTTP/1.1\r\nHost: a\r\n${'X-Header: value\r\n'.repeat(50)}\r\n`;
  const bytes = bytesOf(text);
  const buffer = new HeadBuffer(plainBytes);
  const scanner = new HeadScanner();
  let scans = 0;
  let after = NEED_MORE;
  for (let i = 0; i < bytes.length && after === NEED_MORE; i++) {
    if (!buffer.add(bytes, i, i + 1)) continue;
    scans++;
    after = scanner.request(buffer.bytes, 0, buffer.length);
  }
  assert.equal(after, text.length);
  assert.ok(scans < 15, `${scans} scans`);
});

test('a head that is longer than allowed is looked at at once, not only when it has doubled', () => {
  const buffer = new HeadBuffer(plainBytes);
  const scanner = new HeadScanner();
  const piece = bytesOf('a'.repeat(1000));
  let after = NEED_MORE;
  let sent = 0;
  for (; after === NEED_MORE && sent < 200_000; sent += piece.length)
    if (buffer.add(piece, 0, piece.length)) after = scanner.request(buffer.bytes, 0, buffer.length);
  assert.equal(scanner.error, 'head-too-large');
  assert.ok(sent <= 63_000, `${sent} bytes were taken`);
});
