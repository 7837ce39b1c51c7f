import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { Counters } from '../stats/counters.ts';
import { Faults } from '../core/faults.ts';
import { NodeTransport } from './node-transport.ts';
import { SharedBuffers } from './shared-buffers.ts';

const NOBODY = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
const faults = new Faults(silentLog, new Counters(), () => {});

/** A transport and everything that its peer has got when it ends. */
async function pair(shared: SharedBuffers): Promise<{ transport: NodeTransport; received: Promise<Buffer> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  const received = (async () => Buffer.concat((await client.toArray()) as Buffer[]))();
  const transport = new NodeTransport(accepted, false, shared, faults, NOBODY);
  transport.attach(true);
  return { transport, received };
}

test('small and large pieces arrive in the order in which they were written, and all of them before the end', async () => {
  const shared = new SharedBuffers();
  const pairs = await Promise.all(Array.from({ length: 8 }, () => pair(shared)));
  const expected: Buffer[][] = pairs.map(() => []);
  const sizes = [10, 20_000, 3, 16_384, 16_385, 1, 300];
  for (let turn = 0; turn < 20; turn++) {
    for (const [i, size] of sizes.entries()) {
      for (const [which, { transport }] of pairs.entries()) {
        const bytes = Buffer.alloc(size, (turn * 7 + i * 13 + which) & 0xff);
        expected[which]?.push(bytes);
        transport.write(bytes, 0, size);
        if (size < 1000) assert.ok(transport.queuedBytes > 0, 'what waits counts as queued');
      }
    }
    if (turn % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const { transport } of pairs) transport.end();
  for (const [which, { received }] of pairs.entries())
    assert.ok((await received).equals(Buffer.concat(expected[which] ?? [])), `connection ${which}`);
});

test('a connection that is dropped has sent what was written before', async () => {
  const { transport, received } = await pair(new SharedBuffers());
  const bytes = Buffer.from('the last word');
  transport.write(bytes, 0, bytes.length);
  transport.destroy();
  assert.equal(String(await received), 'the last word');
});

/** As one of the system whose peer takes nothing: every write stays queued. */
function stuckSocket(): { readonly socket: Socket; readonly queued: Buffer[]; go(): void } {
  const queued: Buffer[] = [];
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 64 * 1024,
    write(bytes: Buffer, _, done) {
      queued.push(bytes);
      waiting.push(done);
    },
  });
  return { socket: stream as unknown as Socket, queued, go: () => waiting.shift()?.() };
}

test('what a slow client has not taken pins no memory of others beyond its first piece', async () => {
  const shared = new SharedBuffers();
  const stuck = stuckSocket();
  const slow = new NodeTransport(stuck.socket, false, shared, faults, NOBODY);
  const piece = Buffer.alloc(100, 7);
  const memory = new Set<ArrayBufferLike>();
  for (let turn = 0; turn < 20; turn++) {
    memory.add(shared.late.bytes.buffer);
    slow.write(piece, 0, piece.length);
    await new Promise((resolve) => setImmediate(resolve));
    // Others fill the rest of what is shared.
    for (let i = 0; i < 5; i++) shared.late.claim(16 * 1024);
  }
  for (let i = 0; i < 20; i++) {
    stuck.go();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(Buffer.concat(stuck.queued).equals(Buffer.alloc(2_000, 7)), 'everything came, in order');
  const pinned = new Set(stuck.queued.map(({ buffer }) => buffer).filter((buffer) => memory.has(buffer)));
  assert.ok(pinned.size <= 1, `${pinned.size} pieces of shared memory`);
});

test('writing that makes another connection write at once does not mix their bytes', async () => {
  const shared = new SharedBuffers();
  const sent: Buffer[] = [];
  let others: NodeTransport | undefined;
  const plain = stuckSocket();
  const inside = new Writable({
    write(bytes: Buffer, _, done) {
      sent.push(Buffer.from(bytes));
      done();
      // The other end of a connection inside the process answers before this returns.
      for (let i = 0; i < 6; i++) others?.write(Buffer.alloc(16 * 1024, 0x58), 0, 16 * 1024);
    },
  }) as unknown as Socket;
  const transport = new NodeTransport(inside, false, shared, faults, NOBODY);
  transport.write(Buffer.from('first'), 0, 5);
  shared.late.claim(10);
  others = new NodeTransport(plain.socket, false, shared, faults, NOBODY);
  transport.write(Buffer.from('second'), 0, 6);
  others = undefined;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(Buffer.concat(sent).toString('latin1'), 'firstsecond');
});
