import type { Socket } from 'node:net';
import type { Transport, TransportHandler } from '../types.ts';
import type { Faults } from '../core/faults.ts';
import type { SharedBuffers } from './shared-buffers.ts';
import { readInto } from './shared-reads.ts';

/** Larger pieces do not wait: they keep the other end busy as they are. */
const LATE_BYTES = 16 * 1024;
/** `set` would need a view of the part first. */
const { copy: copyBytes } = Buffer.prototype;

/**
 * A connection over `net.Socket` or `tls.TLSSocket`. The handler may be exchanged (a sniffer gives way to a protocol). What it throws ends this
 * connection.
 */
export class NodeTransport implements Transport {
  handler: TransportHandler;
  readonly socket: Socket;
  readonly #shared: SharedBuffers;
  readonly #encrypted: boolean;
  readonly #faults: Faults;
  #error: string | undefined;
  #ended = false;
  borrows = false;
  /** The handler wants nothing now. */
  #paused = false;
  /** What waits in the slab for the end of the turn: where it begins, and how many bytes. */
  #lateAt = 0;
  #late = 0;

  // oxlint-disable-next-line max-params -- made for every connection: an object for them would be another allocation
  constructor(socket: Socket, encrypted: boolean, shared: SharedBuffers, faults: Faults, handler: TransportHandler) {
    this.socket = socket;
    this.handler = handler;
    this.#shared = shared;
    this.#encrypted = encrypted;
    this.#faults = faults;
  }

  /** Listens to the socket. `data` is false for sockets whose bytes come through an `onread` buffer. */
  attach(data: boolean): void {
    const { socket } = this;
    if (data) socket.on('data', (bytes: Buffer) => this.received(bytes, 0, bytes.length));
    socket.on('end', () => this.ended());
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => (this.#error = reasonOf(error)));
    socket.on('close', () => this.#closed());
  }

  /**
   * Begins with an accepted connection of which `begun` was read already: hands on what has come, then reads into the shared buffer where that is possible. From
   * then on bytes of the peer do not outlast `onData`.
   */
  start(begun: Buffer | undefined): void {
    const { socket } = this;
    this.attach(false);
    if (begun !== undefined) this.received(begun, 0, begun.length);
    for (let bytes = next(socket); bytes !== null; bytes = next(socket)) this.received(bytes, 0, bytes.length);
    const shared = readInto(socket, this.#shared.read, (length, bytes) => {
      this.received(bytes, 0, length);
      return true;
    });
    if (!shared) socket.on('data', (bytes: Buffer) => this.received(bytes, 0, bytes.length));
    // An end that came while somebody else listened was heard there; the socket does not tell it twice.
    if (socket.readableEnded) this.ended();
    // Listening to `data` has let it flow.
    if (this.#paused) socket.pause();
    else socket.resume();
  }

  /** Bytes of the peer. */
  received(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.handler.onData(bytes, start, end);
    } catch (error) {
      this.#broken('data', error);
    }
  }

  /** The peer said FIN. */
  ended(): void {
    try {
      this.handler.onEnd();
    } catch (error) {
      this.#broken('end', error);
    }
  }

  #drained(): void {
    try {
      this.handler.onDrain();
    } catch (error) {
      this.#broken('drain', error);
    }
  }

  #closed(): void {
    try {
      this.handler.onClose(this.#error);
    } catch (error) {
      this.#faults.report('close', error);
      this.#faults.forget(this.handler);
    }
  }

  /** A write that waited threw. */
  failed(error: unknown): void {
    this.#broken('write', error);
  }

  #broken(place: string, error: unknown): void {
    this.#faults.report(place, error);
    this.#error ??= 'internal error';
    this.destroy();
  }

  write(bytes: Uint8Array, start: number, end: number, gathered = false): boolean {
    const { socket } = this;
    const size = end - start;
    if (this.#ended || size === 0 || socket.destroyed) return true;
    const { late } = this.#shared;
    // Behind a backlog nothing is won by waiting, and shared memory would be kept for as long as the peer likes.
    if (gathered || size > LATE_BYTES || late.flushing || socket.writableLength > 0) {
      this.flush();
      return this.#writeNow(bytes, start, end);
    }
    // Before memory is claimed: a write to a connection inside the process may make others write before it returns.
    while (this.#late > 0 && this.#lateAt + this.#late !== late.next) this.flush();
    const at = late.claim(size);
    copyBytes.call(bytes as Buffer, late.bytes, at, start, end);
    if (this.#late === 0) {
      this.#lateAt = at;
      late.wait(this);
    }
    this.#late += size;
    return !socket.writableNeedDrain;
  }

  /** Writes what waits for the end of the turn. */
  flush(): void {
    const size = this.#late;
    if (size === 0) return;
    this.#late = 0;
    const { socket } = this;
    if (socket.destroyed) return;
    const { late } = this.#shared;
    socket.write(late.bytes.subarray(this.#lateAt, this.#lateAt + size));
    if (socket.writableLength > 0) late.lend(socket);
  }

  #writeNow(bytes: Uint8Array, start: number, end: number): boolean {
    const { socket } = this;
    if (this.#encrypted || socket.writableLength > 0) {
      // TLS finishes later than it returns, and a backlog is kept: both need bytes of their own.
      this.borrows = false;
      return this.#writeCopy(bytes, start, end);
    }
    const shared = this.#shared;
    if (bytes === shared.read) {
      shared.read.copy(shared.scratch, 0, start, end);
      return this.#send(shared.scratch, 0, end - start);
    }
    return this.#send(bytes as Buffer, start, end);
  }

  #writeCopy(bytes: Uint8Array, start: number, end: number): boolean {
    const { socket } = this;
    const { late } = this.#shared;
    const size = end - start;
    const inSlab = size <= LATE_BYTES && !late.flushing && socket.writableLength === 0;
    const at = inSlab ? late.claim(size) : 0;
    const copy = inSlab ? late.bytes.subarray(at, at + size) : Buffer.allocUnsafe(size);
    copyBytes.call(bytes as Buffer, copy, 0, start, end);
    const accepted = socket.write(copy);
    if (inSlab && socket.writableLength > 0) late.lend(socket);
    return accepted;
  }

  #send(bytes: Buffer, start: number, end: number): boolean {
    const { socket } = this;
    const accepted = socket.write(bytes.subarray(start, end));
    this.borrows = socket.writableLength > 0;
    if (this.borrows) this.#shared.keep(bytes);
    return accepted;
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.socket.pause();
    else this.socket.resume();
  }

  end(): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    if (!this.socket.destroyed) this.socket.end();
  }

  get queuedBytes(): number {
    return this.socket.destroyed ? 0 : this.socket.writableLength + this.#late;
  }

  destroy(reset = false): void {
    this.flush();
    this.#ended = true;
    if (reset && !this.#encrypted && !this.socket.destroyed) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }
}

function next(socket: Socket): Buffer | null {
  return socket.destroyed ? null : (socket.read() as Buffer | null);
}

/** The operating system's or OpenSSL's word for a failure: `ECONNRESET`, `CERT_HAS_EXPIRED`, else the message. */
export function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.message;
}
