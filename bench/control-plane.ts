// What a change costs the control plane: latency to all proxies, CPU, memory, bytes; and how it takes many proxies that come back at once.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { shortTypeName } from '@meltemi/protos-types';
import { startControlPlane, type ControlPlaneProcess } from './lib/control-plane-process.ts';
import type { Answer, Command } from './lib/fleet-node.ts';
import { moveEndpoints, writeMesh, type MeshSize } from './lib/mesh-state.ts';
import { bundleProduct } from './lib/product.ts';

/** The goals of the project, for 1,000 services, 2,000 endpoints and 50 proxies, and for 500 proxies and 10,000 endpoints. */
const GOALS = { endpointMs: 20, virtualServiceMs: 100, virtualServiceCpuS: 0.04, memoryMb: 130, stormS: 3, stormMb: 350 };
const MESH: MeshSize = { services: 1_000, endpoints: 2_000, namespaces: 10, proxies: 50, scoped: false, agents: true };
const STORM: MeshSize = { services: 2_000, endpoints: 10_000, namespaces: 10, proxies: 500, scoped: false, agents: true };
/** After a change, until its last effects have been counted. */
const QUIET_MS = 400;
const WARM_ROUNDS = 5;
const SOURCES = fileURLToPath(new URL('../apps/meltemi/src/main.ts', import.meta.url));

/** `npm run bench -- control-plane`. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '21' },
      case: { type: 'string', default: 'whole,plain,scoped,storm,scoped-storm' },
      namespaces: { type: 'string', default: '10' },
      proxies: { type: 'string' },
      sources: { type: 'boolean', default: false },
      loud: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  console.log(`machine: ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.version}`);
  const cases = values.case.split(',');
  const namespaces = Number(values.namespaces);
  const [mesh, many] = [MESH, STORM].map((size) => ({ ...size, namespaces, proxies: Number(values.proxies ?? size.proxies) })) as [
    MeshSize,
    MeshSize,
  ];
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-product-'));
  try {
    const setup: Setup = { main: values.sources ? SOURCES : await bundleProduct(folder), loud: values.loud };
    if (cases.includes('whole')) await changes('every proxy sees everything', mesh, rounds, setup);
    if (cases.includes('plain')) await changes('every proxy sees everything, plain xDS clients', { ...mesh, agents: false }, rounds, setup);
    if (cases.includes('scoped')) await changes('a Sidecar per namespace', { ...mesh, scoped: true }, rounds, setup);
    if (cases.includes('storm')) await storm('every proxy sees everything', many, setup);
    if (cases.includes('scoped-storm')) await storm('a Sidecar per namespace', { ...many, scoped: true }, setup);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface World {
  readonly controlPlane: ControlPlaneProcess;
  readonly fleet: (command: Command) => Promise<Answer>;
  /** Stops the control plane and starts it again over the same state, but for some endpoints that moved meanwhile. */
  restart(): Promise<ControlPlaneProcess>;
}

interface Setup {
  readonly main: string;
  readonly loud: boolean;
}

