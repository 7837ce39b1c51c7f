import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host, PickWish } from '../compiled.ts';
import { criteriaOf } from './subsets.ts';
import { build, endpoint, hosts, isPlausible, NAME, spread } from '../testing/clusters.ts';
import { cluster, endpoints, sequence } from '../testing/samples.ts';

const sick = { health_status: 'UNHEALTHY' };

test('random: each its share', () => {
  const { made } = build({ lb_policy: 'RANDOM' }, [{ lb_endpoints: hosts(5) }]);
  const counts = spread(made, 20_000);
  for (let host = 1; host <= 5; host++) assert.ok(isPlausible(counts[host], 20_000, 0.2), JSON.stringify(counts));
});

test('least request: two choices favour who has less to do; a full scan finds the least', () => {
  const { made, all } = build({ lb_policy: 'LEAST_REQUEST' }, [{ lb_endpoints: hosts(4) }]);
  (all[0] as Host).active = 100;
  // Two different hosts are drawn: the busy one is never the better one.
  assert.deepEqual(spread(made, 1000)[1], undefined);
  const three = build({ lb_policy: 'LEAST_REQUEST', least_request_lb_config: { choice_count: 3 } }, [{ lb_endpoints: hosts(4) }]);
  three.all.forEach((host, index) => (host.active = index === 3 ? 0 : 1));
  // Missed when the first is another and two more draws miss it too.
  assert.ok((spread(three.made, 4000)[4] ?? 0) > 2000);
});

test('least request by weight: a weight shrinks with what is in flight', () => {
  const { made, all } = build({ lb_policy: 'LEAST_REQUEST' }, [
    { lb_endpoints: [endpoint('10.0.0.1', { load_balancing_weight: 3 }), endpoint('10.0.0.2')] },
  ]);
  (all[0] as Host).active = 2;
  const counts = spread(made, 1000);
  assert.ok(Math.abs((counts[1] ?? 0) - 500) <= 2, JSON.stringify(counts));
  const biased = build({ lb_policy: 'LEAST_REQUEST', least_request_lb_config: { active_request_bias: { default_value: 0, runtime_key: 'x' } } }, [
    { lb_endpoints: [endpoint('10.0.0.1', { load_balancing_weight: 3 }), endpoint('10.0.0.2')] },
  ]);
  (biased.all[0] as Host).active = 2;
  assert.ok(Math.abs((spread(biased.made, 1000)[1] ?? 0) - 750) <= 2, 'without a bias the weight stays');
});

test('peak EWMA: a slow answer counts at once, and is forgotten by and by', () => {
  const { made, all } = build({ metadata: { filter_metadata: { 'meltemi.io': { lb: 'peak-ewma' } } }, lb_policy: 'LEAST_REQUEST' }, [
    { lb_endpoints: hosts(2) },
  ]);
  const [fast, slow] = all as readonly [Host, Host];
  for (let at = 0; at < 20; at++) made.observe(fast, 5, 1000);
  made.observe(slow, 500, 1000);
  assert.deepEqual(spread(made, 200, { nowMs: 1000 }), { 1: 200 });
  fast.active = 200;
  assert.deepEqual(spread(made, 200, { nowMs: 1000 }), { 2: 200 }, 'what waits there counts as well');
  fast.active = 0;
  const later = spread(made, 200, { nowMs: 300_000 });
  assert.ok((later[2] ?? 0) > 0, 'a host that was slow once is tried again');
});

test('slow start: a new host gets a share that grows with time', () => {
  let nowMs = 0;
  const { state, made } = build({ round_robin_lb_config: { slow_start_config: { slow_start_window: '100s' } } }, [{ lb_endpoints: hosts(1) }], {
    now: () => nowMs,
  });
  spread(made, 1, { nowMs });
  nowMs = 1_000_000;
  state.apply({ endpoints: [endpoints({ cluster_name: NAME, endpoints: [{ lb_endpoints: hosts(2) }] })] });
  const share = (atMs: number): number => (spread(state.cluster(NAME)!, 1100, { nowMs: nowMs + atMs })[2] ?? 0) / 1100;
  assert.ok(Math.abs(share(0) - 0.1 / 1.1) < 0.01, `at first a tenth of the weight, ${share(0)}`);
  assert.ok(Math.abs(share(50_000) - 0.5 / 1.5) < 0.01, `half the time, half the weight, ${share(50_000)}`);
  assert.ok(Math.abs(share(100_000) - 0.5) < 0.01);
});

