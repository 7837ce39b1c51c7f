import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { LateWrites } from './late-writes.ts';

const SLAB_BYTES = 64 * 1024;

interface FakeSocket {
  writableLength: number;
  destroyed: boolean;
}

const asSocket = (socket: FakeSocket): Socket => socket as unknown as Socket;
const neverFails = (error: unknown): void => assert.ifError(error);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what is written in one turn goes out at its end, in order', async () => {
  const late = new LateWrites();
  const sent: string[] = [];
  for (const text of ['one', 'two', 'three']) {
    const at = late.claim(text.length);
    late.bytes.write(text, at, 'latin1');
    late.wait({ flush: () => sent.push(late.bytes.toString('latin1', at, at + text.length)), failed: neverFails });
  }
  assert.deepEqual(sent, []);
  await turn();
  assert.deepEqual(sent, ['one', 'two', 'three']);
  assert.equal(late.claim(1), 0, 'everything was taken: the slab begins anew');
});

test('a full slab is written at once', () => {
  const late = new LateWrites();
  let flushed = 0;
  for (let i = 0; i < 4; i++) {
    late.claim(SLAB_BYTES / 4);
    late.wait({ flush: () => flushed++, failed: neverFails });
  }
  assert.equal(flushed, 0);
  assert.equal(late.claim(1), 0);
  assert.equal(flushed, 4);
});

test('memory that a write still needs is not used again; a slow client costs one slab', () => {
  const late = new LateWrites();
  const slow: FakeSocket = { writableLength: 1, destroyed: false };
  const quick: FakeSocket = { writableLength: 1, destroyed: false };
  const seen: Buffer[] = [];
  for (let i = 0; i < 12; i++) {
    assert.equal(late.claim(SLAB_BYTES / 2), 0);
    late.claim(SLAB_BYTES / 2);
    seen.push(late.bytes);
    late.wait({ flush: () => late.lend(asSocket(i === 0 ? slow : quick)), failed: neverFails });
    if (i === 1) quick.writableLength = 0;
  }
  assert.equal(seen.indexOf(seen[0] as Buffer, 1), -1, "the first slab is the slow one's");
  assert.equal(new Set(seen).size, 5);
});

test('a connection that is gone needs nothing any more', () => {
  const late = new LateWrites();
  const gone: FakeSocket = { writableLength: 1, destroyed: true };
  const seen = new Set<Buffer>();
  for (let i = 0; i < 12; i++) {
    late.claim(SLAB_BYTES / 2);
    late.claim(SLAB_BYTES / 2);
    seen.add(late.bytes);
    late.wait({ flush: () => late.lend(asSocket(gone)), failed: neverFails });
  }
  assert.equal(seen.size, 4);
});

test('a write that throws takes nothing from those behind it, nor from the next turn', async () => {
  const late = new LateWrites();
  const seen: string[] = [];
  const wait = (name: string, breaks: boolean): void => {
    late.claim(10);
    late.wait({
      flush() {
        if (breaks) throw new Error(name);
        seen.push(name);
      },
      failed: (error) => seen.push(`failed: ${(error as Error).message}`),
    });
  };
  wait('one', false);
  wait('two', true);
  wait('three', false);
  await turn();
  assert.deepEqual(seen, ['one', 'failed: two', 'three']);
  assert.equal(late.flushing, false, 'later writes wait for the end of their turn again');
  wait('four', false);
  await turn();
  assert.equal(seen.at(-1), 'four');
});
