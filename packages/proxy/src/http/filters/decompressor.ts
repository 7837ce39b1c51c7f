import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import type { DecompressQuestion } from '@meltemi/runtime';
import { asBuffer } from '../../net/node-bytes.ts';
import { giveUp } from '../end-exchange.ts';
import type { Exchange } from '../exchange.ts';
import { localReply } from '../local-reply.ts';
import type { BodySink, BodyStage } from '../payload.ts';
import { dropLength } from './edit-request.ts';
import { defineHalf, type FilterHalf } from './half.ts';

/** Takes the compression off a body. */
export const decompressorHalf: FilterHalf = defineHalf<DecompressQuestion>({
  t: 'decompressor',
  ask({ encoding, maxRatio }, call) {
    const { x } = call;
    dropLength(x);
    x.stageRequest((next) => new Decompress(createEngine(encoding), maxRatio, next, requestEnd(x)));
    call.done(undefined);
    return undefined;
  },
  transform(settings, x) {
    x.worker.responseScanner.dropLength();
    return (next) =>
      new Decompress(createEngine(settings['encoding']), Number(settings['maxRatio']), next, {
        drained: () => x.onDownstreamDrain(),
        failed: () => x.downstream.cut(x),
      });
  },
});

/** Who a stage works for. */
interface Owner {
  /** What was held back has been worked through. */
  drained(): void;
  /** The bytes are not what they are said to be, or become too many. */
  failed(): void;
}

function requestEnd(x: Exchange): Owner {
  return { drained: () => x.downstream.pause(false), failed: () => giveUp(x, localReply(400, '', 'decompression_failed')) };
}

function createEngine(encoding: unknown): Transform {
  if (encoding === 'br') return createBrotliDecompress();
  return encoding === 'zstd' ? createZstdDecompress() : createGunzip();
}

/** A few bytes may become many: small bodies are never refused for that. */
const ALWAYS_ALLOWED_BYTES = 1024 * 1024;

/** Bytes in, what they were before they were compressed out. Never more than the ratio allows: a small body must not fill the memory behind it. */
class Decompress implements BodyStage {
  readonly #engine: Transform;
  readonly #maxRatio: number;
  readonly #next: BodySink;
  readonly #owner: Owner;
  #trailers: Uint8Array | undefined = undefined;
  #in = 0;
  #out = 0;
  #dropped = false;
  #waits = false;

  // oxlint-disable-next-line max-params -- the four things that a stage is made of
  constructor(engine: Transform, maxRatio: number, next: BodySink, owner: Owner) {
    this.#engine = engine;
    this.#maxRatio = maxRatio;
    this.#next = next;
    this.#owner = owner;
    engine.on('data', (bytes: Buffer) => this.#pass(bytes));
    engine.on('end', () => {
      if (!this.#dropped) this.#next.end(this.#trailers);
    });
    engine.on('error', () => this.#fail());
    engine.on('drain', () => {
      if (this.#waits && !this.#dropped) this.#owner.drained();
      this.#waits = false;
    });
  }

  #pass(bytes: Buffer): void {
    if (this.#dropped) return;
    this.#out += bytes.length;
    if (this.#out > ALWAYS_ALLOWED_BYTES && this.#out > this.#in * this.#maxRatio) this.#fail();
    else if (!this.#next.write(bytes, 0, bytes.length)) this.#engine.pause();
  }

  #fail(): void {
    if (this.#dropped) return;
    this.drop();
    this.#owner.failed();
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#dropped || end === start) return true;
    this.#in += end - start;
    const room = this.#engine.write(Buffer.from(asBuffer(bytes).subarray(start, end)));
    this.#waits ||= !room;
    return room;
  }

  end(trailers: Uint8Array | undefined): void {
    this.#trailers = trailers;
    if (!this.#dropped) this.#engine.end();
  }

  drained(): boolean {
    this.#engine.resume();
    return !this.#engine.writableNeedDrain;
  }

  drop(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#engine.destroy();
  }
}
