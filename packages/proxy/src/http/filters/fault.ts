import type { Timer } from '@meltemi/base';
import { asBuffer } from '../../net/node-bytes.ts';
import type { Exchange } from '../exchange.ts';
import type { BodySink, BodyStage } from '../payload.ts';
import { defineHalf, type FilterHalf } from './half.ts';

/** Slows a response down to a rate. */
export const faultHalf: FilterHalf = defineHalf<never>({
  t: 'fault',
  transform: (settings, x) => (next) => new SlowStage(x, next, Number(settings['bytesPerSecond'])),
});

/** A second is cut into so many turns, as in Envoy. */
const TURNS_PER_SECOND = 16;
/** So much may wait here before the upstream is told to. */
const HIGH_BYTES = 64 * 1024;

class SlowStage implements BodyStage {
  readonly #x: Exchange;
  readonly #next: BodySink;
  readonly #bytesPerTurn: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #timer: Timer | undefined = undefined;
  #left: number;
  #end: { readonly trailers: Uint8Array | undefined } | undefined = undefined;
  #blocked = false;
  #dropped = false;

  constructor(x: Exchange, next: BodySink, bytesPerSecond: number) {
    this.#x = x;
    this.#next = next;
    this.#bytesPerTurn = Math.max(1, Math.floor(bytesPerSecond / TURNS_PER_SECOND));
    this.#left = this.#bytesPerTurn;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#waiting.push(Buffer.from(asBuffer(bytes).subarray(start, end)));
    this.#waitingBytes += end - start;
    if (this.#timer === undefined) this.#pass();
    return this.#waitingBytes < HIGH_BYTES;
  }

  end(trailers: Uint8Array | undefined): void {
    this.#end = { trailers };
    if (this.#waitingBytes === 0) this.#next.end(trailers);
  }

  /** Passes on what this turn allows; the rest waits for the next one. */
  #pass(): void {
    while (this.#left > 0 && this.#waitingBytes > 0 && !this.#blocked) {
      const [first = NOTHING] = this.#waiting;
      const take = Math.min(first.length, this.#left);
      if (take === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(take);
      this.#left -= take;
      this.#waitingBytes -= take;
      this.#blocked = !this.#next.write(first, 0, take);
    }
    if (this.#waitingBytes === 0 && this.#end !== undefined) this.#next.end(this.#end.trailers);
    else if (this.#left === 0) this.#timer = this.#x.worker.ports.timers.after(1000 / TURNS_PER_SECOND, () => this.#turn());
  }

  #turn(): void {
    this.#timer = undefined;
    if (this.#dropped) return;
    const full = this.#waitingBytes >= HIGH_BYTES;
    this.#left = this.#bytesPerTurn;
    this.#pass();
    if (full && this.#waitingBytes < HIGH_BYTES && this.#end === undefined) this.#x.onDownstreamDrain();
  }

  drained(): boolean {
    this.#blocked = false;
    if (this.#timer === undefined && !this.#dropped && this.#waitingBytes > 0) this.#pass();
    return this.#waitingBytes < HIGH_BYTES;
  }

  drop(): void {
    this.#dropped = true;
    this.#timer?.cancel();
    this.#waiting = [];
  }
}

const NOTHING = Buffer.alloc(0);
