/** WebSocket through the proxy, after the cases of the Autobahn suite, between every pair of HTTP versions (RFC 6455, RFC 8441). */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server, type ClientHttp2Session, type Http2Server } from 'node:http2';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { createContext, type CaseContext } from '../parity/harness/context.ts';
import { createIdentities } from '../parity/harness/identities.ts';
import { startEmbedded, type Proxy } from '../parity/harness/proxies.ts';
import { any, cluster, hcm, listener, to } from '../parity/resources.ts';
import { eventually } from '../testkit/load.ts';

const START_LIMIT_MS = 10_000;
const LIMIT_MS = 8_000;
const OP = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

interface Frame {
  readonly op: number;
  readonly payload: Buffer;
  /** The message ends with it. */
  readonly fin?: boolean;
  /** Reserved bits, which nobody has agreed on. */
  readonly rsv?: number;
}

/** One frame; clients mask. */
function encode({ op, payload, fin = true, rsv = 0 }: Frame, masked: boolean): Buffer {
  const { length } = payload;
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extra + (masked ? 4 : 0));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | op;
  head[1] = (masked ? 0x80 : 0) | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) head.writeUInt16BE(length, 2);
  if (extra === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const key = [1, 2, 3, 4];
  head.set(key, 2 + extra);
  return Buffer.concat([head, payload.map((byte, i) => byte ^ (key[i % 4] as number))]);
}

/** Frames as they come out of a stream of bytes. */
class Frames {
  #bytes = Buffer.alloc(0);
  readonly list: Frame[] = [];

  add(bytes: Buffer): Frame[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const found: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) found.push(frame);
    this.list.push(...found);
    return found;
  }

  #next(): Frame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const [first = 0, second = 0] = bytes;
    const short = second & 0x7f;
    const extra = short < 126 ? 0 : short === 126 ? 2 : 8;
    const start = 2 + extra + (second & 0x80 ? 4 : 0);
    if (bytes.length < start) return undefined;
    const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return undefined;
    const key = bytes.subarray(start - 4, start);
    const raw = bytes.subarray(start, start + length);
    const payload = second & 0x80 ? raw.map((byte, i) => byte ^ (key[i % 4] as number)) : raw;
    this.#bytes = bytes.subarray(start + length);
    return { op: first & 15, payload: Buffer.from(payload), fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7 };
  }
}

/** A server that sends every frame back as it came, answers pings, and ends after a close. */
function echo(socket: Duplex, head: Buffer): void {
  const frames = new Frames();
  const take = (bytes: Buffer): void => {
    for (const frame of frames.add(bytes)) {
      socket.write(encode(frame.op === OP.ping ? { ...frame, op: OP.pong } : frame, false));
      if (frame.op === OP.close) socket.end();
    }
  };
  socket.on('error', () => {});
  socket.on('data', take);
  if (head.length > 0) take(head);
}

interface Client {
  readonly socket: Duplex;
  readonly frames: Frames;
  readonly ended: Promise<void>;
  close(): void;
}

function clientOn(socket: Duplex, close: () => void): Client {
  const frames = new Frames();
  return { socket, frames, close, ended: new Promise((resolve) => void socket.once('end', resolve).once('close', resolve)) };
}

/** `early` goes out together with the request. */
async function open1(host: string, port: number, early: Buffer): Promise<Client> {
  const socket = connect({ host, port, noDelay: true });
  const client = clientOn(socket, () => socket.destroy());
  socket.on('error', () => {});
  const request = `GET /chat HTTP/1.1\r\nhost: chat.example\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  socket.write(Buffer.concat([Buffer.from(request), early]));
  let head = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    socket.once('close', () => reject(new Error('closed')));
    socket.on('data', function take(bytes: Buffer) {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', take);
      assert.match(head.toString('latin1'), /^HTTP\/1\.1 101 /);
      client.frames.add(head.subarray(end + 4));
      socket.on('data', (more: Buffer) => client.frames.add(more));
      resolve();
    });
  });
  return client;
}

async function open2(host: string, port: number, early: Buffer): Promise<Client> {
  const session: ClientHttp2Session = connectHttp2(`http://${host}:${port}`);
  session.on('error', () => {});
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/chat',
    ':scheme': 'http',
    'sec-websocket-version': '13',
  });
  const client = clientOn(stream, () => session.destroy());
  stream.on('error', () => {});
  stream.on('data', (bytes: Buffer) => client.frames.add(bytes));
  if (early.length > 0) stream.write(early);
  const status = await new Promise((resolve) => stream.once('response', (headers) => resolve(headers[':status'])));
  assert.equal(status, 200);
  return client;
}

const bytes = (length: number): Buffer => Buffer.alloc(length, 'The wind that fills the sails. ');
const closing = (code: number, reason = ''): Buffer => {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
};

