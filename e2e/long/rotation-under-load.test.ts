import { test } from 'node:test';
import { rotateUnderLoad, skipOf } from '../testkit/rotation.ts';

for (const dataPlane of ['embedded', 'envoy'] as const)
  test(`${dataPlane}: certificates of 10 s are replaced under load, and no request fails`, { skip: skipOf(dataPlane) }, async (t) => {
    const requests = await rotateUnderLoad({ dataPlane, interception: 'ports', ttlS: 10, rotations: 3, limitMs: 40_000 });
    t.diagnostic(`${requests} requests`);
  });
