import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamInfo } from '../types.ts';
import { destinationService } from './services.ts';

const lost = (changes: Partial<StreamInfo>): StreamInfo =>
  ({
    cluster: undefined,
    clusterName: 'outbound|9080||detials',
    protocol: 'http',
    authority: '240.240.108.124:9080',
    virtualHost: 'details.bookinfo.svc.cluster.local:9080',
    chain: { listener: { direction: 'outbound' } },
    ...changes,
  }) as StreamInfo;

test('a request whose route leads nowhere counts for the service it was meant for', () => {
  const details = { host: 'details.bookinfo.svc.cluster.local', name: 'details', namespace: 'bookinfo' };
  assert.deepEqual(destinationService(lost({}), false), details);
  assert.deepEqual(destinationService(lost({ virtualHost: 'allow_any', authority: 'example.com:80' }), false), {
    host: 'example.com',
    name: 'example.com',
    namespace: '',
  });
  assert.deepEqual(destinationService(lost({}), true), { host: '', name: '', namespace: '' });
});

test('what REGISTRY_ONLY refuses is named after the cluster that leads nowhere', () => {
  const refused = { clusterName: '', virtualHost: 'block_all', routeName: 'block_all', authority: 'example.com:80' };
  assert.deepEqual(destinationService(lost(refused), false), { host: 'example.com', name: 'BlackHoleCluster', namespace: '' });
  const named = { ...refused, virtualHost: 'example.com:80' };
  assert.equal(destinationService(lost(named), false).name, 'example.com', 'a route of that name of somebody else');
});
