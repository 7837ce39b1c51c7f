import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { trustedRegex } from './ast.ts';
import { PromqlError } from './error.ts';
import { parsePromql } from './parse.ts';
import { instantQuery, rangeQuery } from './query.ts';
import { ask, engineOf, every, series } from './testdata/fixture.ts';

const counter = series({ __name__: 'c', job: 'a' }, every(15, 0, [0, 10, 20, 30, 40, 50, 60, 70, 80]));
const reset = series({ __name__: 'r' }, every(15, 0, [10, 20, 5, 15, 25]));

test('rate extrapolates to the edges of the window, over resets and never below zero', () => {
  // 15 s apart, window (60, 120] holds 75, 90, 105, 120: 30 over 45 s, stretched by the 15 s to the start.
  assert.deepEqual(ask([counter], 'increase(c[1m])', 120), ['{job="a"} 40']);
  assert.deepEqual(ask([counter], 'rate(c[1m])', 120), ['{job="a"} 0.666666666667']);
  // 10, 20, 5 (reset), 15, 25: 10 + 5 + 10 + 10 = 35 over 60 s; half an interval before the first, none after the last.
  assert.deepEqual(ask([reset], 'increase(r[2m])', 60), ['{} 39.375']);
  // A counter born in the window: extrapolation stops where it would cross zero.
  const born = series({ __name__: 'b' }, [
    [100, 0],
    [101, 1],
  ]);
  assert.deepEqual(ask([born], 'increase(b[60s])', 101), ['{} 1']);
  assert.deepEqual(ask([born], 'delta(b[60s])', 101), ['{} 1.5']);
  assert.deepEqual(ask([series({ __name__: 'one' }, [[100, 5]])], 'rate(one[60s])', 101), []);
  assert.deepEqual(ask([reset], 'irate(r[1m])', 35), ['{} 0.333333333333']);
});

test('ranges are left-open, an instant selector looks back five minutes and respects the end of a series', () => {
  assert.deepEqual(ask([counter], 'count_over_time(c[15s])', 120), ['{job="a"} 1']);
  assert.deepEqual(ask([counter], 'c', 419), ['c{job="a"} 80']);
  assert.deepEqual(ask([counter], 'c', 420), []);
  const gone = series({ __name__: 'g' }, [[0, 1]], 30_000);
  assert.deepEqual(ask([gone], 'g', 29), ['g 1']);
  assert.deepEqual(ask([gone], 'g', 30), []);
  assert.deepEqual(ask([counter], 'c offset 1m', 120), ['c{job="a"} 40']);
  assert.deepEqual(ask([counter], 'c @ 30', 120), ['c{job="a"} 20']);
});

const http = [
  series({ __name__: 'http', job: 'api', code: '200' }, [[10, 80]]),
  series({ __name__: 'http', job: 'api', code: '500' }, [[10, 20]]),
  series({ __name__: 'http', job: 'web', code: '200' }, [[10, 50]]),
  series({ __name__: 'up', job: 'api', team: 'x' }, [[10, 2]]),
];

