import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { internalPair } from './internal-socket.ts';

const pair = (): { readonly client: Socket; readonly server: Socket } => internalPair({ address: 'a', metadata: new Map() });

test('nobody hears of bytes within the call that writes them, or of room within the call that reads', async () => {
  const { client, server } = pair();
  let writing = false;
  const heard: string[] = [];
  server.on('data', (bytes: Buffer) => {
    assert.equal(writing, false);
    heard.push(bytes.toString('latin1'));
    writing = true;
    server.write('answer');
    writing = false;
  });
  client.on('data', () => assert.equal(writing, false));
  await new Promise((resolve) => setImmediate(resolve));
  const scratch = Buffer.from('one');
  writing = true;
  client.write(scratch);
  scratch.write('two');
  client.write(scratch);
  scratch.fill('x');
  client.end();
  writing = false;
  await once(server, 'end');
  assert.deepEqual(heard, ['one', 'two']);
  client.destroy();
  server.destroy();
});

test('what was written before an end is closed comes first, and its end then', async () => {
  const { client, server } = pair();
  const heard: string[] = [];
  server.on('data', (bytes: Buffer) => heard.push(bytes.toString('latin1')));
  client.write('one');
  client.write('two');
  client.destroy();
  await once(server, 'end');
  assert.deepEqual(heard, ['one', 'two']);
  server.destroy();
});

test('a reset comes behind what was written, and instead of the end', async () => {
  const { client, server } = pair();
  const heard: string[] = [];
  server.on('data', (bytes: Buffer) => heard.push(bytes.toString('latin1')));
  server.on('end', () => heard.push('end'));
  await new Promise((resolve) => setImmediate(resolve));
  client.write('one');
  client.resetAndDestroy();
  const [error] = (await once(server, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
  assert.deepEqual(heard, ['one']);
});

test('who does not read lets the other end wait, and gets all of it later', async () => {
  const { client, server } = pair();
  const piece = Buffer.alloc(20_000, 7);
  let room = true;
  let written = 0;
  for (; room && written < 100; written++) room = client.write(piece);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(written < 20, `${written} pieces`);
  assert.ok(client.writableLength > 0);
  const drained = once(client, 'drain');
  let bytes = 0;
  server.on('data', (part: Buffer) => (bytes += part.length));
  await drained;
  client.end(piece);
  await once(server, 'end');
  assert.equal(bytes, (written + 1) * piece.length);
  client.destroy();
  server.destroy();
});
