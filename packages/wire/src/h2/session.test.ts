/** The rules of a connection (RFC 9113 sections 5 and 6) and the limits on what a peer can make it do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_H2_LIMITS, type H2Limits, type H2LocalSettings } from './options.ts';
import type { H2Handler, H2Session, H2Stream } from './session-types.ts';
import { bareSession, type GrowingOutput, outgoing } from './testdata/socket-session.ts';
import { latin1, textOf } from './testdata/tools.ts';

interface End {
  readonly session: H2Session<string>;
  readonly output: GrowingOutput;
  /** What its handler heard. */
  readonly log: string[];
  readonly streams: Map<number, H2Stream<string>>;
}

interface EndPlan {
  readonly settings?: Partial<H2LocalSettings>;
  readonly limits?: Partial<H2Limits>;
  readonly nowMs?: () => number;
  readonly on?: (end: () => End) => Partial<H2Handler<string>>;
}

/** A session that writes down what it hears. Payload is not consumed by itself. */
function makeEnd(role: 'server' | 'client', plan: EndPlan = {}): End {
  const log: string[] = [];
  const streams = new Map<number, H2Stream<string>>();
  const { session, output } = bareSession<string>({
    role,
    ...plan,
    handler: () => ({
      head(stream, head, endStream) {
        streams.set(stream.id, stream);
        log.push(`head ${stream.id} ${textOf(head.bytes, head.start, head.end).split('\r\n')[0]}${endStream ? ' end' : ''}`);
      },
      headRefused: (stream, reason) => log.push(`${reason} ${stream.id}`),
      data: (stream, data) => log.push(`data ${stream.id} ${data.end - data.start}${data.endStream ? ' end' : ''}`),
      trailers: (stream, head) => log.push(`trailers ${stream.id} ${textOf(head.bytes, head.start, head.end).trim()}`),
      reset: (stream, code, by) => log.push(`reset ${stream.id} ${code} ${by}`),
      writable: (stream) => log.push(`writable ${stream.id}`),
      goaway: (last, code) => log.push(`goaway ${last} ${code}`),
      pong: () => log.push('pong'),
      failed: (code, reason) => log.push(`failed ${code} ${reason}`),
      ...plan.on?.(() => end),
    }),
  });
  const end: End = { session, output, log, streams };
  return end;
}

/** Carries what both have written to the other, until neither writes any more. */
function exchange(a: End, b: End): void {
  while (a.output.length + b.output.length > 0) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const bytes = from.output.take();
      from.session.flushed();
      if (bytes.length > 0) to.session.receive(bytes, 0, bytes.length);
    }
  }
}

function pair(client: EndPlan = {}, server: EndPlan = {}): { client: End; server: End } {
  const both = { client: makeEnd('client', client), server: makeEnd('server', server) };
  exchange(both.client, both.server);
  return both;
}

const get = (path: string, endStream = true, more = '') => outgoing(`GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`, endStream);
const ok = (endStream = false, more = '') => outgoing(`HTTP/1.1 200 OK\r\n${more}\r\n`, endStream);
const bytes = (size: number): Uint8Array => new Uint8Array(size).fill(120);

/** A frame. */
function frame(type: number, flags: number, id: number, payload: readonly number[] | Uint8Array = []): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)]);
/** `GET / https a` */
const GET_BLOCK = [0x82, 0x87, 0x84, 0x41, 1, 97];

function feed(end: End, ...parts: readonly Buffer[]): boolean {
  const all = Buffer.concat(parts);
  return end.session.receive(all, 0, all.length);
}

test('a request, an interim response, payload and trailers', () => {
  const { client, server } = pair();
  const stream = client.session.request('r', get('/a', false));
  client.session.writeData(stream, bytes(10), 0, 10);
  client.session.writeLast(stream, bytes(5), 0, 5);
  exchange(client, server);
  assert.deepEqual(server.log, ['head 1 GET /a HTTP/1.1', 'data 1 10', 'data 1 5 end']);
  const there = server.streams.get(1) as H2Stream<string>;
  server.session.respond(there, outgoing('HTTP/1.1 103 Early Hints\r\n\r\n', false));
  server.session.respond(there, ok());
  server.session.writeData(there, bytes(7), 0, 7);
  server.session.writeTrailers(there, latin1('grpc-status: 0\r\n'), 0, 16);
  exchange(client, server);
  assert.deepEqual(client.log, ['head 1 HTTP/1.1 103 ', 'head 1 HTTP/1.1 200 ', 'data 1 7', 'trailers 1 grpc-status: 0']);
  assert.deepEqual([client.session.openStreams, server.session.openStreams, stream.closed], [0, 0, true]);
});

