/** What services of the mesh lead to, where applications are told addresses: servers that speak first, ports without a protocol, headless services, names of others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startControlPlaneProcess } from '../testkit/control-plane.ts';
import { askThrough, checkProtocols, CLIENT, member, SERVICES } from '../testkit/discovery.ts';
import { eventually } from '../testkit/load.ts';
import { startWorkload } from '../testkit/workload.ts';

for (const dataPlane of ['embedded', 'envoy'] as const) {
  const skip = dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
  test(`${dataPlane}: services by the addresses that applications are told`, { skip }, async () => {
    await using mesh = await startControlPlaneProcess();
    const applied = await mesh.cli(['apply', '-f', '-'], SERVICES);
    assert.equal(applied.code, 0, applied.stderr);
    const run = (app: string, version: string, port: string, program: string) =>
      startWorkload(mesh, ['run', '--app', app, '--version', version, '--port', port, '-n', 'shop', '--data-plane', dataPlane], program);
    await using _zero = await run('db', 'v0', '9080,9090:tcp', member('db-0'));
    await using _one = await run('db', 'v1', '9080,9090:tcp', member('db-1'));
    await using client = await run('client', 'v1', '9081', CLIENT);
    const asked = askThrough(`http://${client.address}:9081`, 'service');
    await checkProtocols(asked.until);
    // A headless service has an address here as any other; both members answer.
    const seen = new Set<string>();
    await eventually('both members', 15_000, async () =>
      seen.add(await asked.ask('http', 'db', 9080)).has('200 db-0') && seen.has('200 db-1') ? true : undefined,
    );
  });
}
