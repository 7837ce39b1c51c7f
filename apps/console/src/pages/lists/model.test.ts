import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ListItem } from '../../api/kiali.ts';
import { applyFilters, formatFilters, parseFilters, slicePage, sortItems } from './model.ts';

const items: readonly ListItem[] = [
  {
    name: 'reviews-v1',
    namespace: 'bookinfo',
    labels: { app: 'reviews', version: 'v1' },
    health: { status: { status: 'Healthy', errorRatio: 0 } },
    type: 'Process',
  },
  {
    name: 'ratings-v1',
    namespace: 'bookinfo',
    labels: { app: 'ratings' },
    istioSidecar: false,
    health: { status: { status: 'Failure', errorRatio: 40 } },
    type: 'Deployment',
  },
  { name: 'gateway', namespace: 'istio-system', labels: {}, health: { status: { status: 'NA' } } },
];

it('filters: any of one kind, all kinds, all labels; and keeps them in the address', () => {
  const names = (text: string): string[] => applyFilters(items, parseFilters(text)).map((item) => item.name);
  assert.deepEqual(names('name:rev;name:rat'), ['reviews-v1', 'ratings-v1']);
  assert.deepEqual(names('name:r;health:Failure'), ['ratings-v1']);
  assert.deepEqual(names('label:app;label:version=v1'), ['reviews-v1']);
  assert.deepEqual(names('sidecar:Not Present'), ['ratings-v1']);
  assert.deepEqual(names('type:process'), ['reviews-v1']);
  assert.equal(formatFilters(parseFilters('name:a:b;broken;health:;label:x=y')), 'name:a:b;label:x=y');
});

it('sorts and pages', () => {
  assert.deepEqual(
    sortItems(items, 'health', false).map((item) => item.name),
    ['ratings-v1', 'reviews-v1', 'gateway'],
  );
  assert.deepEqual(
    sortItems(items, 'errorRate', true).map((item) => item.name),
    ['ratings-v1', 'reviews-v1', 'gateway'],
  );
  assert.deepEqual(slicePage([1, 2, 3, 4, 5], 9, 2), { rows: [5], page: 3, pages: 3 });
});
