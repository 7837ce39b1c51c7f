import type { RunningWorkload } from '@meltemi/agent';

/** A workload of the demo, however often it had to be started. */
export interface KeptWorkload {
  /** The first time it is in the mesh. */
  readonly ready: Promise<void>;
  readonly address: string;
  /** Ends it, after `limitMs` by force, and does not start it again. */
  stop(limitMs: number): Promise<void>;
}

export interface KeepOptions {
  readonly launch: () => Promise<RunningWorkload>;
  /** Says what happened, in a sentence. */
  readonly tell: (text: string) => void;
  readonly name: string;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
const LONG_LIFE_MS = 30_000;

/** Starts a workload and starts it again when its application or its agent ends, as a cluster would: at once after a long life, else after a growing pause. */
export async function keepRunning(options: KeepOptions): Promise<KeptWorkload> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let current = await options.launch();
  const { ready, address } = current;
  const watch = async (workload: RunningWorkload): Promise<void> => {
    const since = performance.now();
    const code = await workload.exited;
    if (stopped) return;
    if (performance.now() - since > LONG_LIFE_MS) pauseMs = FIRST_PAUSE_MS;
    again(`${options.name} ended (exit code ${code})`);
  };
  const again = (why: string): void => {
    options.tell(`${why}; starting it again`);
    timer = setTimeout(() => void start(), pauseMs);
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  };
  const start = async (): Promise<void> => {
    try {
      const next = await options.launch();
      current = next;
      if (stopped) return await next.stop();
      await next.ready;
      options.tell(`${options.name} is in the mesh again, at ${next.address}`);
      void watch(next);
    } catch (error) {
      if (!stopped) again(`${options.name} could not be started: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  // A first start that fails is for the caller to judge.
  ready.then(
    () => void watch(current),
    () => undefined,
  );
  return {
    ready,
    address,
    async stop(limitMs) {
      stopped = true;
      clearTimeout(timer);
      await current.stop(limitMs);
    },
  };
}
