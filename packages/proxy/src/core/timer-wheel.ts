import type { Clock, Timer, Timers } from '@meltemi/base';

/**
 * A deadline that lives as long as its owner. Moving it later or switching it off only writes a number; the wheel looks at it when
 * its old slot comes up. A request that sets and clears time-outs thus costs two stores.
 */
export interface Deadline {
  /** Monotonic milliseconds; Infinity = off. */
  at: number;
  readonly run: () => void;
  /** Ends the owner, when `run` has failed. */
  readonly broken: (() => void) | undefined;
  slot: number;
  /** Time of the slot's turn while linked. */
  due: number;
  next: Deadline | undefined;
  previous: Deadline | undefined;
}

/** A deadline that is off. */
export function createDeadline(run: () => void, broken?: () => void): Deadline {
  return { at: Infinity, run, broken, slot: -1, due: 0, next: undefined, previous: undefined };
}

const FINE_MS = 8;
const FINE_SLOTS = 512;
const COARSE_MS = 1000;
const COARSE_SLOTS = 128;
/** Deadlines within so long go to the fine slots. */
const FINE_SPAN_MS = FINE_MS * (FINE_SLOTS - 2);

/**
 * Two rings of slots: 8 ms apart for what comes within four seconds, one second apart for the rest. Nothing runs early; lateness is
 * at most one fine slot. No timer of the host runs while the wheel is empty.
 */
export class TimerWheel {
  /** What `now` told last. Within one socket event, whose beginning asked for `now`, this is exact enough. */
  recent = 0;
  readonly #clock: Clock;
  readonly #timers: Timers;
  /** A deadline's owner has failed. */
  readonly #failed: ((error: unknown) => void) | undefined;
  readonly #slots: (Deadline | undefined)[] = Array.from({ length: FINE_SLOTS + COARSE_SLOTS }, () => undefined);
  #fineAt: number;
  #coarseAt: number;
  #fineCount = 0;
  #coarseCount = 0;
  #timer: Timer | undefined;
  #wakeAt = Infinity;
  #closed = false;

  constructor(clock: Clock, timers: Timers, failed?: (error: unknown) => void) {
    this.#failed = failed;
    this.#clock = clock;
    this.#timers = timers;
    const now = clock.monotonic();
    this.#fineAt = Math.floor(now / FINE_MS);
    this.#coarseAt = Math.floor(now / COARSE_MS);
  }

  /** Monotonic milliseconds now. */
  now(): number {
    return (this.recent = this.#clock.monotonic());
  }

  /** Sets the deadline `delayMs` after `nowMs`. */
  set(deadline: Deadline, nowMs: number, delayMs: number): void {
    const at = nowMs + delayMs;
    deadline.at = at;
    if (deadline.slot >= 0) {
      if (deadline.due <= at + FINE_MS) return; // looked at soon enough
      this.#unlink(deadline);
    }
    if (at !== Infinity) this.#link(deadline, nowMs);
  }

  /** Switches the deadline off; its slot forgets it later. */
  clear(deadline: Deadline): void {
    deadline.at = Infinity;
  }

  /** Takes the deadline out now: its owner is gone. */
  remove(deadline: Deadline): void {
    deadline.at = Infinity;
    if (deadline.slot >= 0) this.#unlink(deadline);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #link(deadline: Deadline, nowMs: number): void {
    // An empty ring may lag behind: nothing moved it.
    if (this.#fineCount === 0) this.#fineAt = Math.max(this.#fineAt, Math.floor(nowMs / FINE_MS));
    if (this.#coarseCount === 0) this.#coarseAt = Math.max(this.#coarseAt, Math.floor(nowMs / COARSE_MS));
    const fine = deadline.at - this.#fineAt * FINE_MS <= FINE_SPAN_MS;
    let turn: number;
    if (fine) {
      turn = Math.max(Math.ceil(deadline.at / FINE_MS), this.#fineAt + 1);
      deadline.slot = turn % FINE_SLOTS;
      deadline.due = turn * FINE_MS;
      this.#fineCount++;
    } else {
      // One slot before, so that the rest of the way goes through the fine ring; far ones make several rounds.
      turn = Math.min(Math.max(Math.floor(deadline.at / COARSE_MS) - 1, this.#coarseAt + 1), this.#coarseAt + COARSE_SLOTS - 1);
      deadline.slot = FINE_SLOTS + (turn % COARSE_SLOTS);
      deadline.due = turn * COARSE_MS;
      this.#coarseCount++;
    }
    const head = this.#slots[deadline.slot];
    deadline.next = head;
    deadline.previous = undefined;
    if (head !== undefined) head.previous = deadline;
    this.#slots[deadline.slot] = deadline;
    this.#wake(deadline.due, nowMs);
  }

  #unlink(deadline: Deadline): void {
    if (deadline.slot < FINE_SLOTS) this.#fineCount--;
    else this.#coarseCount--;
    if (deadline.previous === undefined) this.#slots[deadline.slot] = deadline.next;
    else deadline.previous.next = deadline.next;
    if (deadline.next !== undefined) deadline.next.previous = deadline.previous;
    deadline.slot = -1;
    deadline.next = undefined;
    deadline.previous = undefined;
  }

  #wake(at: number, nowMs: number): void {
    if (this.#closed || at >= this.#wakeAt) return;
    this.#timer?.cancel();
    this.#wakeAt = at;
    this.#timer = this.#timers.after(Math.max(1, Math.ceil(at - nowMs)), () => this.#turn());
  }

  #turn(): void {
    this.#timer = undefined;
    this.#wakeAt = Infinity;
    const now = this.now();
    const fine = Math.floor(now / FINE_MS);
    const coarse = Math.floor(now / COARSE_MS);
    // Coarse first: what it hands down may be due in this very turn.
    while (this.#coarseCount > 0 && this.#coarseAt < coarse) this.#visit(FINE_SLOTS + (++this.#coarseAt % COARSE_SLOTS), now);
    while (this.#fineCount > 0 && this.#fineAt < fine) this.#visit(++this.#fineAt % FINE_SLOTS, now);
    if (this.#closed) return;
    if (this.#fineCount > 0) this.#wake(this.#nextFine(), now);
    else if (this.#coarseCount > 0) this.#wake((this.#coarseAt + 1) * COARSE_MS, now);
  }

  #nextFine(): number {
    let at = this.#fineAt + 1;
    const limit = this.#coarseCount > 0 ? Math.ceil(((this.#coarseAt + 1) * COARSE_MS) / FINE_MS) : at + FINE_SLOTS;
    while (at < limit && this.#slots[at % FINE_SLOTS] === undefined) at++;
    return at * FINE_MS;
  }

  #run({ run, broken }: Deadline): void {
    if (this.#failed === undefined) {
      run();
      return;
    }
    try {
      run();
    } catch (error) {
      this.#failed(error);
      broken?.();
    }
  }

  #visit(slot: number, now: number): void {
    let deadline = this.#slots[slot];
    while (deadline !== undefined) {
      const next: Deadline | undefined = deadline.next;
      if (deadline.due <= now) {
        this.#unlink(deadline);
        if (deadline.at <= now) {
          deadline.at = Infinity;
          this.#run(deadline);
        } else if (deadline.at !== Infinity) this.#link(deadline, now);
      }
      // Running one may have taken out its neighbour: then start the slot again.
      deadline = next !== undefined && next.slot !== slot ? this.#slots[slot] : next;
    }
  }
}
