import type { Socket } from 'node:net';

const SLAB_BYTES = 64 * 1024;
/** Full slabs that are looked at again. */
const KEPT_SLABS = 3;

/** Something that waits for the end of the turn. */
export interface LateWrite {
  flush(): void;
  /** Its write threw; what waits behind it is written all the same. */
  failed(error: unknown): void;
}

/** A piece of memory that small messages wait in. */
interface Slab {
  readonly bytes: Buffer;
  /** Sockets whose writes out of it had not finished when they were begun. */
  readonly users: Socket[];
}

/**
 * Small messages of all connections of a thread wait here for the end of the turn of the event loop, or until a slab is full. A write wakes the
 * process at the other end: those that are made one after the other find it awake, those made between two requests wake it each time, and
 * the kernel takes more for that than this proxy for the request.
 */
export class LateWrites {
  #slab: Slab = newSlab();
  #used = 0;
  #waiting: LateWrite[] = [];
  #spare: LateWrite[] = [];
  #scheduled = false;
  /** What is written meanwhile goes out at once. */
  flushing = false;
  readonly #full: Slab[] = [];
  readonly #run = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** The memory in use; what waits in it is written before another piece takes its place. */
  get bytes(): Buffer {
    return this.#slab.bytes;
  }

  /** Where the next bytes begin, if there is room for them. */
  get next(): number {
    return this.#used;
  }

  /** Takes so many bytes, at most a quarter of a slab; answers where they begin in `bytes`. */
  claim(size: number): number {
    if (this.#used + size > SLAB_BYTES) {
      this.flush();
      if (this.#slab.users.length > 0) this.#next();
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += size;
    return at;
  }

  /** `flush` will be called. */
  wait(write: LateWrite): void {
    this.#waiting.push(write);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  /** Writes what waits. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = this.#spare;
    this.#spare = [];
    this.flushing = true;
    for (const write of waiting) {
      try {
        write.flush();
      } catch (error) {
        write.failed(error);
      }
    }
    this.flushing = false;
    waiting.length = 0;
    this.#spare = waiting;
    if (this.#slab.users.length === 0) this.#used = 0;
  }

  /** A write out of the slab has not finished yet. */
  lend(socket: Socket): void {
    this.#slab.users.push(socket);
  }

  #next(): void {
    this.#full.push(this.#slab);
    const oldest = this.#full.length > KEPT_SLABS ? this.#full.shift() : undefined;
    if (oldest === undefined || !oldest.users.every(isDone)) this.#slab = newSlab();
    else {
      oldest.users.length = 0;
      this.#slab = oldest;
    }
  }
}

function newSlab(): Slab {
  return { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), users: [] };
}

function isDone(socket: Socket): boolean {
  return socket.writableLength === 0 || socket.destroyed;
}
