import { sniffHttp } from '@meltemi/proxy';
import { BodyFramer, HeadBuffer, HeadScanner, NEED_MORE } from '@meltemi/wire';
import type { FuzzCodec } from './codec.ts';
import { bytesPort } from './bytes-port.ts';
import { bytesOf, type Random, type Transcript } from './random.ts';

const METHODS = ['GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'CONNECT', 'M-SEARCH', 'get', ''];
const TARGETS = ['/', '/a/b?c=d', '*', 'http://h/p', 'h:443', '/%2e%2e/x', '/a b', '/#f', '/\u00ff'];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.10', 'http/1.1'];
const LINES = [
  'Host: a',
  'host: a.b.c:80',
  'Host: b@c',
  'Content-Length: 5',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'content-length: 00005',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'transfer-encoding : chunked',
  'Connection: close',
  'Connection: keep-alive, X-Foo',
  'Connection: Upgrade, host',
  'Upgrade: websocket',
  'TE: trailers',
  'TE: gzip',
  'X-Foo: bar',
  'x-foo:',
  'Cookie: a=b; c=d',
  ' folded',
  'X: \u0000',
  'X: a\rb',
  'X_Y: 1',
  ': empty',
  'Expect: 100-continue',
  'Keep-Alive: timeout=5',
];
const ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n'];

function lines(random: Random): string {
  let text = '';
  for (let left = random.below(7); left > 0; left--) text += random.pick(LINES) + (random.oneIn(3) ? random.pick(ENDS) : '\r\n');
  return `${text}\r\n`;
}

/** What a head leaves behind must not show in the next one, so all share one. */
const scanner = new HeadScanner();

function feedHead(input: Buffer, cutsAt: readonly number[], transcript: Transcript, kind: 'request' | 'response'): void {
  const buffer = new HeadBuffer(bytesPort);
  const scan = (): number =>
    kind === 'request' ? scanner.request(buffer.bytes, 0, buffer.length) : scanner.response(buffer.bytes, 0, buffer.length);
  let after: number = NEED_MORE;
  let from = 0;
  for (const to of [...cutsAt, input.length]) {
    if (after !== NEED_MORE) break;
    if (buffer.add(input, from, to)) after = scan();
    from = to;
  }
  // A buffer looks again when it may be worth it; at the end of the input both know the same.
  if (after === NEED_MORE) after = scan();
  if (after < 0) {
    transcript.event('refused');
    return;
  }
  transcript.event('head', after);
  if (after > 0) tellHead(scanner, transcript);
}

function tellHead(scanner: HeadScanner, transcript: Transcript): void {
  const { count, contentLength, minor, status, headersStart, headersEnd } = scanner;
  transcript.event('is', count, contentLength, minor, status, headersStart, headersEnd, scanner.methodEnd, scanner.targetEnd);
  transcript.event('says', Number(scanner.chunked), Number(scanner.close), Number(scanner.keepAlive), Number(scanner.upgrade), scanner.cuts);
  for (let i = 0; i < count; i++)
    transcript.event('line', scanner.nameStart(i), scanner.nameEnd(i), scanner.valueStart(i), scanner.valueEnd(i), scanner.cut[i] as number);
}

/** HTTP/1.1 request heads. */
export const requestHead: FuzzCodec = {
  name: 'http1-request',
  generate: (random) => bytesOf(`${random.pick(METHODS)} ${random.pick(TARGETS)} ${random.pick(VERSIONS)}\r\n${lines(random)}`),
  run: (input, cutsAt, transcript) => feedHead(input, cutsAt, transcript, 'request'),
};

/** HTTP/1.1 response heads. */
export const responseHead: FuzzCodec = {
  name: 'http1-response',
  generate: (random) =>
    bytesOf(`${random.pick(VERSIONS)} ${random.pick(['200 OK', '204', '101 Switching', '99 X', '1000', '503 '])}\r\n${lines(random)}`),
  run: (input, cutsAt, transcript) => feedHead(input, cutsAt, transcript, 'response'),
};

/** Chunked bodies with their trailers. */
export const chunkedBody: FuzzCodec = {
  name: 'http1-chunked',
  generate(random) {
    let text = '';
    for (let left = random.below(5); left > 0; left--) {
      const size = random.below(20) + 1;
      text += `${random.oneIn(6) ? '0' : ''}${size.toString(16)}${random.pick(['', '', ';a', ';a="b"', ' '])}\r\n${'x'.repeat(size)}\r\n`;
    }
    return bytesOf(`${text}0\r\n${random.pick(['', '', 'x: y\r\n', 'Content-Length: 1\r\n', 'a:b\r\nc:d\r\n'])}\r\nNEXT`);
  },
  run(input, cutsAt, transcript) {
    const framer = new BodyFramer();
    framer.start('chunked', 0);
    let from = 0;
    for (const to of [...cutsAt, input.length]) {
      while (from < to && !framer.done) {
        from = framer.feed(input, from, to, (bytes, start, end) => transcript.bytes(bytes, start, end));
        if (from < 0) {
          // Where it is refused is the same, how much of the payload has passed before is not told.
          transcript.hash = 0;
          transcript.event(framer.error);
          return;
        }
      }
      if (framer.done) break;
      from = to;
    }
    transcript.event('end', framer.done ? from : -1, framer.payloadBytes);
  },
};

/** Which protocol the first bytes of a connection are, looked at again with every piece. */
export const httpSniff: FuzzCodec = {
  name: 'http-sniff',
  generate: (random) =>
    bytesOf(
      `${random.oneIn(4) ? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' : ''}${random.pick(METHODS)} ${random.pick(TARGETS)} ${random.pick(VERSIONS)}\r\n`,
    ),
  run(input, cutsAt, transcript) {
    let told = 'more';
    for (const to of [...cutsAt, input.length]) if (told === 'more') told = sniffHttp(input, to);
    transcript.event(told);
  },
};