const CASES: readonly (readonly [query: string, ...lines: string[]])[] = [
  ['sum(http)', '{} 150'],
  ['sum by (constructor) (http)', '{} 150'],
  ['sum(http{toString!=""})'],
  ['label_join(up, "x", "", "valueOf")', 'up{job="api", team="x"} 2'],
  ['label_replace(up, "x", "$1", "hasOwnProperty", "(.+)")', 'up{job="api", team="x"} 2'],
  ['sum by (job) (http)', '{job="api"} 100', '{job="web"} 50'],
  ['sum without (code) (http)', '{job="api"} 100', '{job="web"} 50'],
  ['topk(1, http)', 'http{code="200", job="api"} 80'],
  ['bottomk(2, http)', 'http{code="500", job="api"} 20', 'http{code="200", job="web"} 50'],
  ['quantile(0.5, http)', '{} 50'],
  ['count_values("v", http > 20)', '{v="80"} 1', '{v="50"} 1'],
  ['http{code=~"5.."} / ignoring(code) group_left() sum without(code)(http)', '{code="500", job="api"} 0.2'],
  ['http{code="500"} / ignoring(code) http{code="200"}', '{job="api"} 0.25'],
  ['http * on(job) group_left(team) up', '{code="200", job="api", team="x"} 160', '{code="500", job="api", team="x"} 40'],
  ['up * on(job) group_right() http', '{code="200", job="api"} 160', '{code="500", job="api"} 40'],
  ['http > 40', 'http{code="200", job="api"} 80', 'http{code="200", job="web"} 50'],
  ['40 < http', 'http{code="200", job="api"} 80', 'http{code="200", job="web"} 50'],
  ['http > bool 40', '{code="200", job="api"} 1', '{code="500", job="api"} 0', '{code="200", job="web"} 1'],
  ['http and on(job) up', 'http{code="200", job="api"} 80', 'http{code="500", job="api"} 20'],
  ['http unless on(job) up', 'http{code="200", job="web"} 50'],
  ['up or http{job="web"}', 'up{job="api", team="x"} 2', 'http{code="200", job="web"} 50'],
  ['label_replace(up, "first", "$1-$0", "team", "(.)")', 'up{first="x-x", job="api", team="x"} 2'],
  ['label_replace(up, "first", "$1", "team", "nomatch(.)")', 'up{job="api", team="x"} 2'],
  ['label_join(up, "both", "/", "job", "team")', 'up{both="api/x", job="api", team="x"} 2'],
  ['absent(nothing{a="b",c=~"d"})', '{a="b"} 1'],
  ['absent(up)'],
  ['round(vector(2.5))', '{} 3'],
  ['round(vector(0.12345), 0.001)', '{} 0.123'],
  ['clamp(http, 30, 60)', '{code="200", job="api"} 60', '{code="500", job="api"} 30', '{code="200", job="web"} 50'],
  ['clamp(http, 60, 30)'],
  ['sort_desc(http{job="api"})', 'http{code="200", job="api"} 80', 'http{code="500", job="api"} 20'],
  ['scalar(up) + 1', '3'],
  ['scalar(http)', 'NaN'],
  ['-1 ^ 2', '-1'],
  ['2 ^ 3 ^ 2', '512'],
  ['1 + 2 * 3 % 2', '1'],
  ['time()', '10'],
  ['vector(1) == bool vector(1)', '{} 1'],
  ['"text"', 'text'],
  ['{__name__="up"}', 'up{job="api", team="x"} 2'],
  ['{"up", job="api"}', 'up{job="api", team="x"} 2'],
  ['max_over_time(http{job="web"}[1m:5s])', '{code="200", job="web"} 50'],
  ['timestamp(up)', '{job="api", team="x"} 10'],
  ['hour(vector(7200))', '{} 2'],
];

for (const [query, ...lines] of CASES) {
  test(`instant query ${query}`, () => assert.deepEqual(ask(http, query, 10), lines));
}

test('histogram_quantile', () => {
  const bucket = (le: string, value: number): ReturnType<typeof series> => series({ __name__: 'd_bucket', le, path: '/' }, [[10, value]]);
  const buckets = [bucket('0.1', 10), bucket('0.5', 30), bucket('1', 30), bucket('+Inf', 40)];
  assert.deepEqual(ask(buckets, 'histogram_quantile(0.5, d_bucket)', 10), ['{path="/"} 0.3']);
  assert.deepEqual(ask(buckets, 'histogram_quantile(0.99, d_bucket)', 10), ['{path="/"} 1']);
  assert.deepEqual(ask(buckets, 'histogram_quantile(0.125, d_bucket)', 10), ['{path="/"} 0.05']);
  assert.deepEqual(ask(buckets.slice(0, 3), 'histogram_quantile(0.5, d_bucket)', 10), ['{path="/"} NaN']);
});

