import assert from 'node:assert/strict';
import { eventually } from '../../testkit/load.ts';
import { queryValue } from '../../testkit/prometheus.ts';
import { verdictOf, type GuideMesh } from '../mesh.ts';
import type { Scenario } from '../scenario.ts';
import { ALL, answersOf } from '../shares.ts';

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const begun = performance.now();
  return [await work(), performance.now() - begun];
}

const faultInjection: Scenario = {
  guide: 'fault-injection',
  async run(mesh) {
    await mesh.apply('fault-injection/delay-jason.yaml');
    const [slow, slowMs] = await timed(() => mesh.ask({ 'end-user': 'jason' }));
    const [quick, quickMs] = await timed(() => mesh.ask());
    assert.deepEqual([slow.status, quick.status], [200, 200]);
    assert.ok(slowMs >= 2_000 && quickMs < 1_500, `${slowMs} and ${quickMs} ms`);
    await mesh.apply('fault-injection/abort-jason.yaml');
    assert.deepEqual([...(await mesh.shares(40, { 'end-user': 'jason' }))], [['418', 40]]);
    assert.deepEqual([...(await mesh.shares(40))], [['200 v1', 40]]);
  },
};

const timeouts: Scenario = {
  guide: 'timeouts',
  async run(mesh) {
    await mesh.apply('timeouts/half-a-second.yaml');
    assert.equal(verdictOf(await mesh.ask()), '200 v1');
    const [late, ms] = await timed(() => mesh.ask({ 'x-slow': 'v1=3000' }));
    assert.equal(late.status, 504);
    assert.ok(ms >= 500 && ms < 2_500, `${ms} ms`);
  },
};

const retries: Scenario = {
  guide: 'retries',
  async run(mesh) {
    await mesh.apply('retries/none.yaml');
    const bare = await mesh.shares(100, { 'x-flaky': 'v2' });
    assert.ok((bare.get('503') ?? 0) >= 30, JSON.stringify([...bare]));
    await mesh.apply('retries/three.yaml');
    assert.deepEqual([...(await mesh.shares(100, { 'x-flaky': 'v2' }, 1))], [['200 v2', 100]]);
  },
};

const circuitBreaker: Scenario = {
  guide: 'circuit-breaker',
  uses: ['canary/all-v1.yaml'],
  async run(mesh) {
    await mesh.apply('canary/all-v1.yaml', 'circuit-breaker/100-connections.yaml');
    const [SUBSET, CROWD] = ['|v1|recommendation', 320];
    const counted = (name: string): Promise<number> => mesh.counter('preference', SUBSET, name);
    // One after the other: a connection has ten requests and no more. Proxies with several threads tell their counts a moment later.
    const [requests, connections] = [await counted('rq_total'), await counted('cx_total')];
    assert.deepEqual([...(await mesh.shares(200, {}, 1))], [['200 v1', 200]]);
    const each = await eventually('200 requests are counted', 10_000, async () => {
      const more = (await counted('rq_total')) - requests;
      return more >= 200 ? more / ((await counted('cx_total')) - connections) : undefined;
    });
    assert.ok(each >= 8 && each <= 12, `${each} requests on a connection`);
    // 100 are served, 100 wait for a connection, the others are turned away at once.
    const crowd = await mesh.shares(CROWD, { 'x-slow': 'v1=4000' }, CROWD);
    assert.deepEqual([...crowd.keys()].sort(), ['200 v1', '503']);
    const served = crowd.get('200 v1') ?? 0;
    assert.ok(served >= 200 && served <= 210, JSON.stringify([...crowd]));
    const flagged = 'sum(istio_requests_total{reporter="source",source_app="preference",response_code="503",response_flags="UO"})';
    await eventually('the flag UO is told', 10_000, async () => ((await queryValue(mesh.demo, flagged)) === CROWD - served ? true : undefined));
  },
};

async function untilOnly(mesh: GuideMesh, verdict: string, headers: Readonly<Record<string, string>>): Promise<void> {
  await eventually(`only ${verdict}`, 10_000, async () => {
    const seen = [...(await mesh.shares(24, headers)).keys()];
    return seen.length === 1 && seen[0] === verdict ? true : undefined;
  });
}

const outlierEjection: Scenario = {
  guide: 'outlier-ejection',
  async run(mesh) {
    const broken = { 'x-break': 'v2' };
    await mesh.apply('outlier-ejection/quick.yaml');
    const before = [...(await mesh.shares(40)).keys()].sort();
    assert.deepEqual(before, ['200 v1', '200 v2']);
    await untilOnly(mesh, '200 v1', broken);
    // Nobody breaks it any more: after its time it is back.
    await eventually('v2 is back', 20_000, async () => ((await mesh.shares(20)).has('200 v2') ? true : undefined));
    // The figures of production: seven errors and no more. How long it is out then is shown on a moved clock, in explain/src/ejection.test.ts.
    await mesh.apply('outlier-ejection/seven-errors.yaml');
    let errors = 0;
    for (let asked = 0; asked < 200 && errors < 7; asked++) if (verdictOf(await mesh.ask(broken)) === '503') errors++;
    assert.equal(errors, 7);
    assert.deepEqual([...(await mesh.shares(100, broken)).keys()], ['200 v1']);
    assert.deepEqual([...(await mesh.shares(60)).keys()], ['200 v1']);
  },
};

const stickySessions: Scenario = {
  guide: 'sticky-sessions',
  async run(mesh) {
    await mesh.apply('sticky-sessions/by-user.yaml');
    const users = Array.from({ length: 24 }, (_, index) => `user-${index}`);
    const homes = new Set<string>();
    for (const user of users) homes.add(await homeOf(mesh, { 'end-user': user }, users.length));
    assert.deepEqual([...homes].sort(), ['v1', 'v2']);
    await byCookie(mesh);
  },
};

/** The one version that a client meets, whose requests are one part of all: of several connections of customer, and of several requests on each. */
async function homeOf(mesh: GuideMesh, headers: Readonly<Record<string, string>>, clients: number): Promise<string> {
  const count = Math.ceil(ALL / clients);
  const seen = [...(await answersOf(mesh, count, { headers, each: Math.ceil(count / 4) })).keys()];
  assert.equal(seen.length, 1, `${JSON.stringify(headers)} saw ${seen.join(' and ')}`);
  return seen[0] ?? '';
}

const COOKIES = 16;

/** A client without a name gets a cookie with the first answer, and who comes with a cookie always meets the same. */
async function byCookie(mesh: GuideMesh): Promise<void> {
  await mesh.apply('sticky-sessions/by-cookie.yaml');
  const first = await mesh.ask();
  const [given = ''] = [first.headers['set-cookie'] ?? []].flat();
  assert.match(given, /^session="?[^";]+"?; Max-Age=3600/, first.body);
  assert.equal(`200 ${await homeOf(mesh, { cookie: given.split(';')[0] ?? '' }, COOKIES)}`, verdictOf(first));
  const homes = new Set<string>();
  for (let client = 0; client < COOKIES; client++) homes.add(await homeOf(mesh, { cookie: `theme=dark; session=client-${client}` }, COOKIES));
  assert.deepEqual([...homes].sort(), ['v1', 'v2']);
}

export const scenarios: readonly Scenario[] = [faultInjection, timeouts, retries, circuitBreaker, outlierEjection, stickySessions];