test('payload stops at the windows and goes on when they open, the longest waiting stream first', () => {
  const { client, server } = pair({}, { settings: { initialWindowSize: 100_000, connectionWindowSize: 70_000 } });
  const first = client.session.request('1', get('/1', false));
  const second = client.session.request('2', get('/2', false));
  assert.equal(client.session.sendable(first), 70_000);
  assert.equal(client.session.writeData(first, bytes(60_000), 0, 60_000), 60_000);
  assert.equal(client.session.writeData(second, bytes(60_000), 0, 60_000), 10_000);
  assert.equal(client.session.writeData(first, bytes(10), 0, 10), 0);
  exchange(client, server);
  assert.equal(client.log.length, 0);
  // Less than half of the window is not worth a frame.
  server.session.consumed(server.streams.get(1) as H2Stream<string>, 34_000);
  exchange(client, server);
  assert.equal(client.log.length, 0);
  server.session.consumed(server.streams.get(1) as H2Stream<string>, 2_000);
  exchange(client, server);
  assert.deepEqual(client.log, ['writable 3', 'writable 1']);
  assert.equal(client.session.sendable(second), 36_000);
});

test('who waits for the connection’s window is not asked again with every byte of it', () => {
  let asked = 0;
  const { client, server } = pair(
    {
      on: (end) => ({
        writable: (stream) => {
          asked++;
          end().session.writeData(stream, bytes(10), 0, 10);
        },
      }),
    },
    { settings: { connectionWindowSize: 65_535 } },
  );
  const streams = Array.from({ length: 500 }, (_, i) => client.session.request('x', get(`/${i}`, false)));
  for (const stream of streams) client.session.writeData(stream, bytes(1000), 0, 1000);
  exchange(client, server);
  for (let i = 0; i < 20; i++) feed(client, frame(8, 0, 0, [0, 0, 0, 1]));
  assert.equal(asked, 20);
  // Streams without a window of their own are not asked at all.
  feed(client, frame(4, 0, 0, [0, 4, 0, 0, 0, 0]), frame(8, 0, 0, [0, 0, 1, 0]), frame(8, 0, 0, [0, 0, 1, 0]));
  assert.equal(asked, 20);
  feed(client, frame(4, 0, 0, [0, 4, 0, 0, 0, 1]), frame(4, 0, 0, [0, 4, 0, 1, 0, 0]));
  assert.ok(asked > 20 + 400, `${asked}`);
});

test('a smaller initial window takes back what streams were given; a larger one wakes them', () => {
  const { client, server } = pair();
  const stream = client.session.request('r', get('/', false));
  exchange(client, server);
  assert.equal(client.session.writeData(stream, bytes(50), 0, 50), 50);
  feed(client, frame(4, 0, 0, [0, 4, 0, 0, 0, 10]));
  assert.equal(client.session.sendable(stream), 0);
  assert.equal(client.session.writeLast(stream, bytes(9), 0, 9), 0);
  feed(client, frame(4, 0, 0, [0, 4, 0, 0, 0, 60]));
  assert.deepEqual(client.log, ['writable 1']);
  assert.equal(client.session.sendable(stream), 10);
  assert.equal(feed(client, frame(4, 0, 0, [0, 4, 0x80, 0, 0, 0])), false);
  assert.deepEqual(client.log.slice(1), ['reset 1 3 session', 'failed 3 bad_settings']);
});

