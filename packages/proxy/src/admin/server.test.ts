import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdminContext, AdminEndpoint } from './context.ts';
import { text } from './context.ts';
import { startAdminServer } from './server.ts';

const ORDER: AdminEndpoint = { path: '/order', help: 'an order', write: true, handle: () => text('OK\n') };

test('orders are taken by POST, and not from pages in a browser', async () => {
  const server = await startAdminServer({ address: '127.0.0.1', port: 0 }, [ORDER], {} as AdminContext);
  const ask = async (init: RequestInit): Promise<readonly [number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}/order`, init);
    return [response.status, (await response.text()).split('\n')[0] ?? ''];
  };
  try {
    assert.deepEqual(await ask({ method: 'POST' }), [200, 'OK']);
    assert.equal((await ask({}))[0], 405);
    const page = { method: 'POST', headers: { origin: 'http://evil.example' } };
    assert.deepEqual(await ask(page), [403, 'refused: pages in a browser may not do that']);
  } finally {
    await server.close();
  }
});
