// Requests per CPU-second of the embedded sidecar against Envoy's, with the same resources, interleaved in one run.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ENVOY, startAll, type Case, type Field, type Proxy } from './lib/field.ts';
import { constantRate, fullLoad, hasWrk } from './lib/load.ts';
import type { Measured } from './lib/processes.ts';
import { median, spread, throughput, type Goals } from './lib/rounds.ts';

/** Goals of the project: on Node's public sockets, and on Bun as the second transport (docs/decisions says where that stands). */
const GOALS: Goals = { meltemi: { plain: 2.3, mesh: 1.8 }, bun: { plain: 3.5, mesh: 3 } };
const RATE = 1000;
/** Load before the first round, per proxy and case. */
const WARM = { requests: 150_000, maxSeconds: 14 };

/** `npm run bench -- http1`. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '4' },
      case: { type: 'string', default: 'plain,mesh' },
      'no-latency': { type: 'boolean', default: false },
      loud: { type: 'boolean', default: false },
    },
  });
  const directory = mkdtempSync(join(tmpdir(), 'meltemi-bench-'));
  const running: Measured[] = [];
  try {
    const proxies = await startAll(directory, running, { loud: values.loud, http2: false });
    const cases = values.case.split(',').filter((name): name is Case => name === 'plain' || name === 'mesh');
    const measured = { count: Number(values.rounds), seconds: Number(values.seconds), warm: WARM, load: fullLoad };
    describe(proxies, Number(values.rounds), Number(values.seconds));
    for (const name of cases) await throughput(name, proxies.list, { ...measured, goals: GOALS });
    if (!values['no-latency']) for (const name of cases) await latency(name, proxies.list, proxies.backendPorts.plain);
    for (const proxy of proxies.list) console.log(`resident memory after the run: ${proxy.name} ${proxy.process.residentMb().toFixed(0)} MB`);
  } finally {
    await Promise.all(running.map((each) => each.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What ran where: a ratio says nothing without it. */
function describe(proxies: Field, rounds: number, seconds: number): void {
  console.log(`${cpus().length} CPUs (${cpus()[0]?.model ?? ''}), ${process.platform} ${release()}`);
  const load = hasWrk ? 'wrk -c64 -t1' : 'own load generator (wrk is not installed), 64 connections';
  console.log(
    `load: ${load}, GET with five request headers, answer of 1 KiB; backend ${proxies.backend}; ${rounds} rounds of ${seconds} s, interleaved, order reversed each round, after ${WARM.requests} requests or ${WARM.maxSeconds} s of warm-up`,
  );
  for (const { name, version } of proxies.list) console.log(`${name.padEnd(8)} ${version}, one traffic thread`);
  console.log('plain: one route, one cluster, request ids, standard metrics (Envoy: its own stats)');
  console.log(
    "mesh:  100 routes (33 by prefix, 33 by regular expression, 33 by header, default with weights 90/10, retries, time-out), mTLS upstream (TLS 1.3, SAN check), trace context made and passed on (1 % sampled), access log of every request in Istio's format to a file",
  );
  console.log('the same xDS resources for all; stock Envoy makes no istio_* metrics, we do');
}

interface Latency {
  /** Per round, microseconds: what the proxy adds to the way without it in the same round. */
  readonly added50: number[];
  readonly added99: number[];
  cpu: number;
  errors: number;
}

async function latency(name: Case, proxies: readonly Proxy[], directPort: number): Promise<void> {
  console.log(`\n${name}: latency added at ${RATE} requests/s (POST 1 KiB, answer 1 KiB; open loop, from the intended time), microseconds`);
  const rounds = 5;
  const seconds = 3;
  const direct: number[] = [];
  const all = new Map<Proxy, Latency>(proxies.map((proxy) => [proxy, { added50: [], added99: [], cpu: 0, errors: 0 }]));
  for (let round = 0; round < rounds; round++) {
    const without = await constantRate(directPort, RATE, seconds);
    direct.push(without.p50);
    for (const [proxy, kept] of round % 2 === 0 ? [...all] : [...all].toReversed()) {
      const before = proxy.process.cpuSeconds();
      const { p50, p99, errors } = await constantRate(proxy.ports[name], RATE, seconds);
      kept.added50.push(p50 - without.p50);
      kept.added99.push(p99 - without.p99);
      kept.cpu += (proxy.process.cpuSeconds() - before) / (seconds * rounds);
      kept.errors += errors;
    }
  }
  console.log(`  direct   p50 ${spread(direct, 0)} (without TLS)`);
  for (const [proxy, { added50, added99, cpu, errors }] of all)
    console.log(
      `  ${proxy.name.padEnd(8)} p50 added ${spread(added50, 0)}, p99 added ${spread(added99, 0)}, CPU ${(cpu * 100).toFixed(1)} %${errors > 0 ? `, ERRORS ${errors}` : ''}`,
    );
  const p50Of = (wanted: string): number => median([...all].find(([proxy]) => proxy.name === wanted)?.[1].added50 ?? []);
  if (proxies.some((proxy) => proxy.name === ENVOY))
    console.log(`  p50 added no higher than Envoy's: ${p50Of('meltemi') <= p50Of(ENVOY) ? 'reached' : 'MISSED'}`);
}
