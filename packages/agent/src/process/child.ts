import { type ChildProcess, spawn } from 'node:child_process';
import { constants as osConstants } from 'node:os';
import { MeshError } from '@meltemi/base';
import { findProgram } from './find-program.ts';
import { readLines } from './lines.ts';

/** What to start and how. */
export interface ChildOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** An open stdin tells the child that we live: it ends when we do. */
  readonly stdin: 'open' | 'none';
  /** It can be given sockets, and give its own. */
  readonly messages?: boolean;
  readonly onLine: (source: 'stdout' | 'stderr', line: string) => void;
}

/** How a process ended. */
export interface ChildExit {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/** A process of ours with all that it started (its process group, where the system has them). */
export interface Child {
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  /** A line to its stdin, where that is open. */
  tell(line: string): void;
  /** To a child with `messages`; a handle goes over and is closed here. */
  send(message: object, handle?: unknown): void;
  /** What it says. */
  onMessage(hear: (message: { readonly t?: string }, handle: unknown) => void): void;
  /** To the process itself. */
  signal(name: NodeJS.Signals): void;
  /** To everything it started, too, and without mercy. */
  kill(): void;
}

/** Starts a process. Throws `process/cannot-start` when the program is not there or may not be run. */
export async function startChild(options: ChildOptions): Promise<Child> {
  // Looked up here and not left to spawn(): with setpriv before it, a missing program would only be an exit code. Windows finds .cmd files its own way.
  if (process.platform !== 'win32' && findProgram(options.command[0] ?? '', { path: options.env['PATH'], cwd: options.cwd }) === undefined) {
    throw new MeshError(
      'process/cannot-start',
      `"${options.command[0] ?? ''}" cannot be started: there is no such program. Is it installed and on PATH?`,
    );
  }
  const child = spawnChild(options);
  const exited = new Promise<ChildExit>((resolve) =>
    child.on('close', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined })),
  );
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(new MeshError('process/cannot-start', `"${options.command.join(' ')}" cannot be started: ${cause.message}`, { cause })),
    );
  });
  child.on('error', () => undefined); // a signal that could not be sent: the process is gone
  child.stdin?.on('error', () => undefined);
  if (child.stdout !== null) readLines(child.stdout, (line) => options.onLine('stdout', line));
  if (child.stderr !== null) readLines(child.stderr, (line) => options.onLine('stderr', line));
  child.once('exit', () => killGroup(child));
  return {
    pid: child.pid ?? 0,
    exited,
    tell: (line) => void child.stdin?.write(line),
    send(message, handle) {
      const close = (): void => {
        if (typeof handle === 'object' && handle !== null && 'close' in handle && typeof handle.close === 'function') handle.close();
      };
      // Kept open here, a listening socket would take connections that nobody serves.
      if (child.connected) child.send(message, handle as never, undefined, close);
      else close();
    },
    onMessage: (hear) => void child.on('message', (message: { readonly t?: string }, handle: unknown) => hear(message, handle)),
    signal: (name) => void child.kill(name),
    kill: () => killGroup(child),
  };
}

function spawnChild({ command, env, cwd, uid, gid, stdin, messages }: ChildOptions): ChildProcess {
  const [program = '', ...args] = dieWithParent(command);
  return spawn(program, args, {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    stdio: [stdin === 'open' ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(messages === true ? ['ipc' as const] : [])],
    // A group of its own: so that what it leaves behind can be ended, and a terminal's Ctrl-C does not hit it twice.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
}

function killGroup(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  if (process.platform === 'win32') {
    child.kill('SIGKILL');
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // nothing of it is left
  }
}

/** The exit code a shell would show. */
export function exitCodeOf(exit: ChildExit): number {
  if (exit.code !== undefined) return exit.code;
  return 128 + (exit.signal === undefined ? 0 : osConstants.signals[exit.signal]);
}

// util-linux, on practically every Linux: the kernel ends the child when we are killed. Elsewhere the child notices its closed stdin, or stays.
const SETPRIV = process.platform === 'linux' ? findProgram('/usr/bin/setpriv') : undefined;

function dieWithParent(command: readonly string[]): readonly string[] {
  return SETPRIV === undefined ? command : [SETPRIV, '--pdeathsig', 'KILL', '--', ...command];
}
