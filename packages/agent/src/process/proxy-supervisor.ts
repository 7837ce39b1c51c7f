import type { Timer } from '@meltemi/base';
import type { Platform } from '../platform.ts';
import { type Child, type ChildOptions, exitCodeOf, startChild } from './child.ts';
import { countQuickExits, restartDelayMs } from './restart-delay.ts';

/** Where a supervised proxy stands. */
export type ProxyState =
  | { readonly t: 'starting'; readonly pid: number }
  | { readonly t: 'ready'; readonly pid: number }
  | { readonly t: 'waiting'; readonly reason: string }
  | { readonly t: 'stopped' };

export interface ProxySupervisorOptions {
  readonly child: ChildOptions;
  /** Whether the proxy serves; asked until it does. */
  readonly probe: () => Promise<boolean>;
  /** Tells the proxy to finish what runs and take nothing new; resolves when it is idle. Absent: it drains by itself on SIGTERM. */
  readonly drain?: (timeoutMs: number) => Promise<void>;
  readonly onState: (state: ProxyState) => void;
  readonly platform: Platform;
}

/** Keeps a proxy running: started again at once when it ends, with a back-off of at most 1.5 s. */
export interface ProxySupervisor {
  readonly state: ProxyState;
  /** How often it was started. */
  readonly starts: number;
  /** The first time the proxy serves. */
  readonly ready: Promise<void>;
  /** Drains, ends the process, and does not start it again. Idempotent. */
  stop(drainMs: number): Promise<void>;
}

const PROBE_EVERY_MS = 25;
const TERM_GRACE_MS = 2000;

export function superviseProxy(options: ProxySupervisorOptions): ProxySupervisor {
  const { clock, timers } = options.platform;
  const ready = Promise.withResolvers<void>();
  let state: ProxyState = { t: 'waiting', reason: 'not started yet' };
  let child: Child | undefined;
  let timer: Timer | undefined;
  let quickExits = 0;
  let starts = 0;
  let stopping: Promise<void> | undefined;

  const enter = (next: ProxyState): void => {
    state = next;
    options.onState(next);
  };
  const again = (reason: string, livedMs: number): void => {
    child = undefined;
    if (stopping !== undefined) return;
    const delayMs = restartDelayMs(quickExits);
    quickExits = countQuickExits(quickExits, livedMs);
    options.platform.log.warn('The proxy ended and is started again', { reason, delayMs });
    enter({ t: 'waiting', reason });
    timer = timers.after(delayMs, () => void start());
  };
  const run = async (): Promise<string> => {
    const started = await startChild(options.child);
    child = started;
    starts++;
    if (stopping !== undefined) started.kill();
    else enter({ t: 'starting', pid: started.pid });
    void probeUntilReady(started);
    const exit = await started.exited;
    return exit.signal === undefined ? `exit code ${exitCodeOf(exit)}` : `signal ${exit.signal}`;
  };
  const start = async (since = clock.monotonic()): Promise<void> => again(await run().catch(String), clock.monotonic() - since);
  const probeUntilReady = async (started: Child): Promise<void> => {
    while (child === started && stopping === undefined) {
      const serves = await options.probe().catch(() => false);
      if (!serves) await new Promise<void>((resolve) => timers.after(PROBE_EVERY_MS, resolve));
      else if (child === started) {
        enter({ t: 'ready', pid: started.pid });
        return ready.resolve();
      }
    }
  };
  void start();
  return {
    get state() {
      return state;
    },
    get starts() {
      return starts;
    },
    ready: ready.promise,
    stop(drainMs) {
      timer?.cancel();
      return (stopping ??= (child === undefined ? Promise.resolve() : end(child, drainMs, options)).then(() => enter({ t: 'stopped' })));
    },
  };
}

async function end(child: Child, drainMs: number, { drain, platform }: ProxySupervisorOptions): Promise<void> {
  if (drainMs > 0) await drain?.(drainMs).catch(() => undefined);
  child.signal('SIGTERM');
  const hard = platform.timers.after(TERM_GRACE_MS + (drain === undefined ? drainMs : 0), () => child.kill());
  await child.exited;
  hard.cancel();
}
