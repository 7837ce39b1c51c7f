import type { H2Stream } from './session-types.ts';

/** A stream as the session keeps it. */
export class StreamState<Owner> implements H2Stream<Owner> {
  readonly id: number;
  owner: Owner | undefined = undefined;
  /** May be below 0, when the peer has made its initial window smaller (RFC 9113 section 6.9.2). */
  sendWindow: number;
  localEnded = false;
  remoteEnded = false;
  closed = false;
  /** The peer's window as told, less what came. */
  receiveWindow: number;
  /** Payload that has come and was not consumed yet, and what was consumed but not told to the peer. */
  unconsumed = 0;
  toGrant = 0;
  /** Payload waits for this stream's own window. (Who waits for the connection's stands in the session's list.) */
  waits = false;
  /** The consumer knows of it. */
  announced = false;
  /** The final head has come: what follows is payload and trailers. */
  headCame = false;
  /** Payload still to come by the head's `content-length`, -1 = it has none. */
  bodyLeft = -1;
  /** Client: the response to this request has no payload, whatever its `content-length`. */
  isHead = false;
  readonly openedMs: number;

  constructor(id: number, sendWindow: number, receiveWindow: number, openedMs: number) {
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    this.openedMs = openedMs;
  }
}

/** Ids of streams that this end has reset lately: what its peer sent before it knew is not its fault. */
export class ResetMemory {
  #ids = new Int32Array(0);
  #next = 0;

  add(id: number): void {
    if (this.#ids.length === 0) this.#ids = new Int32Array(REMEMBERED);
    this.#ids[this.#next] = id;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }
}

const REMEMBERED = 256;
