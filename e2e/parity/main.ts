/**
 * Runs parity cases while they are written: `node e2e/parity/main.ts [topic[/part of a name]] [--show]`. `--show` prints what each proxy
 * showed, from which expectations are made.
 */
import { startSuite } from './harness/suite.ts';
import { loadTopics } from './harness/topics.ts';

const SLOW_MS = 2_000;
const filter = process.argv.slice(2).find((argument) => !argument.startsWith('--'));
const show = process.argv.includes('--show');
const topics = await loadTopics(filter);
const started = performance.now();
await using suite = await startSuite();
console.log(`${suite.proxies.join(' and ')} up in ${seconds(started)} s`);
let [passed, failed] = [0, 0];
for (const topic of topics) {
  const from = performance.now();
  const results = await suite.run(topic.name, topic.cases);
  const bad = results.filter(({ problems }) => problems.length > 0);
  passed += results.length - bad.length;
  failed += bad.length;
  console.log(`${topic.name}: ${results.length - bad.length} of ${results.length} in ${seconds(from)} s`);
  for (const { name, ms } of results) if (ms > SLOW_MS) console.log(`  slow: ${name} (${(ms / 1000).toFixed(1)} s)`);
  for (const { name, problems } of bad) console.log(`\n✖ ${topic.name}/${name}\n${problems.map((text) => `    ${text}`).join('\n')}`);
  if (show) for (const { name, observations } of results) console.log(`\n${name}\n${JSON.stringify(observations, undefined, 1)}`);
}
console.log(`parity: ${passed + failed} cases on ${suite.proxies.join(' and ')}: ${passed} hold, ${failed} do not; ${seconds(started)} s`);
process.exitCode = failed === 0 ? 0 : 1;

function seconds(from: number): string {
  return ((performance.now() - from) / 1000).toFixed(1);
}
