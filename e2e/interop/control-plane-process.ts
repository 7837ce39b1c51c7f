import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCli, type CliResult } from '../testkit/demo.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 30_000;

/** `meltemi control-plane` as a user starts it, with ports of the system's choice and a state directory of its own. */
export interface ControlPlaneProcess extends AsyncDisposable {
  readonly pid: number;
  readonly apiUrl: string;
  /** `host:port` of plaintext xDS. */
  readonly plaintextXds: string;
  /** Runs `meltemi ARGS` against it, with `input` on its stdin. */
  cli(args: readonly string[], input?: string): Promise<CliResult>;
  /** What it printed. */
  readonly log: () => string;
}

/** Starts it with plaintext xDS switched on. Rejects with its output when it does not get ready. */
export async function startControlPlaneProcess(args: readonly string[]): Promise<ControlPlaneProcess> {
  const stateDir = mkdtempSync(join(tmpdir(), 'meltemi-interop-'));
  const env = { ...process.env, MELTEMI_STATE: stateDir };
  const ports = ['--console-port', '0', '--api-port', '0', '--xds-port', '0', '--plaintext-xds', '0'];
  const child = fork('apps/meltemi/src/main.ts', ['control-plane', '--state-dir', stateDir, ...ports, ...args], { cwd: ROOT, env, silent: true });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
    rmSync(stateDir, { recursive: true, force: true });
  };
  const ready = Promise.withResolvers<{ controlPlane: string; plaintextXds: string }>();
  const timer = setTimeout(() => ready.reject(new Error(`the control plane was not ready in ${READY_MS} ms: ${log}`)), READY_MS);
  child.once('exit', () => ready.reject(new Error(`the control plane ended: ${log}`)));
  child.on('message', (message: { t: string; details?: { controlPlane: string; plaintextXds: string } }) => {
    if (message.t === 'ready' && message.details !== undefined) ready.resolve(message.details);
  });
  try {
    const { controlPlane, plaintextXds } = await ready.promise;
    return {
      pid: child.pid ?? 0,
      apiUrl: controlPlane,
      plaintextXds,
      cli: (cliArgs, input) => runCli(cliArgs, { MELTEMI_STATE: stateDir }, input),
      log: () => log,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
