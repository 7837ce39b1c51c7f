import assert from 'node:assert/strict';
import { it } from 'node:test';
import { buildCards, sortCards } from './model.ts';

it('sums up namespaces, also those without anything', () => {
  const cards = buildCards({
    namespaces: [{ name: 'bookinfo', tls: { status: 'MTLS_ENABLED' } }, { name: 'empty' }, { name: 'istio-system' }],
    health: { bookinfo: { a: { status: { status: 'Healthy' } }, b: { status: { status: 'Failure' } } } },
    config: {
      resources: { x: [{ kind: 'X', apiVersion: 'v1', metadata: { name: 'x', namespace: 'bookinfo' } }] },
    },
    problems: [
      {
        code: 'X1',
        severity: 'warning',
        path: '',
        message: 'held back',
        object: { kind: 'X', namespace: 'bookinfo', name: 'y' },
        origin: { source: 'file', file: 'y.yaml' },
      },
    ],
    inbound: [
      {
        labels: { destination_workload_namespace: 'bookinfo', response_code: '200' },
        points: [
          [1, 3],
          [2, 4],
        ],
      },
      { labels: { destination_workload_namespace: 'bookinfo', response_code: '503' }, points: [[2, 1]] },
    ],
    outbound: [{ labels: { source_workload_namespace: 'istio-system', response_code: '200' }, points: [[1, 2]] }],
  });
  assert.deepEqual(
    cards.map((card) => [
      card.namespace.name,
      card.total,
      card.health,
      card.config,
      card.traffic?.direction,
      card.traffic?.requests,
      card.traffic?.errors,
    ]),
    [
      [
        'bookinfo',
        2,
        'Failure',
        { objects: 1, errors: 0, warnings: 1 },
        'Inbound',
        [
          [1, 3],
          [2, 5],
        ],
        [[2, 1]],
      ],
      ['empty', 0, 'NA', { objects: 0, errors: 0, warnings: 0 }, undefined, undefined, undefined],
      ['istio-system', 0, 'NA', { objects: 0, errors: 0, warnings: 0 }, 'Outbound', [[1, 2]], []],
    ],
  );
  assert.deepEqual(
    sortCards(cards, 'health', false).map((card) => card.namespace.name),
    ['bookinfo', 'empty', 'istio-system'],
  );
  assert.deepEqual(
    sortCards(cards, 'name', true).map((card) => card.namespace.name),
    ['istio-system', 'empty', 'bookinfo'],
  );
});
