import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from '../compiled.ts';
import { build, hosts } from '../testing/clusters.ts';
import { SharedNumbers, sharedBytes } from '../shared/numbers.ts';
import type { OutlierDetection } from '../types/health.ts';
import { createOutlierDetector, forgetOutlier, type OutlierOutcome } from './outlier.ts';

/** A cluster of so many hosts, on a clock that the test moves. Nobody is so ill that all are asked. */
function detect(detection: object, count = 2, more: object = {}) {
  const clock = { ms: 1_000_000 };
  const config = { outlier_detection: { max_ejection_percent: 100, ...detection }, common_lb_config: { healthy_panic_threshold: {} }, ...more };
  const { made, all } = build(config, [{ lb_endpoints: hosts(count) }], { now: () => clock.ms });
  return {
    all,
    made,
    clock,
    tell(host: Host | undefined, ...outcomes: readonly OutlierOutcome[]): void {
      for (const outcome of outcomes) if (host !== undefined) made.report(host, outcome, clock.ms);
    },
    /** Whose turn it is, for a while. */
    serving(): readonly string[] {
      const seen = new Set<string>();
      for (let at = 0; at < 10 * count; at++) seen.add(made.pick(() => 0.5, clock.ms)?.key ?? 'none');
      return [...seen].sort();
    },
    /** Out at this moment. */
    out: (): readonly boolean[] => all.map((host) => host.ejectedUntilMs > clock.ms),
  };
}

const times = (count: number, outcome: OutlierOutcome): readonly OutlierOutcome[] => Array.from({ length: count }, () => outcome);

interface Row {
  readonly name: string;
  readonly detection: object;
  readonly outcomes: readonly OutlierOutcome[];
  readonly ejected: boolean;
}

const SPLIT = { split_external_local_origin_errors: true, consecutive_5xx: 2, consecutive_gateway_failure: 2, consecutive_local_origin_failure: 2 };

const ROWS: readonly Row[] = [
  { name: 'five by default', detection: {}, outcomes: times(5, 500), ejected: true },
  { name: 'four are not enough', detection: {}, outcomes: times(4, 500), ejected: false },
  { name: 'in a row', detection: { consecutive_5xx: 3 }, outcomes: [500, 500, 200, 500, 500], ejected: false },
  { name: 'a 404 is a success', detection: { consecutive_5xx: 2 }, outcomes: [500, 404, 500], ejected: false },
  { name: 'never by 0', detection: { consecutive_5xx: 0 }, outcomes: times(50, 500), ejected: false },
  { name: 'local errors count as 503', detection: { consecutive_5xx: 3 }, outcomes: ['local', 500, 'timeout'], ejected: true },
  { name: 'a connection says nothing', detection: { consecutive_5xx: 2 }, outcomes: [500, 'connected', 500], ejected: true },
  { name: 'a TCP connection is a success', detection: { consecutive_5xx: 2 }, outcomes: ['local', 'done', 'local'], ejected: false },
  {
    name: 'gateway errors',
    detection: { consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 },
    outcomes: [502, 504],
    ejected: true,
  },
  {
    name: 'a 500 between is no gateway error',
    detection: { consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 },
    outcomes: [502, 500, 503],
    ejected: false,
  },
  {
    name: 'gateway errors are not enforced unless asked for',
    detection: { consecutive_gateway_failure: 2 },
    outcomes: times(4, 503),
    ejected: false,
  },
  { name: 'split: local errors apart', detection: SPLIT, outcomes: ['local', 'timeout'], ejected: true },
  { name: 'split: a connection ends the row', detection: SPLIT, outcomes: ['local', 'connected', 'local'], ejected: false },
  { name: 'split: neither adds to the other', detection: SPLIT, outcomes: [500, 'local'], ejected: false },
  {
    name: 'split: local errors may go unenforced',
    detection: { ...SPLIT, enforcing_consecutive_local_origin_failure: 0 },
    outcomes: times(9, 'local'),
    ejected: false,
  },
];

for (const { name, detection, outcomes, ejected } of ROWS) {
  test(name, () => {
    const { all, tell, out, serving } = detect(detection);
    tell(all[0], ...outcomes);
    assert.deepEqual(out(), [ejected, false]);
    assert.equal(serving().includes('10.0.0.1:80'), !ejected);
  });
}

