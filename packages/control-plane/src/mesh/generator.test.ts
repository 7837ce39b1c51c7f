import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { XdsNode } from '../xds/generator.ts';
import { createMeshGenerator } from './generator.ts';

const SIDECAR = 'sidecar~10.0.0.7~reviews-v2.bookinfo~bookinfo.svc.cluster.local';
const REVIEWS = 'spiffe://cluster.local/ns/bookinfo/sa/reviews';
const METADATA = { NAMESPACE: 'bookinfo', SERVICE_ACCOUNT: 'reviews' };

function node(more: Partial<XdsNode>): XdsNode {
  return { id: SIDECAR, cluster: '', metadata: METADATA, locality: {}, principal: undefined, remoteAddress: '', ...more };
}

test('in plain text only proxyless gRPC comes in: what a sidecar or a gateway gets is for its workload', () => {
  const { verify } = createMeshGenerator({ trustDomain: 'cluster.local' });
  assert.equal(verify(node({ principal: REVIEWS })), undefined);
  for (const id of [SIDECAR, SIDECAR.replace('sidecar', 'router')]) assert.match(verify(node({ id })) ?? '', /without a certificate .*15012/);
  assert.equal(verify(node({ id: 'anything', metadata: { GENERATOR: 'grpc' } })), undefined);
  assert.match(verify(node({ id: 'anything' })) ?? '', /is not of the form/);
});

test('a gRPC client is known by its user agent too', () => {
  const { verify, nodeOf } = createMeshGenerator({ trustDomain: 'cluster.local' });
  const client = node({ id: 'anything', userAgentName: 'gRPC Node Pure JS' });
  assert.deepEqual([verify(client), nodeOf(client)?.type], [undefined, 'grpc']);
});
