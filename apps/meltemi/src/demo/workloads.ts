import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { runWorkload, type InterceptionMode, type RunningWorkload, type WorkloadEvent } from '@meltemi/agent';
import { MeshError } from '@meltemi/base';
import { dataPlaneOf } from '../commands/workload-options.ts';
import { createLog } from '../processes/log.ts';
import { AGENT_COMMAND, sentenceOf, type Workload } from '../processes/wrap-workload.ts';
import { bookinfoProgram } from '../resources.ts';
import type { Output } from '../output/output.ts';
import { keepRunning, type KeptWorkload } from './keep-running.ts';
import { BOOKINFO_NAMESPACE, bookinfoPlan, type DemoWorkload } from './bookinfo-plan.ts';
import type { DemoControlPlane } from './demo-control-plane.ts';
import type { DemoOptions } from './demo-options.ts';
import { openLogFile } from './log-file.ts';
import type { Progress } from './progress.ts';
import { GATEWAY_NAMESPACE } from './seed.ts';

/** A page takes a fraction of this; whoever ends a demo waits for nothing longer. */
const DRAIN_MS = 500;
const STOP_LIMIT_MS = 2_500;

interface Setup {
  readonly options: DemoOptions;
  readonly controlPlane: DemoControlPlane;
  readonly mode: InterceptionMode;
  readonly gatewayPort: number;
  readonly stateDir: string;
}

interface Hooks {
  readonly out: Output;
  readonly progress: Progress;
  readonly closers: (() => void | Promise<void>)[];
  readonly isStopping: () => boolean;
}

/** Starts the gateway and the nine workloads side by side; resolves when all are in the mesh. The first failure ends the start. */
export async function startWorkloads(setup: Setup, hooks: Hooks): Promise<void> {
  const all = [gateway(setup), ...bookinfoPlan.map((planned) => sidecar(planned, setup))];
  const running: KeptWorkload[] = [];
  if (setup.options.gatewayPort === 0) hooks.closers.push(() => rmSync(databaseDir(setup), { recursive: true, force: true }));
  hooks.closers.push(async () => {
    await Promise.all(running.map((workload) => workload.stop(STOP_LIMIT_MS)));
  });
  let ready = 0;
  await Promise.all(
    all.map(async (workload) => {
      const name = workload.identity.workload;
      const started = await keepRunning({ name, launch: () => launch(workload, setup, hooks), tell: (text) => hooks.progress.warn(text) });
      running.push(started);
      if (hooks.isStopping()) return started.stop(STOP_LIMIT_MS);
      await started.ready.catch((error: unknown) => {
        throw new MeshError('demo/workload', `${name} could not be started: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      });
      ready++;
      hooks.progress.done(`${name} is in the mesh at ${started.address} (${ready}/${all.length})`);
    }),
  );
}

function launch(workload: Workload, setup: Setup, hooks: Hooks): Promise<RunningWorkload> {
  const name = workload.identity.workload;
  const logs = join(setup.stateDir, 'logs');
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const file = openLogFile(join(logs, `${name}.log`));
  return runWorkload({
    ...workload,
    drainMs: DRAIN_MS,
    controlPlane: { t: 'server', url: setup.controlPlane.url, token: setup.controlPlane.token },
    agentCommand: AGENT_COMMAND,
    log: createLog(name, hooks.out),
    onEvent(event) {
      if (event.t === 'line') file.write(`${event.source === 'proxy' ? 'proxy ' : 'app '}${event.text}`);
      else if (!hooks.isStopping()) tell(name, event, hooks.progress);
    },
  });
}

/** In the demo ten workloads speak: what is the same for all is left out. */
function tell(name: string, event: WorkloadEvent, progress: Progress): void {
  if (event.t === 'line' || event.t === 'interception' || event.t === 'control-plane') return;
  const text = sentenceOf(event, name);
  if (text !== undefined) progress.warn(text);
}

function sidecar(planned: DemoWorkload, setup: Setup): Workload {
  const { workload, app, version, serviceAccount, port, protocol } = planned;
  return {
    type: 'sidecar',
    identity: { namespace: BOOKINFO_NAMESPACE, serviceAccount, workload, app, version, labels: { app, version } },
    appPorts: [{ number: port, protocol }],
    interception: setup.mode,
    dataPlane: dataPlaneOf(setup.options.dataPlane),
    application: {
      command: [process.execPath, bookinfoProgram(planned.program)],
      cwd: process.cwd(),
      env: {
        ...process.env,
        PORT: String(port),
        HOSTNAME: workload,
        POD_NAME: workload,
        CLUSTER_NAME: 'meltemi',
        DATA_DIR: databaseDir(setup),
        ...planned.env,
      },
    },
  };
}

/** Kept between starts at one port: making a database takes longer than starting it. One at a port that was free this once goes with the demo. */
function databaseDir(setup: Setup): string {
  return join(tmpdir(), `meltemi-bookinfo-${userInfo().uid}-${setup.gatewayPort}`);
}

function gateway(setup: Setup): Workload {
  return {
    type: 'router',
    identity: {
      namespace: GATEWAY_NAMESPACE,
      serviceAccount: 'istio-ingressgateway',
      workload: 'istio-ingressgateway',
      app: 'istio-ingressgateway',
      version: 'latest',
      labels: { istio: 'ingressgateway' },
    },
    appPorts: [],
    interception: setup.mode,
    dataPlane: dataPlaneOf(setup.options.dataPlane),
    bindAddress: setup.options.bind,
  };
}
