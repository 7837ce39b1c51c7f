import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml, type Config } from '@meltemi/api';
import { silentLog } from '@meltemi/base';
import { DEFAULT_MESH_CONFIG } from '@meltemi/model';
import { createMemoryStore, createMesh } from '../index.ts';
import { manualTime } from '../testdata/ports.ts';

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
