import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LIVE, PARAMS, readOptions, writeOptions } from './params.ts';

it('reads links that Kiali made', () => {
  const options = readOptions(
    '?namespaces=bookinfo,istio-system&graphType=workload&duration=300&refresh=15000&edges=responseTime,rt99,trafficDistribution&injectServiceNodes=false&idleNodes=true&badgeSecurity=true&animation=false&graphFind=rt%20%3E%20130&layout=kiali-dagre&boxNamespace=maybe',
  );
  assert.deepEqual(
    [
      options.namespaces,
      options.graphType,
      options.durationSeconds,
      options.refreshMs,
      [...options.edgeLabels.kinds],
      options.edgeLabels.responseTime,
      options.serviceNodes,
      options.idleNodes,
      options.badgeSecurity,
      options.animation,
      options.find,
      options.layout,
      options.boxNamespace,
    ],
    [
      ['bookinfo', 'istio-system'],
      'workload',
      300,
      15_000,
      ['responseTime', 'trafficDistribution'],
      'rt99',
      false,
      true,
      true,
      false,
      'rt > 130',
      'layered',
      true,
    ],
  );
});

it('writes only what differs, keeps what it does not know, and reads what it wrote', () => {
  const search = writeOptions('?foreign=1&graphType=app', {
    graphType: 'versionedApp',
    find: 'a & b = c',
    namespaces: ['x', 'y'],
    edgeLabels: { kinds: new Set(), responseTime: 'rt95', throughput: 'throughputRequest' },
    refreshMs: 0,
  });
  assert.equal(search, '?foreign=1&graphFind=a+%26+b+%3D+c&namespaces=x,y&edges=noEdgeLabels&refresh=0');
  const options = readOptions(search);
  assert.deepEqual([options.find, options.namespaces, options.edgeLabels.kinds.size, options.refreshMs], ['a & b = c', ['x', 'y'], 0, 0]);
  assert.equal(writeOptions(search, { find: '', edgeLabels: PARAMS.edgeLabels.initial, refreshMs: LIVE, namespaces: undefined }), '?foreign=1');
  assert.deepEqual(readOptions('?namespaces=').namespaces, [], 'no namespace is a choice too');
});

it('has no parameter twice', () => {
  const names = Object.values(PARAMS).map((param) => param.name);
  assert.equal(new Set(names).size, names.length);
});
