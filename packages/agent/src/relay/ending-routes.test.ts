import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { remainingRoutes } from './ending-routes.ts';

const codec = loadCodec('sidecar');
const TYPE = 'envoy.config.route.v3.RouteConfiguration';
const route = (name: string, until?: number): object => ({
  name,
  match: { prefix: '/' },
  route: { cluster: name },
  metadata: { filter_metadata: { istio: { config: 'x' }, 'meltemi.io': { origin: name, ...(until === undefined ? {} : { until }) } } },
});
const encode = (...routes: readonly object[]): Uint8Array =>
  codec.encode(TYPE, {
    name: '9080',
    virtual_hosts: [
      { name: 'other', domains: ['o'], routes: [route('plain')] },
      { name: 'reviews', domains: ['r'], routes, include_request_attempt_count: true },
    ],
    validate_clusters: false,
  });
const names = (bytes: Uint8Array): string[] =>
  ((codec.decode(TYPE, bytes) as { virtual_hosts: { routes: { name: string }[] }[] }).virtual_hosts[1]?.routes ?? []).map(({ name }) => name);

test('a table without ends is left alone, also one that cannot be read', () => {
  assert.equal(remainingRoutes(encode(route('a')), 0), undefined);
  assert.equal(remainingRoutes(encode({ ...route('until'), name: 'until' }), 0), undefined);
  assert.equal(remainingRoutes(Buffer.from('\u0012\u00ffuntil', 'latin1'), 0), undefined);
});

test('what ends goes when its time comes; all the rest is as it was', () => {
  const bytes = encode(route('first', 1_000), route('second', 2_000), route('lasting'));
  const now = remainingRoutes(bytes, 500);
  assert.equal(now?.bytes, bytes);
  assert.equal(now?.nextMs, 1_000);
  const later = remainingRoutes(bytes, 1_000);
  assert.equal(later?.nextMs, 2_000);
  assert.deepEqual(names(later?.bytes ?? bytes), ['second', 'lasting']);
  const last = remainingRoutes(later?.bytes ?? bytes, 5_000);
  assert.equal(last?.nextMs, Infinity);
  assert.deepEqual(Buffer.from(last?.bytes ?? bytes), Buffer.from(encode(route('lasting'))));
});

test('a host whose last route ends goes with it, so that a wider one takes its requests; not one that leads to HTTPS without routes', () => {
  const host = (name: string, ...routes: readonly object[]): object => ({ name, domains: [name], routes });
  const bytes = codec.encode(TYPE, {
    name: '80',
    virtual_hosts: [
      host('a', route('first', 1_000), route('second', 2_000)),
      host('b', route('until', 1_000), route('lasting')),
      { ...host('c', route('first', 1_000)), require_tls: 'ALL' },
      host('empty'),
      host('*', route('any')),
    ],
  });
  const left = (nowMs: number): [string, number][] => {
    const table = codec.decode(TYPE, remainingRoutes(bytes, nowMs)?.bytes ?? bytes) as { virtual_hosts: { name: string; routes?: object[] }[] };
    return table.virtual_hosts.map(({ name, routes = [] }) => [name, routes.length]);
  };
  assert.deepEqual(left(1_000), [
    ['a', 1],
    ['b', 1],
    ['c', 0],
    ['empty', 0],
    ['*', 1],
  ]);
  assert.deepEqual(left(2_000), [
    ['b', 1],
    ['c', 0],
    ['empty', 0],
    ['*', 1],
  ]);
});
