import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from './fleet-node.ts';

/** A control plane as `meltemi control-plane` starts it. */
export interface ControlPlaneProcess extends Target {
  /** User and system time of all its threads so far, in seconds; counted in nanoseconds by the kernel. */
  cpuSeconds(): number;
  residentMb(): number;
  /** The most that was resident so far. */
  peakMb(): number;
  stop(): Promise<void>;
}

/** Starts one of the program `main` over the given state; resolves when it serves. `xdsPort` 0 takes a free one. */
export async function startControlPlane(
  stateDir: string,
  options: { readonly main: string; readonly xdsPort?: number; readonly loud?: boolean },
): Promise<ControlPlaneProcess> {
  const ports = ['--console-port', '0', '--api-port', '0', '--xds-port', String(options.xdsPort ?? 0)];
  // Addresses of loopback stand for those of a bridge: nothing is sent there.
  const network = ['--network', 'lo,127.1.0.1,16'];
  const profile = process.env['MELTEMI_BENCH_NODE_OPTIONS']?.split(' ') ?? [];
  const child = spawn(process.execPath, [...profile, options.main, 'control-plane', '--state-dir', stateDir, ...ports, ...network], {
    // One pool of the C library's memory, as `npm start` gives it.
    env: { MALLOC_ARENA_MAX: '1', ...process.env, MELTEMI_STATE: stateDir },
    stdio: ['ignore', 'pipe', options.loud === true ? 'inherit' : 'ignore'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const pid = child.pid ?? 0;
  const said = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (/^ready$/m.test(text)) resolve(text);
    });
    child.once('exit', (code) => reject(new Error(`the control plane ended with ${code}\n${text}`)));
  });
  const after = (word: string): string => new RegExp(`^${word} +(\\S+)`, 'm').exec(said)?.[1] ?? '';
  const status = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  return {
    api: after('configuration'),
    token: readFileSync(join(stateDir, 'run', 'token'), 'utf8').trim(),
    xdsPort: Number(after('xDS').split(':').at(-1)),
    cpuSeconds: () =>
      readdirSync(`/proc/${pid}/task`).reduce(
        (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
        0,
      ) / 1e9,
    residentMb: () => status('VmRSS'),
    peakMb: () => status('VmHWM'),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