test('streams over the limit are refused, and their heads are understood all the same', () => {
  const { client, server } = pair({}, { settings: { maxConcurrentStreams: 2 } });
  assert.equal(client.session.canOpen, 2);
  for (const path of ['/1', '/2', '/3']) client.session.request(path, get(path, true, 'x-name: value\r\n'));
  assert.equal(client.session.canOpen, 0);
  exchange(client, server);
  assert.deepEqual(client.log, ['reset 5 7 peer']);
  server.session.respond(server.streams.get(1) as H2Stream<string>, ok(true));
  exchange(client, server);
  assert.equal(client.session.canOpen, 1);
  client.session.request('4', get('/4', true, 'x-name: value\r\n'));
  exchange(client, server);
  assert.equal(server.log.at(-1), 'head 7 GET /4 HTTP/1.1 end');
});

test('draining: what is on the way still comes, then new streams are refused as safe to retry', () => {
  const { client, server } = pair();
  client.session.request('1', get('/1'));
  server.session.drain();
  exchange(client, server);
  assert.deepEqual(client.log, ['goaway 2147483647 0']);
  assert.equal(client.session.canOpen, 0);
  assert.deepEqual(server.log, ['head 1 GET /1 HTTP/1.1 end']);
  // A client that has not heard yet.
  const other = pair();
  other.client.session.request('1', get('/1'));
  exchange(other.client, other.server);
  other.server.session.goaway(0);
  other.client.session.request('2', get('/2'));
  exchange(other.client, other.server);
  assert.deepEqual(other.client.log, ['reset 3 7 goaway', 'goaway 1 0']);
  assert.deepEqual(other.server.log, ['head 1 GET /1 HTTP/1.1 end']);
  other.server.session.respond(other.server.streams.get(1) as H2Stream<string>, ok(true));
  exchange(other.client, other.server);
  assert.equal(other.client.log.at(-1), 'head 1 HTTP/1.1 200  end');
});

test('resets, pings and the end of the socket', () => {
  const { client, server } = pair();
  const one = client.session.request('1', get('/1', false));
  client.session.request('2', get('/2', false));
  client.session.reset(one, 8);
  client.session.reset(one, 8);
  client.session.ping();
  exchange(client, server);
  assert.deepEqual(server.log, ['head 1 GET /1 HTTP/1.1', 'head 3 GET /2 HTTP/1.1', 'reset 1 8 peer']);
  // The server's late answer to a stream that the client has forgotten.
  server.session.reset(server.streams.get(3) as H2Stream<string>, 5);
  assert.equal(feed(client, frame(0, 0, 1, bytes(10)), frame(1, 4, 1, [0x88]), frame(3, 0, 1, [0, 0, 0, 0]), frame(8, 0, 1, [0, 0, 0, 1])), true);
  exchange(client, server);
  assert.deepEqual(client.log, ['pong', 'reset 3 5 peer']);
  client.session.request('3', get('/3', false));
  client.session.disconnected();
  client.session.disconnected();
  assert.deepEqual(client.log.slice(2), ['reset 5 8 session']);
  assert.equal(client.session.canOpen, 0);
  assert.equal(client.session.writeData(one, bytes(3), 0, 3), 3, 'what is for nobody is taken');
});

test('a message must be as long as its content-length says', () => {
  const cases: readonly [string, readonly Buffer[], string][] = [
    ['more', [frame(0, 0, 1, bytes(6))], 'reset 1 1 session'],
    ['less', [frame(0, 1, 1, bytes(4))], 'reset 1 1 session'],
    ['less, then trailers', [frame(0, 0, 1, bytes(4)), frame(1, 5, 1, [0, 1, 120, 0])], 'reset 1 1 session'],
    ['trailers that do not end', [frame(0, 0, 1, bytes(5)), frame(1, 4, 1, [0, 1, 120, 0])], 'reset 1 1 session'],
    ['as much', [frame(0, 0, 1, bytes(3)), frame(0, 8 | 1, 1, [2, 1, 1, 0, 0])], 'data 1 2 end'],
  ];
  for (const [what, frames, last] of cases) {
    const server = makeEnd('server');
    feed(server, PREFACE, frame(1, 4, 1, [...GET_BLOCK, 0x0f, 13, 1, 53]), ...frames);
    assert.equal(server.log.at(-1), last, what);
  }
  const client = makeEnd('client');
  const head = client.session.request('h', outgoing('HEAD / HTTP/1.1\r\nhost: a\r\n\r\n', true));
  feed(client, frame(4, 0, 0), frame(1, 5, head.id, [0x88, 0x0f, 13, 1, 53]));
  assert.deepEqual(client.log, ['head 1 HTTP/1.1 200  end']);
});

