import { ChunkedFramer, type PayloadSink } from './chunked.ts';
import { DEFAULT_LIMITS, type WireError, type WireLimits } from './limits.ts';

/** How the end of a body is found. */
export type BodyMode = 'none' | 'length' | 'chunked' | 'until-close';

/** Follows one body after another on a connection and tells where each ends. */
export class BodyFramer {
  mode: BodyMode = 'none';
  /** True once the body is whole. */
  done = true;
  /** Payload bytes of the current body, chunk framing not counted. */
  payloadBytes = 0;
  error: WireError = 'bad-chunk';
  #left = 0;
  #chunked: ChunkedFramer | undefined;
  readonly #limits: WireLimits;

  constructor(limits: WireLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Trailer lines of a chunked body that is whole and whose payload a sink took. */
  get trailers(): Uint8Array | undefined {
    return this.mode === 'chunked' ? this.#chunked?.trailers : undefined;
  }

  /** Begins a body; `length` matters for mode `length`. */
  start(mode: BodyMode, length: number): void {
    this.mode = mode === 'length' && length === 0 ? 'none' : mode;
    this.done = this.mode === 'none';
    this.payloadBytes = 0;
    this.#left = length;
    if (mode === 'chunked') {
      this.#chunked ??= new ChunkedFramer(this.#limits);
      this.#chunked.start();
    }
  }

  /**
   * Takes bytes that follow the head. Answers the index up to which they belong to this body, -1 when the framing is refused.
   * Look at `done` afterwards. `sink` hears the payload, if somebody must have it without chunk framing.
   */
  feed(bytes: Uint8Array, start: number, end: number, sink?: PayloadSink): number {
    if (this.done) return start;
    if (this.mode === 'chunked') return this.#feedChunked(bytes, start, end, sink);
    const take = this.mode === 'length' ? Math.min(this.#left, end - start) : end - start;
    this.payloadBytes += take;
    this.#left -= take;
    if (this.mode === 'length' && this.#left === 0) this.done = true;
    if (sink !== undefined && take > 0) sink(bytes, start, start + take);
    return start + take;
  }

  /** The connection ended: whole for `until-close`, cut short otherwise. Answers whether the body is whole. */
  finish(): boolean {
    if (this.mode === 'until-close') this.done = true;
    return this.done;
  }

  #feedChunked(bytes: Uint8Array, start: number, end: number, sink: PayloadSink | undefined): number {
    const chunked = this.#chunked as ChunkedFramer;
    const at = chunked.feed(bytes, start, end, sink);
    this.payloadBytes = chunked.payloadBytes;
    if (at < 0) {
      this.error = chunked.error;
      return -1;
    }
    if (at > end) return end;
    this.done = true;
    return at;
  }
}
