// What a sidecar and its agent weigh when the mesh is large and their scope is small: 10,000 clusters in the control plane, 50 of them in the scope.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startControlPlane } from './lib/control-plane-process.ts';
import { writeMesh, type MeshSize } from './lib/mesh-state.ts';
import { childrenOf, residentMbOf } from './lib/processes.ts';
import { bundleProduct } from './lib/product.ts';
import { Report } from './lib/report.ts';
import { spread } from './lib/rounds.ts';

const SCOPE = 50;
const SIZE: MeshSize = { services: SCOPE, endpoints: SCOPE, namespaces: 1, proxies: 0, scoped: true, agents: true };
const MESHES: Readonly<Record<string, MeshSize>> = {
  alone: SIZE,
  large: { ...SIZE, services: 10_000, endpoints: 10_000, namespaces: 10_000 / SCOPE },
};
const APPLICATION = `require('node:http').createServer((_, response) => response.end()).listen(Number(process.env.PORT), process.env.HOST)`;
const JOIN_MS = 120_000;
/** Memory is read when it has moved by less than this in a second. */
const STILL_MB = 0.5;

/** `npm run bench -- scope`. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: '3' }, 'no-write': { type: 'boolean', default: false } },
  });
  const report = new Report('scope');
  report.line('## scope: memory of a sidecar in a large mesh\n');
  report.line(
    `A workload whose Sidecar selects ${SCOPE} clusters, when the control plane has no others, and when it has 10,000. At rest, as \`npm run pack\` ships it.\n`,
  );
  report.line('| mesh | MB of the proxy | MB of the agent | MB of the control plane |\n|---|---|---|---|');
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-bench-'));
  try {
    const main = await bundleProduct(folder);
    for (const [name, size] of Object.entries(MESHES)) {
      const seen: Weights[] = [];
      for (let round = 0; round < Number(values.rounds); round++) seen.push(await weigh(main, size));
      const of = (key: keyof Weights): string =>
        spread(
          seen.map((weights) => weights[key]),
          0,
        );
      report.line(`| ${name}: ${size.services} clusters | ${of('proxy')} | ${of('agent')} | ${of('controlPlane')} |`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  report.end(args);
}

interface Weights {
  readonly proxy: number;
  readonly agent: number;
  readonly controlPlane: number;
}

async function weigh(main: string, size: MeshSize): Promise<Weights> {
  const stateDir = mkdtempSync(join(tmpdir(), 'meltemi-bench-state-'));
  try {
    writeMesh(stateDir, size);
    const controlPlane = await startControlPlane(stateDir, { main });
    try {
      return { ...(await weighSidecar(main, stateDir)), controlPlane: controlPlane.residentMb() };
    } finally {
      await controlPlane.stop();
    }
  } finally {
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function weighSidecar(main: string, stateDir: string): Promise<Omit<Weights, 'controlPlane'>> {
  const flags = ['--app', 'caller', '-n', 'ns-0', '--port', '8080', '--interception', 'ports'];
  const child = spawn(process.execPath, [main, 'run', ...flags, '--', process.execPath, '-e', APPLICATION], {
    env: { ...process.env, MELTEMI_STATE: stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  try {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until('the workload is in the mesh', () => child.exitCode !== null || / is in the mesh at /.test(said));
    if (child.exitCode !== null) throw new Error(said);
    const agent = child.pid ?? 0;
    const proxy = childrenOf(agent).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('proxy-worker'));
    if (proxy === undefined) throw new Error(`the agent ${agent} has no proxy\n${said}`);
    await until('memory stands still', still(proxy, agent));
    return { proxy: residentMbOf(proxy), agent: residentMbOf(agent) };
  } finally {
    child.kill('SIGINT');
    await exited;
  }
}

/** Whether the memory of all has moved little since a second ago. */
function still(...pids: readonly number[]): () => boolean {
  let last: readonly number[] = [];
  let sinceMs = 0;
  return () => {
    const now = performance.now();
    if (now - sinceMs < 1000) return false;
    const before = last;
    last = pids.map(residentMbOf);
    sinceMs = now;
    return before.length > 0 && last.every((mb, at) => Math.abs(mb - (before[at] ?? 0)) < STILL_MB);
  };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + JOIN_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${JOIN_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