test('slow start: aggression bends the line, and the least share holds', () => {
  let nowMs = 0;
  const slow_start_config = { slow_start_window: '100s', aggression: { default_value: 2, runtime_key: 'x' }, min_weight_percent: { value: 30 } };
  const { state, made } = build({ lb_policy: 'LEAST_REQUEST', least_request_lb_config: { slow_start_config } }, [{ lb_endpoints: hosts(1) }], {
    now: () => nowMs,
  });
  spread(made, 1, { nowMs });
  nowMs = 1_000_000;
  state.apply({ endpoints: [endpoints({ cluster_name: NAME, endpoints: [{ lb_endpoints: hosts(2) }] })] });
  const share = (atMs: number): number => (spread(state.cluster(NAME)!, 2000, { nowMs: nowMs + atMs })[2] ?? 0) / 2000;
  assert.ok(Math.abs(share(1000) - 0.3 / 1.3) < 0.01);
  assert.ok(Math.abs(share(25_000) - 0.5 / 1.5) < 0.01, 'a quarter of the time, by the square root');
});

const RINGS = ['RING_HASH', 'MAGLEV'] as const;
const wishFor = (hash: bigint, more: object = {}): PickWish => ({ hash, ...more });
const hashes = (count: number): readonly bigint[] => {
  const random = sequence(77);
  return Array.from({ length: count }, () => (BigInt(Math.floor(random() * 2 ** 31)) << 33n) | BigInt(Math.floor(random() * 2 ** 31)));
};

for (const lb_policy of RINGS) {
  test(`${lb_policy}: one key, one host; few keys move when a host goes`, () => {
    const size = { ring_hash_lb_config: { minimum_ring_size: 4096 } };
    const before = build({ lb_policy, ...(lb_policy === 'RING_HASH' ? size : {}) }, [{ lb_endpoints: hosts(10) }]).made;
    const after = build({ lb_policy, ...(lb_policy === 'RING_HASH' ? size : {}) }, [{ lb_endpoints: hosts(9) }]).made;
    const keys = hashes(5000);
    const pick = (made: typeof before, hash: bigint): string => made.pick(() => 0.5, 0, wishFor(hash))?.key ?? '';
    const moved = keys.filter((key) => pick(before, key) !== '10.0.0.10:80' && pick(before, key) !== pick(after, key)).length;
    assert.ok(moved / keys.length < (lb_policy === 'RING_HASH' ? 0.12 : 0.06), `${moved} of ${keys.length} moved`);
    for (let host = 1; host <= 10; host++) {
      const count = keys.filter((key) => pick(before, key) === `10.0.0.${host}:80`).length;
      assert.ok(count > 300 && count < 700, `${host}: ${count}`);
    }
  });

  test(`${lb_policy}: weights are shares of the keys`, () => {
    const { made } = build({ lb_policy }, [{ lb_endpoints: hosts(3, (index) => ({ load_balancing_weight: index + 1 })) }]);
    const counts: Record<string, number> = {};
    for (const hash of hashes(6000)) {
      const key = made.pick(() => 0, 0, wishFor(hash))?.key ?? '';
      counts[key] = (counts[key] ?? 0) + 1;
    }
    for (let host = 1; host <= 3; host++) assert.ok(Math.abs((counts[`10.0.0.${host}:80`] ?? 0) - host * 1000) < 250, JSON.stringify(counts));
  });

  test(`${lb_policy}: with bounded load a key whose host is full goes to one other`, () => {
    const { made, all, state } = build({ lb_policy, common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 150 } } }, [
      { lb_endpoints: hosts(4) },
    ]);
    const [key = 0n] = hashes(1);
    const home = made.pick(() => 0, 0, wishFor(key)) as Host;
    home.active = 10;
    const usage = state.cluster(NAME)!.breakers.default.usage;
    usage.requests = 10;
    const second = made.pick(() => 0, 0, wishFor(key));
    assert.notEqual(second, home);
    for (let at = 0; at < 20; at++)
      assert.equal(
        made.pick(() => at / 20, 0, wishFor(key)),
        second,
        'the same other one each time',
      );
    for (const host of all) host.active = host === home ? 10 : 30;
    usage.requests = 100;
    assert.equal(
      made.pick(() => 0, 0, wishFor(key)),
      home,
      'its share of a hundred is more than ten',
    );
  });
}

