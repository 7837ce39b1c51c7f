import type { Transform } from 'node:stream';
import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib';
import type { PayloadTransform } from '@meltemi/runtime';
import { asBuffer } from '../../net/node-bytes.ts';
import type { Exchange } from '../exchange.ts';
import type { BodySink, BodyStage } from '../payload.ts';
import { defineHalf, type FilterHalf } from './half.ts';

/** Compresses the payload of a response. */
export const compressorHalf: FilterHalf = defineHalf<never>({
  t: 'compressor',
  transform(settings, x) {
    x.worker.responseScanner.dropLength();
    return (next) => new CompressStage(x, next, createEngine(settings));
  },
});

/** What a zlib stream has beside a `Transform`. */
type Engine = Transform & { flush(done: () => void): void };

function createEngine(settings: PayloadTransform): Engine {
  const number = (name: string): number => Number(settings[name] ?? 0);
  const { encoding } = settings;
  if (encoding === 'br') {
    return createBrotliCompress({
      params: {
        [constants.BROTLI_PARAM_QUALITY]: number('quality'),
        [constants.BROTLI_PARAM_MODE]: number('mode'),
        [constants.BROTLI_PARAM_LGWIN]: number('windowBits'),
      },
    });
  }
  if (encoding === 'zstd') {
    const strategy = number('strategy');
    return createZstdCompress({
      params: {
        [constants.ZSTD_c_compressionLevel]: number('level'),
        [constants.ZSTD_c_checksumFlag]: settings['checksum'] === true ? 1 : 0,
        ...(strategy === 0 ? {} : { [constants.ZSTD_c_strategy]: strategy }),
      },
    });
  }
  return createGzip({ level: number('level'), memLevel: number('memLevel'), strategy: number('strategy'), windowBits: number('windowBits') });
}

/** Takes pieces, gives compressed ones: each piece is flushed, so that a stream of events stays one. */
class CompressStage implements BodyStage {
  readonly #x: Exchange;
  readonly #next: BodySink;
  readonly #engine: Engine;
  #trailers: Uint8Array | undefined = undefined;
  /** Pieces that are still being worked on. */
  #busy = 0;
  #dropped = false;

  constructor(x: Exchange, next: BodySink, engine: Engine) {
    this.#x = x;
    this.#next = next;
    this.#engine = engine;
    engine.on('data', (bytes: Buffer) => {
      if (this.#dropped) return;
      if (!this.#next.write(bytes, 0, bytes.length)) engine.pause();
    });
    engine.on('end', () => {
      if (!this.#dropped) this.#next.end(this.#trailers);
    });
    // It cannot fail on any input; should it run out of memory, the response is cut.
    engine.on('error', () => {
      if (!this.#dropped) this.#x.downstream.cut(this.#x);
    });
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (end === start) return true;
    this.#busy++;
    const room = this.#engine.write(Buffer.from(asBuffer(bytes).subarray(start, end)));
    this.#engine.flush(() => {
      this.#busy--;
      if (!room && this.#busy === 0 && !this.#dropped) this.#x.onDownstreamDrain();
    });
    return room;
  }

  end(trailers: Uint8Array | undefined): void {
    this.#trailers = trailers;
    this.#engine.end();
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
