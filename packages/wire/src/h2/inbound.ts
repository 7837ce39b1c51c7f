/* oxlint-disable complexity -- one decision per frame type, with the sections of RFC 9113 beside them. */
import { BlockPieces } from './block-pieces.ts';
import { H2_ERROR } from './error-codes.ts';
import { type FrameHeader, FrameReader, type FrameSink } from './frame-reader.ts';
import { FLAG, FRAME, MAX_WINDOW, uint31, uint32 } from './frames.ts';
import { writePing, writeSettingsAck } from './frame-writer.ts';
import { HeadBuilder, type HeadMode } from './head-builder.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { takeSettings } from './peer-settings.ts';
import type { SessionCore } from './session-core.ts';
import type { StreamState } from './stream-state.ts';

/** A block may be this much longer than the decoded limit: it is decoded before it is refused, so that the connection lives. */
const BLOCK_SLACK = 16 * 1024;

/** The receiving half of a session: what frames mean, and whether they may come now. */
export class Inbound<Owner> implements FrameSink {
  readonly reader: FrameReader;
  readonly #core: SessionCore<Owner>;
  readonly #decoder: HpackDecoder;
  readonly #into: { head: HeadBuilder; mode: HeadMode };
  readonly #head: HeadBuilder;
  /** Made when the first trailers come. */
  #trailers: HeadBuilder | undefined = undefined;
  /** A header block in pieces, and the HEADERS frame that it began with. */
  readonly #pieces: BlockPieces;
  #blockStream = 0;
  #blockEnds = false;
  #blockDependsOnItself = false;
  /** Whom the present DATA frame is for, undefined = nobody. */
  #dataStream: StreamState<Owner> | undefined = undefined;
  #dataEnds = false;
  readonly #data: { bytes: Uint8Array; start: number; end: number; endStream: boolean } = { bytes: EMPTY, start: 0, end: 0, endStream: false };

  constructor(core: SessionCore<Owner>) {
    this.#core = core;
    const { settings, limits, port } = core.options;
    this.#decoder = new HpackDecoder(port);
    this.#pieces = new BlockPieces(port);
    this.#head = new HeadBuilder(port, { ...limits, enableConnectProtocol: core.isServer && settings.enableConnectProtocol });
    this.#into = { head: this.#head, mode: 'request' };
    this.reader = new FrameReader(this, { port, maxFrameSize: settings.maxFrameSize, preface: core.isServer });
  }

  broken(code: number, reason: string): void {
    this.#core.fail(code, reason);
  }

  frame(header: FrameHeader, bytes: Uint8Array, start: number): boolean {
    switch (header.type) {
      case FRAME.headers:
        return this.#headers(header, bytes, start);
      case FRAME.continuation:
        return this.#continuation(header, bytes, start);
      case FRAME.priority:
        return this.#priority(header, bytes, start);
      case FRAME.rstStream:
        return this.#reset(header, bytes, start);
      case FRAME.settings:
        return this.#settings(header, bytes, start);
      case FRAME.ping:
        return this.#ping(header, bytes, start);
      case FRAME.goaway:
        return this.#goaway(header, bytes, start);
      case FRAME.windowUpdate:
        return this.#windowUpdate(header, bytes, start);
      case FRAME.pushPromise:
        // Never allowed: clients cannot push, and as a client this end refuses it in its SETTINGS.
        return this.#core.fail(H2_ERROR.protocolError, 'push_promise');
      default:
        return true;
    }
  }

