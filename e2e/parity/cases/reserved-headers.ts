import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, http1, HTTP2_UPSTREAM, ROUTER, to, type Resources } from '../resources.ts';
import { http, push } from '../steps.ts';

function refused(name: string, change: (c: CaseContext, option: object) => Resources, option: object): ParityCase {
  return defineCase({
    name,
    steps: [push((c) => change(c, option), { verdict: 'nack' }), http('/', { status: 200, body: 'main' })],
  });
}

const named = (key: string): object => ({ header: { key, value: 'x' } });
const onRoute =
  (field: string) =>
  (c: CaseContext, option: object): Resources =>
    http1(c, [to(c, 'main', { prefix: '/' }, {}, { [field]: [option] })]);
const inFilter =
  (type: string, fields: (option: object) => object) =>
  (c: CaseContext, option: object): Resources =>
    http1(c, [to(c, 'main')], { http_filters: [{ name: 'under-test', typed_config: any(type, fields(option)) }, ROUTER] });
const inCheck =
  (check: (option: object) => object) =>
  (c: CaseContext, option: object): Resources => ({
    clusters: [
      cluster(c, 'main', {
        ...HTTP2_UPSTREAM,
        health_checks: [{ timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, ...check(option) }],
      }),
    ],
  });

const PLACES: Readonly<Record<string, (c: CaseContext, option: object) => Resources>> = {
  'a request on its route': onRoute('request_headers_to_add'),
  'a response on its route': onRoute('response_headers_to_add'),
  'a weighted cluster': (c, option) =>
    http1(c, [
      {
        match: { prefix: '/' },
        route: { weighted_clusters: { clusters: [{ name: c.name('main'), weight: 1, request_headers_to_add: [option] }] } },
      },
    ]),
  'an answer of the proxy': (c, option) =>
    http1(c, [to(c, 'main')], { local_reply_config: { mappers: [{ filter: { not_health_check_filter: {} }, headers_to_add: [option] }] } }),
  'a limited request': inFilter('filters.http.local_ratelimit.v3.LocalRateLimit', (option) => ({
    stat_prefix: 'x',
    request_headers_to_add_when_not_enforced: [option],
  })),
  'a mutation': inFilter('filters.http.header_mutation.v3.HeaderMutation', (option) => ({ mutations: { response_mutations: [{ append: option }] } })),
  'a health check by HTTP': inCheck((option) => ({ http_health_check: { path: '/', request_headers_to_add: [option] } })),
  'a health check by gRPC': inCheck((option) => ({ grpc_health_check: { initial_metadata: [option] } })),
};

/** Pseudo headers and `host` are for rewrites to change: every header operation that names one is refused. */
export const cases = [
  ...Object.entries(PLACES).flatMap(([place, change]) =>
    [':path', ':authority', 'Host', ':status'].map((name) => refused(`${name} is not for ${place} to set`, change, named(name))),
  ),
  refused('both ways to say whether a value is appended', onRoute('request_headers_to_add'), {
    ...named('x-a'),
    append: true,
    append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
  }),
];
