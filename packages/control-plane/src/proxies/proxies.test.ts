import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpRequest } from '@meltemi/http';
import { TYPE_URL } from '@meltemi/protos-types';
import { createTestAdsClient } from '../xds/testdata/ads-client.ts';
import { codec, push, room } from '../xds/testdata/room.ts';
import { proxyRoutes } from './index.ts';

const { cluster: CDS, listener: LDS } = TYPE_URL;

test('proxies are listed with what they acknowledged, what they have not answered, and what they refused and why', async () => {
  await using world = await room();
  const metadata = { NAMESPACE: 'bookinfo', WORKLOAD_NAME: 'reviews-v2', MELTEMI_DATA_PLANE: 'embedded' };
  await using client = createTestAdsClient(world.port, codec, { id: 'sidecar~10.0.0.7~reviews-v2.bookinfo~bookinfo.svc.cluster.local', metadata }, [
    CDS,
    LDS,
  ]);
  await world.connected(1);
  client.refuse.add('bad');
  world.ads.update({ version: 1, push: push({ [CDS]: { good: { name: 'good' } }, [LDS]: { bad: { name: 'bad' } } }) });
  await client.until(() => client.updates.length === 2);
  const result = await world.ads.waitForAck(1, 5_000);
  assert.deepEqual(result.rejected, [
    { nodeId: 'sidecar~10.0.0.7~reviews-v2.bookinfo~bookinfo.svc.cluster.local', typeUrl: LDS, message: 'bad: refused by the test' },
  ]);
  const [list] = proxyRoutes({ ads: world.ads as never, version: () => 1 });
  const answer = await list?.handler({} as HttpRequest);
  const { proxies } = JSON.parse(answer?.body as string) as { proxies: { connectedAt: number }[] };
  const [{ connectedAt, ...proxy } = { connectedAt: 0 }, ...others] = proxies;
  assert.deepEqual(others, []);
  assert.ok(connectedAt > 0);
  assert.deepEqual(proxy, {
    id: 'sidecar~10.0.0.7~reviews-v2.bookinfo~bookinfo.svc.cluster.local',
    name: 'reviews-v2',
    namespace: 'bookinfo',
    type: 'sidecar',
    address: '10.0.0.7',
    dataPlane: 'embedded',
    types: [
      { type: 'CDS', state: 'SYNCED' },
      { type: 'LDS', state: 'NACK', message: 'bad: refused by the test' },
    ],
  });
  client.muted = true;
  world.ads.update({ version: 2, push: push({ [CDS]: { good: { name: 'good', alt_stat_name: 'x' } }, [LDS]: { bad: { name: 'bad' } } }) });
  await client.until(() => client.updates.length === 3);
  const later = await list?.handler({} as HttpRequest);
  assert.match(later?.body as string, /"type":"CDS","state":"STALE"/);
});

test('what a client says of itself is neither a pattern nor a URL', async () => {
  await using world = await room();
  const id = 'sidecar~127.0.0.1/x?~a.(~d';
  await using client = createTestAdsClient(world.port, codec, { id, metadata: { NAMESPACE: '(', GENERATOR: 'grpc' } }, [CDS]);
  await world.connected(1);
  assert.ok(client.updates.length === 0);
  const [list, dump] = proxyRoutes({ ads: world.ads as never, version: () => 1 });
  const answer = await list?.handler({} as HttpRequest);
  assert.match(answer?.body as string, /"name":"a","namespace":"\("/);
  await assert.rejects(async () => dump?.handler({ params: { id } } as unknown as HttpRequest), { code: 'proxies/no-agent' });
});