test('a head over the limits can be answered', () => {
  const { client, server } = pair({}, { limits: { maxHeaders: 2 } });
  client.session.request('1', get('/', false, 'a: 1\r\nb: 2\r\n'));
  exchange(client, server);
  assert.deepEqual(server.log, ['too-many-headers 1']);
});

test('extended CONNECT only where it was offered', () => {
  const chat = (): ReturnType<typeof outgoing> =>
    outgoing('GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n', false, 'https', true);
  const offered = pair({}, { settings: { enableConnectProtocol: true } });
  assert.equal(offered.client.session.canConnect, true);
  offered.client.session.request('c', chat());
  exchange(offered.client, offered.server);
  assert.deepEqual(offered.server.log, ['head 1 GET /chat HTTP/1.1']);
  const not = pair();
  assert.equal(not.client.session.canConnect, false);
  not.client.session.request('c', chat());
  exchange(not.client, not.server);
  assert.deepEqual(not.client.log, ['reset 1 1 peer']);
});

test('floods end the connection, each with its reason', () => {
  const open = frame(1, 4, 1, GET_BLOCK);
  const times = (count: number, what: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => what));
  const update = frame(8, 0, 1, [0, 0, 0, 1]);
  const cases: readonly [string, readonly Buffer[], string][] = [
    ['PING', [times(1100, frame(6, 0, 0, bytes(8)))], 'failed 11 outbound_control_flood'],
    ['SETTINGS', [times(1100, frame(4, 0, 0))], 'failed 11 settings_flood'],
    ['PRIORITY', [times(102, frame(2, 0, 1, [0, 0, 0, 0, 1]))], 'failed 11 inbound_priority_frames_flood'],
    ['WINDOW_UPDATE', [open, times(8, update)], 'failed 11 inbound_window_update_frames_flood'],
    ['empty DATA', [open, times(2, frame(0, 0, 1))], 'failed 11 inbound_empty_frames_flood'],
    ['empty padded DATA', [open, times(2, frame(0, 8, 1, [3, 0, 0, 0]))], 'failed 11 inbound_empty_frames_flood'],
    ['empty HEADERS', [frame(1, 4, 1), frame(1, 4, 3)], 'failed 11 inbound_empty_frames_flood'],
    ['empty CONTINUATION', [frame(1, 0, 1, [0x82]), times(2, frame(9, 0, 1))], 'failed 11 inbound_empty_frames_flood'],
    ['CONTINUATION', [frame(1, 0, 1, [0x82]), times(13, frame(9, 0, 1, [0x87]))], 'failed 11 continuation_flood'],
    ['a large block', [frame(1, 0, 1, bytes(16_384)), times(4, frame(9, 0, 1, bytes(16_384)))], 'failed 11 header_block_too_large'],
    ['GOAWAY', [times(1100, frame(7, 0, 0, bytes(8)))], 'failed 11 goaway_flood'],
  ];
  for (const [what, frames, last] of cases) {
    const server = makeEnd('server');
    assert.equal(feed(server, PREFACE, ...frames), false, what);
    assert.equal(server.log.at(-1), last, what);
    assert.equal(server.session.receive(open, 0, open.length), false, `${what}: nothing is read behind it`);
    const [, goaway] = [server.output.take()].map((all) => all.subarray(all.length - 17)).flatMap((all) => [all, Buffer.from(all).toString('hex')]);
    assert.match(String(goaway), /^0000080700000000000000000[01]0000000b$/, what);
  }
});

