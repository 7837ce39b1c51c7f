import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeSockets } from './socket-handover.ts';

test('sockets of a predecessor that breaks off are not kept for nobody to accept on', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let closed = 0;
  const give = (key: string): void => void process.emit('message', { t: 'socket', key }, { close: () => closed++ } as never);
  const taken = takeSockets();
  give('127.0.0.1:1');
  t.mock.timers.tick(2_000);
  await taken;
  assert.equal(closed, 0, 'the configuration may still ask for it');
  t.mock.timers.tick(10_000);
  assert.equal(closed, 1);
  give('127.0.0.1:2');
  assert.equal(closed, 2, 'too late');
  process.removeAllListeners('message');
});
