import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codesHealth, itemHealth } from './health.ts';
import { buildModel, errorShare } from './model.ts';
import { countGraph, crossTraffic, membersOf, totalTraffic } from './summary.ts';
import { graph, node, small } from './testdata.ts';

describe('graph model', () => {
  it('reads nodes, boxes and edges, and leaves out edges without an end', () => {
    const model = buildModel(small());
    assert.deepEqual(
      [...model.nodes.values()].map((one) => [one.id, one.shape, one.badge, one.label, one.health, one.parent]),
      [
        ['box', 'box', 'A', 'reviews', 'NA', undefined],
        ['gateway', 'square', 'A', 'gateway\nv1', 'NA', undefined],
        ['svc', 'triangle', 'S', 'reviews', 'NA', undefined],
        ['reviews-v1', 'square', 'A', 'v1', 'Healthy', 'box'],
        ['reviews-v2', 'square', 'A', 'v2', 'Degraded', 'box'],
        ['db', 'square', 'A', 'db\nv1', 'NA', undefined],
      ],
    );
    assert.deepEqual(
      [...model.edges.values()].map((one) => [
        one.id,
        one.protocol,
        one.rates.total,
        one.errorPercent,
        one.health,
        one.mtlsPercent,
        one.responseTimeMs,
      ]),
      [
        ['gateway>svc', 'http', 4, 25, 'Failure', 100, undefined],
        ['svc>reviews-v1', 'http', 3, 0, 'Healthy', 0, 12],
        ['svc>reviews-v2', 'http', 1, 100, 'Failure', 0, 1500],
        ['reviews-v2>db', 'tcp', 200, 0, 'NA', 0, undefined],
      ],
    );
  });

  it('counts every request once, though service nodes repeat it', () => {
    const model = buildModel(small());
    const total = totalTraffic(model);
    assert.deepEqual([total.http.total, total.http.ok, total.http.serverError, total.tcp, errorShare(total.http)], [4, 3, 1, 200, 25]);
    assert.deepEqual(countGraph(model), { apps: 4, services: 1, workloads: 0, edges: 4 });
    const members = membersOf(model, 'box');
    assert.deepEqual([...members], ['reviews-v1', 'reviews-v2']);
    const crossing = crossTraffic(model, (one) => members.has(one.id));
    assert.deepEqual([crossing.inbound.http.total, crossing.outbound.tcp], [4, 200]);
  });

  it('derives health where the server gives none', () => {
    const model = buildModel(
      graph(
        [
          node('a', { traffic: [{ protocol: 'http', rates: { httpIn: '10.00', httpIn5xx: '2.00' } }] }),
          node('b', { traffic: [{ protocol: 'http', rates: { httpIn: '10.00', httpIn4xx: '1.50' } }] }),
        ],
        [],
      ),
    );
    assert.deepEqual(
      [...model.nodes.values()].map((one) => one.health),
      ['Failure', 'Degraded'],
    );
    for (const [protocol, codes, expected] of [
      ['http', { 200: 1 }, 'Healthy'],
      ['http', { 200: 99, 500: 1 }, 'Degraded'],
      ['http', { 200: 9, 404: 1 }, 'Degraded'],
      ['http', { 200: 95, 404: 5 }, 'Healthy'],
      ['grpc', { 0: 8, 14: 2 }, 'Failure'],
      ['http', {}, 'NA'],
    ] as const) {
      assert.equal(codesHealth(protocol, codes), expected, JSON.stringify(codes));
    }
    assert.deepEqual(
      itemHealth({
        workloadStatuses: [{ desiredReplicas: 1, availableReplicas: 0, currentReplicas: 0 }],
        requests: { inbound: { http: { 200: 1 } } },
      }),
      { status: 'Failure', errorPercent: 0, requestsPerSecond: 1 },
    );
    assert.equal(itemHealth({ status: { status: 'Degraded', errorRatio: 3 } }).errorPercent, 3);
  });
});
