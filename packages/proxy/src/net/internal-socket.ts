import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { MetadataStruct } from '@meltemi/runtime';

/** Who connects inside the process, and what it tells of itself. */
export interface InternalPeer {
  /** `envoy://<listener>/<id>`, as logs show it. */
  readonly address: string;
  readonly metadata: ReadonlyMap<string, MetadataStruct>;
}

const NO_PORT = 0;

/**
 * One end of a connection that does not leave the process. It stands where a socket of the system would: what sniffs, proxies and encrypts
 * does not know the difference. Bytes are copied once, for the writer may fill its buffer again, and heard when the writer's call is over: as with a socket
 * of the system nobody's handler runs within somebody else's write, where both would use the thread's buffers.
 */
class InternalEnd extends Duplex {
  readonly remoteAddress: string = '';
  readonly remotePort = NO_PORT;
  readonly localAddress: string = '';
  readonly localPort = NO_PORT;
  /** On the end that a listener gets. */
  readonly internal: InternalPeer | undefined;
  other: InternalEnd | undefined = undefined;
  /** What the other end said and this one is still to hear, in order; null = its end. */
  #inbox: (Buffer | null)[] = [];
  #inboxBytes = 0;
  /** The other end's write that waits until this one is read. */
  #waiting: (() => void) | undefined = undefined;

  constructor(internal: InternalPeer | undefined) {
    super({ allowHalfOpen: true });
    this.internal = internal;
  }

  override _read(): void {
    if (this.#inbox.length === 0) this.#resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed) done(closed('EPIPE'));
    else if (other.#take(Buffer.from(chunk))) done();
    else other.#waiting = done;
  }

  override _final(done: () => void): void {
    const { other } = this;
    if (other !== undefined) other.#take(null);
    done();
  }

  /** Keeps what the other end said until its call is over. false = enough for now. */
  #take(said: Buffer | null): boolean {
    if (this.#inbox.length === 0) process.nextTick(() => this.#hear());
    this.#inbox.push(said);
    this.#inboxBytes += said?.length ?? 0;
    return this.#inboxBytes + this.readableLength < this.readableHighWaterMark;
  }

  #hear(): void {
    const inbox = this.#inbox;
    this.#inbox = [];
    this.#inboxBytes = 0;
    let room = true;
    for (const said of inbox) if (!this.destroyed) room = this.push(said);
    if (room && this.#inbox.length === 0) this.#resume();
  }

  /** The other end may go on, in a turn of its own. */
  #resume(): void {
    const resume = this.#waiting;
    if (resume === undefined) return;
    this.#waiting = undefined;
    process.nextTick(resume);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    this.other = undefined;
    this.#resume();
    if (other !== undefined && !other.destroyed) {
      // As with a socket of the system: an error here is a reset there, and what is closed without one ends.
      if (error === null) other.#take(null);
      else other.#reset();
    }
    done(error);
  }

  /** Behind what has been said. */
  #reset(): void {
    process.nextTick(() => this.destroy(closed('ECONNRESET')));
  }

  resetAndDestroy(): this {
    const { other } = this;
    this.other = undefined;
    if (other !== undefined) other.#reset();
    this.destroy();
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }
}

function closed(code: 'EPIPE' | 'ECONNRESET'): Error {
  return Object.assign(new Error(code), { code });
}

/** Both ends of a connection inside the process. */
export function internalPair(peer: InternalPeer): { readonly client: Socket; readonly server: Socket } {
  const client = new InternalEnd(undefined);
  const server = new InternalEnd(peer);
  client.other = server;
  server.other = client;
  // All of a socket that is used of it.
  return { client: client as unknown as Socket, server: server as unknown as Socket };
}

/** Who connected, when it was from inside. */
export function internalPeer(socket: Socket): InternalPeer | undefined {
  return socket instanceof InternalEnd ? socket.internal : undefined;
}
