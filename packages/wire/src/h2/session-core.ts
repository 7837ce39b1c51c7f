import { H2_ERROR } from './error-codes.ts';
import { FloodGuard } from './flood-guard.ts';
import { FIRST_WINDOW, MAX_WINDOW, SETTING, SMALLEST_FRAME_LIMIT } from './frames.ts';
import { writeGoaway, writeReset, writeSettings, writeWindowUpdate } from './frame-writer.ts';
import { PREFACE } from './frame-reader.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import type { H2SessionOptions } from './options.ts';
import type { H2Handler } from './session-types.ts';
import { ResetMemory, StreamState } from './stream-state.ts';

/** What the peer's SETTINGS say. */
export interface PeerSettings {
  maxConcurrentStreams: number;
  initialWindowSize: number;
  maxFrameSize: number;
  enableConnectProtocol: boolean;
}

/** The state of a connection that both of its directions work on. */
export class SessionCore<Owner> {
  readonly options: H2SessionOptions<Owner>;
  readonly handler: H2Handler<Owner>;
  readonly isServer: boolean;
  readonly streams = new Map<number, StreamState<Owner>>();
  readonly guard: FloodGuard;
  readonly encoder: HpackEncoder;
  readonly peer: PeerSettings = {
    maxConcurrentStreams: 0xffffffff,
    initialWindowSize: FIRST_WINDOW,
    maxFrameSize: SMALLEST_FRAME_LIMIT,
    enableConnectProtocol: false,
  };
  readonly resets = new ResetMemory();
  /** Streams whose payload waits for the connection's window. */
  readonly blocked = new Set<StreamState<Owner>>();
  dead = false;
  ready = false;
  settingsAcked = false;
  sendWindow = FIRST_WINDOW;
  receiveWindow: number;
  #toGrant = 0;
  /** Highest stream id that the peer has opened, and what the next of ours gets. */
  lastPeerId = 0;
  nextId: number;
  /** GOAWAY was sent: streams above are not taken any more. */
  takenId = MAX_WINDOW;
  peerGone = false;

  constructor(options: H2SessionOptions<Owner>) {
    this.options = options;
    this.handler = options.handler;
    this.isServer = options.role === 'server';
    this.encoder = new HpackEncoder(options.port);
    this.guard = new FloodGuard(options.limits, options.nowMs);
    this.nextId = this.isServer ? 2 : 1;
    this.receiveWindow = Math.max(FIRST_WINDOW, options.settings.connectionWindowSize);
    this.#hello();
  }

