import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { SniffedBytes } from './sniffer.ts';

/** What Node's TLS client says first. */
async function clientHello(): Promise<Buffer> {
  await using server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: '127.0.0.1', servername: 'a.example', ALPNProtocols: ['istio', 'h2'] });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  return hello;
}

/** The same handshake in records of one byte each. */
function cut(hello: Buffer): Buffer {
  return Buffer.concat([...hello.subarray(5)].map((byte) => Buffer.of(0x16, 3, 1, 0, 1, byte)));
}

/** In pieces of this size: what was found, and after how many bytes. */
function feed(bytes: Buffer, size: number): unknown {
  const sniffed = new SniffedBytes();
  for (let at = 0; at < bytes.length; at += size) {
    const found = sniffed.add(Buffer.from(bytes.subarray(at, at + size)), { tls: true, http: true });
    if (found === undefined) continue;
    assert.deepEqual(sniffed.bytes, bytes.subarray(0, at + size));
    return [found.transportProtocol, found.serverName, ...found.applicationProtocols, Math.min(at + size, bytes.length)];
  }
  return undefined;
}

test('first bytes are told as soon as they can be, in pieces of any size', async () => {
  const hello = await clientHello();
  const line = Buffer.from(`GET /${'a'.repeat(300)} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const endOfLine = line.indexOf('\r') + 1;
  for (const size of [1, 7, 100_000]) {
    const upTo = (bytes: Buffer, end: number): number => Math.min(bytes.length, Math.ceil(end / size) * size);
    for (const whole of [hello, cut(hello)])
      assert.deepEqual(feed(whole, size), ['tls', 'a.example', 'istio', 'h2', upTo(whole, whole.length)], `${size}`);
    assert.deepEqual(feed(line, size), ['raw_buffer', '', 'http/1.1', upTo(line, endOfLine)]);
    assert.deepEqual(feed(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), size), ['raw_buffer', '', 'h2c', 24]);
    assert.deepEqual(feed(Buffer.from('SSH-2.0-x\r\n'), 1), ['raw_buffer', '', 6]);
  }
  const endless = Buffer.alloc(20_000, 'A');
  endless.write('GET /');
  assert.deepEqual(feed(endless, 1), ['raw_buffer', '', 8193]);
});
