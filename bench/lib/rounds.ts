import { loadavg } from 'node:os';
import { ENVOY, type Case, type Field, type Proxy } from './field.ts';

/** How cases are measured. */
export interface Rounds {
  readonly count: number;
  readonly seconds: number;
  /** Load before the first round, per proxy. */
  readonly warm: { readonly requests: number; readonly maxSeconds: number };
}

interface Sample {
  readonly perCpuSecond: number;
  readonly perSecond: number;
  readonly errors: string;
}

/** What came of one proxy in one case. */
export interface Result {
  readonly case: string;
  readonly proxy: string;
  /** Per CPU-second of the proxy; median. */
  readonly rate: number;
  readonly perSecond: number;
  /** To Envoy's in the same round; undefined without Envoy. */
  readonly ratio: { readonly median: number; readonly min: number; readonly max: number } | undefined;
  readonly floor: number | undefined;
  readonly goal: number | undefined;
  readonly errors: readonly string[];
}

/** Interleaved rounds, the order reversed each time. */
export async function throughput(each: Case, field: Field, rounds: Rounds): Promise<Result[]> {
  const proxies = field.list.filter(({ ports }) => ports[each.name] !== undefined);
  for (const proxy of proxies) await warm(proxy, each, { rounds, directory: field.directory });
  const samples = new Map<Proxy, Sample[]>(proxies.map((proxy) => [proxy, []]));
  for (let round = 0; round < rounds.count; round++) {
    for (const proxy of round % 2 === 0 ? proxies : proxies.toReversed())
      samples.get(proxy)?.push(await measure(proxy, each, { seconds: rounds.seconds, directory: field.directory }));
  }
  const base = [...samples].find(([{ name }]) => name === ENVOY)?.[1];
  return [...samples].map(([{ name }, list]) => {
    const ratios =
      base === undefined || name === ENVOY ? [] : list.map(({ perCpuSecond }, round) => perCpuSecond / (base[round]?.perCpuSecond ?? NaN));
    return {
      case: each.name,
      proxy: name,
      rate: median(list.map(({ perCpuSecond }) => perCpuSecond)),
      perSecond: median(list.map(({ perSecond }) => perSecond)),
      ratio: ratios.length === 0 ? undefined : { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
      floor: each.floor?.[name],
      goal: each.goal?.[name],
      errors: list.map(({ errors }) => errors).filter((text) => text !== ''),
    };
  });
}

/** A steady state is what is measured: on a busy machine a few seconds are not enough for what is compiled as it runs. */
async function warm(
  { ports }: Proxy,
  { name, load }: Case,
  { rounds, directory }: { readonly rounds: Rounds; readonly directory: string },
): Promise<void> {
  let requests = 0;
  const { warm: until } = rounds;
  for (let seconds = 0; seconds < until.maxSeconds && requests < until.requests; seconds += 2)
    requests += (await load(ports[name] ?? 0, 2, directory)).requests;
}

async function measure(
  proxy: Proxy,
  { name, load }: Case,
  { seconds, directory }: { readonly seconds: number; readonly directory: string },
): Promise<Sample> {
  const before = proxy.process.cpuSeconds();
  const result = await load(proxy.ports[name] ?? 0, seconds, directory);
  const used = proxy.process.cpuSeconds() - before;
  return { perCpuSecond: result.requests / used, perSecond: result.requests / result.seconds, errors: result.errors };
}

/** How busy the machine is besides: a ratio measured at a load of ten says less than one of a quiet machine. */
export function load(): string {
  return loadavg()[0]?.toFixed(1) ?? '';
}

/** The middle value. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Median, smallest and largest. */
export function spread(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)} … ${Math.max(...values).toFixed(digits)}]`;
}