  #protocolError(reason: string): false {
    return this.#core.fail(H2_ERROR.protocolError, reason);
  }

  /** Has this stream never been opened? */
  #isIdle(id: number): boolean {
    const own = (id & 1) === (this.#core.nextId & 1);
    return own ? id >= this.#core.nextId : !this.#core.isServer || id > this.#core.lastPeerId;
  }

  // DATA (section 6.1)

  dataFrame({ streamId, flags, length }: FrameHeader, padding: number): boolean {
    const core = this.#core;
    this.#dataStream = undefined;
    this.#dataEnds = (flags & FLAG.endStream) !== 0;
    if (streamId === 0) return this.#protocolError('data_on_stream_0');
    const payload = (flags & FLAG.padded) === 0 ? length : length - padding - 1;
    if (!core.guard.payloadFrame(payload === 0 && !this.#dataEnds)) return core.fail(H2_ERROR.enhanceYourCalm, 'inbound_empty_frames_flood');
    core.receiveWindow -= length;
    if (core.receiveWindow < 0) return core.fail(H2_ERROR.flowControlError, 'connection_window');
    const stream = core.streams.get(streamId);
    if (stream === undefined) return this.#dataForNobody(streamId, length);
    stream.receiveWindow -= length;
    const wrong = this.#wrongData(stream, payload);
    if (wrong !== 0) {
      core.grantConnection(length);
      return core.streamError(stream, wrong);
    }
    this.#dataStream = stream;
    stream.unconsumed += length;
    // Padding is consumed by being here.
    if (length > payload) core.grant(stream, length - payload);
    return true;
  }

  /** Error code of the stream for this payload, 0 = all right. */
  #wrongData(stream: StreamState<Owner>, payload: number): number {
    if (stream.remoteEnded) return H2_ERROR.streamClosed;
    if (stream.receiveWindow < 0) return H2_ERROR.flowControlError;
    if (!stream.headCame) return H2_ERROR.protocolError;
    if (stream.bodyLeft < 0) return 0;
    stream.bodyLeft -= payload;
    return stream.bodyLeft < 0 || (this.#dataEnds && stream.bodyLeft > 0) ? H2_ERROR.protocolError : 0;
  }

  #dataForNobody(streamId: number, length: number): boolean {
    const core = this.#core;
    if (this.#isIdle(streamId)) return this.#protocolError('data_on_idle_stream');
    core.grantConnection(length);
    // A client cannot know whether the server has heard of its reset; a server remembers for a while.
    if (!core.isServer || core.resets.has(streamId) || streamId > core.takenId) return true;
    return core.writeReset(streamId, H2_ERROR.streamClosed);
  }

  dataPiece(bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    const stream = this.#dataStream;
    if (stream === undefined || stream.closed) return !this.#core.dead;
    const data = this.#data;
    data.endStream = last && this.#dataEnds;
    if (end === start && !data.endStream) return true;
    data.bytes = bytes;
    data.start = start;
    data.end = end;
    if (data.endStream) stream.remoteEnded = true;
    this.#core.handler.data(stream, data);
    data.bytes = EMPTY;
    this.#core.ended(stream);
    return !this.#core.dead;
  }

  // HEADERS and CONTINUATION (sections 6.2 and 6.10)

  #headers({ streamId, flags, length }: FrameHeader, bytes: Uint8Array, start: number): boolean {
    const core = this.#core;
    if (streamId === 0) return this.#protocolError('headers_on_stream_0');
    let p = start;
    let end = start + length;
    if ((flags & FLAG.padded) !== 0) {
      if (length === 0) return this.#protocolError('bad_padding');
      end -= bytes[p++] as number;
    }
    let dependsOnItself = false;
    if ((flags & FLAG.priority) !== 0) {
      dependsOnItself = p + 4 <= end && uint31(bytes, p) === streamId;
      p += 5;
    }
    if (p > end) return this.#protocolError('bad_padding');
    const endStream = (flags & FLAG.endStream) !== 0;
    const complete = (flags & FLAG.endHeaders) !== 0;
    if (!core.guard.payloadFrame(p === end && !endStream)) return core.fail(H2_ERROR.enhanceYourCalm, 'inbound_empty_frames_flood');
    this.#blockStream = streamId;
    this.#blockEnds = endStream;
    this.#blockDependsOnItself = dependsOnItself;
    if (complete) return this.#complete(bytes, p, end);
    this.reader.expect = streamId;
    this.#pieces.add(bytes, p, end);
    return true;
  }

  #continuation({ flags, length }: FrameHeader, bytes: Uint8Array, start: number): boolean {
    const core = this.#core;
    const complete = (flags & FLAG.endHeaders) !== 0;
    if (!core.guard.payloadFrame(length === 0 && !complete)) return core.fail(H2_ERROR.enhanceYourCalm, 'inbound_empty_frames_flood');
    const pieces = this.#pieces;
    if (pieces.count > core.options.limits.maxContinuations) return core.fail(H2_ERROR.enhanceYourCalm, 'continuation_flood');
    if (pieces.length + length > core.options.limits.maxHeaderListBytes + BLOCK_SLACK)
      return core.fail(H2_ERROR.enhanceYourCalm, 'header_block_too_large');
    pieces.add(bytes, start, start + length);
    if (!complete) return true;
    this.reader.expect = 0;
    const { length: blockLength } = pieces;
    return this.#complete(pieces.take(), 0, blockLength);
  }

  /** A whole header block. It is decoded whatever becomes of it: the table must know it. */
  #complete(block: Uint8Array, start: number, end: number): boolean {
    const core = this.#core;
    const id = this.#blockStream;
    let stream = core.streams.get(id);
    const fresh = stream === undefined && core.isServer && (id & 1) === 1 && id > core.lastPeerId;
    if (stream === undefined && !fresh && !this.#mayComeLate(id)) return false;
    const into = this.#into;
    const trailers = stream !== undefined && stream.headCame;
    into.head = trailers ? (this.#trailers ??= new HeadBuilder(core.options.port, core.options.limits)) : this.#head;
    into.mode = trailers ? 'trailers' : core.isServer ? 'request' : 'response';
    const result = this.#decoder.decode(block, start, end, into);
    if (result === 'broken') return core.fail(H2_ERROR.compressionError, 'bad_header_block');
    if (result === 'bomb') return core.fail(H2_ERROR.enhanceYourCalm, 'header_block_bomb');
    if (fresh) {
      core.lastPeerId = id;
      if (id > core.takenId) return true;
      if (core.streams.size >= core.options.settings.maxConcurrentStreams) {
        core.resets.add(id);
        return core.writeReset(id, H2_ERROR.refusedStream);
      }
      stream = core.openStream(id);
    }
    if (stream === undefined) return true;
    if (stream.remoteEnded) return core.streamError(stream, H2_ERROR.streamClosed);
    if (result === 'malformed' || this.#blockDependsOnItself) return core.streamError(stream, H2_ERROR.protocolError);
    if (result !== 'ok') {
      stream.announced = true;
      stream.headCame = true;
      stream.remoteEnded = this.#blockEnds;
      core.handler.headRefused(stream, result, this.#blockEnds);
    } else if (!(trailers ? this.#trailersCame(stream) : this.#headCame(stream))) return false;
    core.ended(stream);
    return !core.dead;
  }

  /** HEADERS for a stream that is not there: late ones are read and forgotten. False = the connection has failed. */
  #mayComeLate(id: number): boolean {
    const core = this.#core;
    if (this.#isIdle(id)) return this.#protocolError('headers_on_idle_stream');
    if (!core.isServer || core.resets.has(id) || id > core.takenId) return true;
    return core.fail(H2_ERROR.streamClosed, 'headers_on_closed_stream');
  }

  #headCame(stream: StreamState<Owner>): boolean {
    const core = this.#core;
    const head = this.#head;
    const endStream = this.#blockEnds;
    if (core.isServer || head.status >= 200) {
      const bodiless = stream.isHead || head.status === 204 || head.status === 304;
      if (endStream && head.contentLength > 0 && !bodiless) return core.streamError(stream, H2_ERROR.protocolError);
      stream.headCame = true;
      stream.bodyLeft = bodiless ? 0 : head.contentLength;
    } else if (endStream) return core.streamError(stream, H2_ERROR.protocolError);
    stream.announced = true;
    stream.remoteEnded = endStream;
    core.handler.head(stream, head, endStream);
    return !core.dead;
  }

  #trailersCame(stream: StreamState<Owner>): boolean {
    const core = this.#core;
    if (!this.#blockEnds || stream.bodyLeft > 0) return core.streamError(stream, H2_ERROR.protocolError);
    stream.remoteEnded = true;
    core.handler.trailers(stream, this.#into.head);
    return !core.dead;
  }

  // The small ones

  /** Priorities are not used (RFC 9113 section 5.3.2); a frame must be right all the same. */
  #priority({ streamId, length }: FrameHeader, bytes: Uint8Array, start: number): boolean {
    const core = this.#core;
    if (streamId === 0) return this.#protocolError('priority_on_stream_0');
    if (!core.guard.priorityFrame()) return core.fail(H2_ERROR.enhanceYourCalm, 'inbound_priority_frames_flood');
    const wrong = length !== 5 ? H2_ERROR.frameSizeError : uint31(bytes, start) === streamId ? H2_ERROR.protocolError : 0;
    if (wrong === 0) return true;
    const stream = core.streams.get(streamId);
    if (stream !== undefined) return core.streamError(stream, wrong);
    return this.#isIdle(streamId) ? core.fail(wrong, 'bad_priority') : core.writeReset(streamId, wrong);
  }

  #reset({ streamId, length }: FrameHeader, bytes: Uint8Array, start: number): boolean {
    const core = this.#core;
    if (length !== 4) return core.fail(H2_ERROR.frameSizeError, 'bad_reset');
    if (streamId === 0 || this.#isIdle(streamId)) return this.#protocolError('reset_on_idle_stream');
    const stream = core.streams.get(streamId);
    if (stream === undefined) return true;
    return core.resetByPeer(stream, uint32(bytes, start));
  }

  #settings({ streamId, flags, length }: FrameHeader, bytes: Uint8Array, start: number): boolean {
    const core = this.#core;
    if (streamId !== 0) return this.#protocolError('settings_on_stream');
    if ((flags & FLAG.ack) !== 0) {
      if (length !== 0) return core.fail(H2_ERROR.frameSizeError, 'bad_settings');
      core.settingsAcked = true;
      this.#decoder.allow(core.options.settings.headerTableSize);
      return true;
    }
    if (length % 6 !== 0) return core.fail(H2_ERROR.frameSizeError, 'bad_settings');
    if (!core.guard.controlFrame()) return core.fail(H2_ERROR.enhanceYourCalm, 'settings_flood');
    const code = takeSettings(core, bytes, start, start + length);
    if (code !== 0) return core.fail(code, 'bad_settings');
    core.ready = true;
    writeSettingsAck(core.options.output);
    if (!core.guard.controlWritten()) return core.fail(H2_ERROR.enhanceYourCalm, 'outbound_control_flood');
    core.handler.settings();
    for (const stream of core.streams.values()) core.wakeStream(stream);
    return !core.dead;
  }

  #ping({ streamId, flags, length }: FrameHeader, bytes: Uint8Array, start: number): boolean {
    const core = this.#core;
    if (streamId !== 0) return this.#protocolError('ping_on_stream');
    if (length !== 8) return core.fail(H2_ERROR.frameSizeError, 'bad_ping');
    if ((flags & FLAG.ack) !== 0) {
      core.handler.pong();
      return !core.dead;
    }
    // However many: gRPC measures the way by a PING in every round trip. Those whose answers nobody reads are counted.
    writePing(core.options.output, true, bytes, start);
    return core.guard.controlWritten() || core.fail(H2_ERROR.enhanceYourCalm, 'outbound_control_flood');
  }

  #goaway({ streamId, length }: FrameHeader, bytes: Uint8Array, start: number): boolean {
    const core = this.#core;
    if (streamId !== 0) return this.#protocolError('goaway_on_stream');
    if (length < 8) return core.fail(H2_ERROR.frameSizeError, 'bad_goaway');
    if (!core.guard.controlFrame()) return core.fail(H2_ERROR.enhanceYourCalm, 'goaway_flood');
    const last = uint31(bytes, start);
    core.peerGone = true;
    if (!core.isServer) core.refuseAbove(last);
    core.handler.goaway(last, uint32(bytes, start + 4));
    return !core.dead;
  }

  #windowUpdate({ streamId, length }: FrameHeader, bytes: Uint8Array, start: number): boolean {
    const core = this.#core;
    if (length !== 4) return core.fail(H2_ERROR.frameSizeError, 'bad_window_update');
    if (!core.guard.windowUpdate()) return core.fail(H2_ERROR.enhanceYourCalm, 'inbound_window_update_frames_flood');
    const increment = uint31(bytes, start);
    if (streamId === 0) {
      if (increment === 0) return this.#protocolError('window_update_0');
      core.sendWindow += increment;
      if (core.sendWindow > MAX_WINDOW) return core.fail(H2_ERROR.flowControlError, 'connection_window');
      core.wake();
      return !core.dead;
    }
    if (this.#isIdle(streamId)) return this.#protocolError('window_update_on_idle_stream');
    const stream = core.streams.get(streamId);
    if (stream === undefined) return true;
    if (increment === 0) return core.streamError(stream, H2_ERROR.protocolError);
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW) return core.streamError(stream, H2_ERROR.flowControlError);
    core.wakeStream(stream);
    return !core.dead;
  }
}

const EMPTY = new Uint8Array(0);
