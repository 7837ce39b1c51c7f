import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChannel } from '@meltemi/grpc';
import { TYPE_URL } from '@meltemi/protos-types';
import { createDeltaClient, decodeDeltaResponse, encodeDeltaRequest, type DeltaClient } from '@meltemi/xds';
import { codec, push, room, type Push } from './testdata/room.ts';

const { cluster: CDS, endpoint: EDS } = TYPE_URL;
const WAIT_MS = 10_000;
const NAMES = Array.from({ length: 300 }, (_, i) => `outbound|80||svc-${i}.default.svc.cluster.local`);

/** A mesh in which the first services are other than they were. */
function mesh(changed: number): Push {
  const other = (index: number): object => (index < changed ? { policy: { overprovisioning_factor: 150 } } : {});
  return push({
    [CDS]: Object.fromEntries(NAMES.map((name) => [name, { name, type: 'EDS' }])),
    [EDS]: Object.fromEntries(NAMES.map((name, index) => [name, { cluster_name: name, ...other(index) }])),
  });
}

/** Comes with what it has, and stays until it has all there is; what it said and was told. */
async function visit(client: DeltaClient, content: Push): Promise<{ readonly said: number; readonly told: readonly string[] }> {
  await using world = await room();
  const told: string[] = [];
  let said = 0;
  const channel = createChannel({ target: { host: '127.0.0.1', port: world.port } });
  const flush = (): void => {
    for (const request of client.takeRequests()) {
      const message = encodeDeltaRequest(request);
      said += message.length;
      call.write(message);
    }
  };
  const call = channel.stream('/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources', {
    onMessage(message) {
      const response = decodeDeltaResponse(message);
      if (!client.hear(response)) {
        const update = client.receive(response);
        told.push(...update.added.map(({ name }) => name));
        client.settle(update, []);
      }
      flush();
    },
    onEnd: () => undefined,
  });
  client.connected();
  flush();
  await world.connected(1);
  world.ads.update({ version: 1, push: content });
  assert.equal((await world.ads.waitForAck(1, WAIT_MS)).t, 'acknowledged');
  client.disconnected();
  await channel.close();
  return { said, told };
}

test('after a restart a client that has nearly everything says so in a digest, and gets what changed meanwhile', async () => {
  const client = createDeltaClient({ node: codec.encode('envoy.config.core.v3.Node', { id: 'sidecar~1' }), minDigested: 64 });
  client.subscribe(CDS, ['*']);
  client.subscribe(EDS, NAMES);
  const first = await visit(client, mesh(0));
  assert.equal(first.told.length, 600);
  // Each visit is one to a control plane that has just started.
  const again = await visit(client, mesh(3));
  assert.deepEqual([...again.told].sort(), NAMES.slice(0, 3).sort());
  assert.ok(again.said < 11_000, `${again.said} bytes`);
  const unchanged = await visit(client, mesh(3));
  assert.deepEqual(unchanged.told, []);
  assert.ok(unchanged.said < 9_500, `${unchanged.said} bytes`);
});
