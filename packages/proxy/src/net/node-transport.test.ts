import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { Faults } from '../core/faults.ts';
import { NodeTransport } from './node-transport.ts';
import { SharedBuffers } from './shared-buffers.ts';

const NOBODY = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
const faults = new Faults(silentLog, new Map(), () => {});

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
