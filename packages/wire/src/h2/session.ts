import { H2_ERROR } from './error-codes.ts';
import { FRAME_HEADER, MAX_WINDOW } from './frames.ts';
import { frameBlock, writeData, writeGoaway, writePing } from './frame-writer.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { Inbound } from './inbound.ts';
import type { H2SessionOptions } from './options.ts';
import { SessionCore } from './session-core.ts';
import type { H2Outgoing, H2Session, H2Stream } from './session-types.ts';
import type { StreamState } from './stream-state.ts';

/** Makes a session; its first frames stand in the output at once. */
export function createH2Session<Owner>(options: H2SessionOptions<Owner>): H2Session<Owner> {
  return new Session(new SessionCore(options));
}

class Session<Owner> implements H2Session<Owner> {
  readonly #core: SessionCore<Owner>;
  readonly #inbound: Inbound<Owner>;

  constructor(core: SessionCore<Owner>) {
    this.#core = core;
    this.#inbound = new Inbound(core);
  }

  receive(bytes: Uint8Array, start: number, end: number): boolean {
    return !this.#core.dead && this.#inbound.reader.read(bytes, start, end) && !this.#core.dead;
  }

  disconnected(): void {
    this.#core.end();
  }

  flushed(): void {
    this.#core.guard.flushed();
  }

  get openStreams(): number {
    return this.#core.streams.size;
  }

  owners(): Owner[] {
    return [...this.#core.streams.values()].flatMap(({ owner }) => (owner === undefined ? [] : [owner]));
  }

  get canOpen(): number {
    const { dead, peerGone, peer, streams, nextId } = this.#core;
    if (dead || peerGone) return 0;
    return Math.max(0, Math.min(peer.maxConcurrentStreams - streams.size, (MAX_WINDOW - nextId) >>> 1));
  }

  get ready(): boolean {
    return this.#core.ready;
  }

  get canConnect(): boolean {
    return this.#core.peer.enableConnectProtocol;
  }

  get dead(): boolean {
    return this.#core.dead;
  }

  request(owner: Owner, head: H2Outgoing): H2Stream<Owner> {
    const core = this.#core;
    const stream = core.openStream(core.nextId);
    core.nextId += 2;
    stream.owner = owner;
    stream.announced = true;
    stream.isHead = isHeadRequest(head);
    const at = this.#room(head.end - head.start);
    this.#frame(stream, at, core.encoder.request(head, core.options.output.bytes, at), head.endStream);
    return stream;
  }

  respond(stream: H2Stream<Owner>, head: H2Outgoing): void {
    if (stream.closed) return;
    const { encoder, options } = this.#core;
    const at = this.#room(head.end - head.start);
    this.#frame(stream as StreamState<Owner>, at, encoder.response(head, options.output.bytes, at), head.endStream);
  }

  writeTrailers(stream: H2Stream<Owner>, bytes: Uint8Array, start: number, end: number): void {
    if (stream.closed) return;
    const { encoder, options } = this.#core;
    const at = this.#room(end - start);
    this.#frame(stream as StreamState<Owner>, at, encoder.trailers(bytes, start, end, options.output.bytes, at), true);
  }

  /** Makes room for the block of a head; answers where it begins. */
  #room(headLength: number): number {
    const { output } = this.#core.options;
    output.reserve(FRAME_HEADER + HpackEncoder.room(headLength));
    return output.length + FRAME_HEADER;
  }

  /** A block stands at `at`: puts its frames around it. */
  // oxlint-disable-next-line max-params -- a range, its stream, and how it ends
  #frame(stream: StreamState<Owner>, at: number, end: number, endStream: boolean): void {
    const core = this.#core;
    frameBlock(core.options.output, stream.id, end - at, endStream, core.peer.maxFrameSize);
    if (!endStream) return;
    stream.localEnded = true;
    core.ended(stream);
  }

  sendable(stream: H2Stream<Owner>): number {
    return stream.closed ? 0 : Math.max(0, Math.min(stream.sendWindow, this.#core.sendWindow));
  }

  writeData(stream: H2Stream<Owner>, bytes: Uint8Array, start: number, end: number): number {
    return this.#write(stream as StreamState<Owner>, bytes, { start, end }, false);
  }

  writeLast(stream: H2Stream<Owner>, bytes: Uint8Array, start: number, end: number): number {
    return this.#write(stream as StreamState<Owner>, bytes, { start, end }, true);
  }

  #write(stream: StreamState<Owner>, bytes: Uint8Array, { start, end }: { readonly start: number; readonly end: number }, last: boolean): number {
    if (stream.closed) return end - start;
    const core = this.#core;
    const take = Math.min(end - start, this.sendable(stream));
    const whole = take === end - start;
    stream.sendWindow -= take;
    core.sendWindow -= take;
    if (!whole) core.wait(stream);
    if (take === 0 && !(last && whole)) return 0;
    const frames = writeData(core.options.output, stream.id, bytes, start, start + take, last && whole, core.peer.maxFrameSize);
    core.guard.dataSent(frames);
    if (last && whole) {
      stream.localEnded = true;
      core.ended(stream);
    }
    return take;
  }

  consumed(stream: H2Stream<Owner>, byteCount: number): void {
    this.#core.grant(stream as StreamState<Owner>, byteCount);
  }

  reset(stream: H2Stream<Owner>, code: number): void {
    this.#core.resetLocally(stream as StreamState<Owner>, code);
  }

  ping(): void {
    writePing(this.#core.options.output, false, PING, 0);
  }

  drain(): void {
    if (!this.#core.dead) writeGoaway(this.#core.options.output, MAX_WINDOW, H2_ERROR.noError);
  }

  goaway(code: number): void {
    const core = this.#core;
    if (core.dead) return;
    core.takenId = core.lastPeerId;
    writeGoaway(core.options.output, core.lastPeerId, code);
  }
}

const PING = Uint8Array.of(0x6d, 0x65, 0x6c, 0x74, 0x65, 0x6d, 0x69, 0x21);

function isHeadRequest({ bytes, start }: H2Outgoing): boolean {
  return bytes[start] === 72 && bytes[start + 1] === 69 && bytes[start + 2] === 65 && bytes[start + 3] === 68 && bytes[start + 4] === 32;
}
