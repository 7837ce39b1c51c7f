import type { LoadResult } from './load.ts';
import { ENVOY, type Case, type Proxy } from './field.ts';

/** Goals by proxy and case: at least so many times Envoy's requests per CPU-second. */
export type Goals = Readonly<Record<string, Readonly<Record<Case, number>>>>;

/** How a case is measured. */
export interface Rounds {
  readonly count: number;
  readonly seconds: number;
  /** Load before the first round, per proxy. */
  readonly warm: { readonly requests: number; readonly maxSeconds: number };
  readonly load: (port: number, seconds: number) => Promise<LoadResult>;
  readonly goals: Goals;
}

interface Sample {
  readonly perCpuSecond: number;
  readonly perSecond: number;
  readonly errors: string;
}

/** Interleaved rounds, the order reversed each time; prints the figures of every proxy and the ratios to Envoy's in the same round. */
export async function throughput(name: Case, proxies: readonly Proxy[], rounds: Rounds): Promise<void> {
  for (const proxy of proxies) await warm(proxy.ports[name], rounds);
  const samples = new Map<Proxy, Sample[]>(proxies.map((proxy) => [proxy, []]));
  for (let round = 0; round < rounds.count; round++) {
    for (const proxy of round % 2 === 0 ? proxies : proxies.toReversed()) samples.get(proxy)?.push(await measure(proxy, proxy.ports[name], rounds));
  }
  console.log(`\n${name}: requests per CPU-second of the proxy (median, min, max), requests per second`);
  for (const [proxy, list] of samples) {
    const rates = list.map((sample) => sample.perCpuSecond);
    const errors = list.map((sample) => sample.errors).filter((text) => text !== '');
    console.log(
      `  ${proxy.name.padEnd(8)} ${spread(rates, 0)}   ${median(list.map((sample) => sample.perSecond)).toFixed(0)}/s${errors.length > 0 ? `   ERRORS: ${errors.join('; ')}` : ''}`,
    );
  }
  const base = [...samples].find(([proxy]) => proxy.name === ENVOY)?.[1];
  if (base === undefined) return;
  for (const [{ name: proxy }, list] of samples) {
    const goal = rounds.goals[proxy]?.[name];
    if (goal === undefined) continue;
    const ratios = list.map((sample, round) => sample.perCpuSecond / (base[round]?.perCpuSecond ?? Number.NaN));
    const reached = median(ratios) >= goal ? 'reached' : 'MISSED';
    console.log(
      `  ${proxy} / envoy in the same round: median ${median(ratios).toFixed(2)}, min ${Math.min(...ratios).toFixed(2)}, max ${Math.max(...ratios).toFixed(2)} (goal ${goal}: ${reached})`,
    );
  }
}

/** A steady state is what is measured: on a busy machine a few seconds are not enough for what is compiled as it runs. */
async function warm(port: number, { warm: until, load }: Rounds): Promise<void> {
  let requests = 0;
  for (let seconds = 0; seconds < until.maxSeconds && requests < until.requests; seconds += 2) requests += (await load(port, 2)).requests;
}

async function measure(proxy: Proxy, port: number, { load, seconds }: Rounds): Promise<Sample> {
  const before = proxy.process.cpuSeconds();
  const result = await load(port, seconds);
  const used = proxy.process.cpuSeconds() - before;
  return { perCpuSecond: result.requests / used, perSecond: result.requests / result.seconds, errors: result.errors };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Median, smallest and largest. */
export function spread(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)} … ${Math.max(...values).toFixed(digits)}]`;
}
