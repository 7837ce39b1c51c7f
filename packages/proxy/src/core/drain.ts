import type { CompiledChain } from '@meltemi/runtime';
import type { Connection, Worker } from './worker.ts';

/** What a drain concerns: everything, or what comes to this workload from others. */
export type DrainScope = 'all' | 'inbound';

/**
 * One step of a drain. `tell`: clients are told that their connections end, and new connections are told at once. `unlisten`: nothing new is
 * accepted. `finish`: waits until nobody is left and nobody came for `quietMs`, at most for `deadlineMs`; what still runs then is ended
 * with a reason, and everything is closed.
 */
export type DrainOrder =
  | { readonly t: 'tell'; readonly scope: DrainScope }
  | { readonly t: 'unlisten'; readonly scope: DrainScope }
  | { readonly t: 'finish'; readonly deadlineMs: number; readonly quietMs: number };

/** What had to be ended because its time was up. */
export interface DrainReport {
  readonly requests: number;
  readonly tunnels: number;
  readonly tcp: number;
}

/** An idle connection may be about to be used: its client has so long to ask for something that is answered with `connection: close`. */
export const IDLE_DRAIN_MS = 900;

const NAMES = { requests: 'drain.requests_ended', tunnels: 'drain.tunnels_ended', tcp: 'drain.tcp_ended' } as const;

/** Connections of this chain are to end. */
export function isDraining({ draining }: Pick<Worker, 'draining'>, chain: Pick<CompiledChain, 'listener'>): boolean {
  return draining !== 'none' && (draining === 'all' || chain.listener.direction === 'inbound');
}

/** Does a connection of this chain end with the response that is written now? */
export function endsWithResponse(worker: Pick<Worker, 'draining' | 'failing'>, chain: Pick<CompiledChain, 'listener'>): boolean {
  return (worker.failing && chain.listener.drainsWhenFailing) || isDraining(worker, chain);
}

/** Something is ended because its time is up. */
export function countDrained({ counters }: Pick<Worker, 'counters'>, kind: keyof DrainReport): void {
  counters.add(NAMES[kind]);
}

/** All that was ended so. */
export function drainReport({ counters }: Pick<Worker, 'counters'>): DrainReport {
  const of = (kind: keyof DrainReport): number => counters.get(NAMES[kind]);
  return { requests: of('requests'), tunnels: of('tunnels'), tcp: of('tcp') };
}

const POLL_MS = 10;
/** For what was said last to reach the clients. */
const LAST_WORDS_MS = 300;

/** Waits as `DrainOrder` says; then ends what is left. `unlisten` stops accepting. */
export async function finishDrain(
  worker: Worker,
  { deadlineMs, quietMs }: Extract<DrainOrder, { t: 'finish' }>,
  unlisten: () => Promise<void>,
): Promise<void> {
  const { wheel, connections } = worker;
  const begun = wheel.now();
  const until = begun + deadlineMs;
  // That nobody came before says nothing of those who are on their way: they have yet to hear that this proxy goes.
  const quiet = (): boolean => wheel.now() - Math.max(begun, worker.acceptedMs) >= quietMs;
  await poll(worker, () => (connections.size === 0 && quiet()) || wheel.now() >= until);
  await unlisten();
  if (connections.size === 0) return;
  eachConnection(worker, (connection) => connection.expire());
  const last = wheel.now() + Math.min(LAST_WORDS_MS, deadlineMs);
  await poll(worker, () => connections.size === 0 || wheel.now() >= last);
}

/** Tells every connection; one that fails at it is forgotten. */
export function eachConnection({ connections, faults }: Worker, tell: (connection: Connection) => void): void {
  for (const connection of connections)
    faults.guard(
      'end',
      () => tell(connection),
      () => connections.delete(connection),
    );
}

function poll({ ports }: Worker, done: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (done()) resolve();
      else ports.timers.after(POLL_MS, look);
    };
    look();
  });
}
