import { defineCase } from '../define.ts';
import { DISABLED, filter, filtered, settings } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, direct, http1, ROUTER, to } from '../resources.ts';
import { http, push } from '../steps.ts';

const PASSED = { status: 200, body: 'main' } as const;
const ABORTED = { status: 418, backend: null } as const;
const SKIP = { action: { name: 'skip', typed_config: any('filters.common.matcher.action.v3.SkipFilter') } };

const header = (name: string): object => ({ name, typed_config: any('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: name }) });
/** Leads past the filter who has this value in this header. */
const skips = (name: string, value: string): object => ({
  xds_matcher: { matcher_tree: { input: header(name), exact_match_map: { map: { [value]: SKIP } } } },
});
const abort = (http_status = 418): object => ({
  name: 'fault',
  typed_config: any('filters.http.fault.v3.HTTPFault', { abort: { http_status, percentage: { numerator: 100 } } }),
});
const told = (matcher: object, inner: object = abort(), more: object = {}): object =>
  filter('told', 'common.matching.v3.ExtensionWithMatcher', { extension_config: inner, ...matcher }, more);
const perRoute = (matcher: object): object => settings({ told: any('common.matching.v3.ExtensionWithMatcherPerRoute', matcher) });
/** One route with a tree of its own, and all others. */
const withOwn = (c: CaseContext): readonly object[] => [to(c, 'main', { path: '/own' }, {}, perRoute(skips('x-own', '1'))), to(c, 'main')];

const with1 = { headers: { 'x-skip': '1' } };

/** Filters that a tree tells which requests to pass by (`ExtensionWithMatcher`). */
export const cases = [
  defineCase({
    name: 'a header leads past a filter',
    resources: (c) => filtered(c, [told(skips('x-skip', '1'))]),
    steps: [http(with1, PASSED), http({ headers: { 'x-skip': '2' } }, ABORTED), http('/', ABORTED)],
  }),
  defineCase({
    name: 'who is not led to it is led past it',
    resources: (c) =>
      filtered(c, [
        told({
          xds_matcher: {
            matcher_list: {
              matchers: [
                { predicate: { not_matcher: { single_predicate: { input: header('x-fault'), value_match: { prefix: 'y' } } } }, on_match: SKIP },
              ],
            },
          },
        }),
      ]),
    steps: [http({ headers: { 'x-fault': 'yes' } }, ABORTED), http({ headers: { 'x-fault': 'no' } }, PASSED)],
  }),
  defineCase({
    name: 'without a tree nobody is led to it, but by a tree of the route',
    resources: (c) => filtered(c, [told({})], withOwn(c)),
    steps: [http('/', PASSED), http('/own', ABORTED), http({ path: '/own', headers: { 'x-own': '1' } }, PASSED)],
  }),
  defineCase({
    name: 'a route has a tree of its own',
    resources: (c) => filtered(c, [told(skips('x-skip', '1'))], withOwn(c)),
    steps: [
      http(with1, PASSED),
      http({ path: '/own', ...with1 }, ABORTED),
      http({ path: '/own', headers: { 'x-own': '1' } }, PASSED),
      http({ headers: { 'x-own': '1' } }, ABORTED),
    ],
  }),
  defineCase({
    name: 'a tree of the route switches on what is off in the chain',
    resources: (c) => filtered(c, [told(skips('x-skip', '1'), abort(), { disabled: true })], withOwn(c)),
    steps: [http('/', PASSED), http('/own', ABORTED), http({ path: '/own', headers: { 'x-own': '1' } }, PASSED)],
  }),
  defineCase({
    name: 'a tree of the route switches on what is off for its host',
    resources: (c) => filtered(c, [told(skips('x-skip', '1'))], [{ name: 'h', domains: ['*'], routes: withOwn(c), ...settings({ told: DISABLED }) }]),
    steps: [http('/', PASSED), http('/own', ABORTED), http({ path: '/own', headers: { 'x-own': '1' } }, PASSED)],
  }),
  defineCase({
    name: 'a tree of the route is nothing to a filter that stands alone',
    resources: (c) => filtered(c, [{ ...abort(), name: 'told' }], withOwn(c)),
    steps: [http({ path: '/own', headers: { 'x-own': '1' } }, ABORTED)],
  }),
  defineCase({
    name: 'what filters before it did is seen',
    resources: (c) =>
      filtered(c, [
        filter('mutation', 'filters.http.header_mutation.v3.HeaderMutation', {
          mutations: { request_mutations: [{ append: { header: { key: 'x-skip', value: '1' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' } }] },
        }),
        told(skips('x-skip', '1')),
      ]),
    steps: [http('/', PASSED)],
  }),
  defineCase({
    name: 'responses are left alone too',
    resources: (c) =>
      filtered(c, [
        told(skips('x-skip', '1'), {
          name: 'mutation',
          typed_config: any('filters.http.header_mutation.v3.HeaderMutation', {
            mutations: { response_mutations: [{ append: { header: { key: 'x-seen', value: 'yes' } } }] },
          }),
        }),
      ]),
    steps: [http(with1, { ...PASSED, headers: { 'x-seen': null } }), http('/', { ...PASSED, headers: { 'x-seen': 'yes' } })],
  }),
  defineCase({
    name: 'refused: an action that is none, and a filter that is none',
    resources: (c) => http1(c, [direct('before')]),
    steps: [
      push(
        (c) =>
          http1(c, [direct('after')], {
            http_filters: [
              told({ xds_matcher: { on_no_match: { action: { name: 'x', typed_config: any('google.protobuf.StringValue', { value: 'x' }) } } } }),
              ROUTER,
            ],
          }),
        { verdict: 'nack' },
      ),
      push(
        (c) =>
          http1(c, [direct('after')], {
            http_filters: [told({}, { name: 'x', typed_config: any('google.protobuf.StringValue', { value: 'x' }) }), ROUTER],
          }),
        {
          verdict: 'nack',
        },
      ),
      http('/', { status: 200, body: 'before' }),
    ],
  }),
];
