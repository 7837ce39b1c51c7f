import { MeshError, type Timer } from '@meltemi/base';
import type { Platform } from '../platform.ts';
import { type Child, type ChildOptions, exitCodeOf, startChild } from './child.ts';
import { countQuickExits, restartDelayMs } from './restart-delay.ts';

/** Where a supervised proxy stands. */
export type ProxyState =
  | { readonly t: 'starting'; readonly pid: number }
  | { readonly t: 'ready'; readonly pid: number }
  | { readonly t: 'waiting'; readonly reason: string }
  | { readonly t: 'stopped' };

/** How one proxy takes over from another while both listen. */
export interface Handover {
  /** Environment of the proxy that is the `epoch`-th of this agent, counted from 0, and has a predecessor that serves. */
  env(epoch: number): ChildOptions['env'];
  /** Whether that one serves: both answer at the same port. */
  probe(epoch: number): Promise<boolean>;
  /** It is given the sockets that its predecessor listens on; else it binds the same ports beside it. */
  readonly givesSockets: boolean;
  /** Said to the predecessor, over its stdin, when its successor serves. */
  readonly retire: string;
  /** How long the predecessor may take to end after that. */
  readonly retireMs: number;
}

export interface ProxySupervisorOptions {
  readonly child: ChildOptions;
  /** Whether the proxy serves; asked until it does. */
  readonly probe: () => Promise<boolean>;
  /** Tells the proxy to finish what runs and take nothing new; resolves when it is idle. Absent: it drains by itself on SIGTERM. */
  readonly drain?: (timeoutMs: number) => Promise<void>;
  /** Absent: it cannot be exchanged without a gap. */
  readonly handover?: Handover | undefined;
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
  /**
   * Starts another proxy beside the present one (the same command: what lies there by now), and ends the present one when the other serves.
   * When the other does not come to serve, the present one stays. Resolves with the process id; throws `agent/cannot-restart`.
   */
  restart(): Promise<number>;
  /** Drains, ends the process, and does not start it again. Idempotent. */
  stop(drainMs: number): Promise<void>;
}

const PROBE_EVERY_MS = 25;
const TERM_GRACE_MS = 2000;
/** A successor that does not serve after this long will not. */
const HANDOVER_MS = 60_000;

export function superviseProxy(options: ProxySupervisorOptions): ProxySupervisor {
  const { clock, timers } = options.platform;
  const ready = Promise.withResolvers<void>();
  const retiring = new Set<Child>();
  let state: ProxyState = { t: 'waiting', reason: 'not started yet' };
  let child: Child | undefined;
  let timer: Timer | undefined;
  let quickExits = 0;
  let starts = 0;
  let stopping: Promise<void> | undefined;
  let restarting: Promise<number> | undefined;

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
  /** When the proxy in charge ends, the next one is started; one that was exchanged may go. */
  const watch = (started: Child, since: number): void => {
    void started.exited.then((exit) => {
      if (child !== started) return;
      again(exit.signal === undefined ? `exit code ${exitCodeOf(exit)}` : `signal ${exit.signal}`, clock.monotonic() - since);
    });
  };
  const start = async (since = clock.monotonic()): Promise<void> => {
    const started = await startChild(options.child).catch(String);
    if (typeof started === 'string') return again(started, clock.monotonic() - since);
    child = started;
    starts++;
    watch(started, since);
    if (stopping !== undefined) started.kill();
    else enter({ t: 'starting', pid: started.pid });
    void probeUntilReady(started);
  };
  const probeUntilReady = async (started: Child): Promise<void> => {
    while (child === started && stopping === undefined) {
      const serves = await options.probe().catch(() => false);
      if (!serves) await pause(options.platform);
      else if (child === started) {
        enter({ t: 'ready', pid: started.pid });
        return ready.resolve();
      }
    }
  };
  const exchange = async (old: Child, handover: Handover): Promise<number> => {
    const since = clock.monotonic();
    const successor = await startSuccessor({ options, handover, epoch: starts, old }, () => stopping !== undefined);
    // The old one may have ended meanwhile, and another have been started: the younger one stays.
    const present = child ?? old;
    child = successor;
    starts++;
    timer?.cancel();
    watch(successor, since);
    enter({ t: 'ready', pid: successor.pid });
    retire(present, handover);
    return successor.pid;
  };
  const retire = (old: Child, handover: Handover): void => {
    retiring.add(old);
    old.tell(`${handover.retire}\n`);
    const hard = timers.after(handover.retireMs + TERM_GRACE_MS, () => old.kill());
    void old.exited.then(() => {
      hard.cancel();
      retiring.delete(old);
    });
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
    restart() {
      const { handover } = options;
      if (handover === undefined || child === undefined || state.t !== 'ready' || stopping !== undefined)
        return Promise.reject(cannotRestart(handover === undefined ? 'this kind of proxy cannot be exchanged here' : `it is ${state.t}`));
      return (restarting ??= exchange(child, handover).finally(() => (restarting = undefined)));
    },
    stop(drainMs) {
      timer?.cancel();
      const all = [...retiring, ...(child === undefined ? [] : [child])];
      return (stopping ??= Promise.all(all.map((one) => end(one, drainMs, options))).then(() => enter({ t: 'stopped' })));
    },
  };
}

interface Succession {
  readonly options: ProxySupervisorOptions;
  readonly handover: Handover;
  readonly epoch: number;
  readonly old: Child;
}

/** The one asks for sockets, the other gives them; only its parent can pass them on. */
function passSockets(old: Child, successor: Child): void {
  successor.onMessage(({ t }) => {
    if (t === 'want-sockets') old.send({ t: 'give-sockets' });
  });
  old.onMessage((message, handle) => successor.send(message, handle));
}

/** Starts another proxy and waits until it serves; one that does not is ended. */
async function startSuccessor({ options, handover, epoch, old }: Succession, isStopping: () => boolean): Promise<Child> {
  const { clock } = options.platform;
  const until = clock.monotonic() + HANDOVER_MS;
  const started = await startChild({ ...options.child, env: handover.env(epoch) });
  if (handover.givesSockets) passSockets(old, started);
  let ended: string | undefined;
  void started.exited.then((exit) => (ended = exit.signal ?? `exit code ${exitCodeOf(exit)}`));
  while (!(await handover.probe(epoch).catch(() => false))) {
    const why =
      ended ?? (isStopping() ? 'the workload ends' : clock.monotonic() > until ? `it does not serve after ${HANDOVER_MS / 1000} s` : undefined);
    if (why !== undefined) {
      started.kill();
      throw cannotRestart(`the new one: ${why}`);
    }
    await pause(options.platform);
  }
  return started;
}

function cannotRestart(reason: string): MeshError {
  return new MeshError('agent/cannot-restart', `The proxy is not exchanged: ${reason}.`);
}

function pause({ timers }: Platform): Promise<void> {
  return new Promise((resolve) => timers.after(PROBE_EVERY_MS, resolve));
}

async function end(child: Child, drainMs: number, { drain, platform }: ProxySupervisorOptions): Promise<void> {
  if (drainMs > 0) await drain?.(drainMs).catch(() => undefined);
  child.signal('SIGTERM');
  const hard = platform.timers.after(TERM_GRACE_MS + (drain === undefined ? drainMs : 0), () => child.kill());
  await child.exited;
  hard.cancel();
}
