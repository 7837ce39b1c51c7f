import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCluster, decodeEndpoint, decodeListener, decodeRoute, type Decoded } from '@meltemi/runtime';
import { edsCluster, assignment, httpListener, routesTo } from '../testing/resources.ts';
import { createWarmer } from './warmer.ts';

function must<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.problems));
  return decoded.value;
}

const listener = must(decodeListener(httpListener('out', 0, '9080')));
const table = must(decodeRoute(routesTo('9080', 'c1')));
const cluster = must(decodeCluster(edsCluster('c1')));
const endpoints = must(decodeEndpoint(assignment('c1', [9])));

const names = (delta: ReturnType<ReturnType<typeof createWarmer>['take']>): readonly string[] => [
  ...(delta?.clusters ?? []).map((item) => `cluster ${item.name}`),
  ...(delta?.endpoints ?? []).map((item) => `endpoints ${item.cluster}`),
  ...(delta?.routes ?? []).map((item) => `routes ${item.name}`),
  ...(delta?.listeners ?? []).map((item) => `listener ${item.name}`),
  ...Object.entries(delta?.removed ?? {}).flatMap(([kind, list]) => (list ?? []).map((name: string) => `-${kind} ${name}`)),
];

test('a listener waits for its table, the table for its cluster, the cluster for its endpoints', () => {
  const warmer = createWarmer(1_000);
  warmer.accept({ t: 'listener', added: [listener], removed: [] }, 0);
  assert.deepEqual(names(warmer.take(0)), []);
  assert.deepEqual([...warmer.wanted().routes], ['9080']);
  warmer.accept({ t: 'cluster', added: [cluster], removed: [] }, 0);
  warmer.accept({ t: 'route', added: [table], removed: [] }, 0);
  assert.deepEqual(names(warmer.take(1)), []);
  assert.deepEqual(warmer.pending(), { clusters: ['c1'], routes: ['9080'], listeners: ['out'] });
  assert.deepEqual([...warmer.wanted().endpoints], ['c1']);
  warmer.accept({ t: 'endpoint', added: [endpoints], removed: [] }, 2);
  assert.deepEqual(names(warmer.take(2)), ['cluster c1', 'endpoints c1', 'routes 9080', 'listener out']);
  assert.equal(warmer.nextDeadlineMs(2), undefined);
});

test('nothing waits for ever, and what does not exist is not waited for', () => {
  const warmer = createWarmer(1_000);
  warmer.accept({ t: 'listener', added: [listener], removed: [] }, 0);
  warmer.accept({ t: 'cluster', added: [cluster], removed: [] }, 0);
  warmer.take(0);
  assert.equal(warmer.nextDeadlineMs(0), 1_000);
  assert.deepEqual(names(warmer.take(1_000)), ['cluster c1', 'listener out']);

  const absent = createWarmer(1_000);
  absent.accept({ t: 'listener', added: [listener], removed: [] }, 0);
  absent.accept({ t: 'route', added: [], removed: ['9080'] }, 0);
  assert.deepEqual(names(absent.take(0)), ['listener out']);
});

test('a change of a cluster takes effect at once when its endpoints are known; what nobody wants any more goes', () => {
  const warmer = createWarmer(1_000);
  warmer.accept({ t: 'cluster', added: [cluster], removed: [] }, 0);
  warmer.accept({ t: 'endpoint', added: [endpoints], removed: [] }, 0);
  warmer.take(0);
  warmer.accept({ t: 'cluster', added: [{ ...cluster, connectTimeoutMs: 1 }], removed: [] }, 1);
  assert.deepEqual(names(warmer.take(1)), ['cluster c1']);
  warmer.accept({ t: 'cluster', added: [], removed: ['c1'] }, 2);
  assert.deepEqual(names(warmer.take(2)), ['-clusters c1', '-endpoints c1']);
});

test('a table that waits for an unknown cluster, and then goes or is let through, leaves no deadline behind', () => {
  const start = (): ReturnType<typeof createWarmer> => {
    const warmer = createWarmer(5_000);
    warmer.accept({ t: 'cluster', added: [cluster], removed: [] }, 0);
    warmer.accept({ t: 'endpoint', added: [endpoints], removed: [] }, 0);
    warmer.accept({ t: 'listener', added: [listener], removed: [] }, 0);
    warmer.accept({ t: 'route', added: [table], removed: [] }, 0);
    warmer.take(0);
    warmer.accept({ t: 'route', added: [must(decodeRoute(routesTo('9080', 'unknown')))], removed: [] }, 10);
    assert.equal(warmer.take(10), undefined);
    assert.equal(warmer.nextDeadlineMs(10), 1_010);
    return warmer;
  };
  const gone = start();
  gone.accept({ t: 'listener', added: [], removed: ['out'] }, 20);
  gone.take(20);
  assert.equal(gone.nextDeadlineMs(20), undefined);

  // Its cluster is announced after all, and never gets endpoints: what lets the table through then is the limit of all that waits.
  const late = start();
  late.accept({ t: 'cluster', added: [must(decodeCluster(edsCluster('unknown')))], removed: [] }, 20);
  late.take(20);
  late.take(1_010);
  assert.equal(late.nextDeadlineMs(1_010), 5_010, 'one table waits, and not in a busy loop');
  late.take(5_010);
  late.take(5_020);
  assert.deepEqual(late.pending(), { clusters: [], routes: [], listeners: [] });
  assert.equal(late.nextDeadlineMs(5_020), undefined);
});
