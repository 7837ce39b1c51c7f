/** How long a client that closes is waited for; and between two looks at what it has not taken yet. */
export const LINGER_MS = 1000;
/** A client that takes nothing for so long is given up. */
const STUCK_MS = 60_000;

/**
 * Tells whether a connection on which everything is said may be closed: not as long as the client, however slowly, takes what is
 * queued for it. Closing would throw the rest of the response away.
 */
export class Linger {
  #queued = Infinity;
  #stuckMs = 0;

  /** To be asked every `LINGER_MS`. */
  mayClose(queuedBytes: number): boolean {
    if (queuedBytes === 0) return true;
    this.#stuckMs = queuedBytes < this.#queued ? 0 : this.#stuckMs + LINGER_MS;
    this.#queued = queuedBytes;
    return this.#stuckMs >= STUCK_MS;
  }
}
