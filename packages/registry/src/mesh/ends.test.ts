import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml, type Config } from '@meltemi/api';
import { silentLog } from '@meltemi/base';
import { DEFAULT_MESH_CONFIG } from '@meltemi/model';
import { createMemoryStore, createMesh } from '../index.ts';
import { manualTime } from '../testdata/ports.ts';
import { createEnds } from './ends.ts';

const faulty = (ttl: string, status: number): Config => {
  const { configs, problems } = decodeYaml(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: v, namespace: a, annotations: { meltemi.io/ttl: ${ttl} } }
spec: { hosts: [x], http: [{ fault: { abort: { httpStatus: ${status}, percentage: { value: 100 } } }, route: [{ destination: { host: x } }] }] }
`);
  assert.deepEqual(problems, []);
  return configs[0] as Config;
};

test('a VirtualService with a life of its own is in force that long after its last change; applying it again without a change is none', async () => {
  const time = manualTime();
  const configs = createMemoryStore({ clock: time });
  const mesh = await createMesh({
    configs,
    mesh: DEFAULT_MESH_CONFIG,
    timers: time,
    log: silentLog,
    clock: { now: () => time.now(), monotonic: () => time.now() },
  });
  const inForce = (): number => {
    mesh.settle();
    return mesh.state.push.inputs.configs.length;
  };
  await configs.put(faulty('30s', 503));
  assert.equal(inForce(), 1);
  time.advance(29_000);
  assert.equal((await configs.put(faulty('30s', 503))).t, 'unchanged');
  assert.equal(inForce(), 1);
  time.advance(2_100);
  assert.equal(inForce(), 0);
  assert.equal((await configs.put(faulty('30s', 500))).t, 'configured');
  assert.equal(inForce(), 1);
  time.advance(31_100);
  assert.equal(inForce(), 0);
  await mesh.close();
});

test('of many objects only one that ends sooner than all others sets the timer anew', () => {
  const time = manualTime();
  const waits: number[] = [];
  const after = (delayMs: number, run: () => void) => (waits.push(delayMs), time.after(delayMs, run));
  const ends = createEnds({ clock: time, timers: { after } });
  const over: string[] = [];
  ends.onEnd = (keys) => over.push(...keys);
  const until = (ms: number) => {
    const config = faulty('1h', 503);
    return { ...config, meta: { ...config.meta, annotations: { 'meltemi.io/expires': new Date(time.now() + ms).toISOString() } } };
  };
  for (const ms of [9_000, 9_000, 8_000, 20_000, 3_000, 5_000]) ends.isOver(String(waits.length) + ms, until(ms));
  assert.deepEqual(waits, [9_000, 8_000, 3_000]);
  time.advance(9_000);
  assert.equal(over.length, 5);
  ends.close();
  assert.equal(time.waiting, 0);
});