test('a retry avoids hosts as long as there are others', () => {
  const { made, all } = build({}, [{ lb_endpoints: hosts(3) }]);
  const rejects = (host: Host): boolean => host === all[0] || host === all[1];
  assert.deepEqual(spread(made, 50, { wish: { rejects, attempts: 1 } }), { 3: 50 });
  assert.equal(Object.keys(spread(made, 50, { wish: { rejects: () => true, attempts: 5 } })).length, 3, 'nobody is left: anybody will do');
});

test('a retry avoids priorities as long as there are others', () => {
  const { made } = build({}, [
    { lb_endpoints: hosts(1) },
    { priority: 1, lb_endpoints: hosts(1, undefined, '10.0.1').map(() => endpoint('10.0.1.7')) },
  ]);
  assert.deepEqual(spread(made, 20), { 1: 20 });
  assert.deepEqual(spread(made, 20, { wish: { triedPriorities: new Set([0]) } }), { 7: 20 });
  assert.deepEqual(spread(made, 20, { wish: { triedPriorities: new Set([0, 1]) } }), { 1: 20 });
});

test('the host of a session, as long as it is fit for it', () => {
  const { made, all } = build({}, [{ lb_endpoints: hosts(3, (index) => (index === 1 ? sick : {})) }]);
  const wish = (address: string, strict = false): PickWish => ({ override: { address, strict } });
  assert.deepEqual(spread(made, 10, { wish: wish('10.0.0.3:80') }), { 3: 10 });
  assert.equal(spread(made, 10, { wish: wish('10.0.0.2:80') })[2], undefined, 'a sick host is nobody’s session');
  assert.deepEqual(spread(made, 10, { wish: wish('10.0.0.2:80', true) }), { none: 10 });
  assert.deepEqual(spread(made, 10, { wish: wish('10.0.0.9:80', true) }), { none: 10 });
  assert.equal(all.length, 3);
});

interface SubsetRow {
  readonly config: object;
  readonly wanted?: object;
  readonly expected: readonly number[];
}

const SELECTORS = [{ keys: ['version'] }, { keys: ['stage', 'version'] }];
const tagged = hosts(4, (index) => ({
  metadata: { filter_metadata: { 'envoy.lb': { version: index < 2 ? 1 : 2, stage: index % 2 === 0 ? 'prod' : 'test', colours: ['red', 'blue'] } } },
}));