async function withWorld(size: MeshSize, { main, loud }: Setup, work: (world: World) => Promise<void>): Promise<void> {
  const stateDir = mkdtempSync(join(tmpdir(), 'meltemi-bench-'));
  writeMesh(stateDir, size);
  let controlPlane = await startControlPlane(stateDir, { main, loud });
  const child = fork(fileURLToPath(new URL('lib/fleet-node.ts', import.meta.url)), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = new Promise<never>((_, reject) => child.once('exit', (code) => reject(new Error(`the proxies ended with ${code}`))));
  exited.catch(() => undefined);
  const fleet = (command: Command): Promise<Answer> => {
    const answer = new Promise<Answer>((resolve) => child.once('message', resolve as (message: unknown) => void));
    child.send(command);
    return Promise.race([answer, exited]);
  };
  try {
    await work({
      controlPlane,
      fleet,
      async restart() {
        await controlPlane.stop();
        moveEndpoints(stateDir, size);
        return (controlPlane = await startControlPlane(stateDir, { main, xdsPort: controlPlane.xdsPort, loud }));
      },
    });
  } finally {
    child.disconnect();
    await controlPlane.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

interface Sample {
  readonly ms: number;
  readonly cpuS: number;
  readonly bytes: number;
}

async function changes(title: string, size: MeshSize, rounds: number, setup: Setup): Promise<void> {
  console.log(`\n${size.services} services, ${size.endpoints} endpoints, ${size.proxies} proxies; ${title}`);
  await withWorld(size, setup, async ({ controlPlane, fleet }) => {
    const loadedMb = controlPlane.residentMb();
    await fleet({ t: 'join', target: targetOf(controlPlane), size });
    const cpuBefore = controlPlane.cpuSeconds();
    const first = await fleet({ t: 'connect' });
    await pause(QUIET_MS);
    console.log(
      `  connect, all complete: ${first.ms.toFixed(0)} ms, ${(controlPlane.cpuSeconds() - cpuBefore).toFixed(2)} s CPU; per proxy ${describeBytes(first.bytes, size.proxies)}`,
    );
    const receivers = size.scoped ? size.proxies / size.namespaces : size.proxies;
    for (const what of ['endpoint', 'virtual-service'] as const) {
      const samples: Sample[] = [];
      for (let i = 0; i < rounds + WARM_ROUNDS; i++) {
        const before = controlPlane.cpuSeconds();
        const { ms, bytes } = await fleet({ t: 'change', what, receivers });
        await pause(QUIET_MS);
        const sample = { ms, cpuS: controlPlane.cpuSeconds() - before, bytes: sum(bytes) };
        if (i >= WARM_ROUNDS) samples.push(sample);
      }
      report(what, samples, receivers);
    }
    console.log(
      `  memory: ${loadedMb.toFixed(0)} MB loaded, ${controlPlane.residentMb().toFixed(0)} MB now, ${controlPlane.peakMb().toFixed(0)} MB at most (goal ${GOALS.memoryMb})`,
    );
  });
}

function report(what: 'endpoint' | 'virtual-service', samples: readonly Sample[], receivers: number): void {
  const of = (pick: (sample: Sample) => number): number[] => samples.map(pick).sort((a, b) => a - b);
  const [ms, cpu, bytes] = [of((sample) => sample.ms), of((sample) => sample.cpuS * 1000), of((sample) => sample.bytes / receivers)];
  const goal = what === 'endpoint' ? `goal ${GOALS.endpointMs} ms` : `goal ${GOALS.virtualServiceMs} ms, ${GOALS.virtualServiceCpuS * 1000} ms CPU`;
  console.log(
    `  one ${what} change, written to last of ${receivers}: ${median(ms).toFixed(1)} ms (${(ms[0] ?? 0).toFixed(1)} to ${(ms.at(-1) ?? 0).toFixed(1)}), ` +
      `${median(cpu).toFixed(1)} ms CPU, ${median(bytes).toFixed(0)} bytes per proxy (${goal})`,
  );
}

async function storm(title: string, size: MeshSize, setup: Setup): Promise<void> {
  console.log(`\n${size.services} services, ${size.endpoints} endpoints, ${size.proxies} proxies; ${title}`);
  await withWorld(size, setup, async ({ controlPlane, fleet, restart }) => {
    await fleet({ t: 'join', target: targetOf(controlPlane), size });
    const cpuBefore = controlPlane.cpuSeconds();
    const cold = await fleet({ t: 'connect' });
    console.log(
      `  first connect, until all have everything: ${(cold.ms / 1000).toFixed(2)} s, ${(controlPlane.cpuSeconds() - cpuBefore).toFixed(2)} s CPU, ` +
        `${controlPlane.peakMb().toFixed(0)} MB at most; per proxy ${describeBytes(cold.bytes, size.proxies)}`,
    );
    await pause(2 * QUIET_MS);
    await fleet({ t: 'disconnect' });
    const again = await restart();
    const cpuAgain = again.cpuSeconds();
    const begun = performance.now();
    const back = await fleet({ t: 'reconnect', target: targetOf(again) });
    const all = await acknowledged(again, size.proxies);
    const ms = performance.now() - begun;
    console.log(
      `  reconnect after a restart, until all are acknowledged: ${(ms / 1000).toFixed(2)} s, ${(again.cpuSeconds() - cpuAgain).toFixed(2)} s CPU, ` +
        `${again.peakMb().toFixed(0)} MB at most (goal ${GOALS.stormS} s, ${GOALS.stormMb} MB); ${all} proxies, ${back.lost} streams lost on the way, per proxy ${describeBytes(back.bytes, size.proxies)}`,
    );
  });
}

/** Waits until so many proxies have acknowledged the newest configuration. */
async function acknowledged({ api, token }: ControlPlaneProcess, count: number): Promise<number> {
  for (;;) {
    const response = await fetch(`${api}/meltemi/v1/acknowledged?timeoutMs=5000`, { headers: { authorization: `Bearer ${token}` } });
    const result = (await response.json()) as { readonly acknowledged: number };
    if (result.acknowledged >= count) return result.acknowledged;
  }
}

function targetOf({ api, token, xdsPort }: ControlPlaneProcess): { api: string; token: string; xdsPort: number } {
  return { api, token, xdsPort };
}

function describeBytes(bytes: Readonly<Record<string, number>>, proxies: number): string {
  const parts = Object.entries(bytes).map(([typeUrl, count]) => `${shortTypeName(typeUrl)} ${(count / proxies / 1000).toFixed(1)} kB`);
  return `${(sum(bytes) / proxies / 1000).toFixed(1)} kB (${parts.join(', ')})`;
}

function sum(bytes: Readonly<Record<string, number>>): number {
  return Object.values(bytes).reduce((total, count) => total + count, 0);
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
