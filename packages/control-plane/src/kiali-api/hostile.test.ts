import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { setUp } from './testdata/server.ts';

/** Nobody waits longer than this for "no". The machine may be busy; without bounds these take minutes, or all memory. */
const SOON_MS = 5000;

const deep = (depth: number, open: string, inner: string, close: string): string => open.repeat(depth) + inner + close.repeat(depth);
const M = 'istio_requests_total';

/** Queries that would take very long or very much memory, or break a parser. */
const HOSTILE: Readonly<Record<string, string>> = {
  'deep parentheses': deep(20_000, '(', M, ')'),
  'deep calls': deep(5000, 'abs(', M, ')'),
  'deep negation': '-'.repeat(60_000) + M,
  'a long sum': Array.from({ length: 20_000 }, () => '1').join('+'),
  'too long': `${M}{a="${'x'.repeat(70_000)}"}`,
  'a fine subquery over a long time': `sum_over_time(vector(1)[13h:1ms])`,
  'subqueries in subqueries': deep(6, 'sum_over_time(', M, '[1d:1s])'),
  'a huge range': `rate(${M}[1000000y])`,
  'a huge offset': `${M} offset 9999999999999999y`,
  'a range of no length': `rate(${M}[0.0001s])`,
  'a step of nothing': `max_over_time(${M}[1h:0.0001s])`,
  'nested repetition': `{__name__=~"((a{1,100}){1,100}){1,100}"}`,
  'catastrophic backtracking': `{__name__=~"(i|is|ist|s|t|_|o)*(a|a)*x$"}`,
  'a group that closes the wrapper': `{__name__=~"a)(b"}`,
  'a backreference': `{__name__=~"(a)\\\\1"}`,
  'a text that doubles': deep(40, 'label_replace(', M, ', "pod", "$1$1$1$1", "pod", "(.*)")'),
  'all with all': `{__name__=~".+"} * on() group_left() {__name__=~".+"}`,
  'a quantile of everything': `quantile_over_time(0.5, {__name__=~".+"}[30d:1s])`,
  'no name at all': '{}',
  'a null byte': `${M}{a="\u0000"} \u0000`,
  'half a surrogate': `${M}{a="\ud800"}`,
};

describe('requests that mean harm are answered soon, in the shape of the API', () => {
  let mesh: Awaited<ReturnType<typeof setUp>>;
  const closers: (() => Promise<void>)[] = [];
  before(async () => {
    mesh = await setUp({ after: (run) => void closers.push(run) });
    mesh.seconds(120, () => mesh.proxies.callAll());
  });
  after(async () => {
    for (const close of closers) await close();
  });

  const ask = async (path: string, form: Record<string, string>): Promise<{ status: number; body: Record<string, unknown> }> => {
    const started = performance.now();
    const response = await fetch(`${mesh.url}${path}`, { method: 'POST', body: new URLSearchParams(form), signal: AbortSignal.timeout(60_000) });
    const body = (await response.json()) as Record<string, unknown>;
    const tookMs = performance.now() - started;
    assert.ok(tookMs < SOON_MS, `${JSON.stringify(form).slice(0, 200)} took ${tookMs} ms`);
    return { status: response.status, body };
  };
  const checkPrometheus = ({ status, body }: { status: number; body: Record<string, unknown> }): void => {
    if (status === 200) return assert.equal(body['status'], 'success');
    assert.ok([400, 422].includes(status), `status ${status}: ${JSON.stringify(body)}`);
    assert.equal(body['status'], 'error');
    assert.equal(body['errorType'], status === 400 ? 'bad_data' : 'execution');
    assert.ok(String(body['error']).length > 5);
  };
  const range = { start: '1800000000', end: '1800000120', step: '1' };

  for (const [name, query] of Object.entries(HOSTILE)) {
    test(`PromQL: ${name}`, async () => {
      checkPrometheus(await ask('/prometheus/api/v1/query', { query, time: '1800000120' }));
      checkPrometheus(await ask('/prometheus/api/v1/query_range', { query, ...range }));
      checkPrometheus(await ask('/prometheus/api/v1/series', { 'match[]': query }));
    });
  }

  test('times, steps and names of any kind', async () => {
    const odd = fc.oneof(
      fc.constantFrom(
        '',
        '0',
        '-1',
        '1e308',
        '-1e308',
        'NaN',
        'Infinity',
        '1e-320',
        '0x10',
        '9'.repeat(40),
        '2026-13-01T00:00:00Z',
        '1m',
        '-5m',
        '1y1y',
      ),
      fc.double().map(String),
      fc.string({ maxLength: 20 }),
    );
    await fc.assert(
      fc.asyncProperty(odd, odd, odd, async (start, end, step) => {
        checkPrometheus(await ask('/prometheus/api/v1/query_range', { query: M, start, end, step }));
        checkPrometheus(await ask('/prometheus/api/v1/query', { query: 'time()', time: start }));
        const name = await fetch(`${mesh.url}/prometheus/api/v1/label/${encodeURIComponent(step)}/values`);
        assert.ok([200, 400, 404].includes(name.status), `label ${step}: ${name.status}`);
      }),
      { numRuns: 60 },
    );
  });

  test("parameters of Jaeger's and Kiali's API of any kind", async () => {
    const odd = fc.oneof(
      fc.constantFrom(
        '',
        '-1',
        '1e308',
        'NaN',
        '0',
        '%',
        '../../etc',
        '"',
        "'",
        '{',
        'null',
        '[]',
        '1y',
        '99999999999s',
        '0s',
        'a"} or vector(1)',
        '.*',
        '(',
      ),
      fc.string({ maxLength: 20 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
    );
    const paths: readonly ((a: string, b: string) => string)[] = [
      (a, b) => `/jaeger/api/traces?service=${a}&limit=${b}&tags=${b}&minDuration=${a}`,
      (a, b) => `/jaeger/api/traces?traceID=${a}&traceID=${b}`,
      (a) => `/jaeger/api/traces/${a}`,
      (a, b) => `/jaeger/api/dependencies?endTs=${a}&lookback=${b}`,
      (a) => `/jaeger/api/services/${a}/operations`,
      (a, b) => `/api/namespaces/graph?namespaces=${a}&duration=${b}&graphType=${a === '' ? '' : 'app'}`,
      (a, b) => `/api/namespaces/graph?namespaces=bookinfo&queryTime=${a}&appenders=${b}`,
      (a, b) => `/api/namespaces/${a}/workloads/${b}/graph`,
      (a, b) => `/api/clusters/health?namespaces=${a}&rateInterval=${b}`,
      (a, b) => `/api/namespaces/${a}/services/${b}?rateInterval=60s`,
      (a, b) => `/meltemi/v1/logs?namespace=${a}&workload=${b}&limit=${b}`,
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), odd, odd, async (path, a, b) => {
        const response = await fetch(`${mesh.url}${path(encodeURIComponent(a.toWellFormed()), encodeURIComponent(b.toWellFormed()))}`);
        const text = await response.text();
        assert.ok([200, 400, 404, 422].includes(response.status), `${response.url}: ${response.status} ${text.slice(0, 200)}`);
      }),
      { numRuns: 300 },
    );
  });
});
