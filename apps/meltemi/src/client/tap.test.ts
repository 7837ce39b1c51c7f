import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openTap } from './tap.ts';

test('a proxy without a tap is told as such, with what Envoy wants', async () => {
  const admin = createServer((_request, response) => response.writeHead(404).end('invalid path. admin commands are:\n  /: Admin home page\n'));
  await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`;
  try {
    await assert.rejects(openTap(url, '', {}, AbortSignal.timeout(5_000)).next(), /has no \/tap\.\n.*tap filter.*--config-id/);
  } finally {
    admin.closeAllConnections();
    admin.close();
  }
});
