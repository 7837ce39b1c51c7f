import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ENVOY } from '../interop/envoy-process.ts';
import { INTENDED_DIFFERENCES, type IntendedDifference } from './intended-differences.ts';
import { startSuite } from './harness/suite.ts';
import { loadTopics } from './harness/topics.ts';

test('parity: every case holds on our proxy as on Envoy', async (t) => {
  const topics = await loadTopics(process.env['MELTEMI_PARITY']);
  const all = topics.flatMap((topic) => topic.cases.map((item) => `${topic.name}/${item.name}`));
  await t.test('names of cases are unique, and every intended difference belongs to a case', () => {
    assert.equal(new Set(all).size, all.length, `twice: ${all.filter((name, index) => all.indexOf(name) !== index).join(', ')}`);
    if (process.env['MELTEMI_PARITY'] !== undefined) return;
    assert.deepEqual(
      INTENDED_DIFFERENCES.map((entry) => entry.case).filter((name) => !name.endsWith('*') && !all.includes(name)),
      [],
    );
  });
  await using suite = await startSuite();
  const explained = new Set<IntendedDifference>();
  for (const topic of topics) {
    await t.test(topic.name, async (group) => {
      const results = await suite.run(topic.name, topic.cases);
      for (const { used } of results) for (const entry of used) explained.add(entry);
      for (const { name, problems } of results) await group.test(name, () => assert.ok(problems.length === 0, problems.join('\n')));
    });
  }
  await t.test('every intended difference is one', { skip: process.env['MELTEMI_PARITY'] !== undefined }, () => {
    assert.deepEqual(
      INTENDED_DIFFERENCES.filter((entry) => !explained.has(entry)).map((entry) => entry.case),
      [],
    );
  });
  const both = suite.proxies.includes('envoy');
  console.log(`parity: ${all.length} cases on ${both ? 'embedded and Envoy' : `embedded only (${NO_ENVOY})`}`);
});
