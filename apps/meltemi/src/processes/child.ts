import { spawn, type ChildProcess } from 'node:child_process';
import { MeshError } from '@meltemi/base';

/** What a child of ours says over its IPC channel. `ready` carries what its starter needs to know. */
export type ChildMessage =
  | { readonly t: 'progress'; readonly text: string }
  | { readonly t: 'ready'; readonly details: Readonly<Record<string, unknown>> }
  | { readonly t: 'failed'; readonly message: string };

export interface ChildOptions {
  /** For messages: `reviews-v2`. */
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Every line of its stdout and stderr. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  readonly onProgress?: (text: string) => void;
  readonly onExit?: (code: number | null, signal: NodeJS.Signals | null) => void;
}

/** A process of ours with an IPC channel, in a process group of its own so that a terminal's Ctrl-C reaches only its starter. */
export interface Child {
  readonly pid: number;
  /** Resolves with the details of the child's `ready`; rejects when it says `failed` or exits first. */
  readonly ready: Promise<Readonly<Record<string, unknown>>>;
  readonly exited: Promise<void>;
  /** SIGTERM, then SIGKILL after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export function startChild(options: ChildOptions): Child {
  const [file = process.execPath, ...args] = options.command;
  const child = spawn(file, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: process.platform !== 'win32',
  });
  const tail: string[] = [];
  forwardLines(child, (line, stream) => {
    tail.push(line);
    if (tail.length > 20) tail.shift();
    options.onLine?.(line, stream);
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      options.onExit?.(code, signal);
      resolve();
    });
    child.once('error', () => resolve());
  });
  const ready = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new MeshError('process/start', `cannot start ${options.name} (${file}): ${error.message}`, { cause: error })),
    );
    child.once('exit', (code, signal) => {
      const said = tail.length === 0 ? 'It printed nothing.' : `Its last lines:\n  ${tail.join('\n  ')}`;
      reject(new MeshError('process/exit', `${options.name} ended (${signal ?? `exit code ${code}`}) before it was ready. ${said}`));
    });
    child.on('message', (message: ChildMessage) => {
      if (message.t === 'ready') resolve(message.details);
      else if (message.t === 'failed') reject(new MeshError('process/failed', `${options.name}: ${message.message}`));
      else options.onProgress?.(message.text);
    });
  });
  ready.catch(() => {});
  return { pid: child.pid ?? -1, ready, exited, stop: (graceMs) => stop(child, exited, graceMs) };
}

async function stop(child: ChildProcess, exited: Promise<void>, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(timer);
}

function forwardLines(child: ChildProcess, onLine: (line: string, stream: 'stdout' | 'stderr') => void): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    let rest = '';
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = (lines.pop() ?? '').slice(-65_536);
      for (const line of lines) onLine(line, stream);
    });
  }
}

/** In a child: tells the parent, when there is one. */
export function tellParent(message: ChildMessage): void {
  if (process.send !== undefined && process.connected) process.send(message);
}

const STOP_LIMIT_MS = 10_000;

/** In a child: `stop` runs on SIGTERM, SIGINT, SIGHUP or when the parent is gone, once; then the process ends. */
export function stopWithParent(stop: (reason: string) => Promise<void>): void {
  let stopping = false;
  const begin = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    // Whatever hangs: a process that was told to stop does not stay.
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
    void stop(reason).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => begin(signal));
  if (process.send === undefined) return;
  const orphaned = (): void => begin('the process that started it is gone');
  // It may have gone while this one was starting.
  if (process.connected) process.on('disconnect', orphaned);
  else orphaned();
}
