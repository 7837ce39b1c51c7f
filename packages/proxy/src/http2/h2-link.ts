import type { Http2Options } from '@meltemi/runtime';
import { createH2Session, type H2Handler, type H2Limits, type H2Session, DEFAULT_H2_LIMITS } from '@meltemi/wire';
import { Output, type OutputOwner } from '../core/output.ts';
import type { Worker } from '../core/worker.ts';
import { nodeBytes } from '../net/node-bytes.ts';
import type { Transport } from '../types.ts';
import type { Link, SendQueue } from './send-queue.ts';

/** So much may gather in an output before it is written in the middle of an event. */
const FLUSH_BYTES = 256 * 1024;

/** Bounds of heads, besides what the options say. */
export interface HeadBounds {
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
}

/** Codec, output and waiting payload of one HTTP/2 connection, for either side. */
export class H2Link<Owner> implements Link<Owner>, OutputOwner {
  readonly session: H2Session<Owner>;
  readonly output: Output;
  readonly waiting = new Set<SendQueue<Owner>>();
  blocked = false;
  readonly #transport: Transport;

  constructor(
    worker: Worker,
    transport: Transport,
    of: { readonly handler: H2Handler<Owner>; readonly role: 'server' | 'client'; readonly options: Http2Options; readonly bounds: HeadBounds },
  ) {
    const { handler, role, options, bounds } = of;
    this.#transport = transport;
    this.output = new Output(worker.outputs, transport, this);
    this.session = createH2Session<Owner>({
      role,
      port: nodeBytes,
      output: this.output,
      handler,
      nowMs: () => worker.wheel.recent,
      limits: limitsOf(options, bounds),
      settings: {
        headerTableSize: options.headerTableSize,
        maxConcurrentStreams: options.maxConcurrentStreams,
        initialWindowSize: options.streamWindow,
        connectionWindowSize: options.connectionWindow,
        maxFrameSize: 16_384,
        enableConnectProtocol: options.allowConnect,
      },
    });
  }

  onFlushed(accepted: boolean): void {
    if (accepted && this.#transport.queuedBytes === 0) this.session.flushed();
    if (!accepted) this.blocked = true;
  }

  /** The socket has taken everything: payload that waits goes on, one stream after the other, as long as it takes it. */
  drained(): void {
    this.blocked = false;
    this.session.flushed();
    // (A queue that goes takes itself out.)
    for (const queue of this.waiting) {
      queue.pump();
      if (this.output.length > FLUSH_BYTES) this.output.flush();
      if (this.isBlocked()) return;
    }
  }

  /** (A flush may have changed it.) */
  isBlocked(): boolean {
    return this.blocked;
  }
}

function limitsOf(options: Http2Options, { maxHeadBytes, maxHeaders }: HeadBounds): H2Limits {
  return {
    ...DEFAULT_H2_LIMITS,
    maxHeaderListBytes: maxHeadBytes,
    maxHeaders: Math.min(maxHeaders, 254),
    maxEmptyFrames: options.maxEmptyFrames,
    maxPriorityFramesPerStream: options.maxPriorityFramesPerStream,
    maxWindowUpdatesPerDataFrame: options.maxWindowUpdatesPerDataFrame,
    maxOutboundControlFrames: options.maxOutboundControlFrames,
  };
}