test('out for a base time, longer each time, and shorter again after good intervals', () => {
  const { all, tell, clock } = detect({ consecutive_5xx: 1, interval: '10s', base_ejection_time: '30s', max_ejection_time: '100s' });
  const [bad] = all as readonly [Host];
  const durations: number[] = [];
  const eject = (): void => {
    tell(bad, 500);
    durations.push(bad.ejectedUntilMs - clock.ms);
    clock.ms = bad.ejectedUntilMs;
    tell(bad, 200);
  };
  for (let at = 0; at < 5; at++) eject();
  assert.deepEqual(durations, [30_000, 60_000, 90_000, 100_000, 100_000]);
  // Each interval without ejection takes one base time off.
  clock.ms += 40_000;
  tell(bad, 200);
  eject();
  assert.ok((durations[5] ?? 0) >= 60_000 && (durations[5] ?? 0) <= 70_000, `to the end of an interval: ${durations[5]}`);
  clock.ms += 300_000;
  tell(bad, 200);
  eject();
  assert.ok(Math.abs((durations[6] ?? 0) - 30_000) <= 10_000, `as at first, to the end of an interval: ${durations[6]}`);
});

test('the jitter is no longer than said', () => {
  const { all, tell, clock } = detect({ consecutive_5xx: 1, interval: '1s', base_ejection_time: '30s', max_ejection_time_jitter: '10s' });
  tell(all[0], 500);
  const ms = (all[0]?.ejectedUntilMs ?? 0) - clock.ms;
  assert.ok(ms >= 30_000 && ms <= 41_000, String(ms));
});

test('no more hosts than so many percent, and one in any case if so wished', () => {
  const half = detect({ consecutive_5xx: 1, max_ejection_percent: 50 }, 4);
  for (const host of half.all) half.tell(host, 500);
  assert.deepEqual(half.out(), [true, true, false, false]);
  const tenth = detect({ consecutive_5xx: 1, max_ejection_percent: 10 }, 4);
  for (const host of tenth.all) tenth.tell(host, 500);
  assert.deepEqual(tenth.out(), [false, false, false, false]);
  const one = detect({ consecutive_5xx: 1, max_ejection_percent: 10, always_eject_one_host: true }, 4);
  for (const host of one.all) one.tell(host, 500);
  assert.deepEqual(one.out(), [true, false, false, false]);
});

test('success rate: who is far below the others', () => {
  const { all, tell, out, clock, made } = detect({ consecutive_5xx: 0, interval: '10s', success_rate_stdev_factor: 1000 }, 6);
  tell(all[0], 200);
  all.forEach((host, index) => tell(host, ...times(index === 5 ? 60 : 99, 200), ...times(index === 5 ? 40 : 1, 500)));
  assert.deepEqual(
    out(),
    all.map(() => false),
    'not before the interval ends',
  );
  clock.ms += 10_000;
  made.pick(() => 0, clock.ms);
  assert.deepEqual(out(), [false, false, false, false, false, true]);
});

test('success rate: too few requests, or too few hosts that have enough', () => {
  for (const detection of [{ success_rate_request_volume: 101 }, { success_rate_minimum_hosts: 7 }, { enforcing_success_rate: 0 }]) {
    const { all, tell, out, clock, made } = detect({ consecutive_5xx: 0, interval: '10s', success_rate_stdev_factor: 1000, ...detection }, 6);
    all.forEach((host, index) => tell(host, ...times(index === 5 ? 60 : 100, 200), ...times(index === 5 ? 40 : 0, 500)));
    clock.ms += 10_000;
    made.pick(() => 0, clock.ms);
    assert.deepEqual(
      out(),
      all.map(() => false),
      JSON.stringify(detection),
    );
  }
});

test('failure percentage: who fails as often as that', () => {
  const detection = {
    consecutive_5xx: 0,
    interval: '10s',
    enforcing_success_rate: 0,
    enforcing_failure_percentage: 100,
    failure_percentage_threshold: 40,
  };
  const { all, tell, out, clock, made } = detect(detection, 5);
  all.forEach((host, index) => tell(host, ...times(100 - 10 * (index + 1), 200), ...times(10 * (index + 1), 500)));
  clock.ms += 10_000;
  made.pick(() => 0, clock.ms);
  assert.deepEqual(out(), [false, false, false, true, true]);
});

test('local success rate has its own window and its own enforcement', () => {
  const detection = {
    split_external_local_origin_errors: true,
    consecutive_5xx: 0,
    consecutive_local_origin_failure: 0,
    interval: '10s',
    success_rate_stdev_factor: 1000,
  };
  const run = (more: object): readonly boolean[] => {
    const { all, tell, out, clock, made } = detect({ ...detection, ...more }, 6);
    all.forEach((host, index) => tell(host, ...times(index === 2 ? 50 : 100, 'connected'), ...times(index === 2 ? 50 : 0, 'local')));
    clock.ms += 10_000;
    made.pick(() => 0, clock.ms);
    return out();
  };
  assert.deepEqual(run({}), [false, false, true, false, false, false]);
  assert.deepEqual(run({ enforcing_local_origin_success_rate: 0 }), [false, false, false, false, false, false]);
});

