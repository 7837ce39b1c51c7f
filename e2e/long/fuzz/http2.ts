import {
  createH2Session,
  DEFAULT_H2_LIMITS,
  DEFAULT_H2_SETTINGS,
  H2_ERROR,
  type H2Handler,
  type H2Output,
  HeadScanner,
  type H2Session,
  type H2Stream,
} from '@meltemi/wire';
import { bytesPort } from './bytes-port.ts';
import type { FuzzCodec } from './codec.ts';
import { bytesOf, type Random, Transcript } from './random.ts';

/** An output that grows. */
export class Output implements H2Output {
  bytes: Uint8Array = Buffer.alloc(512);
  length = 0;

  reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const bigger = Buffer.alloc(Math.max(this.bytes.length * 2, this.length + size));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }

  add(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    this.bytes.set(from.subarray(start, end), this.length);
    this.length += end - start;
  }
}

const PREFACE = bytesOf('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const LIMITS = { ...DEFAULT_H2_LIMITS, maxHeaderListBytes: 700, maxHeaders: 12, maxContinuations: 3, prematureResetStreams: 6, maxControlBurst: 6 };
const SETTINGS = { ...DEFAULT_H2_SETTINGS, maxConcurrentStreams: 4, enableConnectProtocol: true };
/** Windows that one frame can fill. */
const NARROW = { ...SETTINGS, initialWindowSize: 30, connectionWindowSize: 65_535 };
const RESPONSE = bytesOf('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-changing: 1\r\nset-cookie: a=b\r\n\r\n');
const REQUESTS = [
  'GET /a HTTP/1.1\r\nhost: a\r\n\r\n',
  'HEAD /b HTTP/1.1\r\nhost: a\r\nauthorization: x\r\n\r\n',
  'POST /c HTTP/1.1\r\nhost: b\r\n\r\n',
].map(bytesOf);
const TRAILERS = bytesOf('grpc-status: 0\r\n');
const PAYLOAD = Buffer.alloc(40, 'p');

/** One head handed over, the same head read; both are filled anew each time. */
const scanner = new HeadScanner();
const scanned = new HeadScanner();

/** Tells everything that a session says, and answers what it can. */
function telling(transcript: Transcript, session: () => H2Session<number>, isServer: boolean): H2Handler<number> {
  const answer = (stream: H2Stream<number>): void => {
    if (!isServer) return;
    session().respond(stream, { bytes: RESPONSE, start: 0, end: RESPONSE.length, endStream: stream.id % 3 === 0, scheme: 'http', extended: false });
    if (stream.id % 3 === 0) return;
    session().writeData(stream, PAYLOAD, 0, PAYLOAD.length);
    if (stream.id % 5 === 0) session().writeTrailers(stream, TRAILERS, 0, TRAILERS.length);
    else session().writeLast(stream, PAYLOAD, 0, PAYLOAD.length);
  };
  return {
    head(stream, head, endStream) {
      transcript.event('head', stream.id, Number(endStream), head.status, head.serial);
      transcript.bytes(head.bytes, head.start, head.end);
      const scan = isServer ? scanned.request(head.bytes, head.start, head.end) : scanned.response(head.bytes, head.start, head.end);
      if (scan !== head.end || !head.load(scanner)) throw new Error(`a head that the scanner refuses: ${scanned.error}`);
      sameScan(scanner, scanned);
      if (stream.id % 7 === 0) session().reset(stream, H2_ERROR.cancel);
      else if (head.status >= 200 || head.status === 0) answer(stream);
    },
    headRefused(stream, reason, endStream) {
      transcript.event(reason, stream.id, Number(endStream));
      answer(stream);
    },
    data(stream, data) {
      // Byte by byte with its stream, since pieces do not count.
      for (let i = data.start; i < data.end; i++) transcript.number((stream.id << 8) | (data.bytes[i] as number));
      if (data.endStream) transcript.event('end', stream.id);
      session().consumed(stream, data.end - data.start);
    },
    trailers(stream, head) {
      transcript.event('trailers', stream.id);
      transcript.bytes(head.bytes, head.start, head.end);
    },
    reset: (stream, code, by) => transcript.event(by, stream.id, code),
    writable(stream) {
      transcript.event('writable', stream.id, session().sendable(stream));
      session().writeLast(stream, PAYLOAD, 0, 10);
    },
    settings: () => transcript.event('settings', session().canOpen),
    goaway: (last, code) => transcript.event('goaway', last, code),
    pong: () => transcript.event('pong'),
    failed: (code, reason) => transcript.event(reason, code),
  };
}

/** A head that was handed to the scanner must be what it would have read. */
function sameScan(a: HeadScanner, b: HeadScanner): void {
  const all = (scanner: HeadScanner): unknown[] => [
    [scanner.count, scanner.status, scanner.contentLength, scanner.methodEnd, scanner.targetStart, scanner.targetEnd, scanner.headersStart],
    [scanner.headersEnd, scanner.chunked, scanner.close, scanner.keepAlive, scanner.upgrade, scanner.cuts, scanner.minor],
    Array.from({ length: scanner.count }, (_, i) => [
      scanner.nameStart(i),
      scanner.nameEnd(i),
      scanner.valueStart(i),
      scanner.valueEnd(i),
      scanner.ids[i],
      scanner.cut[i],
    ]),
    [...scanner.known],
  ];
  let same = a.count === b.count && a.headersEnd === b.headersEnd && a.contentLength === b.contentLength && a.cuts === b.cuts;
  for (let i = 0; i < a.count && same; i++) same = a.nameEnd(i) === b.nameEnd(i) && a.valueEnd(i) === b.valueEnd(i) && a.ids[i] === b.ids[i];
  for (let i = 0; i < a.known.length && same; i++) same = a.known[i] === b.known[i];
  if (!same) throw new Error(`scanned differently: ${JSON.stringify(all(a))} and ${JSON.stringify(all(b))}`);
}

function feed(input: Buffer, cutsAt: readonly number[], transcript: Transcript, role: 'server' | 'client', settings = SETTINGS): void {
  const output = new Output();
  const session: H2Session<number> = createH2Session<number>({
    role,
    port: bytesPort,
    output,
    settings,
    limits: LIMITS,
    nowMs: () => 0,
    handler: telling(transcript, () => session, role === 'server'),
  });
  if (role === 'client')
    for (const [i, bytes] of REQUESTS.entries())
      session.request(i, { bytes, start: 0, end: bytes.length, endStream: i < 2, scheme: 'http', extended: false });
  let from = 0;
  for (const to of [...cutsAt, input.length]) {
    if (!session.receive(input, from, to)) break;
    from = to;
  }
  transcript.event('open', session.openStreams, Number(session.dead));
  transcript.bytes(output.bytes, 0, output.length);
  session.disconnected();
}

const NAMES = ['x-a', 'x-bb', 'cookie', 'te', 'content-length', 'host', 'X-Upper', 'connection', 'accept', 'grpc-status', ':path', ':odd', '', 'x y'];
const VALUES = ['1', 'trailers', 'a=b', '/x', 'example', '', ' x', 'x\r\ny', '\u0000', 'v'.repeat(60), 'e'.repeat(200), 'chunked'];

function text(value: string, random: Random): Buffer {
  const bytes = bytesOf(value);
  // A bit that says Huffman about what is none, or a length that is not its own, now and then.
  if (random.oneIn(12)) {
    // Long words of Huffman's code among others.
    const packed = Buffer.from(Array.from({ length: random.below(12) }, () => (random.oneIn(2) ? 255 : random.below(256))));
    return Buffer.concat([Buffer.of(0x80 | packed.length), packed]);
  }
  if (random.oneIn(30)) return Buffer.concat([Buffer.of(0x80 | (bytes.length & 0x7f)), bytes]);
  if (bytes.length < 127) return Buffer.concat([Buffer.of(random.oneIn(60) ? random.below(127) : bytes.length), bytes]);
  return Buffer.concat([Buffer.of(127, ((bytes.length - 127) & 127) | 128, (bytes.length - 127) >> 7), bytes]);
}

function field(random: Random): Buffer {
  const kind = random.below(10);
  if (kind < 4) return Buffer.of(0x80 | (random.oneIn(2) ? 62 + random.below(8) : random.below(62)));
  if (kind === 4) return Buffer.concat([Buffer.of(random.pick([0x40, 0, 0x10]) | (1 + random.below(14))), text(random.pick(VALUES), random)]);
  if (kind === 5 && random.oneIn(6)) return Buffer.of(0x20 | random.below(31));
  return Buffer.concat([Buffer.of(random.pick([0x40, 0, 0x10])), text(random.pick(NAMES), random), text(random.pick(VALUES), random)]);
}

/** Huffman: "www.example.com" as `:authority`. */
const AUTHORITY = Buffer.from('418cf1e3c2e5f23a6ba0ab90f4ff', 'hex');

function block(random: Random, start: readonly Buffer[]): Buffer {
  const fields = [...start, ...Array.from({ length: random.below(5) }, () => field(random))];
  if (random.oneIn(12)) fields.unshift(Buffer.of(0x20 | random.below(31)));
  return Buffer.concat(fields);
}

/** `:method: CONNECT`, and what may come with it. */
const CONNECT = literal(2, 'CONNECT');
const CONNECTS = [
  [CONNECT, literal(1, 'h:1')],
  [CONNECT, literalName(':protocol', 'websocket'), Buffer.of(0x87), literal(1, 'a'), Buffer.of(0x84)],
  [CONNECT, literalName(':protocol', 'x'), Buffer.of(0x86), Buffer.of(0x84)],
  [literal(2, 'OPTIONS'), Buffer.of(0x86), literal(1, 'a'), literal(4, '*')],
  [literal(2, 'HEAD'), Buffer.of(0x86), literal(1, 'Abc'), Buffer.of(0x85), literal(38, 'aBC')],
  [Buffer.of(0x82, 0x86, 0x84), literal(38, 'b'), literal(32, 'a=b'), literal(32, 'c=d')],
];

function literal(index: number, value: string): Buffer {
  return Buffer.concat([index < 15 ? Buffer.of(index) : Buffer.of(15, index - 15), Buffer.of(value.length), bytesOf(value)]);
}

function literalName(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0, name.length), bytesOf(name), Buffer.of(value.length), bytesOf(value)]);
}

