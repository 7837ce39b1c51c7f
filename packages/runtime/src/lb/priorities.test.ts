import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { priorityAt, shareLoad, type Availability } from './priorities.ts';

const level = (healthy: number, total: number, degraded = 0): Availability => ({
  healthy,
  degraded,
  total,
  healthyHosts: healthy,
  degradedHosts: degraded,
  countedHosts: total,
  hosts: total,
});

interface Row {
  readonly levels: readonly (readonly [healthy: number, total: number, degraded?: number])[];
  readonly healthy: readonly number[];
  readonly degraded?: readonly number[];
  readonly panic?: readonly boolean[];
  readonly factor?: number;
  readonly threshold?: number;
  readonly excluded?: ReadonlySet<number>;
}

/** The tables of Envoy's documentation on priorities, degraded hosts and panic, and what lies between. */
const TABLE: readonly Row[] = [
  {
    levels: [
      [100, 100],
      [100, 100],
    ],
    healthy: [100, 0],
  },
  {
    levels: [
      [72, 100],
      [72, 100],
    ],
    healthy: [100, 0],
  },
  {
    levels: [
      [71, 100],
      [71, 100],
    ],
    healthy: [99, 1],
  },
  {
    levels: [
      [50, 100],
      [50, 100],
    ],
    healthy: [70, 30],
  },
  {
    levels: [
      [25, 100],
      [100, 100],
    ],
    healthy: [35, 65],
  },
  {
    levels: [
      [25, 100],
      [25, 100],
    ],
    healthy: [50, 50],
    panic: [true, true],
  },
  {
    levels: [
      [5, 100],
      [5, 100],
      [100, 100],
    ],
    healthy: [7, 7, 86],
  },
  {
    levels: [
      [0, 100],
      [100, 100],
    ],
    healthy: [0, 100],
  },
  {
    levels: [
      [0, 100],
      [0, 100],
    ],
    healthy: [50, 50],
    panic: [true, true],
  },
  {
    levels: [
      [0, 100],
      [0, 300],
    ],
    healthy: [25, 75],
    panic: [true, true],
  },
  {
    levels: [
      [0, 100],
      [0, 100],
    ],
    healthy: [100, 0],
    threshold: 0,
  },
  {
    levels: [
      [5, 100],
      [65, 100],
    ],
    healthy: [8, 92],
    panic: [true, false],
  },
  // Only the whole load that cannot be taken makes a panic.
  {
    levels: [
      [5, 100],
      [100, 100],
    ],
    healthy: [7, 93],
    panic: [false, false],
  },
  { levels: [[0, 100, 100]], healthy: [0], degraded: [100] },
  { levels: [[50, 100, 50]], healthy: [70], degraded: [30] },
  { levels: [[80, 100, 20]], healthy: [100], degraded: [0] },
  {
    levels: [
      [20, 100, 80],
      [100, 100],
    ],
    healthy: [28, 72],
    degraded: [0, 0],
  },
  {
    levels: [
      [50, 100],
      [50, 100],
    ],
    healthy: [100, 0],
    factor: 200,
  },
  {
    levels: [
      [100, 100],
      [100, 100],
    ],
    healthy: [0, 100],
    excluded: new Set([0]),
  },
  {
    levels: [
      [0, 0],
      [10, 10],
    ],
    healthy: [0, 100],
  },
];

test('load by priority', () => {
  for (const { levels, healthy, degraded, panic, factor = 140, threshold = 50, excluded } of TABLE) {
    const loads = shareLoad(
      levels.map((item) => level(...item)),
      factor,
      threshold,
      excluded,
    );
    const name = JSON.stringify(levels);
    assert.deepEqual(loads.healthy, healthy, name);
    assert.deepEqual(loads.degraded, degraded ?? levels.map(() => 0), name);
    if (panic !== undefined) assert.deepEqual(loads.panic, panic, name);
  }
});

test('all together are 100, and each point belongs to somebody who has a share', () => {
  const one = fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50)).map(([healthy, degraded, sick]) => level(healthy, healthy + degraded + sick, degraded));
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 100, max: 300 }),
      fc.integer({ min: 0, max: 100 }),
      (levels, factor, threshold) => {
        const loads = shareLoad(levels, factor, threshold);
        const sum = [...loads.healthy, ...loads.degraded].reduce((total, load) => total + load, 0);
        assert.equal(sum, 100);
        for (const point of [0, 37, 99]) {
          const { index, degraded } = priorityAt(loads, point);
          assert.ok(((degraded ? loads.degraded : loads.healthy)[index] ?? 0) > 0);
        }
      },
    ),
  );
});
