import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import test, { describe } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { flagsOf, rawCall, startPlane, startRawServer } from '../testing/plane.ts';

const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function frame(type: number, flags: number, id: number, payload: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, Buffer.from(payload)]);
}

const SETTINGS = frame(4, 0, 0, []);
/** `:status: 200` of the static table. */
const OK = 0x88;
const HEAD = frame(1, 4, 1, [OK]);
const literal = (name: string, value: string): number[] => [0x00, name.length, ...Buffer.from(name), value.length, ...Buffer.from(value)];

/** What a bad server answers to the first request, and what comes of it: status, flag. */
const CASES: Readonly<Record<string, readonly [answer: readonly Uint8Array[] | Uint8Array, status: number, flag: string]>> = {
  'HTTP/1.1': [Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'), 502, 'UPE'],
  garbage: [Buffer.alloc(200, 0xff), 502, 'UPE'],
  'a frame larger than allowed': [frame(0, 0, 1, Buffer.alloc(20_000)), 502, 'UPE'],
  PUSH_PROMISE: [frame(5, 4, 1, [0, 0, 0, 2, OK]), 502, 'UPE'],
  'a head that is no HPACK': [frame(1, 4, 1, [0xff, 0xff, 0xff, 0xff, 0xff]), 502, 'UPE'],
  'no status': [frame(1, 5, 1, literal('a', 'b')), 502, 'UPE'],
  'an upper-case name': [frame(1, 5, 1, [OK, ...literal('Bad', 'b')]), 502, 'UPE'],
  'a line end in a value': [frame(1, 5, 1, [OK, ...literal('a', 'b\r\nc: d')]), 502, 'UPE'],
  'a header of the connection': [frame(1, 5, 1, [OK, ...literal('connection', 'close')]), 502, 'UPE'],
  'data before the head': [frame(0, 1, 1, [1, 2, 3]), 502, 'UPE'],
  'data on stream 0': [frame(0, 1, 0, [1]), 502, 'UPE'],
  'a stream that nobody opened': [frame(1, 5, 7, [OK]), 502, 'UPE'],
  'a window of nothing': [frame(8, 0, 0, [0, 0, 0, 0]), 502, 'UPE'],
  'a window beyond the largest': [frame(8, 0, 0, [0x7f, 0xff, 0xff, 0xff]), 502, 'UPE'],
  'endless CONTINUATION': [[frame(1, 0, 1, [OK]), ...Array.from({ length: 100 }, () => frame(9, 0, 1, []))], 502, 'UPE'],
  'pings without end': [Array.from({ length: 5000 }, () => frame(6, 0, 0, Buffer.alloc(8))), 502, 'UPE'],
  'an end in the middle of a frame': [Buffer.from([0, 0, 100, 1, 4, 0, 0]), 503, 'UC'],
  'a length that is not kept, too short': [
    Buffer.concat([frame(1, 4, 1, [OK, ...literal('content-length', '5')]), frame(0, 1, 1, [65])]),
    200,
    'UPE',
  ],
  'a length that is not kept, too long': [
    Buffer.concat([frame(1, 4, 1, [OK, ...literal('content-length', '1')]), frame(0, 1, 1, [65, 66])]),
    200,
    'UPE',
  ],
  'trailers that end nothing': [Buffer.concat([HEAD, frame(0, 0, 1, [65]), frame(1, 4, 1, literal('a', 'b'))]), 200, 'UPE'],
  'pseudo-fields in trailers': [Buffer.concat([HEAD, frame(0, 0, 1, [65]), frame(1, 5, 1, [OK])]), 200, 'UPE'],
};

/** Answers once when a request's HEADERS have come, then says FIN. */
function answering(answer: readonly Uint8Array[] | Uint8Array): (socket: Socket) => void {
  return (socket) => {
    let seen = Buffer.alloc(0);
    let answered = false;
    socket.on('data', (bytes: Buffer) => {
      seen = Buffer.concat([seen, bytes]);
      // Preface, then frames; a type of 1 somewhere after it is the request's head.
      if (answered || seen.length < 60 || !hasHeaders(seen)) return;
      answered = true;
      socket.write(Buffer.concat([SETTINGS, ...(answer instanceof Uint8Array ? [answer] : answer)]));
      socket.end();
    });
  };
}

function hasHeaders(bytes: Buffer): boolean {
  for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) if (bytes[at + 3] === 1) return true;
  return false;
}

describe('what a bad HTTP/2 server sends ends as a plain error, and nothing is left', () => {
  for (const [name, [answer, status, flag]] of Object.entries(CASES)) {
    test(name, async () => {
      await using server = await startRawServer(answering(answer));
      await using plane = await startPlane({
        clusters: [cluster('up', [server.port], HTTP2)],
        listeners: [plainListener('main', hcm([routeTo('up')]))],
      });
      const text = await rawCall(plane.port('main'), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
      const info = await plane.ended(1);
      assert.equal(flagsOf(info), flag);
      await until('nothing is left', () => {
        const found = plane.state.cluster('up');
        return (found?.usage.requests === 0 && found.hosts()[0]?.active === 0) || undefined;
      });
    });
  }
});