test('answers that nobody reads are not written for ever', () => {
  const server = makeEnd('server', { limits: { maxControlBurst: 1e9 } });
  feed(server, PREFACE);
  let sent = 0;
  while (feed(server, frame(6, 0, 0, bytes(8)))) sent++;
  assert.equal(server.log.at(-1), 'failed 11 outbound_control_flood');
  assert.ok(sent <= DEFAULT_H2_LIMITS.maxOutboundControlFrames, `${sent}`);
  const reading = makeEnd('server', { limits: { maxControlBurst: 1e9 } });
  feed(reading, PREFACE);
  for (let i = 0; i < 3000; i++) {
    assert.equal(feed(reading, frame(6, 0, 0, bytes(8))), true);
    if (i % 500 === 0) reading.session.flushed();
  }
});

test('pings whose answers are read are no flood, nor are SETTINGS over a long time', () => {
  let now = 0;
  const server = makeEnd('server', { nowMs: () => now });
  feed(server, PREFACE);
  for (let i = 0; i < 5000; i++, now += 100) {
    assert.equal(feed(server, frame(6, 0, 0, bytes(8)), frame(6, 0, 0, bytes(8)), frame(4, 0, 0)), true);
    server.session.flushed();
  }
});

test('rapid reset, by the client or made by its errors', () => {
  const wrongs: readonly [string, (id: number) => Buffer][] = [
    ['RST_STREAM', (id) => frame(3, 0, id, [0, 0, 0, 8])],
    ['WINDOW_UPDATE of 0', (id) => frame(8, 0, id, [0, 0, 0, 0])],
    ['PRIORITY of a wrong length', (id) => frame(2, 0, id, [0])],
  ];
  for (const [what, wrong] of wrongs) {
    const server = makeEnd('server');
    feed(server, PREFACE);
    let streams = 0;
    for (; streams < 2000 && feed(server, frame(1, 4, streams * 2 + 1, GET_BLOCK), wrong(streams * 2 + 1)); streams++) server.session.flushed();
    assert.equal(server.log.at(-1), 'failed 11 premature_resets', what);
    assert.equal(streams, DEFAULT_H2_LIMITS.prematureResetStreams - 1, what);
    assert.equal(server.log.filter((line) => line.startsWith('reset')).length, streams + 1, `${what}: every stream is told`);
  }
  // Streams that had their answer, or lived for a while, do not count.
  let now = 0;
  const server = makeEnd('server', { nowMs: () => now });
  feed(server, PREFACE);
  for (let i = 0; i < 2000; i++) {
    assert.equal(feed(server, frame(1, 4, i * 2 + 1, GET_BLOCK)), true);
    now += i % 2 === 0 ? 1500 : 0;
    if (i % 2 !== 0) server.session.respond(server.streams.get(i * 2 + 1) as H2Stream<string>, ok(true));
    assert.equal(feed(server, frame(3, 0, i * 2 + 1, [0, 0, 0, 8])), true);
    server.session.flushed();
  }
});

