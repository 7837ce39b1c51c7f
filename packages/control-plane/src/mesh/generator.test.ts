import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPushContext, createEndpointIndex, DEFAULT_MESH_CONFIG } from '@meltemi/model';
import { TYPE_URL } from '@meltemi/protos-types';
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

test('keys go to nodes that others know, as what those know them; all else is of the node as it says itself', () => {
  const asked: string[] = [];
  const { generate } = createMeshGenerator({ trustDomain: 'cluster.local', known: ({ id }) => void asked.push(id) });
  const push = buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services: [], configs: [] });
  const state = { push, endpoints: createEndpointIndex() };
  assert.equal(generate(node({ principal: REVIEWS }), TYPE_URL.secret, new Set(['kubernetes://edge']), state).size, 0);
  assert.deepEqual(asked, [SIDECAR]);
  assert.ok(generate(node({ principal: REVIEWS }), TYPE_URL.listener, '*', state).size > 0);
  assert.deepEqual(asked, [SIDECAR]);
});
