import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { createGrpcServer } from './index.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const EMPTY_SETTINGS = Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0);

test('a server closes although a client is gone without a word', async () => {
  const server = createGrpcServer({ methods: {} });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  // It neither reads nor closes its side: to the server it looks like a machine that was switched off.
  const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  client.on('error', () => undefined);
  client.write(Buffer.concat([PREFACE, EMPTY_SETTINGS]));
  await once(client, 'data');
  client.pause();
  const late = new Promise<string>((resolve) => setTimeout(resolve, 2_000, 'late').unref());
  assert.equal(await Promise.race([server.close().then(() => 'closed'), late]), 'closed');
  client.destroy();
});
