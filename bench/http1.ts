// Requests per CPU-second of the embedded sidecar against Envoy's, with the same resources, interleaved in one run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackend } from './lib/backend.ts';
import { createAuthority } from './lib/certs.ts';
import { findEnvoy } from './lib/envoy.ts';
import { envoyBootstrap, http1Config } from './lib/http1-config.ts';
import { constantRate, fullLoad, hasWrk } from './lib/load.ts';
import { accepting, freePorts, start, type Measured } from './lib/processes.ts';

type Case = 'plain' | 'mesh';
/** Goals of the project for the data plane on Node's public sockets. */
const GOALS: Readonly<Record<Case, number>> = { plain: 2.3, mesh: 1.8 };
const RATE = 1000;

interface Proxy {
  readonly name: string;
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
    const direct = proxies.backendPorts;
    const cases = values.case.split(',').filter((name): name is Case => name === 'plain' || name === 'mesh');
    console.log(
      `${cpus().length} CPUs (${cpus()[0]?.model ?? ''}), Node ${process.version}, ${hasWrk ? 'wrk' : 'own load generator (wrk is not installed)'} -c64, backend ${proxies.backend}, ${values.rounds} rounds of ${values.seconds} s`,
    );
    for (const name of cases) await throughput(name, proxies.list, Number(values.rounds), Number(values.seconds));
    if (!values['no-latency']) for (const name of cases) await latency(name, proxies.list, name === 'plain' ? direct.plain : undefined, direct.plain);
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
  const [backendPort = 0, tlsBackendPort = 0, admin = 0, ...ports] = await freePorts(7);
  const authority = await createAuthority();
  const backend = await startBackend(directory, backendPort, tlsBackendPort, authority);
  running.push(backend.process);
  await accepting(backendPort);
  await accepting(tlsBackendPort);
  const list: Proxy[] = [];
  const add = async (name: string, plain: number, mesh: number, launch: (path: string) => Measured, bootstrap: boolean): Promise<void> => {
    const config = await http1Config({
      plainPort: plain,
      meshPort: mesh,
      backendPort,
      tlsBackendPort,
      logPath: join(directory, `${name}.log`),
      authority,
    });
    const path = join(directory, `${name}.json`);
    writeFileSync(path, JSON.stringify(bootstrap ? envoyBootstrap(config, admin) : config), { mode: 0o600 });
    const proxy = { name, process: launch(path), ports: { plain, mesh } };
    running.push(proxy.process);
    list.push(proxy);
    await accepting(plain);
    await accepting(mesh);
  };
  await add(
    'meltemi',
    ports[0] ?? 0,
    ports[1] ?? 0,
    (path) => start(process.execPath, [join(import.meta.dirname, 'lib', 'embedded-proxy.ts'), path], { loud }),
    false,
  );
  const envoy = findEnvoy();
  if (envoy === undefined) console.log('Envoy was not found (MELTEMI_ENVOY, PATH, Python package "envoy"): no ratio, only our own numbers');
  else
    await add(
      'envoy',
      ports[2] ?? 0,
      ports[3] ?? 0,
      (path) => start(envoy, ['-c', path, '--concurrency', '1', '-l', 'error', '--disable-hot-restart'], { loud }),
      true,
    );
  return { list, backend: backend.name, backendPorts: { plain: backendPort } };
}

async function throughput(name: Case, proxies: readonly Proxy[], rounds: number, seconds: number): Promise<void> {
  for (const proxy of proxies) await fullLoad(proxy.ports[name], 3);
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
  const [ours, envoy] = proxies;
  if (ours === undefined || envoy === undefined) return;
  const ratios = (samples.get(ours) ?? []).map((sample, round) => sample.perCpuSecond / (samples.get(envoy)?.[round]?.perCpuSecond ?? Number.NaN));
  const reached = median(ratios) >= GOALS[name] ? 'reached' : 'MISSED';
  console.log(
    `  ratio to Envoy in the same round: median ${median(ratios).toFixed(2)}, min ${Math.min(...ratios).toFixed(2)}, max ${Math.max(...ratios).toFixed(2)} (goal ${GOALS[name]}: ${reached})`,
  );
}

async function measure(proxy: Proxy, port: number, seconds: number): Promise<Sample> {
  const before = proxy.process.cpuSeconds();
  const result = await fullLoad(port, seconds);
  const used = proxy.process.cpuSeconds() - before;
  return { perCpuSecond: result.requests / used, perSecond: result.requests / result.seconds, errors: result.errors };
}

async function latency(name: Case, proxies: readonly Proxy[], directPort: number | undefined, baseline: number): Promise<void> {
  console.log(`\n${name}: latency at ${RATE} requests/s (POST 1 KiB, answer 1 KiB), microseconds`);
  const rounds = 3;
  const base: number[] = [];
  const own = new Map<Proxy, { readonly p50: number[]; readonly p99: number[]; cpu: number; errors: number }>(
    proxies.map((proxy) => [proxy, { p50: [], p99: [], cpu: 0, errors: 0 }]),
  );
  for (let round = 0; round < rounds; round++) {
    base.push((await constantRate(directPort ?? baseline, RATE, 3)).p50);
    for (const proxy of round % 2 === 0 ? proxies : proxies.toReversed()) {
      const before = proxy.process.cpuSeconds();
      const { p50, p99, errors } = await constantRate(proxy.ports[name], RATE, 4);
      const kept = own.get(proxy);
      if (kept === undefined) continue;
      kept.p50.push(p50);
      kept.p99.push(p99);
      kept.cpu += (proxy.process.cpuSeconds() - before) / (4 * rounds);
      kept.errors += errors;
    }
  }
  console.log(`  direct   p50 ${median(base).toFixed(0)}`);
  for (const [proxy, { p50, p99, cpu, errors }] of own) {
    const added = median(p50) - median(base);
    console.log(
      `  ${proxy.name.padEnd(8)} p50 ${median(p50).toFixed(0)} (added ${added.toFixed(0)}), best p99 ${Math.min(...p99).toFixed(0)}, CPU ${(cpu * 100).toFixed(1)} %${errors > 0 ? `, ERRORS ${errors}` : ''}`,
    );
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

function spread(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)} … ${Math.max(...values).toFixed(digits)}]`;
}
