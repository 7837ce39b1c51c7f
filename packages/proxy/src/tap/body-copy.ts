import { asBuffer } from '../net/node-bytes.ts';
import type { BodySink, BodyStage, StageMaker } from '../http/payload.ts';
import type { TapBody } from './trace.ts';

/** The beginning of a body, while the body passes by. */
export class BodyCopy {
  readonly #maxBytes: number;
  readonly #asText: boolean;
  #bytes: Buffer = Buffer.alloc(0);
  #truncated = false;
  trailers = '';

  constructor(maxBytes: number, asText: boolean) {
    this.#maxBytes = maxBytes;
    this.#asText = asText;
  }

  /** A stage that lets everything through. */
  readonly stage: StageMaker = (next) => new Watcher(next, this);

  add(bytes: Uint8Array, start: number, end: number): void {
    const room = this.#maxBytes - this.#bytes.length;
    if (end - start > room) this.#truncated = true;
    if (room > 0) this.#bytes = Buffer.concat([this.#bytes, asBuffer(bytes).subarray(start, Math.min(end, start + room))]);
  }

  /** undefined = nothing has come. */
  shown(): TapBody | undefined {
    if (this.#bytes.length === 0 && !this.#truncated) return undefined;
    const content = this.#asText ? { as_string: this.#bytes.toString() } : { as_bytes: this.#bytes.toString('base64') };
    return { ...content, truncated: this.#truncated };
  }
}

class Watcher implements BodyStage {
  readonly #next: BodySink;
  readonly #copy: BodyCopy;

  constructor(next: BodySink, copy: BodyCopy) {
    this.#next = next;
    this.#copy = copy;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#copy.add(bytes, start, end);
    return this.#next.write(bytes, start, end);
  }

  end(trailers: Uint8Array | undefined): void {
    if (trailers !== undefined) this.#copy.trailers = asBuffer(trailers).toString('latin1');
    this.#next.end(trailers);
  }

  drained(): boolean {
    return true;
  }

  drop(): void {
    // Nothing is held.
  }
}
