/**
 * The seam for whoever wants to see or change bodies. Bodies between two HTTP/1.1 connections pass with their framing untouched
 * unless somebody asks for the payload: `x.stageRequest(make)` while the filters decide (before the request's head is sent),
 * `x.stageResponse(make)` at the latest when the response's head is here and not yet passed on (`respond.ts`). A stage that
 * changes a response's length says so before its head is built (`responseScanner.dropLength()`); the writer then frames the body anew.
 */

/** Takes a body's payload: a stage, or the stream that writes it to the peer. */
export interface BodySink {
  /**
   * Takes `bytes[start, end)`; they are valid only during the call. Answers false when the taker is slower: stop producing until the
   * `onDrain` of whoever produces. What is written all the same is kept.
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * The body is whole. `trailers`: header lines, each `name: value` with its line end; undefined = none. They are valid only during the call, save for
   * stages: whoever ends a chain gives it bytes of its own. Nothing is written afterwards.
   */
  end(trailers: Uint8Array | undefined): void;
}

/** A stage in the way of a body. It passes on to the sink that it was made with, at once or later. */
export interface BodyStage extends BodySink {
  /** The sink is ready for more. Answers false while the stage has enough of its own to keep it busy. */
  drained(): boolean;
  /** The exchange has ended: timers are stopped, nothing is passed on any more. */
  drop(): void;
}

/** Makes a stage in front of `next`. Called once per body, when its first byte is due (for responses: once per response passed on). */
export type StageMaker = (next: BodySink) => BodyStage;

/** Nobody asked. */
export const NO_STAGES: readonly StageMaker[] = [];

/** Stages one behind another: the first of the list nearest to `last` for responses (Envoy's encode order), farthest for requests. */
export class StageChain implements BodySink {
  readonly #stages: BodyStage[] = [];
  readonly #first: BodySink;

  constructor(makers: readonly StageMaker[], last: BodySink) {
    let next = last;
    for (const make of makers) {
      const stage = make(next);
      this.#stages.push(stage);
      next = stage;
    }
    this.#first = next;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#first.write(bytes, start, end);
  }

  end(trailers: Uint8Array | undefined): void {
    this.#first.end(trailers);
  }

  /** The sink behind the last stage is ready; answers whether the whole chain is. */
  drained(): boolean {
    for (const stage of this.#stages) if (!stage.drained()) return false;
    return true;
  }

  drop(): void {
    for (const stage of this.#stages) stage.drop();
  }
}