test('what breaks the connection, with its error code', () => {
  const open = frame(1, 4, 1, GET_BLOCK);
  const cases: readonly [string, readonly Buffer[], string][] = [
    ['a frame that is too large', [frame(0, 0, 1, bytes(16_385))], 'failed 6 frame_too_large'],
    ['DATA on stream 0', [frame(0, 0, 0, bytes(1))], 'failed 1 data_on_stream_0'],
    ['DATA on an idle stream', [frame(0, 0, 1, bytes(1))], 'failed 1 data_on_idle_stream'],
    ['padding without room', [open, frame(0, 8, 1, [5, 0])], 'failed 1 bad_padding'],
    ['padding without its length', [open, frame(0, 8, 1)], 'failed 1 bad_padding'],
    ['an even stream', [frame(1, 4, 2, GET_BLOCK)], 'failed 1 headers_on_idle_stream'],
    ['HEADERS on a closed stream', [open, frame(3, 0, 1, [0, 0, 0, 0]), open], 'failed 5 headers_on_closed_stream'],
    ['a stream below another', [frame(1, 4, 5, GET_BLOCK), frame(1, 4, 3, GET_BLOCK)], 'failed 5 headers_on_closed_stream'],
    ['a frame in the middle of a block', [frame(1, 0, 1, GET_BLOCK), frame(6, 0, 0, bytes(8))], 'failed 1 header_block_interrupted'],
    ['another stream’s CONTINUATION', [frame(1, 0, 1, GET_BLOCK), frame(9, 4, 3)], 'failed 1 header_block_interrupted'],
    ['CONTINUATION alone', [open, frame(9, 4, 1)], 'failed 1 header_block_interrupted'],
    ['a broken block', [frame(1, 4, 1, [0xff])], 'failed 9 bad_header_block'],
    ['PUSH_PROMISE', [open, frame(5, 4, 1, [0, 0, 0, 2])], 'failed 1 push_promise'],
    ['a window of more than 2^31-1', [frame(8, 0, 0, [0x7f, 0xff, 0xff, 0xff])], 'failed 3 connection_window'],
    ['WINDOW_UPDATE of 0', [frame(8, 0, 0, [0, 0, 0, 0])], 'failed 1 window_update_0'],
    ['SETTINGS with ack and content', [frame(4, 1, 0, bytes(6))], 'failed 6 bad_settings'],
    ['SETTINGS on a stream', [frame(4, 0, 1)], 'failed 1 settings_on_stream'],
    ['ENABLE_PUSH of 2', [frame(4, 0, 0, [0, 2, 0, 0, 0, 2])], 'failed 1 bad_settings'],
    ['RST_STREAM of an idle stream', [frame(3, 0, 1, [0, 0, 0, 0])], 'failed 1 reset_on_idle_stream'],
  ];
  for (const [what, frames, last] of cases) {
    const server = makeEnd('server');
    assert.equal(feed(server, PREFACE, ...frames), false, what);
    assert.equal(server.log.at(-1), last, what);
  }
  for (const first of [Buffer.from('GET / HTTP/1.1\r\n'), Buffer.from('PRI * HTTP/2.0\r\n\r\nSN')]) {
    const server = makeEnd('server');
    assert.equal(feed(server, first), false);
    assert.deepEqual(server.log, ['failed 1 bad_preface']);
  }
  const silent = makeEnd('server');
  feed(silent, PREFACE.subarray(0, 24), frame(6, 0, 0, bytes(8)));
  assert.deepEqual(silent.log, ['failed 1 no_settings']);
});

test('a head that is larger than the peer’s frames is divided', () => {
  const { client, server } = pair();
  const value = 'v'.repeat(20_000);
  client.session.request('1', get('/', true, `x-a: ${value}\r\nx-b: ${value}\r\n`));
  exchange(client, server);
  assert.deepEqual(server.log, ['head 1 GET / HTTP/1.1 end']);
});

test('no window leaks, whatever streams do', () => {
  const step = fc.tuple(fc.nat(5), fc.nat(3), fc.nat(40_000));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const seen = new Map<number, { stream: H2Stream<string>; bytes: number }>();
      const { client, server } = pair(
        {},
        {
          settings: { initialWindowSize: 70_000, connectionWindowSize: 80_000 },
          on: () => ({
            head: (stream) => void seen.set(stream.id, { stream, bytes: 0 }),
            data(stream, data) {
              (seen.get(stream.id) as { bytes: number }).bytes += data.end - data.start;
            },
          }),
        },
      );
      const open = new Map<number, H2Stream<string>>();
      for (const [which, what, size] of steps) {
        const stream = open.get(which) ?? client.session.request('x', get('/', false));
        open.set(which, stream);
        const there = seen.get(stream.id);
        if (what === 0) client.session.writeData(stream, bytes(size), 0, size);
        else if (what === 1 && there !== undefined) {
          const part = Math.min(there.bytes, size);
          there.bytes -= part;
          server.session.consumed(there.stream, part);
        } else if (what === 2) {
          client.session.reset(stream, 8);
          open.delete(which);
        } else if (there !== undefined && size % 4 === 0) {
          server.session.reset(there.stream, 8);
          open.delete(which);
        }
        exchange(client, server);
      }
      // When all is consumed, at least half of each window is open again.
      for (const { stream, bytes: left } of seen.values()) server.session.consumed(stream, left);
      exchange(client, server);
      const last = client.session.request('last', get('/', false));
      assert.ok(client.session.sendable(last) > 40_000 - 1, `${client.session.sendable(last)}`);
      assert.deepEqual(
        client.log.filter((line) => line.startsWith('failed')),
        [],
      );
    }),
    { numRuns: 150 },
  );
});

