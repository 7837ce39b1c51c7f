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
 * does not know the difference. Bytes are copied once, for the writer may fill its buffer again.
 */
class InternalEnd extends Duplex {
  readonly remoteAddress: string = '';
  readonly remotePort = NO_PORT;
  readonly localAddress: string = '';
  readonly localPort = NO_PORT;
  /** On the end that a listener gets. */
  readonly internal: InternalPeer | undefined;
  other: InternalEnd | undefined = undefined;
  /** The other end's write that waits until this one is read. */
  #waiting: (() => void) | undefined = undefined;

  constructor(internal: InternalPeer | undefined) {
    super({ allowHalfOpen: true });
    this.internal = internal;
  }

  override _read(): void {
    const resume = this.#waiting;
    this.#waiting = undefined;
    resume?.();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed) done(closed('EPIPE'));
    else if (other.push(Buffer.from(chunk))) done();
    else other.#waiting = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    this.other = undefined;
    this.#waiting?.();
    if (other !== undefined && !other.destroyed) {
      // As with a socket of the system: an error here is a reset there, and what is closed without one ends.
      if (error === null) process.nextTick(() => !other.readableEnded && !other.destroyed && other.push(null));
      else process.nextTick(() => other.destroy(closed('ECONNRESET')));
    }
    done(error);
  }

  resetAndDestroy(): this {
    const { other } = this;
    if (other !== undefined) process.nextTick(() => other.destroy(closed('ECONNRESET')));
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
