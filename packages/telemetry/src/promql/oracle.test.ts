import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { instantQuery, rangeQuery, type QueryResult } from './query.ts';
import { engineOf, every, series } from './testdata/fixture.ts';

/** A real Prometheus as the oracle, where one is installed (`MELTEMI_PROMETHEUS` names a folder with prometheus and promtool). */
const FOLDER = process.env['MELTEMI_PROMETHEUS'];
const program = (name: string): string => (FOLDER === undefined ? name : join(FOLDER, name));
const installed = ((): boolean => {
  try {
    execFileSync(program('promtool'), ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const BASE = 1_700_000_000;
/** Samples lie 3 s beside whole steps, so that open and closed ends of ranges (which differ between Prometheus 2 and 3) do not matter. */
const start = BASE + 3;
let seed = 7;
const random = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
const walk = (count: number, resets: boolean): (number | null)[] => {
  // Far from zero: where a window starts near it, Prometheus 2 and 3 differ in a corner; promql.test.ts has cases of version 3.
  let value = 5000;
  return Array.from({ length: count }, () => {
    value = resets && random() < 0.08 ? 4000 : value + Math.floor(random() * 20);
    return random() < 0.1 ? null : value;
  });
};
const DATA = [
  ...['a', 'b', 'c'].flatMap((job) =>
    ['200', '500'].map((code) => series({ __name__: 'requests_total', job, code }, every(15, start, walk(60, true)))),
  ),
  ...['a', 'b'].map((job) =>
    series(
      { __name__: 'temperature', job },
      every(
        15,
        start,
        Array.from({ length: 60 }, () => Math.round(random() * 1000) / 10 - 50),
      ),
    ),
  ),
  ...['0.1', '0.5', '1', '+Inf'].map((le, i) =>
    series(
      { __name__: 'latency_bucket', job: 'a', le },
      every(
        15,
        start,
        Array.from({ length: 60 }, (_, k) => k * (i + 1) * 3 + (k % 4)),
      ),
    ),
  ),
  series({ __name__: 'sparse' }, [
    [start + 100, 1],
    [start + 400, 3],
    [start + 800, 11],
  ]),
  series(
    { __name__: 'info', job: 'a', team: 'x' },
    every(
      15,
      start,
      Array.from({ length: 60 }, () => 1),
    ),
  ),
];

const QUERIES = [
  'rate(requests_total[1m])',
  'rate(requests_total[4m])',
  'increase(requests_total[2m])',
  'irate(requests_total[1m])',
  'delta(temperature[3m])',
  'idelta(temperature[1m])',
  'deriv(temperature[2m])',
  'predict_linear(temperature[2m], 60)',
  'changes(temperature[2m])',
  'resets(requests_total[5m])',
  'rate(sparse[10m])',
  'sparse',
  'increase(sparse[15m])',
  'sum_over_time(temperature[1m])',
  'avg_over_time(temperature[1m])',
  'min_over_time(temperature[2m])',
  'max_over_time(temperature[2m])',
  'count_over_time(requests_total[2m])',
  'last_over_time(requests_total[2m])',
  'stddev_over_time(temperature[2m])',
  'stdvar_over_time(temperature[2m])',
  'quantile_over_time(0.9, temperature[2m])',
  'present_over_time(sparse[2m])',
  'sum(rate(requests_total[2m])) by (job)',
  'avg without (code) (requests_total)',
  'max by (code) (requests_total)',
  'min(temperature)',
  'count(requests_total) by (code)',
  'group(temperature)',
  'stddev(requests_total)',
  'stdvar by (job) (requests_total)',
  'topk(2, requests_total)',
  'bottomk(1, requests_total) by (job)',
  'quantile(0.3, requests_total)',
  'count_values("value", info)',
  'histogram_quantile(0.95, rate(latency_bucket[2m]))',
  'histogram_quantile(0.5, sum by (le) (latency_bucket))',
  'histogram_quantile(1.2, latency_bucket)',
  'round(rate(requests_total[1m]), 0.001)',
  'round(temperature, 5)',
  'abs(temperature)',
  'ceil(temperature)',
  'floor(temperature)',
  'clamp(temperature, -10, 10)',
  'clamp_min(temperature, 0)',
  'sgn(temperature)',
  'sqrt(requests_total)',
  'ln(requests_total)',
  'exp(temperature / 10)',
  'temperature > 0',
  'temperature > bool 0',
  '0 < temperature',
  'temperature % 7',
  'temperature ^ 2',
  '-temperature',
  'requests_total{code="500"} / ignoring(code) requests_total{code="200"}',
  'requests_total / on(job) group_left sum by (job) (requests_total)',
  'info * on(job) group_right(team) requests_total',
  'requests_total * on(job) group_left(team) info',
  'requests_total and on(job) info',
  'requests_total unless on(job) info',
  'info or temperature',
  'requests_total > on(job) group_left temperature',
  'label_replace(info, "x", "$1-${2}", "team", "(x)(.*)")',
  'label_join(requests_total, "x", "-", "job", "code")',
  'absent(temperature)',
  'absent(nothing{a="b"})',
  'absent_over_time(sparse[30s])',
  'scalar(info)',
  'vector(3)',
  'time()',
  'timestamp(sparse)',
  'hour()',
  'day_of_week(vector(1700000000))',
  'days_in_month(vector(1709164800))',
  'requests_total offset 2m',
  'rate(requests_total[1m] offset 1m)',
  'sum(requests_total @ 1700000400)',
  'requests_total @ end()',
  'max_over_time(rate(requests_total[1m])[185s:20s])',
  'avg_over_time(temperature[125s:20s] offset 30s)',
  'requests_total{job=~"a|b", code!="200"}',
  'requests_total{job!~"a.*"}',
  '{__name__=~"temp.*"}',
  '-2 ^ 2',
  '1 + 2 * 3 ^ 2 % 4',
  '1 == bool 1',
  'NaN',
  '1e3',
  '0x1F',
];

let stop = (): Promise<unknown> => Promise.resolve();
let folder = '';
let url = '';

before(async () => {
  if (!installed) return;
  folder = mkdtempSync(join(tmpdir(), 'meltemi-oracle-'));
  const lines = DATA.flatMap((one) => {
    const { __name__: name, ...labels } = one.labels;
    const inner = Object.entries(labels)
      .map(([k, v]) => `${k}="${v}"`)
      .join(',');
    return Array.from(one.times, (t, i) => `${name}{${inner}} ${one.values[i]} ${t / 1000}`);
  });
  writeFileSync(join(folder, 'data.om'), `${lines.join('\n')}\n# EOF\n`);
  writeFileSync(join(folder, 'prometheus.yml'), 'scrape_configs: []\n');
  execFileSync(program('promtool'), ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'data.om'), join(folder, 'data')], {
    stdio: 'ignore',
  });
  const child = spawn(
    program('prometheus'),
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      '--storage.tsdb.retention.time=100y',
      '--web.listen-address=127.0.0.1:0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  stop = () => new Promise((resolve) => child.once('exit', resolve).kill());
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.once('exit', () => reject(new Error(log)));
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      const port = /Listening on" address=127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (port !== undefined) url = `http://127.0.0.1:${port}`;
      if (url !== '' && log.includes('Server is ready')) resolve();
    });
  });
});