const requestBlock = (random: Random): Buffer => (random.oneIn(6) ? block(random, random.pick(CONNECTS)) : plainBlock(random));
const plainBlock = (random: Random): Buffer =>
  block(random, [
    Buffer.of(0x82 + random.below(2)),
    Buffer.of(0x86),
    random.oneIn(2) ? AUTHORITY : Buffer.of(0x41, 1, 97),
    Buffer.of(0x84 + random.below(2)),
  ]);
const responseBlock = (random: Random): Buffer => block(random, [Buffer.of(0x88 + random.below(7))]);

function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

function headersFrames(random: Random, id: number, content: Buffer): Buffer {
  const end = random.oneIn(2) ? 1 : 0;
  if (random.oneIn(5)) {
    const cut = random.below(content.length + 1);
    return Buffer.concat([frame(1, end, id, content.subarray(0, cut)), frame(9, 4, id, content.subarray(cut))]);
  }
  if (random.oneIn(6)) {
    const padding = random.below(9);
    return frame(1, 4 | 8 | end, id, Buffer.concat([Buffer.of(padding), content, Buffer.alloc(padding)]));
  }
  if (random.oneIn(8)) return frame(1, 4 | 32 | end, id, Buffer.concat([number(random.below(9)), Buffer.of(9), content]));
  return frame(1, 4 | end, id, content);
}

