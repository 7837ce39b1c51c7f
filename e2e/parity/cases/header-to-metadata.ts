import { defineCase, type ParityCase } from '../define.ts';
import { filter, filtered, settings } from '../filters.ts';
import { any, http1, listener, hcm, direct, ROUTER, to } from '../resources.ts';
import { http, push, type Step } from '../steps.ts';

const TYPE = 'filters.http.header_to_metadata.v3.Config';
const toMetadata = (config: object): object => filter('to-metadata', TYPE, config);
const onDemand = filter('on-demand', 'filters.http.on_demand.v3.OnDemand');
const LOGGED = {
  a: '%DYNAMIC_METADATA(mine:x-a)%',
  b: '%DYNAMIC_METADATA(mine:b)%',
  n: '%DYNAMIC_METADATA(mine:x-n)%',
  other: '%DYNAMIC_METADATA(mine:x-b)%',
  session: '%DYNAMIC_METADATA(mine:s)%',
  answer: '%DYNAMIC_METADATA(mine:x-answer)%',
  own: '%DYNAMIC_METADATA(envoy.filters.http.header_to_metadata:a)%',
};

interface Kept {
  readonly rules: object;
  readonly steps: readonly Step[];
  readonly log: readonly object[];
  readonly route?: object;
}

function keeps(name: string, { rules, steps, log, route = {} }: Kept): ParityCase {
  return defineCase({
    name,
    backends: { main: [{ headers: { 'x-answer': '42', 'x-gone': 'y' }, body: 'main' }] },
    resources: (c) => filtered(c, [toMetadata(rules)], [to(c, 'main', { prefix: '/' }, {}, route)], LOGGED),
    steps,
    log: log as ParityCase['log'] & object,
  });
}

const present = (header: string, more: object = {}, rule: object = {}): object => ({
  header,
  on_header_present: { metadata_namespace: 'mine', key: header, ...more },
  ...rule,
});
const one = (rule: object): object => ({ request_rules: [rule] });

function refused(name: string, rules: object): ParityCase {
  return defineCase({
    name,
    steps: [
      push((c) => ({ listeners: [listener(c, [hcm(c, [direct('x')], { http_filters: [toMetadata(rules), ROUTER] })], {}, 'bad')] }), {
        verdict: 'nack',
      }),
    ],
  });
}

/** Headers that become metadata. */
export const cases = [
  keeps('a header that is there, and one that is not', {
    rules: { request_rules: [present('x-a'), { header: 'x-b', on_header_missing: { metadata_namespace: 'mine', key: 'b', value: 'none' } }] },
    steps: [http({ headers: { 'x-a': '1' } }, { status: 200 }), http({ headers: { 'x-b': '1' } }, { status: 200 })],
    log: [
      { a: '1', b: 'none' },
      { a: null, b: null },
    ],
  }),
  keeps('the namespace is the own one when none is named', {
    rules: one({ header: 'x-a', on_header_present: { key: 'a' } }),
    steps: [http({ headers: { 'x-a': '1' } }, { status: 200 })],
    log: [{ own: '1' }],
  }),
  keeps('lines of one name are one value; an empty one is none', {
    rules: one(present('x-a')),
    steps: [
      http(
        {
          headers: [
            ['x-a', '1'],
            ['x-a', '2'],
          ],
        },
        { status: 200 },
      ),
      http({ headers: { 'x-a': '' } }, { status: 200 }),
    ],
    log: [{ a: '1,2' }, { a: null }],
  }),
  keeps('a value of its own, and the header goes', {
    rules: one(present('x-a', { value: 'fixed' }, { remove: true })),
    steps: [http({ headers: { 'x-a': '1' } }, { status: 200, backend: { headers: { 'x-a': null } } })],
    log: [{ a: 'fixed' }],
  }),
  keeps('a part of the value', {
    rules: one(present('x-a', { regex_value_rewrite: { pattern: { regex: '^/(\\w+)/.*$' }, substitution: '\\1' } })),
    steps: [http({ headers: { 'x-a': '/shop/cart' } }, { status: 200 }), http({ headers: { 'x-a': 'other' } }, { status: 200 })],
    log: [{ a: 'shop' }, { a: 'other' }],
  }),
  keeps('numbers and base64', {
    rules: { request_rules: [present('x-n', { type: 'NUMBER' }), present('x-b', { encode: 'BASE64' })] },
    steps: [
      http({ headers: { 'x-n': '12.5', 'x-b': 'aGVsbG8=' } }, { status: 200 }),
      http({ headers: { 'x-n': 'twelve', 'x-b': '***' } }, { status: 200 }),
      http({ headers: { 'x-b': 'aGVsbA==' } }, { status: 200 }),
      http({ headers: { 'x-b': 'aGVsbA===' } }, { status: 200 }),
    ],
    log: [
      { n: 12.5, other: 'hello' },
      { n: null, other: null },
      { n: null, other: 'hell' },
      { n: null, other: null },
    ],
  }),
  keeps('a cookie', {
    rules: one({
      cookie: 'session',
      on_header_present: { metadata_namespace: 'mine', key: 's' },
      on_header_missing: { metadata_namespace: 'mine', key: 's', value: 'no' },
    }),
    steps: [http({ headers: { cookie: 'a=b; session=xyz' } }, { status: 200 }), http('/', { status: 200 })],
    log: [{ session: 'xyz' }, { session: 'no' }],
  }),
  keeps('headers of the response', {
    rules: { response_rules: [present('x-answer', { type: 'NUMBER' }), present('x-gone', {}, { remove: true })] },
    steps: [http('/', { status: 200, headers: { 'x-gone': null, 'x-answer': '42' } })],
    log: [{ answer: 42 }],
  }),
  keeps('a route has rules of its own', {
    rules: one(present('x-a')),
    route: settings({ 'to-metadata': any(TYPE, one(present('x-b'))) }),
    steps: [http({ headers: { 'x-a': '1', 'x-b': '2' } }, { status: 200 })],
    log: [{ a: null, other: '2' }],
  }),
  defineCase({
    name: 'what is kept can be asked for by a policy behind',
    resources: (c) => {
      const permissions = [{ metadata: { filter: 'mine', path: [{ key: 'x-role' }], value: { string_match: { exact: 'admin' } } } }];
      const rbac = filter('rbac', 'filters.http.rbac.v3.RBAC', { rules: { policies: { p: { permissions, principals: [{ any: true }] } } } });
      return filtered(c, [toMetadata(one(present('x-role'))), rbac]);
    },
    steps: [http({ headers: { 'x-role': 'admin' } }, { status: 200 }), http({ headers: { 'x-role': 'guest' } }, { status: 403 })],
  }),
  defineCase({
    name: 'nothing is fetched on demand that is there',
    resources: (c) => http1(c, [to(c, 'main')], { http_filters: [onDemand, ROUTER] }),
    steps: [http('/', { status: 200, body: 'main' })],
  }),
  refused('a rule without a header', one({ on_header_present: { key: 'a' } })),
  refused('a rule that keeps nothing', one({ header: 'x-a' })),
  refused('a missing header has no value', one({ header: 'x-a', on_header_missing: { key: 'a' } })),
  refused('a value and a rewrite', one(present('x-a', { value: 'v', regex_value_rewrite: { pattern: { regex: 'a' }, substitution: 'b' } }))),
  refused('a cookie that goes', one({ cookie: 'a', on_header_present: { key: 'a' }, remove: true })),
  refused('no key', one({ header: 'x-a', on_header_present: { metadata_namespace: 'mine' } })),
];