test('a range query evaluates at every step, and topk chooses at each', () => {
  const rising = series({ __name__: 'x', n: 'a' }, every(10, 0, [1, 2, 3, 4, 5]));
  const falling = series({ __name__: 'x', n: 'b' }, every(10, 0, [5, 4, 3.5, 2, 1]));
  const result = rangeQuery(engineOf([rising, falling]), 'topk(1, x)', { startMs: 0, endMs: 40_000, stepMs: 10_000 });
  assert.deepEqual(result, {
    t: 'matrix',
    series: [
      {
        labels: { __name__: 'x', n: 'a' },
        points: [
          [30_000, 4],
          [40_000, 5],
        ],
      },
      {
        labels: { __name__: 'x', n: 'b' },
        points: [
          [0, 5],
          [10_000, 4],
          [20_000, 3.5],
        ],
      },
    ],
  });
});

const FAULTS: readonly (readonly [query: string, message: RegExp])[] = [
  ['', /1:1: parse error: no expression found/],
  ['foo{', /1:5: parse error: unexpected end of input/],
  ['sum(\n  foo bar)', /2:7: parse error: unexpected "bar"/],
  ['nosuch(x)', /1:1: parse error: unknown function with name "nosuch"/],
  ['rate(x)', /1:6: parse error: expected type range vector in call to function "rate", got instant vector/],
  ['{a=~".*"}', /at least one non-empty matcher/],
  ['{a=~"("}', /bad regular expression/],
  ['1 > 2', /comparisons between scalars must use BOOL/],
  ['x and 1', /set operator "and" not allowed/],
  ['rate(x[0s])', /duration must be greater than 0/],
  ['sum(x) offset 5m', /offset modifier must be preceded/],
  ['histogram_quantile(x)', /expected 2 argument/],
  ['histogram_sum(x)', /not supported/],
  [`${'('.repeat(300)}1${')'.repeat(300)}`, /nested deeper/],
];

for (const [query, message] of FAULTS) {
  test(`the fault of ${query.slice(0, 40)}`, () =>
    assert.throws(
      () => parsePromql(query, trustedRegex),
      (e) => e instanceof PromqlError && message.test(e.message),
    ));
}

test('matching faults are told', () => {
  const run = (query: string): unknown => instantQuery(engineOf(http), query, 10_000);
  assert.throws(() => run('http / on(job) http'), /many-to-many matching not allowed/);
  assert.throws(() => run('http / on(job) up'), /many-to-one matching must be explicit/);
  assert.throws(() => run('sum_over_time({job="api"}[1m]) * 1 + label_replace({job="api"}, "code", "", "", "")'), PromqlError);
});

test('whatever the text, a query answers or throws a PromqlError', () => {
  const word = fc.constantFrom(
    'sum',
    'rate',
    '(',
    ')',
    '[5m]',
    'http',
    '{',
    '}',
    'by',
    'on',
    'group_left',
    '=',
    '=~',
    '"a"',
    ',',
    '+',
    '^',
    '-',
    '1',
    'offset',
    '@',
    '5m',
    'bool',
    '>',
    'and',
    'or',
    'topk',
    ':',
    'label_replace',
    'NaN',
    '#',
    '\n',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(word, { maxLength: 14 }).map((words) => words.join(' ')),
  );
  fc.assert(
    fc.property(text, (query) => {
      try {
        instantQuery(engineOf(http), query, 10_000);
        rangeQuery(engineOf(http), query, { startMs: 0, endMs: 60_000, stepMs: 15_000 });
      } catch (error) {
        if (!(error instanceof PromqlError)) throw error;
      }
    }),
    { numRuns: 1500 },
  );
});

test('an answer with too many points is refused before it is made', () => {
  const many = Array.from({ length: 100 }, (_, i) => series({ __name__: 'x', i: String(i) }, [[0, i]]));
  const ask = (stepMs: number) => rangeQuery({ ...engineOf(many), lookbackMs: 1e9 }, 'x', { startMs: 0, endMs: 10_999_000, stepMs });
  assert.throws(() => ask(1000), { code: 'promql/limit' });
  assert.equal(ask(2000).t, 'matrix');
});
