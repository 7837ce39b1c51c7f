import { spawn, type ChildProcess } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DemoUrls } from './demo.ts';

/** The workspace. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** The environment of a user outside of this workspace: nothing that npm told this run, no program of its node_modules. */
export function userEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|INIT_CWD$)/i.test(name));
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((dir) => !dir.includes('node_modules'));
  return { ...Object.fromEntries(own), PATH: path.join(delimiter), ...extra };
}

/** A program that a user started in a terminal: in a process group of its own, which Ctrl-C reaches as a whole. */
export interface TerminalProgram {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with the one JSON line once it is printed; rejects with all output when the program ends or `timeoutMs` passes. */
  ready(timeoutMs: number): Promise<DemoUrls>;
  /** Sends the signal to the group, or to the first process alone; resolves with the milliseconds until that process ended. */
  interrupt(to?: 'group' | 'first'): Promise<number>;
}

/** Starts `command` as a terminal would. */
export function startInTerminal(command: readonly string[], options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }): TerminalProgram {
  const [file = 'npm', ...args] = command;
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ready: (timeoutMs) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => reject(new Error(`${why}\nstdout: ${stdout}\nstderr: ${stderr}`));
        const timer = setTimeout(() => fail(`not ready in ${timeoutMs} ms`), timeoutMs);
        const look = (): void => {
          const line = /^(\{.*)\n/m.exec(stdout)?.[1];
          if (line === undefined) return;
          clearTimeout(timer);
          resolve(JSON.parse(line) as DemoUrls);
        };
        child.stdout.on('data', look);
        child.once('exit', (code) => {
          clearTimeout(timer);
          fail(`it ended with ${code}`);
        });
      }),
    async interrupt(to = 'group') {
      const begun = performance.now();
      if (child.pid !== undefined && child.exitCode === null) process.kill(to === 'group' ? -child.pid : child.pid, 'SIGINT');
      await exited;
      return performance.now() - begun;
    },
  };
}

/** Runs a program to its end; rejects with its output when it fails. */
export async function runToEnd(command: readonly string[], options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }): Promise<string> {
  const [file = 'npm', ...args] = command;
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? 1)));
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output}`);
  return output;
}

/** The tarball that `npm run pack` makes of this workspace. */
export async function packWorkspace(): Promise<string> {
  const output = await runToEnd([process.execPath, join(ROOT, 'scripts', 'pack.ts')], { cwd: ROOT, env: process.env });
  const path = /^(.*\.tgz)$/m.exec(output)?.[1];
  if (path === undefined) throw new Error(`scripts/pack.ts named no tarball:\n${output}`);
  return path;
}