test('a passed active check ends an ejection, unless told otherwise', () => {
  const check = { health_checks: [{ timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} }] };
  for (const wanted of [true, false]) {
    const { all, tell, out, made, clock } = detect({ consecutive_5xx: 1, successful_active_health_check_uneject_host: wanted }, 2, check);
    for (const host of all) made.checked(host, 'healthy', clock.ms);
    tell(all[0], 500);
    assert.deepEqual(out(), [true, false]);
    made.checkPassed(all[0] as Host, clock.ms);
    assert.deepEqual(out(), [!wanted, false]);
  }
});

/** One host as two threads see it. */
function twoThreads(detection: object) {
  const shared = new SharedNumbers(new SharedArrayBuffer(sharedBytes(16)));
  const config = decodeOutlierOf(detection);
  return [0, 1].map(() => {
    const [host] = detect({}, 1).all;
    assert.ok(host !== undefined);
    return {
      host,
      detector: createOutlierDetector(
        config,
        () => [host],
        () => 0.5,
        { startMs: 0, shared },
      ),
    };
  });
}

const decodeOutlierOf = (detection: object): OutlierDetection => {
  const { outlier } = detect(detection, 1).made.config;
  assert.ok(outlier !== undefined);
  return outlier;
};

test('threads count a row together, also on one that has passed checks and intervals before its first request', () => {
  const [one, other] = twoThreads({ consecutive_5xx: 3 });
  assert.ok(one !== undefined && other !== undefined);
  // Intervals pass without a request, on both.
  for (const { host, detector } of [one, other]) {
    detector.checkPassed(host, 0);
    detector.advance(60_000);
  }
  one.detector.report(one.host, 500, 60_000);
  one.detector.report(one.host, 500, 60_000);
  assert.equal(other.detector.report(other.host, 500, 60_000), true);
});

test('a row that other rules have counted is forgotten by all threads', () => {
  const [one, other] = twoThreads({ consecutive_5xx: 3 });
  assert.ok(one !== undefined && other !== undefined);
  one.detector.report(one.host, 500, 0);
  other.detector.report(other.host, 500, 0);
  forgetOutlier(one.host);
  forgetOutlier(other.host);
  assert.equal(one.detector.report(one.host, 500, 0), false);
  assert.equal(other.detector.report(other.host, 500, 0), false);
});

/** Six of ten requests of an interval that fail are too many. */
const BY_SHARE = {
  consecutive_5xx: 0,
  interval: '10s',
  max_ejection_percent: 100,
  enforcing_failure_percentage: 100,
  failure_percentage_minimum_hosts: 1,
  failure_percentage_request_volume: 10,
  failure_percentage_threshold: 60,
};

test('threads count the requests of an interval together, and one of them looks at it', () => {
  const [one, other] = twoThreads(BY_SHARE);
  assert.ok(one !== undefined && other !== undefined);
  const requests = (errors: number, nowMs: number): void => {
    for (let at = 0; at < 5; at++) {
      one.detector.report(one.host, at < errors ? 500 : 200, nowMs);
      other.detector.report(other.host, at < errors ? 500 : 200, nowMs);
    }
  };
  requests(2, 1_000);
  assert.deepEqual([other.detector.advance(10_000), one.detector.advance(10_500)], [false, false], '4 of 10 are not 60 %');
  requests(3, 12_000);
  assert.deepEqual([one.detector.advance(20_000), other.detector.advance(20_100)], [true, false], '6 of 10 are, for the thread that looks first');
  assert.ok(one.host.ejectedUntilMs > 20_000 && other.host.ejectedUntilMs === 0, 'the other hears of it as of every ejection');
  one.host.ejectedUntilMs = 0;
  assert.deepEqual([one.detector.advance(30_000), other.detector.advance(30_000)], [false, false], 'every interval begins anew');
  // The other rules count anew.
  forgetOutlier(one.host);
  forgetOutlier(other.host);
  one.detector.report(one.host, 500, 31_000);
  assert.equal(one.detector.advance(40_000), false);
});

test('the thread that looks at an interval knows of hosts that only others have called', () => {
  const [one, other] = twoThreads(BY_SHARE);
  assert.ok(one !== undefined && other !== undefined);
  const requests = (count: number, status: number, nowMs: number): void => {
    for (let at = 0; at < count; at++) other.detector.report(other.host, status, nowMs);
  };
  requests(100, 200, 1_000);
  assert.equal(one.detector.advance(10_000), false);
  // What was good in the interval before counts no more.
  requests(10, 500, 12_000);
  assert.equal(one.detector.advance(20_000), true);
});
