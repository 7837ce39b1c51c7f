/** The guide on outlier ejection with the figures of production: what the caller's proxy makes of `seven-errors.yaml`, on a clock that is moved. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { configKey, decodeYaml } from '@meltemi/api';
import { TYPE_URL } from '@meltemi/protos-types';
import { createRuntimeState, decodeCluster, decodeEndpoint, type CompiledCluster, type Decoded } from '@meltemi/runtime';
import { createTranslator } from '@meltemi/translate';
import { meshOf } from './mesh.ts';
import { another } from './testing/shop.ts';

const SAMPLES = new URL('../../../samples/', import.meta.url);
const MINUTE_MS = 60_000;
const BROKEN = '10.3.2.4:8080';

/** `recommendation` as the proxy of `preference` has it. */
function recommendation(clock: { readonly ms: number }): CompiledCluster {
  const configs = ['chain/mesh.yaml', 'guides/outlier-ejection/seven-errors.yaml'].flatMap((file) => {
    const { configs: read, problems } = decodeYaml(readFileSync(new URL(file, SAMPLES), 'utf8'), { file });
    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error'),
      [],
    );
    return read;
  });
  const link = (name: string, address: string) => another(name, address, { namespace: 'chain', ports: [{ number: 8080, protocol: 'http' }] });
  const workloads = [link('preference-v1', '10.3.2.2'), link('recommendation-v1', '10.3.2.3'), link('recommendation-v2', '10.3.2.4')];
  const mesh = meshOf({ configs: [...new Map(configs.map((config) => [configKey(config), config])).values()], workloads });
  const node = mesh.nodes.get('chain/preference-v1');
  assert.ok(node !== undefined);
  const translator = createTranslator();
  const read = <T>(typeUrl: string, decode: (json: unknown) => Decoded<T>): readonly T[] =>
    [...translator.generate(node, typeUrl, '*', mesh.state).values()].map(({ json }) => {
      const decoded = decode(json);
      assert.ok(decoded.ok);
      return decoded.value;
    });
  const state = createRuntimeState(() => 0.5, { now: () => clock.ms });
  state.apply({ clusters: read(TYPE_URL.cluster, decodeCluster), endpoints: read(TYPE_URL.endpoint, decodeEndpoint) });
  const cluster = state.cluster('outbound|8080||recommendation.chain.svc.cluster.local');
  assert.ok(cluster !== undefined);
  return cluster;
}

test('seven errors in a row: out at once, for 15 minutes, then 30, 45 and 60, until the scan of every five minutes that finds them over', () => {
  const clock = { ms: 0 };
  const cluster = recommendation(clock);
  const serving = (): readonly string[] => {
    const seen = new Set<string>();
    for (let at = 0; at < 40; at++) seen.add(cluster.pick(() => (at % 10) / 10, clock.ms)?.key ?? 'none');
    return [...seen].sort();
  };
  const answer = (key: string, status: number, count: number): void => {
    const host = cluster.find(key);
    assert.ok(host !== undefined);
    for (let at = 0; at < count; at++) cluster.report(host, status, clock.ms);
  };
  const both = serving();
  assert.deepEqual([both.length, both.includes(BROKEN)], [2, true]);
  answer(BROKEN, 503, 6);
  answer(BROKEN, 200, 1);
  answer(BROKEN, 503, 6);
  assert.deepEqual(serving(), both, 'six in a row, twice, are not seven');
  answer(BROKEN, 200, 1);
  const minutesOut: number[] = [];
  for (let round = 1; round <= 4; round++) {
    answer(BROKEN, 503, 7);
    let minutes = 0;
    for (; !serving().includes(BROKEN); minutes++) {
      assert.ok(minutes < 120, 'it is let in again');
      clock.ms += MINUTE_MS;
    }
    minutesOut.push(minutes);
  }
  for (const [index, minutes] of minutesOut.entries()) {
    const wanted = 15 * (index + 1);
    assert.ok(minutes >= wanted && minutes <= wanted + 5, `out for ${minutesOut.join(', ')} minutes`);
  }
  // Half of them at most: the other one stays when it fails too.
  answer(BROKEN, 503, 7);
  const other = both.find((key) => key !== BROKEN) ?? '';
  answer(other, 503, 50);
  assert.deepEqual(serving(), [other]);
});
