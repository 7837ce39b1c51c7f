import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCli, type CliResult } from './demo.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A control plane without a demo, as `meltemi control-plane --config DIR` starts it. */
export interface ControlPlaneProcess extends AsyncDisposable {
  readonly console: string;
  readonly api: string;
  /** The watched folder. */
  readonly configDir: string;
  readonly stateDir: string;
  /** Everything it printed on stderr so far: what the watcher has found. */
  readonly said: () => string;
  cli(args: readonly string[], input?: string): Promise<CliResult>;
}

/** Starts one on free ports with an empty watched folder and a state directory of its own. */
export async function startControlPlaneProcess(more: readonly string[] = []): Promise<ControlPlaneProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-e2e-'));
  const [configDir, stateDir] = [join(folder, 'config'), join(folder, 'state')];
  mkdirSync(configDir);
  const ports = ['--console-port', '0', '--api-port', '0', '--xds-port', '0', ...more];
  const child = spawn(process.execPath, ['apps/meltemi/src/main.ts', 'control-plane', '--config', configDir, ...ports], {
    cwd: ROOT,
    env: { ...process.env, MELTEMI_STATE: stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (/^ready$/m.test(stdout)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the control plane ended with ${code}\n${stdout}\n${stderr}`)));
  });
  const urlAfter = (word: string): string => new RegExp(`^${word} +(http://[^/ ]+)`, 'm').exec(stdout)?.[1] ?? '';
  return {
    console: urlAfter('console'),
    api: urlAfter('configuration'),
    configDir,
    stateDir,
    said: () => stderr,
    cli: (args, input = '') => runCli(args, { MELTEMI_STATE: stateDir }, input),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
