import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A control plane of its own process, as `meltemi control-plane` starts it. */
export interface RunningControlPlane extends AsyncDisposable {
  readonly consoleUrl: string;
}

/** Starts one with its state in a folder, watching another. Port 0 is a free one. */
export async function startControlPlane(stateDir: string, configDir: string, consolePort = 0): Promise<RunningControlPlane> {
  const ports = ['--console-port', String(consolePort), '--api-port', '0', '--xds-port', '0'];
  const args = ['apps/meltemi/src/main.ts', 'control-plane', '--state-dir', stateDir, '--config', configDir, ...ports];
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, MELTEMI_STATE: stateDir }, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let said = '';
  const ready = new Promise<string>((resolve, reject) => {
    const hear = (text: string): void => {
      said += text;
      const url = /^console +(http:\/\/[^/\s]+)/m.exec(said)?.[1];
      if (url !== undefined && /^ready$/m.test(said)) resolve(url);
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.once('exit', (code) => reject(new Error(`the control plane ended with ${code}:\n${said}`)));
  });
  return {
    consoleUrl: await ready,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
