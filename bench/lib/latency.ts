import type { Case, Field, Proxy } from './field.ts';
import { constantRate } from './load.ts';
import type { Report } from './report.ts';
import { spread } from './rounds.ts';

const RATE = 1000;
const ROUNDS = 5;
const SECONDS = 3;

interface Latency {
  /** Per round, microseconds: what the proxy adds to the way without it in the same round. */
  readonly added50: number[];
  readonly added99: number[];
  cpu: number;
  errors: number;
}

/** What each proxy adds at a fixed rate, from the time at which a request should have gone out (an answer that is late holds nothing back). */
export async function addedLatency(field: Field, cases: readonly Case[], report: Report): Promise<void> {
  report.line(
    `\nLatency added at ${RATE} requests/s (POST 1 KiB, answer 1 KiB; open loop, from the intended time; ${ROUNDS} rounds of ${SECONDS} s), microseconds: median [least … most] of the rounds.\n`,
  );
  report.line('| case | proxy | p50 added | p99 added | CPU of a core |\n|---|---|---|---|---|');
  for (const each of cases) {
    for (const [proxy, { added50, added99, cpu, errors }] of await measure(each, field))
      report.line(
        `| ${each.name} | ${proxy.name} | ${spread(added50, 0)} | ${spread(added99, 0)} | ${(cpu * 100).toFixed(1)} % |${errors > 0 ? ` ERRORS: ${errors}` : ''}`,
      );
  }
}

async function measure({ name }: Case, { list, backend }: Field): Promise<Map<Proxy, Latency>> {
  const proxies = list.filter(({ ports }) => ports[name] !== undefined);
  const all = new Map<Proxy, Latency>(proxies.map((proxy) => [proxy, { added50: [], added99: [], cpu: 0, errors: 0 }]));
  for (let round = 0; round < ROUNDS; round++) {
    const without = await constantRate(backend.plain, RATE, SECONDS);
    for (const [proxy, kept] of round % 2 === 0 ? [...all] : [...all].toReversed()) {
      const before = proxy.process.cpuSeconds();
      const { p50, p99, errors } = await constantRate(proxy.ports[name] ?? 0, RATE, SECONDS);
      kept.added50.push(p50 - without.p50);
      kept.added99.push(p99 - without.p99);
      kept.cpu += (proxy.process.cpuSeconds() - before) / (SECONDS * ROUNDS);
      kept.errors += errors;
    }
  }
  return all;
}
