import { mkdtempSync, rmSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import type { InterceptionChoice } from '@meltemi/agent';
import { isLoopback } from '@meltemi/http';
import type { Output } from '../output/output.ts';
import { stopWithParent } from '../processes/child.ts';
import { defaultStateDir, makePrivateDir } from '../state/state-dir.ts';
import { ensureConsole } from './build-console.ts';
import { startDemoControlPlane, type DemoControlPlane } from './demo-control-plane.ts';
import { DEFAULT_CONSOLE_PORT, DEFAULT_GATEWAY_PORT, type DemoOptions } from './demo-options.ts';
import { choosePort } from './free-port.ts';
import { startLoad } from './load.ts';
import { createProgress, type Progress } from './progress.ts';
import { seed } from './seed.ts';
import { startNetwork } from './network.ts';
import { waitForPage, waitForProxies } from './readiness.ts';
import { startWorkloads } from './workloads.ts';

/** Closed in the opposite order of their making. */
type Closers = (() => void | Promise<void>)[];

const STOP_LIMIT_MS = 4_500;

/** Runs the demo until it is told to stop. Resolves with the exit code. */
export async function runDemo(options: DemoOptions, out: Output): Promise<number> {
  const closers: Closers = [];
  const progress = createProgress(out);
  const stopped = Promise.withResolvers<number>();
  let stopping = false;
  stopWithParent(async () => {
    stopping = true;
    progress.note('stopping…');
    await closeAll(closers);
    stopped.resolve(0);
  });
  try {
    await start(options, { out, progress, closers, isStopping: () => stopping });
  } catch (error) {
    if (stopping) return await stopped.promise;
    await closeAll(closers);
    throw error;
  }
  return await stopped.promise;
}

/** Everything ends within the limit, gently if it can. What a hard end leaves is removed by the next start. */
async function closeAll(closers: Closers): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, STOP_LIMIT_MS);
  const work = (async () => {
    for (const close of closers.splice(0).toReversed()) await Promise.resolve(close()).catch(() => undefined);
  })();
  await Promise.race([work, limit.promise]);
  clearTimeout(timer);
}

interface Context {
  readonly out: Output;
  readonly progress: Progress;
  readonly closers: Closers;
  readonly isStopping: () => boolean;
}

async function start(options: DemoOptions, context: Context): Promise<void> {
  const { progress, closers, out } = context;
  const started = performance.now();
  const built = ensureConsole(progress);
  const { choice, network } = await startNetwork(options.interception, closers);
  progress.done(`interception: ${choice.mode === 'netns' ? 'network namespaces' : 'ports'} (${choice.reason})`);
  const stateDir = openState(options, closers);
  const gatewayPort = await choosePort(options.bind, options.gatewayPort, DEFAULT_GATEWAY_PORT, '--gateway-port');
  const consolePort = await choosePort(options.bind, options.consolePort, DEFAULT_CONSOLE_PORT, '--console-port');
  await built;
  const controlPlane = await startDemoControlPlane({ options, stateDir, consolePort, network }, { progress, closers });
  await seed(controlPlane, { gatewayPort });
  progress.done('configuration: Bookinfo, its gateway and its subsets');
  await startWorkloads({ options, controlPlane, mode: choice.mode, gatewayPort, stateDir }, context);
  await waitForProxies(controlPlane);
  const gateway = `http://${reachable(options.bind)}:${gatewayPort}`;
  await waitForPage(`${gateway}/productpage`);
  if (options.loadRps > 0) closers.push(startLoad(`${gateway}/productpage`, options.loadRps));
  announce({ options, controlPlane, choice, gateway, seconds: (performance.now() - started) / 1000 }, out);
  // Now, and not when somebody waits for the end: Node would write what it compiled then.
  flushCompileCache();
}

function openState(options: DemoOptions, closers: Closers): string {
  if (options.stateDir !== undefined) return makePrivateDir(resolve(options.stateDir));
  const parent = makePrivateDir(join(defaultStateDir(), 'demo'));
  const dir = mkdtempSync(join(parent, 'run-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** An address to show for one that was bound. */
function reachable(bind: string): string {
  return bind === '0.0.0.0' || bind === '::' ? '127.0.0.1' : bind;
}

interface Ready {
  readonly options: DemoOptions;
  readonly controlPlane: DemoControlPlane;
  readonly choice: InterceptionChoice;
  readonly gateway: string;
  readonly seconds: number;
}

function announce({ options, controlPlane, choice, gateway, seconds }: Ready, out: Output): void {
  const { console } = controlPlane;
  // On stderr: with --json, stdout holds the one object.
  if (!isLoopback(options.bind)) out.note(`  token      ${controlPlane.token}   (asked for by the console and the API on other machines)`);
  if (options.json) {
    out.line(JSON.stringify({ gateway, console, controlPlane: controlPlane.url, dataPlane: options.dataPlane, interception: choice.mode }));
    return;
  }
  const lines = [
    '',
    `  Bookinfo is on the mesh (${seconds.toFixed(1)} s).`,
    '',
    `  page       ${gateway}/productpage`,
    `  console    ${controlPlane.sessionUrl}`,
    '             (opens once with the right to write; without the token it only reads)',
    `  config     ${controlPlane.url}   (Kubernetes' REST shape; "meltemi get", "meltemi apply" find it by themselves)`,
    `  data plane ${options.dataPlane}, ${choice.mode === 'netns' ? 'in network namespaces' : 'in ports mode'}`,
    ...(choice.mode === 'ports' ? choice.limits.map((limit) => `             - ${limit}`) : []),
    '',
    '  Try:  npx meltemi apply -f samples/bookinfo/routing/virtual-service-reviews-v2-v3.yaml',
    '        npx meltemi proxy-status',
    '',
    '  ready. Ctrl-C ends everything.',
  ];
  for (const line of lines) out.line(line);
}