test('whatever both ends do, each stream is told its end once and nothing after it', () => {
  const operation = fc.tuple(fc.nat(9), fc.nat(4), fc.nat(3000), fc.boolean());
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), fc.boolean(), (operations, together) => {
      const faults: string[] = [];
      /** Writes down what each stream is told, and what must not follow. */
      const witness = (
        name: string,
      ): { told: Map<number, string>; on: (end: () => End) => Partial<H2Handler<string>>; streams: Map<number, H2Stream<string>> } => {
        const told = new Map<number, string>();
        const streams = new Map<number, H2Stream<string>>();
        const tell = (stream: H2Stream<string>, what: string, ends: boolean): void => {
          const before = told.get(stream.id);
          if (before === 'reset' || (before === 'ended' && what !== 'reset')) faults.push(`${name} ${stream.id}: ${what} after ${before}`);
          if (what === 'reset') told.set(stream.id, 'reset');
          else if (ends) told.set(stream.id, 'ended');
        };
        const on = (end: () => End): Partial<H2Handler<string>> => ({
          head(stream, _head, endStream) {
            streams.set(stream.id, stream);
            tell(stream, 'head', endStream);
          },
          data(stream, data) {
            tell(stream, 'data', data.endStream);
            end().session.consumed(stream, data.end - data.start);
          },
          trailers: (stream) => tell(stream, 'trailers', true),
          reset(stream) {
            tell(stream, 'reset', true);
            if (!stream.closed) faults.push(`${name} ${stream.id}: reset and not closed`);
          },
          failed: (_code, reason) => faults.push(`${name}: ${reason}`),
        });
        return { told, on, streams };
      };
      const [mine, theirs] = [witness('client'), witness('server')];
      const narrow = { initialWindowSize: 2000, connectionWindowSize: 65_535, maxConcurrentStreams: 3 };
      const { client, server } = pair({ on: mine.on, settings: narrow }, { on: theirs.on, settings: narrow });
      const opened: H2Stream<string>[] = [];
      const answered = new Set<number>();
      for (const [what, which, size, flag] of operations) {
        const asked = opened[which % Math.max(1, opened.length)];
        const open = [...theirs.streams.values()].filter((stream) => !stream.closed && !stream.localEnded);
        const serving = open[which % Math.max(1, open.length)];
        if (what === 0 && client.session.canOpen > 0) opened.push(client.session.request('x', get('/', flag)));
        else if (what === 1 && asked?.localEnded === false) client.session.writeData(asked, bytes(size), 0, size);
        else if (what === 2 && asked?.localEnded === false) client.session.writeLast(asked, bytes(size), 0, size);
        else if (what === 3 && asked !== undefined) client.session.reset(asked, 8);
        else if (what === 4 && serving !== undefined && !answered.has(serving.id)) {
          answered.add(serving.id);
          server.session.respond(serving, ok(flag));
        } else if (what === 5 && serving !== undefined && answered.has(serving.id)) server.session.writeData(serving, bytes(size), 0, size);
        else if (what === 6 && serving !== undefined && answered.has(serving.id)) server.session.writeTrailers(serving, latin1('x: y\r\n'), 0, 6);
        else if (what === 7 && serving !== undefined) server.session.reset(serving, size % 2);
        else if (what === 8 && size < 100) server.session.goaway(0);
        else if (what === 9 && size < 50) client.session.disconnected();
        if (!together || what === 9) exchange(client, server);
      }
      exchange(client, server);
      client.session.disconnected();
      server.session.disconnected();
      assert.deepEqual(faults, []);
      // Whoever was asked for something has heard how it ended, unless it ended it itself.
      for (const stream of opened) assert.ok(stream.closed, `${stream.id} is open`);
      assert.deepEqual([client.session.openStreams, server.session.openStreams], [0, 0]);
    }),
    { numRuns: 500 },
  );
});