after(async () => {
  await stop();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly data: {
    readonly resultType: string;
    readonly result: readonly { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }[] | [number, string];
  };
}

const close = (value: number | string): string => {
  const number = typeof value === 'number' ? value : Number(value.replace('Inf', 'Infinity'));
  return Number.isFinite(number) ? String(Number(number.toPrecision(9))) : String(number);
};
const key = (labels: Readonly<Record<string, string>>): string => JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));

function theirs(answer: Answer): Record<string, string> {
  const { result } = answer.data;
  if (answer.data.resultType === 'scalar') return { scalar: close((result as [number, string])[1]) };
  const list = result as readonly { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }[];
  return Object.fromEntries(
    list.map((one) => [key(one.metric), (one.values ?? [one.value ?? [0, '']]).map(([t, v]) => `${t}:${close(v)}`).join(' ')]),
  );
}

function ours(result: QueryResult): Record<string, string> {
  if (result.t === 'scalar' || result.t === 'string') return { scalar: close(result.value) };
  if (result.t === 'vector') return Object.fromEntries(result.samples.map((s) => [key(s.labels), `${s.timeMs / 1000}:${close(s.value)}`]));
  return Object.fromEntries(result.series.map((s) => [key(s.labels), s.points.map(([t, v]) => `${t / 1000}:${close(v)}`).join(' ')]));
}

for (const query of QUERIES) {
  test(`as Prometheus answers: ${query}`, { skip: !installed && 'no prometheus here' }, async () => {
    const at = BASE + 600;
    const instant = (await (await fetch(`${url}/api/v1/query?time=${at}&query=${encodeURIComponent(query)}`)).json()) as Answer;
    assert.deepEqual(ours(instantQuery(engineOf(DATA), query, at * 1000)), theirs(instant));
    const range = (await (
      await fetch(`${url}/api/v1/query_range?start=${BASE}&end=${BASE + 1200}&step=50&query=${encodeURIComponent(query)}`)
    ).json()) as Answer;
    assert.deepEqual(ours(rangeQuery(engineOf(DATA), query, { startMs: BASE * 1000, endMs: (BASE + 1200) * 1000, stepMs: 50_000 })), theirs(range));
  });
}