const SUBSETS: readonly SubsetRow[] = [
  { config: { subset_selectors: SELECTORS }, wanted: { version: 1 }, expected: [1, 2] },
  { config: { subset_selectors: SELECTORS }, wanted: { version: 2, stage: 'test' }, expected: [4] },
  { config: { subset_selectors: SELECTORS }, wanted: { version: '1' }, expected: [] },
  { config: { subset_selectors: SELECTORS }, wanted: { stage: 'test' }, expected: [] },
  { config: { subset_selectors: SELECTORS }, expected: [] },
  { config: { subset_selectors: SELECTORS, fallback_policy: 'ANY_ENDPOINT' }, expected: [1, 2, 3, 4] },
  { config: { subset_selectors: SELECTORS, fallback_policy: 'DEFAULT_SUBSET', default_subset: { stage: 'prod' } }, expected: [1, 3] },
  {
    config: { subset_selectors: SELECTORS, fallback_policy: 'DEFAULT_SUBSET', default_subset: { stage: 'prod' } },
    wanted: { version: 9 },
    expected: [1, 3],
  },
  {
    config: { subset_selectors: [{ keys: ['version'], fallback_policy: 'NO_FALLBACK' }], fallback_policy: 'ANY_ENDPOINT' },
    wanted: { version: 9 },
    expected: [],
  },
  {
    config: {
      subset_selectors: [{ keys: ['version'] }, { keys: ['stage', 'version'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['version'] }],
    },
    wanted: { version: 1, stage: 'canary' },
    expected: [1, 2],
  },
  { config: { subset_selectors: [{ keys: ['colours'] }], list_as_any: true }, wanted: { colours: 'blue' }, expected: [1, 2, 3, 4] },
  { config: { subset_selectors: [{ keys: ['colours'] }] }, wanted: { colours: 'blue' }, expected: [] },
  { config: { subset_selectors: [{ keys: ['stage'], single_host_per_subset: true }] }, wanted: { stage: 'prod' }, expected: [1] },
  {
    config: { subset_selectors: SELECTORS, metadata_fallback_policy: 'FALLBACK_LIST' },
    wanted: { fallback_list: [{ version: 7 }, { version: 2 }] },
    expected: [3, 4],
  },
];

test('subsets and their fallbacks', () => {
  for (const { config, wanted, expected } of SUBSETS) {
    const { made } = build({ lb_subset_config: config }, [{ lb_endpoints: tagged }]);
    const counts = spread(made, 100, wanted === undefined ? {} : { wish: { criteria: criteriaOf(wanted as never) } });
    const found = Object.keys(counts).filter((key) => key !== 'none');
    assert.deepEqual(found.map(Number).sort(), expected, `${JSON.stringify(config)} ${JSON.stringify(wanted)}`);
  }
});

test('zones: what fits stays at home, the rest goes where there is room', () => {
  const zones = (counts: readonly number[], net: string): readonly object[] =>
    counts.map((count, index) => ({
      locality: { zone: `z${index}` },
      lb_endpoints: Array.from({ length: count }, (_, at) => endpoint(`${net}.${index}.${at + 1}`)),
    }));
  const run = (callers: readonly number[], upstream: readonly number[], own = 0): readonly number[] => {
    const { state, made } = build({ common_lb_config: { zone_aware_lb_config: { min_cluster_size: 1 } } }, zones(upstream, '10.1'), {
      local: { cluster: 'me', locality: { region: '', zone: `z${own}`, subZone: '' } },
    });
    state.apply({
      clusters: [cluster({ name: 'me', type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } })],
      endpoints: [endpoints({ cluster_name: 'me', endpoints: zones(callers, '10.2') })],
    });
    const random = sequence(5);
    const counts = upstream.map(() => 0);
    for (let at = 0; at < 6000; at++) counts[Number(/^10\.1\.(\d)/.exec(made.pick(random, 0)?.key ?? '')?.[1])]!++;
    return counts.map((count) => count / 6000);
  };
  assert.deepEqual(run([1, 1], [1, 1]), [1, 0], 'equal shares: all stay');
  const [home = 0, away = 0] = run([2, 1], [1, 2]);
  assert.ok(Math.abs(home - 0.5) < 0.04 && Math.abs(away - 0.5) < 0.04, `two thirds of the callers, one third of the hosts: ${home}`);
  assert.deepEqual(run([1, 2], [2, 1]), [1, 0], 'room enough at home');
  const none = run([1, 1, 1], [0, 2, 1]);
  assert.equal(none[0], 0);
});

test('panic takes all hosts, and may be told to fail', () => {
  const three = hosts(3, (index) => (index > 0 ? sick : {}));
  assert.equal(Object.keys(spread(build({}, [{ lb_endpoints: three }]).made, 30)).length, 3);
  const failing = { common_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true } } };
  assert.deepEqual(spread(build(failing, [{ lb_endpoints: three }]).made, 30), { none: 30 });
});
