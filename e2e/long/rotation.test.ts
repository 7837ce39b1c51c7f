import { test } from 'node:test';
import { rotateUnderLoad, skipOf } from '../testkit/rotation.ts';

for (const dataPlane of ['embedded', 'envoy'] as const)
  test(`${dataPlane}: certificates of 20 s are replaced under load, and no request fails`, { skip: skipOf(dataPlane) }, async (t) => {
    const requests = await rotateUnderLoad({ dataPlane, interception: 'auto', ttlS: 20, rotations: 5, limitMs: 120_000 });
    t.diagnostic(`${requests} requests`);
  });
