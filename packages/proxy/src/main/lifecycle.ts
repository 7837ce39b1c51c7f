import type { Log, Timers } from '@meltemi/base';
import type { DrainScope } from '../core/drain.ts';
import type { Engine } from './engine.ts';

/** What `/drain_listeners` is asked for, in Envoy's words. */
export interface DrainRequest {
  readonly scope: DrainScope;
  /** Clients are told first, and nothing is closed before the drain time is up. */
  readonly graceful: boolean;
  /** Only tells clients; listeners stay. */
  readonly skipExit: boolean;
}

/** A proxy from its start to its end. */
export interface Lifecycle {
  readonly phase: 'starting' | 'live' | 'draining';
  live(): void;
  drainListeners(request: DrainRequest): void;
  /** Resolves when no connection is left. */
  stop(drainMs: number): Promise<void>;
  /** The same, for a proxy in whose place another one listens. */
  retire(): Promise<void>;
}

export interface LifecycleOptions {
  readonly engine: Pick<Engine, 'drain'>;
  readonly log: Log;
  readonly timers: Timers;
  /** The drain time: of a graceful drain of listeners, and of a proxy that was exchanged. */
  readonly retireMs: number;
}

/** Clients that do not know yet that this proxy goes are taken until nobody came for so long. */
const QUIET_MS = 500;

export function createLifecycle({ engine, log, timers, retireMs }: LifecycleOptions): Lifecycle {
  let phase: Lifecycle['phase'] = 'starting';

  const finish = async (deadlineMs: number, quietMs: number): Promise<void> => {
    phase = 'draining';
    await engine.drain({ t: 'tell', scope: 'all' });
    const ended = await engine.drain({ t: 'finish', deadlineMs, quietMs });
    log.info('drained', { ...ended });
  };
  return {
    get phase() {
      return phase;
    },
    live() {
      if (phase === 'starting') phase = 'live';
    },
    drainListeners({ scope, graceful, skipExit }) {
      phase = 'draining';
      const unlisten = (): void => void engine.drain({ t: 'unlisten', scope });
      if (!graceful) {
        unlisten();
        return;
      }
      void engine.drain({ t: 'tell', scope });
      if (!skipExit) timers.after(retireMs, unlisten);
    },
    stop: (drainMs) => finish(drainMs, Math.min(QUIET_MS, drainMs / 4)),
    async retire() {
      phase = 'draining';
      await engine.drain({ t: 'unlisten', scope: 'all' });
      await finish(retireMs, 0);
    },
  };
}
