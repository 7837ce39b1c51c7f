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
  /** Ends its processes without mercy: for a `stop` that takes too long. */
  kill(): void;
}

const PROBE_EVERY_MS = 25;
const TERM_GRACE_MS = 2000;
/** Each has the memory of a whole proxy. */
const MAX_RETIRING = 8;
/** A successor that does not serve after this long will not. */
const HANDOVER_MS = 60_000;

export function superviseProxy(options: ProxySupervisorOptions): ProxySupervisor {
  return new Supervision(options);
}

class Supervision implements ProxySupervisor {
  readonly #options: ProxySupervisorOptions;
  readonly #ready = Promise.withResolvers<void>();
  /** Exchanged, and not yet gone. */
  readonly #retiring = new Set<Child>();
  #state: ProxyState = { t: 'waiting', reason: 'not started yet' };
  /** The one in charge. */
  #child: Child | undefined;
  #timer: Timer | undefined;
  #quickExits = 0;
  #starts = 0;
  #stopping: Promise<void> | undefined;
  #restarting: Promise<number> | undefined;

  constructor(options: ProxySupervisorOptions) {
    this.#options = options;
    void this.#start();
  }

  get state(): ProxyState {
    return this.#state;
  }

  get starts(): number {
    return this.#starts;
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  restart(): Promise<number> {
    const { handover } = this.#options;
    if (handover === undefined) return Promise.reject(cannotRestart('this kind of proxy cannot be exchanged here'));
    if (this.#child === undefined || this.#state.t !== 'ready' || this.#stopping !== undefined)
      return Promise.reject(cannotRestart(`it is ${this.#state.t}`));
    const older = this.#retiring.size;
    if (this.#restarting === undefined && older >= MAX_RETIRING)
      return Promise.reject(cannotRestart(`${older} older ones still serve their last connections; try again when one has ended`));
    return (this.#restarting ??= this.#exchange(this.#child, handover).finally(() => (this.#restarting = undefined)));
  }

  stop(drainMs: number): Promise<void> {
    this.#timer?.cancel();
    const all = this.#processes();
    const exchanged = this.#restarting?.catch(() => undefined);
    this.#stopping ??= Promise.all([exchanged, ...all.map((one) => end(one, drainMs, this.#options))]).then(() => this.#enter({ t: 'stopped' }));
    return this.#stopping;
  }

  kill(): void {
    for (const child of this.#processes()) child.kill();
  }

  #processes(): readonly Child[] {
    return [...this.#retiring, ...(this.#child === undefined ? [] : [this.#child])];
  }

  #enter(next: ProxyState): void {
    this.#state = next;
    this.#options.onState(next);
  }

  async #start(): Promise<void> {
    const { clock } = this.#options.platform;
    const since = clock.monotonic();
    const started = await startChild(this.#options.child).catch(String);
    // A successor of the one that ended may have come to serve meanwhile.
    if (this.#child !== undefined) return typeof started === 'string' ? undefined : started.kill();
    if (typeof started === 'string') return this.#again(started, clock.monotonic() - since);
    this.#takeOver(started, since);
    if (this.#stopping !== undefined) started.kill();
    else this.#enter({ t: 'starting', pid: started.pid });
    await this.#probeUntilReady(started);
  }

  /** From now on this one is in charge: when it ends, the next one is started. */
  #takeOver(started: Child, since: number): void {
    const { clock } = this.#options.platform;
    this.#child = started;
    this.#starts++;
    void started.exited.then((exit) => {
      if (this.#child !== started) return;
      this.#again(exit.signal === undefined ? `exit code ${exitCodeOf(exit)}` : `signal ${exit.signal}`, clock.monotonic() - since);
    });
  }

  #again(reason: string, livedMs: number): void {
    this.#child = undefined;
    if (this.#stopping !== undefined) return;
    const { log, timers } = this.#options.platform;
    const delayMs = restartDelayMs(this.#quickExits);
    this.#quickExits = countQuickExits(this.#quickExits, livedMs);
    log.warn('The proxy ended and is started again', { reason, delayMs });
    this.#enter({ t: 'waiting', reason });
    this.#timer = timers.after(delayMs, () => void this.#start());
  }

  async #probeUntilReady(started: Child): Promise<void> {
    while (this.#child === started && this.#stopping === undefined) {
      const serves = await this.#options.probe().catch(() => false);
      if (!serves) await pause(this.#options.platform);
      else if (this.#child === started) {
        this.#enter({ t: 'ready', pid: started.pid });
        return this.#ready.resolve();
      }
    }
  }

  async #exchange(old: Child, handover: Handover): Promise<number> {
    const since = this.#options.platform.clock.monotonic();
    const succession = { options: this.#options, handover, epoch: this.#starts, old };
    const successor = await startSuccessor(succession, () => this.#stopping !== undefined);
    // The old one may have ended meanwhile, and another have been started: the younger one stays.
    const present = this.#child ?? old;
    this.#timer?.cancel();
    this.#takeOver(successor, since);
    this.#enter({ t: 'ready', pid: successor.pid });
    this.#retire(present, handover);
    return successor.pid;
  }

  #retire(old: Child, { retire, retireMs }: Handover): void {
    this.#retiring.add(old);
    old.tell(`${retire}\n`);
    const hard = this.#options.platform.timers.after(retireMs + TERM_GRACE_MS, () => old.kill());
    void old.exited.then(() => {
      hard.cancel();
      this.#retiring.delete(old);
    });
  }
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
  for (;;) {
    const serves = await handover.probe(epoch).catch(() => false);
    const why = isStopping() ? 'the workload ends' : (ended ?? (serves || clock.monotonic() <= until ? undefined : LATE));
    if (why !== undefined) {
      started.kill();
      await started.exited;
      throw cannotRestart(`the new one: ${why}`);
    }
    if (serves) return started;
    await pause(options.platform);
  }
}

const LATE = `it does not serve after ${HANDOVER_MS / 1000} s`;

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
