import type { H2Session, H2Stream } from '@meltemi/wire';

/** Payload of one stream that has come and whose room the peer is not given back before it has gone on. */
export class Receipts<Owner> {
  readonly #session: H2Session<Owner>;
  #stream: H2Stream<Owner> | undefined = undefined;
  #held = 0;
  #paused = false;

  constructor(session: H2Session<Owner>) {
    this.#session = session;
  }

  start(stream: H2Stream<Owner>): void {
    this.#stream = stream;
    this.#held = 0;
    this.#paused = false;
  }

  /** So much has come and was handed on. */
  took(byteCount: number): void {
    if (this.#paused) this.#held += byteCount;
    else if (this.#stream !== undefined) this.#session.consumed(this.#stream, byteCount);
  }

  /** While paused, the peer gets no more room than it has. */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (paused || this.#held === 0 || this.#stream === undefined) return;
    const held = this.#held;
    this.#held = 0;
    this.#session.consumed(this.#stream, held);
  }

  clear(): void {
    this.pause(false);
    this.#stream = undefined;
  }
}