  #hello(): void {
    const { output, settings, limits } = this.options;
    if (!this.isServer) {
      output.reserve(PREFACE.length);
      output.bytes.set(PREFACE, output.length);
      output.length += PREFACE.length;
    }
    const told: [number, number][] = [[SETTING.initialWindowSize, settings.initialWindowSize]];
    if (this.isServer) told.push([SETTING.maxConcurrentStreams, settings.maxConcurrentStreams]);
    else told.push([SETTING.enablePush, 0]);
    if (this.isServer && settings.enableConnectProtocol) told.push([SETTING.enableConnectProtocol, 1]);
    if (settings.headerTableSize !== 4096) told.push([SETTING.headerTableSize, settings.headerTableSize]);
    if (settings.maxFrameSize !== SMALLEST_FRAME_LIMIT) told.push([SETTING.maxFrameSize, settings.maxFrameSize]);
    told.push([SETTING.maxHeaderListSize, limits.maxHeaderListBytes]);
    writeSettings(output, told);
    if (this.receiveWindow > FIRST_WINDOW) writeWindowUpdate(output, 0, this.receiveWindow - FIRST_WINDOW);
  }

  /** A connection error (RFC 9113 section 5.4.1). Answers false, for those who answer whether to go on. */
  fail(code: number, reason: string): false {
    if (this.dead) return false;
    this.dead = true;
    writeGoaway(this.options.output, this.lastPeerId, code);
    this.#endAll(code);
    this.handler.failed(code, reason);
    return false;
  }

  /** The socket is gone. */
  end(): void {
    if (this.dead) return;
    this.dead = true;
    this.#endAll(H2_ERROR.cancel);
  }

  #endAll(code: number): void {
    const open = [...this.streams.values()];
    this.streams.clear();
    this.blocked.clear();
    for (const stream of open) {
      stream.closed = true;
      if (stream.announced) this.handler.reset(stream, code, 'session');
    }
  }

  openStream(id: number): StreamState<Owner> {
    const { settings, nowMs } = this.options;
    // Until the peer has acknowledged a smaller window it may use the first one.
    const window = this.settingsAcked ? settings.initialWindowSize : Math.max(FIRST_WINDOW, settings.initialWindowSize);
    const stream = new StreamState<Owner>(id, this.peer.initialWindowSize, window, nowMs());
    this.streams.set(id, stream);
    this.guard.streamOpened();
    return stream;
  }

  /** Both sides have ended, or one has reset. */
  #close(stream: StreamState<Owner>): void {
    stream.closed = true;
    this.streams.delete(stream.id);
    if (this.blocked.size > 0) this.blocked.delete(stream);
    const { unconsumed } = stream;
    stream.unconsumed = 0;
    if (unconsumed > 0) this.grantConnection(unconsumed);
  }

  /** A stream was closed. `early`: the peer is the cause. False = that was once too often. */
  #countClosed(stream: StreamState<Owner>, early: boolean): boolean {
    if (!this.isServer || this.guard.streamClosed(early && !stream.localEnded, stream.openedMs)) return true;
    return this.fail(H2_ERROR.enhanceYourCalm, 'premature_resets');
  }

  /** One of the sides has ended; closes the stream when both have. */
  ended(stream: StreamState<Owner>): void {
    if (!stream.localEnded || !stream.remoteEnded || stream.closed) return;
    this.#close(stream);
    this.#countClosed(stream, false);
  }

  /** This end resets the stream; the handler is not told. */
  resetLocally(stream: StreamState<Owner>, code: number): void {
    if (stream.closed) return;
    this.resets.add(stream.id);
    // Closed first: should this be one answer too many, the consumer is not told of its own reset.
    this.#close(stream);
    if (this.#countClosed(stream, false)) this.writeReset(stream.id, code);
  }

  writeReset(id: number, code: number): boolean {
    writeReset(this.options.output, id, code);
    return this.guard.controlWritten() || this.fail(H2_ERROR.enhanceYourCalm, 'outbound_control_flood');
  }

  /** A stream error that the peer has caused (section 5.4.2). Answers whether the connection goes on. */
  streamError(stream: StreamState<Owner>, code: number): boolean {
    this.resets.add(stream.id);
    if (!this.writeReset(stream.id, code)) return false;
    this.#close(stream);
    if (stream.announced) this.handler.reset(stream, code, 'session');
    return this.#countClosed(stream, true) && !this.dead;
  }

  /** The peer has reset the stream. Answers whether the connection goes on. */
  resetByPeer(stream: StreamState<Owner>, code: number): boolean {
    this.#close(stream);
    this.handler.reset(stream, code, 'peer');
    return this.#countClosed(stream, true) && !this.dead;
  }

  /** The peer's GOAWAY: streams above `last` it has not seen and will not. */
  refuseAbove(last: number): void {
    for (const stream of this.streams.values()) {
      // (A map may lose what its iteration has shown.)
      if (stream.id <= last) continue;
      this.#close(stream);
      this.handler.reset(stream, H2_ERROR.refusedStream, 'goaway');
    }
  }

  /** Payload of the stream has gone on. */
  grant(stream: StreamState<Owner>, byteCount: number): void {
    if (stream.closed || this.dead) return;
    stream.unconsumed -= byteCount;
    this.grantConnection(byteCount);
    if (stream.remoteEnded) return;
    stream.toGrant += byteCount;
    if (stream.toGrant * 2 < this.options.settings.initialWindowSize) return;
    writeWindowUpdate(this.options.output, stream.id, stream.toGrant);
    stream.receiveWindow += stream.toGrant;
    stream.toGrant = 0;
  }

  grantConnection(byteCount: number): void {
    if (this.dead) return;
    this.#toGrant += byteCount;
    if (this.#toGrant * 2 < this.options.settings.connectionWindowSize) return;
    writeWindowUpdate(this.options.output, 0, this.#toGrant);
    this.receiveWindow += this.#toGrant;
    this.#toGrant = 0;
  }

  /** Payload of the stream did not go out whole. */
  wait(stream: StreamState<Owner>): void {
    if (stream.sendWindow <= 0) stream.waits = true;
    else this.blocked.add(stream);
  }

  /** The stream's window may be open again. */
  wakeStream(stream: StreamState<Owner>): void {
    if (!stream.waits || stream.sendWindow <= 0) return;
    stream.waits = false;
    if (this.sendWindow > 0) this.handler.writable(stream);
    else this.blocked.add(stream);
  }

  /** The connection's window is open again: whoever waits for it goes on, the longest waiting first, as far as it reaches. */
  wake(): void {
    for (const stream of this.blocked) {
      if (this.sendWindow <= 0) return;
      // (Who does not come through is added again, behind the others.)
      this.blocked.delete(stream);
      if (stream.sendWindow <= 0) stream.waits = true;
      else this.handler.writable(stream);
    }
  }
}
