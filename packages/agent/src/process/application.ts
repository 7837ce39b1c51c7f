import type { Platform } from '../platform.ts';
import type { ApplicationOptions } from '../types.ts';
import { type ChildExit, exitCodeOf, startChild } from './child.ts';
import { createLineRing, type LineRing } from './lines.ts';

/** The wrapped program while it runs. It is started once: its end is the workload's end. */
export interface Application {
  readonly pid: number;
  readonly exited: Promise<{ readonly exit: ChildExit; readonly exitCode: number }>;
  readonly lines: LineRing;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then after `graceMs` SIGKILL for it and all it started. Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
  /** Without mercy, it and all it started. */
  kill(): void;
}

export interface ApplicationHooks {
  /** Added to the program's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onLine: (source: 'stdout' | 'stderr', line: string) => void;
  readonly platform: Platform;
}

const RING_LINES = 1000;

/** Starts the program. Throws `process/cannot-start`. */
export async function startApplication(options: ApplicationOptions, hooks: ApplicationHooks): Promise<Application> {
  const lines = createLineRing(RING_LINES);
  const child = await startChild({
    command: options.command,
    cwd: options.cwd,
    env: { ...options.env, ...hooks.environment },
    uid: options.uid,
    gid: options.gid,
    stdin: 'none',
    onLine(source, line) {
      lines.push(line);
      hooks.onLine(source, line);
    },
  });
  const exited = child.exited.then((exit) => ({ exit, exitCode: exitCodeOf(exit) }));
  return {
    pid: child.pid,
    exited,
    lines,
    signal: (name) => child.signal(name),
    async stop(graceMs) {
      child.signal('SIGTERM');
      const hard = hooks.platform.timers.after(graceMs, () => child.kill());
      await exited;
      hard.cancel();
    },
    kill: () => child.kill(),
  };
}
