import { test } from 'node:test';
import { reconnect } from '../testkit/reconnect.ts';

test('row 7: 500 proxies come back to a new control plane at once: all acknowledge within 10 s, and nobody is told that endpoints are gone', async (t) => {
  t.diagnostic(await reconnect(500, 10_000));
});
