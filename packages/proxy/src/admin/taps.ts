import type { TapTrace } from '../tap/trace.ts';

/** Traces that wait for a reader: what is beyond is dropped, for who looks on must not fill the memory. */
const MAX_WAITING_CHARS = 4 * 1024 * 1024;

/** The one tap that may be open, and what it has seen and nobody has read yet. */
export class Taps {
  #id = 0;
  #open = false;
  #waiting: string[] = [];
  #chars = 0;
  /** Something was dropped since the last reading. */
  #full = false;
  #wake: (() => void) | undefined = undefined;

  /** The number of a new tap; undefined = somebody looks on already. */
  open(): number | undefined {
    if (this.#open) return undefined;
    this.#open = true;
    return ++this.#id;
  }

  close(): void {
    this.#open = false;
    this.#waiting = [];
    this.#chars = 0;
    this.#full = false;
    this.#wake?.();
  }

  take(id: number, trace: TapTrace): void {
    if (!this.#open || id !== this.#id) return;
    const text = `${JSON.stringify(trace, undefined, 1)}\n`;
    if (this.#chars + text.length > MAX_WAITING_CHARS) {
      this.#full = true;
      this.#wake?.();
      return;
    }
    this.#waiting.push(text);
    this.#chars += text.length;
    this.#wake?.();
  }

  /** How many traces wait. */
  get count(): number {
    return this.#waiting.length;
  }

  /** What has come, when something has; nothing when the tap is closed or the signal says so. */
  async next(ends: AbortSignal): Promise<readonly string[]> {
    while (this.#waiting.length === 0 && this.#open && !ends.aborted) await this.#change(ends);
    return this.#drain();
  }

  /** The same, once there are so many, or as many as can be kept. */
  async gather(count: number, ends: AbortSignal): Promise<readonly string[]> {
    while (this.#waiting.length < count && !this.#full && this.#open && !ends.aborted) await this.#change(ends);
    return this.#drain().slice(0, count);
  }

  #change(ends: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      // A tap may be open for days: nothing may stay behind of each wait.
      const wake = (): void => {
        ends.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      ends.addEventListener('abort', wake);
    });
  }

  #drain(): readonly string[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#chars = 0;
    this.#full = false;
    return waiting;
  }
}
