import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ControlPlaneProcess } from './control-plane.ts';
import { eventually } from './load.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A workload that `meltemi run` or `meltemi proxy` has brought into the mesh. */
export interface WorkloadProcess extends AsyncDisposable {
  /** Mesh-facing address. */
  readonly address: string;
  /** Everything that it and its application printed. */
  readonly said: () => string;
}

/** How a workload is started: a program that runs another, which its arguments end with. */
export interface StartedBy {
  readonly command: readonly [string, ...string[]];
}

/** A machine whose `/etc/resolv.conf` is this file. Needs root on Linux. */
export const withResolvConf = (file: string): StartedBy => ({
  command: ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"', file],
});

/** Starts one on this machine's loopback addresses, unless the arguments say otherwise, and waits until it is in the mesh. */
export async function startWorkload(mesh: ControlPlaneProcess, args: readonly string[], program?: string, by?: StartedBy): Promise<WorkloadProcess> {
  const application = program === undefined ? [] : ['--', process.execPath, '-e', program];
  const interception = args.includes('--interception') ? [] : ['--interception', 'ports'];
  const [command, ...before] = [...(by?.command ?? []), process.execPath];
  const child = spawn(command ?? process.execPath, [...before, 'apps/meltemi/src/main.ts', ...args, ...interception, ...application], {
    cwd: ROOT,
    env: { ...process.env, MELTEMI_STATE: mesh.stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = once(child, 'exit');
  const address = await eventually('the workload is in the mesh', 30_000, async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}\n${said}`);
    return / is in the mesh at (\S+)/.exec(said)?.[1];
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`${String(error)}\n${said}`);
  });
  return {
    address,
    said: () => said,
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      await exited;
    },
  };
}