function anyFrame(random: Random, id: number, content: (random: Random) => Buffer): Buffer {
  switch (random.below(13)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return headersFrames(random, id, content(random));
    case 4:
    case 5:
      return frame(0, random.below(2), id, Buffer.alloc(random.below(50), 100));
    case 6: {
      const padding = random.below(5);
      return frame(0, 8 | random.below(2), id, Buffer.concat([Buffer.of(padding), Buffer.alloc(random.below(20), 101), Buffer.alloc(padding)]));
    }
    case 7:
      return frame(3, 0, id, number(random.below(14)));
    case 8:
      return random.oneIn(2)
        ? frame(4, 1, 0, Buffer.alloc(0))
        : frame(4, 0, 0, Buffer.concat([Buffer.of(0, 1 + random.below(8)), number(random.pick([0, 1, 100, 16384, 65535, 0x7fffffff, 0xffffffff]))]));
    case 9:
      return frame(6, random.below(2), 0, Buffer.alloc(8, 5));
    case 10:
      return frame(8, 0, random.oneIn(2) ? 0 : id, number(random.pick([0, 1, 1000, 0x7fffffff])));
    case 11:
      return random.oneIn(4) ? frame(7, 0, 0, Buffer.concat([number(random.below(9)), number(0)])) : frame(2, 0, id, Buffer.alloc(5));
    default:
      return frame(random.below(14), random.below(256), random.below(6), Buffer.alloc(random.below(12), 3));
  }
}

function conversation(random: Random, content: (random: Random) => Buffer): Buffer {
  const frames = [frame(4, 0, 0, Buffer.alloc(0))];
  let id = 1;
  for (let left = 1 + random.below(9); left > 0; left--) {
    frames.push(anyFrame(random, random.oneIn(4) ? 1 + random.below(9) : id, content));
    if (random.oneIn(2)) id += 2;
  }
  return Buffer.concat(frames);
}

/** What a client may send to an HTTP/2 server session: frames, HPACK blocks, and what becomes of streams. */
export const h2Server: FuzzCodec = {
  name: 'http2-server',
  generate: (random) => Buffer.concat([PREFACE, conversation(random, requestBlock)]),
  run: (input, cutsAt, transcript) => feed(input, cutsAt, transcript, 'server'),
};

/** What a server may send to an HTTP/2 client session with three requests under way. */
export const h2Client: FuzzCodec = {
  name: 'http2-client',
  generate: (random) => conversation(random, responseBlock),
  run: (input, cutsAt, transcript) => feed(input, cutsAt, transcript, 'client'),
};

/** The same against windows that are full at once. When room is given back depends on the pieces, so only crashes count. */
export const h2Windows: FuzzCodec = {
  name: 'http2-windows',
  generate: (random) =>
    Buffer.concat([
      PREFACE,
      frame(4, 0, 0, Buffer.of(0, 4, 0, 0, 0, random.below(60))),
      frame(4, 1, 0, Buffer.alloc(0)),
      conversation(random, requestBlock),
    ]),
  run: (input, cutsAt) => feed(input, cutsAt, new Transcript(false), 'server', NARROW),
};
