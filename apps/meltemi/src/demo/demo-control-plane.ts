import type { BridgeNetwork } from '@meltemi/agent';
import { readFileSync } from 'node:fs';
import { MAIN } from '../commands/workload-options.ts';
import { startChild, type Child } from '../processes/child.ts';
import type { DemoOptions } from './demo-options.ts';
import { choosePort } from './free-port.ts';
import type { Progress } from './progress.ts';

/** The demo's control plane: a process of its own, started again when it dies. */
export interface DemoControlPlane {
  readonly url: string;
  readonly console: string;
  readonly sessionUrl: string;
  readonly token: string;
}

interface Setup {
  readonly options: DemoOptions;
  readonly stateDir: string;
  readonly consolePort: number;
  readonly network: BridgeNetwork | undefined;
}

interface Hooks {
  readonly progress: Progress;
  readonly closers: (() => void | Promise<void>)[];
}

const API_PORT = 15014;
const XDS_PORT = 15012;
/** Started again at once after a long life, with a pause when it keeps dying. */
const RESTART_MS = { afterLongLife: 50, afterShortLife: 500 };
const LONG_LIFE_MS = 10_000;
const GRACE_MS = 1_500;
/** One pool of the C library's memory: with one for each of Node's helper threads, what they gave back stays resident. */
const MEMORY = { MALLOC_ARENA_MAX: '1' };

/** Starts it and waits until it serves. Its ports stay the same over restarts: agents and browsers come back by themselves. */
export async function startDemoControlPlane(setup: Setup, hooks: Hooks): Promise<DemoControlPlane> {
  const { bind } = setup.options;
  // Who asks for any free console port runs several of these: the usual ports would be looked at by two at the same time.
  const any = setup.options.consolePort === 0 ? 0 : undefined;
  const [apiPort, xdsPort] = [await choosePort(bind, any, API_PORT, '--api-port'), await choosePort(bind, any, XDS_PORT, '--xds-port')];
  const command = [process.execPath, MAIN, 'control-plane', ...argumentsOf(setup), '--api-port', String(apiPort), '--xds-port', String(xdsPort)];
  let child: Child;
  let stopping = false;
  let launchedAt = 0;
  const launch = (): Child => {
    launchedAt = performance.now();
    return startChild({
      name: 'the control plane',
      command,
      env: MEMORY,
      onLine: (line) => hooks.progress.note(`control plane: ${line}`),
      onExit(code, signal) {
        if (stopping) return;
        hooks.progress.warn(`the control plane ended (${signal ?? `exit code ${code}`}); traffic goes on, starting it again`);
        const delayMs = performance.now() - launchedAt > LONG_LIFE_MS ? RESTART_MS.afterLongLife : RESTART_MS.afterShortLife;
        setTimeout(() => {
          if (!stopping) child = launch();
        }, delayMs).unref();
      },
    });
  };
  child = launch();
  hooks.closers.push(() => {
    stopping = true;
    return child.stop(GRACE_MS);
  });
  const details = await child.ready;
  const text = (name: string): string => (typeof details[name] === 'string' ? details[name] : '');
  hooks.progress.done(`control plane: ${text('controlPlane')}, console ${text('console')}, xDS ${text('xds')}`);
  return {
    url: text('controlPlane'),
    console: text('console'),
    sessionUrl: text('sessionUrl'),
    token: readFileSync(text('tokenFile'), 'utf8').trim(),
  };
}

function argumentsOf({ options, stateDir, consolePort, network }: Setup): readonly string[] {
  return [
    '--state-dir',
    stateDir,
    '--bind',
    options.bind,
    '--console-port',
    String(consolePort),
    '--access-log',
    options.accessLog,
    ...(options.configDirs.length === 0 ? [] : ['--config', ...options.configDirs]),
    ...(network === undefined ? [] : ['--network', `${network.bridge},${network.gateway},${network.prefixLength}`]),
    ...(options.certTtl === undefined ? [] : ['--cert-ttl', options.certTtl]),
  ];
}
