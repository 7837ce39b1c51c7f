import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { ABC, all, named, shares, sick } from '../hosts.ts';
import { any, cluster, http1, to } from '../resources.ts';
import { http } from '../steps.ts';

/** Which of several clusters a request goes to: by weight, by a header, or the first that has somebody. */
export const cases = [
  defineCase({
    name: 'weighted clusters, and all of it where only one has weight',
    backends: named('a', 'b'),
    resources: (c) => http1(c, [weighted(c, { path: '/even' }, [50, 50]), weighted(c, { path: '/one' }, [0, 7])], {}),
    steps: [shares(100, { a: [15, 85], b: [15, 85] }, '/even'), shares(20, { b: [20, 20] }, '/one')],
    log: 'not compared',
  }),
  defineCase({
    name: 'a header says which of the weighted clusters: the number is a place in the sum',
    backends: named('a', 'b'),
    resources: (c) => http1(c, [weighted(c, { prefix: '/' }, [30, 70], { header_name: 'x-place' })]),
    steps: [
      http({ headers: { 'x-place': '0' } }, { status: 200, body: 'a' }),
      http({ headers: { 'x-place': '29' } }, { status: 200, body: 'a' }),
      http({ headers: { 'x-place': '30' } }, { status: 200, body: 'b' }),
      http({ headers: { 'x-place': '99' } }, { status: 200, body: 'b' }),
      http({ headers: { 'x-place': '100' } }, { status: 200, body: 'a' }),
      http({ headers: { 'x-place': '12345678901' } }, { status: 200, body: 'a' }),
    ],
  }),
  defineCase({
    name: 'a header says the cluster',
    backends: named('a', 'b'),
    resources: (c) => http1(c, [{ match: { prefix: '/' }, route: { cluster_header: 'x-to' } }, to(c, 'a')]),
    steps: [http('/', { status: 503 }), http({ headers: { 'x-to': 'nowhere' } }, { status: 503 })],
    log: [{ code: 503 }, { code: 503, flags: 'NC' }],
  }),
  defineCase({
    name: 'an aggregate takes the first cluster that has a healthy host',
    backends: ABC,
    resources: (c) => aggregate(c, []),
    steps: [shares(20, { a: [10, 10], b: [10, 10] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'an aggregate goes on to the next cluster',
    backends: ABC,
    resources: (c) => aggregate(c, ['a', 'b']),
    steps: [shares(20, { c: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'an aggregate whose clusters are all away',
    resources: (c) => {
      const two = { name: c.name('two'), lb_policy: 'CLUSTER_PROVIDED', connect_timeout: '1s', cluster_type: aggregateOf(c, ['gone', 'away']) };
      return http1(c, [to(c, 'two')], {}, [two]);
    },
    steps: [http('/', { status: 503, body: 'no healthy upstream' })],
    log: [{ code: 503, flags: 'UH' }],
  }),
];

function weighted(c: CaseContext, match: object, weights: readonly [number, number], more: object = {}): object {
  const [a, b] = weights;
  const clusters = [
    { name: c.name('a'), weight: a },
    { name: c.name('b'), weight: b },
  ];
  return { match, route: { weighted_clusters: { clusters, ...more } } };
}

function aggregateOf(c: CaseContext, names: readonly string[]): object {
  return {
    name: 'envoy.clusters.aggregate',
    typed_config: any('clusters.aggregate.v3.ClusterConfig', { clusters: names.map((name) => c.name(name)) }),
  };
}

/** First a cluster of a and b, of which some are out; then one of c. */
function aggregate(c: CaseContext, out: readonly string[]) {
  const host = (name: string): string | object => (out.includes(name) ? sick(c, name) : name);
  const both = { name: c.name('both'), lb_policy: 'CLUSTER_PROVIDED', connect_timeout: '1s', cluster_type: aggregateOf(c, ['all', 'c']) };
  return http1(c, [to(c, 'both')], {}, [both, all(c, {}, [{ hosts: [host('a'), host('b')] }]), cluster(c, 'c')]);
}
