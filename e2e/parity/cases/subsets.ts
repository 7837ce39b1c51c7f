import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { ABC, all, ALL_THREE, greets, NOBODY, shares, tagged, type Locality } from '../hosts.ts';
import { http1, listener, tcpProxy, to } from '../resources.ts';
import { tcp } from '../steps.ts';

const TCP_ABC = { a: greets('a'), b: greets('b'), c: greets('c') };

const SUBSETS = { subset_selectors: [{ keys: ['version'] }, { keys: ['stage', 'version'] }] };

/** Three hosts: a is v1 in prod, b is v2 in prod, c is v2 in test. */
const subsetHosts = (c: CaseContext): readonly Locality[] => [
  {
    hosts: [
      tagged(c, 'a', { version: '1', stage: 'prod' }),
      tagged(c, 'b', { version: '2', stage: 'prod' }),
      tagged(c, 'c', { version: '2', stage: 'test' }),
    ],
  },
];

const subsetCase = (
  name: string,
  config: object,
  wanted: object | undefined,
  expected: Readonly<Record<string, readonly [number, number]>>,
  times = 60,
) =>
  defineCase({
    name,
    backends: ABC,
    resources: (c) => {
      const criteria = wanted === undefined ? {} : { metadata_match: { filter_metadata: { 'envoy.lb': wanted } } };
      return http1(c, [to(c, 'all', undefined, criteria)], {}, [all(c, { lb_subset_config: config }, subsetHosts(c))]);
    },
    steps: [shares(times, expected)],
    log: 'not compared',
  });

/** Subsets of a cluster, by the metadata of its hosts. */
export const cases = [
  subsetCase('a subset by version', SUBSETS, { version: '2' }, { b: [30, 30], c: [30, 30] }),
  subsetCase('a subset by version and stage', SUBSETS, { version: '2', stage: 'test' }, { c: [60, 60] }),
  subsetCase('nobody is in the subset', SUBSETS, { version: '3' }, NOBODY),
  subsetCase('no selector knows these keys', SUBSETS, { stage: 'prod' }, NOBODY),
  subsetCase('a route without criteria and no fallback', SUBSETS, undefined, NOBODY),
  subsetCase('fallback: any endpoint', { ...SUBSETS, fallback_policy: 'ANY_ENDPOINT' }, { version: '3' }, ALL_THREE),
  subsetCase(
    'fallback: the default subset',
    { ...SUBSETS, fallback_policy: 'DEFAULT_SUBSET', default_subset: { version: '1' } },
    { version: '3' },
    { a: [60, 60] },
  ),
  subsetCase(
    'fallback: the default subset is empty',
    { ...SUBSETS, fallback_policy: 'DEFAULT_SUBSET', default_subset: { version: '9' } },
    { version: '3' },
    NOBODY,
  ),
  subsetCase(
    'a selector has a fallback of its own',
    { subset_selectors: [{ keys: ['version'], fallback_policy: 'ANY_ENDPOINT' }] },
    { version: '3' },
    ALL_THREE,
  ),
  subsetCase(
    'a selector falls back to fewer keys',
    { subset_selectors: [{ keys: ['version'] }, { keys: ['stage', 'version'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['version'] }] },
    { version: '1', stage: 'test' },
    { a: [60, 60] },
  ),
  subsetCase(
    'a selector for single hosts',
    { subset_selectors: [{ keys: ['stage', 'version'], single_host_per_subset: true }] },
    { version: '2', stage: 'test' },
    { c: [60, 60] },
  ),
  subsetCase(
    'panic falls back to all',
    { ...SUBSETS, panic_mode_any: true, fallback_policy: 'DEFAULT_SUBSET', default_subset: { version: '9' } },
    { version: '3' },
    ALL_THREE,
  ),
  defineCase({
    name: 'weighted clusters name a subset each',
    backends: ABC,
    resources: (c) => {
      const part = (version: string, weight: number): object => ({
        name: c.name('all'),
        weight,
        metadata_match: { filter_metadata: { 'envoy.lb': { version } } },
      });
      const route = {
        match: { prefix: '/' },
        route: {
          weighted_clusters: { clusters: [part('1', 100), part('2', 0)] },
          metadata_match: { filter_metadata: { 'envoy.lb': { stage: 'prod' } } },
        },
      };
      return http1(c, [route], {}, [all(c, { lb_subset_config: SUBSETS }, subsetHosts(c))]);
    },
    steps: [shares(20, { a: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'subsets see changes of health',
    backends: ABC,
    resources: (c) =>
      http1(c, [to(c, 'all', undefined, { metadata_match: { filter_metadata: { 'envoy.lb': { version: '2' } } } })], {}, [
        all(c, { lb_subset_config: SUBSETS, common_lb_config: { healthy_panic_threshold: { value: 0 } } }, [
          {
            hosts: [
              tagged(c, 'b', { version: '2' }, { health_status: 'UNHEALTHY' }),
              tagged(c, 'c', { version: '2' }),
              tagged(c, 'a', { version: '1' }),
            ],
          },
        ]),
      ]),
    steps: [shares(20, { c: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'TCP: a subset',
    backends: TCP_ABC,
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'all', { metadata_match: { filter_metadata: { 'envoy.lb': { version: '2', stage: 'test' } } } })])],
      clusters: [all(c, { lb_subset_config: SUBSETS }, subsetHosts(c))],
    }),
    steps: [1, 2, 3, 4].map(() => tcp([{ received: 'c' }, { fin: true }], { received: 'c' })),
  }),
  defineCase({
    name: 'TCP: weighted clusters name a subset each',
    backends: TCP_ABC,
    resources: (c) => {
      const part = (version: string, weight: number): object => ({
        name: c.name('all'),
        weight,
        metadata_match: { filter_metadata: { 'envoy.lb': { version } } },
      });
      const options = {
        weighted_clusters: { clusters: [part('1', 1)] },
        metadata_match: { filter_metadata: { 'envoy.lb': { stage: 'prod' } } },
      };
      return { listeners: [listener(c, [tcpProxy(c, 'all', options)])], clusters: [all(c, { lb_subset_config: SUBSETS }, subsetHosts(c))] };
    },
    steps: [1, 2, 3, 4].map(() => tcp([{ received: 'a' }, { fin: true }], { received: 'a' })),
  }),
];
