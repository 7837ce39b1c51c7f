import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Transport } from '../types.ts';
import { Output, Outputs } from './output.ts';

/** Its writes never finish at once, as those of TLS. */
function transport(borrows: boolean | undefined, seen: Uint8Array[]): Transport {
  return {
    write(bytes) {
      seen.push(bytes);
      return true;
    },
    pause() {},
    end() {},
    destroy() {},
    queuedBytes: 1,
    ...(borrows === undefined ? {} : { borrows }),
  };
}

/** Whether the second write comes out of the same memory as the first. */
function sameMemory(borrows: boolean | undefined): boolean {
  const seen: Uint8Array[] = [];
  const output = new Output(new Outputs(), transport(borrows, seen), { onFlushed() {} });
  for (let i = 0; i < 2; i++) {
    output.addText('bytes');
    output.flush();
  }
  return seen[0] === seen[1];
}

test('memory goes back once the transport has a copy, and not while its write still reads it', () => {
  assert.equal(sameMemory(false), true);
  assert.equal(sameMemory(true), false);
  assert.equal(sameMemory(undefined), false, 'who does not say so needs it as long as bytes are queued');
});
