import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import type { DnsCache } from '@meltemi/runtime';
import { Counters } from '../stats/counters.ts';
import { Faults } from '../core/faults.ts';
import { TimerWheel } from '../core/timer-wheel.ts';
import { NameCache, type NameAnswer } from './dns-cache.ts';
import { parseHosts, createResolve } from './resolve-name.ts';

const CONFIG: DnsCache = {
  name: 'c',
  family: 'v4',
  refreshMs: 60_000,
  minRefreshMs: 5_000,
  hostTtlMs: 30_000,
  maxHosts: 2,
  maxPending: 2,
  queryTimeoutMs: 1_000,
  servers: [],
  preresolve: [],
};

/** A clock that is moved by hand. */
function manualTime() {
  let now = 0;
  const waiting = new Set<{ readonly at: number; readonly run: () => void }>();
  const wheel = new TimerWheel(
    { now: () => now, monotonic: () => now },
    {
      after(delayMs, run) {
        const item = { at: now + delayMs, run };
        waiting.add(item);
        return { cancel: () => void waiting.delete(item) };
      },
    },
  );
  const pass = async (ms: number): Promise<void> => {
    const end = now + ms;
    for (;;) {
      const next = [...waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      now = Math.max(now, next.at);
      waiting.delete(next);
      next.run();
      await settled();
    }
    now = end;
  };
  return { wheel, pass, random: () => 1, faults: new Faults(silentLog, new Counters(), () => {}) };
}

/** Promises that are resolved have run. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function startCache(more: Partial<DnsCache> = {}) {
  const time = manualTime();
  const asked: string[] = [];
  const world = { address: '10.0.0.1', ttl: 10, fails: '', silent: false };
  const cache = new NameCache(
    { ...CONFIG, ...more },
    async (name) => {
      asked.push(name);
      if (world.silent) return new Promise(() => {});
      if (world.fails !== '') throw Object.assign(new Error(), { code: world.fails });
      return [{ address: world.address, ttl: world.ttl }];
    },
    time,
  );
  const ask = async (name: string): Promise<NameAnswer | undefined> => {
    let answer: NameAnswer | undefined;
    cache.load(name, (given) => (answer = given));
    await settled();
    return answer;
  };
  return { ...time, cache, asked, world, ask };
}

test('a name is asked for once, and again when its time to live is over', async () => {
  const c = startCache();
  assert.deepEqual(await c.ask('a.example'), { t: 'address', address: '10.0.0.1' });
  assert.deepEqual(await c.ask('10.9.9.9'), { t: 'address', address: '10.9.9.9' });
  assert.deepEqual(c.asked, ['a.example']);
  c.world.address = '10.0.0.2';
  await c.pass(11_000);
  assert.deepEqual(await c.ask('a.example'), { t: 'address', address: '10.0.0.2' });
  c.world.ttl = 0;
  await c.pass(11_000);
  const before = c.asked.length;
  await c.ask('a.example');
  await c.pass(2_000);
  assert.equal(c.asked.length, before, 'not again at once, whatever the time to live');
});

test('an address stays while its server fails; a name that nobody asks for is forgotten', async () => {
  const c = startCache();
  await c.ask('a.example');
  c.world.fails = 'ESERVFAIL';
  await c.pass(12_000);
  assert.deepEqual(await c.ask('a.example'), { t: 'address', address: '10.0.0.1' });
  await c.pass(120_000);
  assert.deepEqual(await c.ask('a.example'), { t: 'failed', reason: 'cares_failure:DNS_server_returned_general_failure' });
});

test('a failure is remembered until its time, and no longer', async () => {
  const c = startCache({ failure: { baseMs: 100, maxMs: 1_000 } });
  c.world.fails = 'ENOTFOUND';
  assert.deepEqual(await c.ask('a.example'), { t: 'failed', reason: 'cares_norecords:Domain_name_not_found' });
  c.world.fails = '';
  assert.equal((await c.ask('a.example'))?.t, 'failed');
  await c.pass(300);
  assert.equal((await c.ask('a.example'))?.t, 'address');
});

test('there is a bound of names, of waiting requests, and of time', async () => {
  const c = startCache();
  c.world.silent = true;
  const answers: NameAnswer[] = [];
  const giveUp = c.cache.load('a.example', (answer) => void answers.push(answer));
  c.cache.load('a.example', (answer) => void answers.push(answer));
  assert.deepEqual(await c.ask('b.example'), { t: 'overflow', of: 'waiting' });
  giveUp?.();
  c.cache.load('b.example', (answer) => void answers.push(answer));
  assert.deepEqual(await c.ask('a.example'), { t: 'overflow', of: 'waiting' });
  await c.pass(1_100);
  assert.deepEqual(answers, [
    { t: 'failed', reason: 'resolve_timeout' },
    { t: 'failed', reason: 'resolve_timeout' },
  ]);
  assert.deepEqual(await c.ask('c.example'), { t: 'overflow', of: 'names' });
});

test('names of the loopback and of the file of hosts need no server', async () => {
  const resolve = createResolve([{ address: '127.0.0.1', port: 1 }]);
  assert.deepEqual(await resolve('localhost', 4), [{ address: '127.0.0.1', ttl: 60 }]);
  assert.deepEqual(await resolve('x.LOCALHOST', 6), [{ address: '::1', ttl: 60 }]);
  await assert.rejects(resolve('other.example', 4));
  assert.deepEqual(
    parseHosts('127.0.0.1 a B # c\n\n::1\ta\nnonsense d'),
    new Map([
      ['a', ['127.0.0.1', '::1']],
      ['b', ['127.0.0.1']],
    ]),
  );
});

test('who gives up while others are being told hears nothing; one that fails does not keep the others waiting', async () => {
  const c = startCache({ maxPending: 3 });
  const told: string[] = [];
  let giveUp: (() => void) | undefined;
  c.cache.load('a.example', () => {
    told.push('first');
    giveUp?.();
    throw new Error('injected');
  });
  giveUp = c.cache.load('a.example', () => void told.push('second'));
  c.cache.load('a.example', () => void told.push('third'));
  await settled();
  assert.deepEqual(told, ['first', 'third']);
  c.world.silent = true;
  for (let at = 0; at < 3; at++)
    assert.ok(
      c.cache.load('b.example', () => {}),
      'nobody is counted who waits no more',
    );
});