/** What is sent; the same comes back, pings as pongs. */
const CASES: Readonly<Record<string, readonly Frame[]>> = {
  'text of every length class': [0, 1, 125, 126, 127, 128, 65_535, 65_536].map((length) => ({ op: OP.text, payload: bytes(length) })),
  'binary of every length class': [0, 125, 126, 65_535, 65_536, 1_000_000].map((length) => ({ op: OP.binary, payload: bytes(length) })),
  'a large message': [{ op: OP.binary, payload: bytes(2_000_000) }],
  'pings, empty and full, and pongs that nobody asked for': [
    { op: OP.ping, payload: bytes(0) },
    { op: OP.ping, payload: bytes(125) },
    { op: OP.pong, payload: bytes(5) },
  ],
  'a message in fragments, with a ping in between': [
    { op: OP.text, payload: bytes(10), fin: false },
    { op: OP.ping, payload: bytes(3) },
    { op: OP.more, payload: bytes(70_000), fin: false },
    { op: OP.more, payload: bytes(0), fin: false },
    { op: OP.more, payload: bytes(1) },
  ],
  'many small messages': Array.from({ length: 500 }, (_, i) => ({ op: OP.text, payload: Buffer.from(`message ${i}`) })),
  'text in UTF-8, and what is none': [
    { op: OP.text, payload: Buffer.from('Μελτέμι 🌬 ветер') },
    { op: OP.text, payload: Buffer.from([0xce, 0xba, 0xe1, 0xbd, 0xff]) },
  ],
  'reserved bits and opcodes: not for a proxy to judge': [
    { op: OP.text, payload: bytes(3), rsv: 4 },
    { op: 11, payload: bytes(3) },
  ],
  ...Object.fromEntries(
    [1000, 1001, 1002, 1003, 1007, 1009, 1011, 3000, 4999].map((code) => [`close ${code}`, [{ op: OP.close, payload: closing(code, 'good bye') }]]),
  ),
  'close without a code': [{ op: OP.close, payload: bytes(0) }],
};

const shown = (list: readonly Frame[]): object[] =>
  list.map(({ op, payload, fin = true, rsv = 0 }) => ({ op, fin, rsv, length: payload.length, payload: payload.subarray(0, 64).toString('hex') }));
const expected = (list: readonly Frame[]): object[] => shown(list.map((frame) => (frame.op === OP.ping ? { ...frame, op: OP.pong } : frame)));

describe('WebSocket through the proxy', () => {
  let server1: Server;
  let server2: Http2Server;
  let proxy: Proxy;
  let c: CaseContext;

  before(async () => {
    server1 = createServer().on('upgrade', (_request, socket: Duplex, head: Buffer) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
      echo(socket, head);
    });
    server2 = createHttp2Server({ settings: { enableConnectProtocol: true } }).on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      echo(stream, Buffer.alloc(0));
    });
    for (const server of [server1, server2]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = (server: Server | Http2Server): { host: string; port: number } => ({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
    });
    proxy = await startEmbedded(loadCodec('all'), await createIdentities());
    c = createContext(
      'websocket',
      proxy.place,
      new Map([
        ['one', address(server1)],
        ['two', address(server2)],
      ]),
    );
    const options = { upgrade_configs: [{ upgrade_type: 'websocket' }], http2_protocol_options: { allow_connect: true } };
    const http2 = any('upstreams.http.v3.HttpProtocolOptions', { explicit_http_config: { http2_protocol_options: { allow_connect: true } } });
    const refused = await proxy.xds.push({
      listeners: ['one', 'two'].map((name) => listener(c, [hcm(c, [to(c, name)], options)], {}, name)),
      clusters: [
        cluster(c, 'one'),
        cluster(c, 'two', { typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http2 } }),
      ],
    });
    assert.deepEqual(refused, []);
    await eventually('both listeners listen', START_LIMIT_MS, async () => ((await proxy.listeners()).size === 2 ? true : undefined));
  });

  after(async () => {
    await proxy[Symbol.asyncDispose]();
    server1.closeAllConnections();
    server1.close();
    server2.close();
  });

  for (const [client, open] of Object.entries({ 'HTTP/1.1': open1, 'HTTP/2': open2 })) {
    for (const [server, name] of Object.entries({ 'HTTP/1.1': 'one', 'HTTP/2': 'two' })) {
      test(`${client} to ${server}: every frame comes back as it was`, async () => {
        for (const [what, frames] of Object.entries(CASES)) {
          const socket = await open(c.address, c.port(name), Buffer.alloc(0));
          for (const frame of frames) socket.socket.write(encode(frame, true));
          await eventually(what, LIMIT_MS, async () => (socket.frames.list.length >= frames.length ? true : undefined));
          assert.deepEqual(shown(socket.frames.list), expected(frames), what);
          if (frames.at(-1)?.op === OP.close) await socket.ended;
          socket.close();
        }
      });

      test(`${client} to ${server}: frames together with the request, and byte by byte`, async () => {
        const frames = [
          { op: OP.text, payload: bytes(20) },
          { op: OP.ping, payload: bytes(2) },
        ];
        const encoded = Buffer.concat(frames.map((frame) => encode(frame, true)));
        const socket = await open(c.address, c.port(name), encoded);
        for (const byte of encoded) {
          socket.socket.write(Buffer.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
        await eventually('all frames', LIMIT_MS, async () => (socket.frames.list.length >= 4 ? true : undefined));
        assert.deepEqual(shown(socket.frames.list), expected([...frames, ...frames]));
        socket.close();
      });
    }
  }
});
