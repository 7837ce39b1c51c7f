/** What names and addresses of the mesh lead to, where connections are redirected: headless services, aliases, servers that speak first, names that nobody else knows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseInterception, createBridge, type OwnedBridge } from '@meltemi/agent';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startControlPlaneProcess, type ControlPlaneProcess } from '../testkit/control-plane.ts';
import { askThrough, checkProtocols, CLIENT, member, SERVICES } from '../testkit/discovery.ts';
import { get } from '../testkit/load.ts';
import { startWorkload, type WorkloadProcess } from '../testkit/workload.ts';

/** A name that nobody else knows, for one version of the members: its address is invented. */
const invented = (name: string, version: string): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: shop }
spec:
  hosts: [${name}.invented.example]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 9080 }, { number: 25, name: smtp, protocol: TCP, targetPort: 9090 }]
  workloadSelector: { labels: { app: db, version: ${version} } }
`;

const OBJECTS = [SERVICES, invented('first', 'v0'), '---\n', invented('second', 'v1')].join('');

async function checkNames(mesh: ControlPlaneProcess, client: WorkloadProcess, members: readonly string[]): Promise<void> {
  const { ask, until } = askThrough(`http://${client.address}:9080`, 'host');
  const [zero = '', one = ''] = members;
  const applied = await mesh.cli(['apply', '-f', '-', '--wait'], OBJECTS);
  assert.equal(applied.code, 0, applied.stderr);

  // Headless: the name is those of all members; each has one of its own; who is called is who was meant.
  await until([...members].sort().join(' '), 'name', 'db.shop.svc.cluster.local');
  await until(one, 'name', 'db-v1.db');
  for (const [index, address] of [zero, one].entries()) {
    await until(`200 db-${index}`, 'http', `db-v${index}.db`, 9080);
    await until(`200 db-${index}`, 'http', address, 9080);
    await until(`220 db-${index}`, 'listen', `db-v${index}.db.shop.svc.cluster.local`, 9090);
    await until(`220 db-${index}`, 'listen', address, 9090);
  }
  await checkProtocols(async (wanted, ...call) => assert.match(await ask(...call), wanted, call.join(' ')));
  // Ports that nobody declares are looked at too: called from outside of the mesh, only the sidecar of the one that is called can have said that it is HTTP.
  assert.equal((await get(`http://${one}:9070/`)).body, 'db-1 as-http');
  assert.equal(await ask('http', one, 9070), '200 db-1 as-http');
  assert.equal(await ask('listen', one, 9060), '220 db-1');
  // Names that nobody else knows have an address each: the same port of both is told apart.
  const invented = [await ask('name', 'first.invented.example'), await ask('name', 'second.invented.example')];
  assert.ok(invented.every((address) => address.startsWith('240.240.')) && invented[0] !== invented[1], invented.join(' '));
  assert.equal(await ask('listen', 'first.invented.example', 25), '220 db-0');
  assert.equal(await ask('listen', 'second.invented.example', 25), '220 db-1');
  assert.equal(await ask('http', 'first.invented.example', 80), '200 db-0');
  assert.equal(await ask('http', 'second.invented.example', 80), '200 db-1');
}

const able = await chooseInterception('auto');

function reason(dataPlane: string): string | false {
  if (able.mode !== 'netns') return `needs Linux, root and the programs ip and nft: ${able.reason}`;
  return dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  test(`${dataPlane}: names and addresses of the mesh`, { skip: reason(dataPlane) }, async () => {
    let bridge: OwnedBridge | undefined;
    try {
      bridge = await createBridge();
      const { network } = bridge;
      await using mesh = await startControlPlaneProcess(['--network', [network.bridge, network.gateway, network.prefixLength].join(',')]);
      const flags = ['-n', 'shop', '--data-plane', dataPlane, '--interception', 'netns'];
      const run = (app: string, version: string, port: string, program: string) =>
        startWorkload(mesh, ['run', '--app', app, '--version', version, '--port', port, ...flags], program);
      await using client = await run('client', 'v1', '9080', CLIENT);
      await using zero = await run('db', 'v0', '9080,9090:tcp', member('db-0'));
      await using one = await run('db', 'v1', '9080,9090:tcp', member('db-1'));
      await checkNames(mesh, client, [zero.address, one.address]);
    } finally {
      await bridge?.close();
    }
  });
}
