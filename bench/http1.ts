// Requests per CPU-second of the embedded sidecar against Envoy's, with the same resources, interleaved in one run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackend } from './lib/backend.ts';
import { bunVersion, findBun } from './lib/bun.ts';
import { createAuthority } from './lib/certs.ts';
import { envoyVersion, findEnvoy } from './lib/envoy.ts';
import { envoyBootstrap, http1Config } from './lib/http1-config.ts';
import { constantRate, fullLoad, hasWrk } from './lib/load.ts';
import { accepting, freePorts, start, type Measured } from './lib/processes.ts';

type Case = 'plain' | 'mesh';
/** Goals of the project: on Node's public sockets, and on Bun as the second transport (docs/decisions says where that stands). */
const GOALS: Readonly<Record<string, Readonly<Record<Case, number>>>> = { meltemi: { plain: 2.3, mesh: 1.8 }, bun: { plain: 3.5, mesh: 3 } };
const ENVOY = 'envoy';
const RATE = 1000;
/** Load before the first round, per proxy and case. */
const WARM = { requests: 150_000, maxSeconds: 14 };

interface Proxy {
  readonly name: string;
  readonly version: string;
  readonly process: Measured;
  readonly ports: Readonly<Record<Case, number>>;
}

interface Sample {
  readonly perCpuSecond: number;
  readonly perSecond: number;
  readonly errors: string;
}

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
    const proxies = await startAll(directory, running, values.loud);
    const cases = values.case.split(',').filter((name): name is Case => name === 'plain' || name === 'mesh');
    describe(proxies, Number(values.rounds), Number(values.seconds));
    for (const name of cases) await throughput(name, proxies.list, Number(values.rounds), Number(values.seconds));
    if (!values['no-latency']) for (const name of cases) await latency(name, proxies.list, proxies.backendPorts.plain);
    for (const proxy of proxies.list) console.log(`resident memory after the run: ${proxy.name} ${proxy.process.residentMb().toFixed(0)} MB`);
  } finally {
    await Promise.all(running.map((each) => each.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startAll(
  directory: string,
  running: Measured[],
  loud: boolean,
): Promise<{ readonly list: readonly Proxy[]; readonly backend: string; readonly backendPorts: { readonly plain: number } }> {
  const [backendPort = 0, tlsBackendPort = 0, admin = 0, ...ports] = await freePorts(9);
  const authority = await createAuthority();
  const backend = await startBackend(directory, backendPort, tlsBackendPort, authority);
  running.push(backend.process);
  await accepting(backendPort);
  await accepting(tlsBackendPort);
  const list: Proxy[] = [];
  const add = async (name: string, version: string, launch: (path: string) => Measured): Promise<void> => {
    const [plain = 0, mesh = 0] = ports.splice(0, 2);
    const logPath = join(directory, `${name}.log`);
    const config = await http1Config({ plainPort: plain, meshPort: mesh, backendPort, tlsBackendPort, logPath, authority });
    const path = join(directory, `${name}.json`);
    writeFileSync(path, JSON.stringify(name === ENVOY ? envoyBootstrap(config, admin) : config), { mode: 0o600 });
    const proxy = { name, version, process: launch(path), ports: { plain, mesh } };
    running.push(proxy.process);
    list.push(proxy);
    await accepting(plain);
    await accepting(mesh);
  };
  const embedded = join(import.meta.dirname, 'lib', 'embedded-proxy.ts');
  await add('meltemi', `embedded proxy on Node ${process.version}`, (path) => start(process.execPath, [embedded, path], { loud }));
  const envoy = findEnvoy();
  if (envoy === undefined) console.log('Envoy was not found (MELTEMI_ENVOY, PATH, Python package "envoy"): no ratio, only our own numbers');
  else
    await add(ENVOY, envoyVersion(envoy), (path) =>
      start(envoy, ['-c', path, '--concurrency', '1', '-l', 'error', '--disable-hot-restart'], { loud }),
    );
  const bun = findBun();
  if (bun === undefined) console.log('Bun is not installed: the second transport is left out');
  else await add('bun', `embedded proxy on Bun ${bunVersion(bun)} (its node:net and node:tls)`, (path) => start(bun, [embedded, path], { loud }));
  return { list, backend: backend.name, backendPorts: { plain: backendPort } };
}

/** What ran where: a ratio says nothing without it. */
function describe(proxies: Awaited<ReturnType<typeof startAll>>, rounds: number, seconds: number): void {
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

async function throughput(name: Case, proxies: readonly Proxy[], rounds: number, seconds: number): Promise<void> {
  for (const proxy of proxies) await warm(proxy.ports[name]);
  const samples = new Map<Proxy, Sample[]>(proxies.map((proxy) => [proxy, []]));
  for (let round = 0; round < rounds; round++) {
    for (const proxy of round % 2 === 0 ? proxies : proxies.toReversed()) samples.get(proxy)?.push(await measure(proxy, proxy.ports[name], seconds));
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
    const goal = GOALS[proxy]?.[name];
    if (goal === undefined) continue;
    const ratios = list.map((sample, round) => sample.perCpuSecond / (base[round]?.perCpuSecond ?? Number.NaN));
    const reached = median(ratios) >= goal ? 'reached' : 'MISSED';
    console.log(
      `  ${proxy} / envoy in the same round: median ${median(ratios).toFixed(2)}, min ${Math.min(...ratios).toFixed(2)}, max ${Math.max(...ratios).toFixed(2)} (goal ${goal}: ${reached})`,
    );
  }
}

/** A steady state is what is measured: on a busy machine a few seconds are not enough for what is compiled as it runs. */
async function warm(port: number): Promise<void> {
  let requests = 0;
  for (let seconds = 0; seconds < WARM.maxSeconds && requests < WARM.requests; seconds += 2) requests += (await fullLoad(port, 2)).requests;
}

async function measure(proxy: Proxy, port: number, seconds: number): Promise<Sample> {
  const before = proxy.process.cpuSeconds();
  const result = await fullLoad(port, seconds);
  const used = proxy.process.cpuSeconds() - before;
  return { perCpuSecond: result.requests / used, perSecond: result.requests / result.seconds, errors: result.errors };
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

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

function spread(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)} … ${Math.max(...values).toFixed(digits)}]`;
}
