import type { Transport } from '../types.ts';
import type { Faults } from './faults.ts';

/** Buffers of this size are lent from a pool and go back to it. */
const LENT_BYTES = 64 * 1024;
/** Buffers that the pool keeps. */
const KEPT_BUFFERS = 16;
const NO_BYTES: Buffer = Buffer.alloc(0);
/** For any `Uint8Array`; `set` would need a view of the part first. */
const { copy: copyBytes } = Buffer.prototype;

/** Hears how a gathered write went. */
export interface OutputOwner {
  /** About to write: last chance to append. */
  onFlush?(): void;
  /** Written; `accepted` false = the peer takes it slowly, `onDrain` follows. */
  onFlushed(accepted: boolean): void;
}

/**
 * Gathers what a connection writes during one turn of the event loop, for one write at its end: a system call costs more than everything this proxy does
 * for a message. It is the output of an HTTP/2 session as well. A connection that has nothing to write holds no buffer.
 */
export class Output {
  bytes: Buffer = NO_BYTES;
  /** Bytes in use. */
  length = 0;
  readonly #outputs: Outputs;
  readonly #transport: Transport;
  readonly #owner: OutputOwner;
  #touched = false;

  constructor(outputs: Outputs, transport: Transport, owner: OutputOwner) {
    this.#outputs = outputs;
    this.#transport = transport;
    this.#owner = owner;
  }

  /** Makes room for `size` bytes after `length`. */
  reserve(size: number): void {
    if (!this.#touched) this.touch();
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const larger = needed <= LENT_BYTES ? this.#outputs.take() : Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length));
    this.bytes.copy(larger, 0, 0, this.length);
    this.#outputs.give(this.bytes);
    this.bytes = larger;
  }

  /** Appends bytes. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    this.length += copyBytes.call(bytes as Buffer, this.bytes, this.length, start, end);
  }

  /** Appends text of one byte per character. */
  addText(text: string): void {
    this.reserve(text.length);
    this.length += this.bytes.write(text, this.length, 'latin1');
  }

  /** There will be something to write at the end of this turn. */
  touch(): void {
    this.#touched = true;
    this.#outputs.touch(this);
  }

  /** Writes now. */
  flush(): void {
    this.#touched = false;
    this.#owner.onFlush?.();
    const { length, bytes } = this;
    if (length === 0) return;
    this.length = 0;
    this.bytes = NO_BYTES;
    const accepted = this.#transport.write(bytes, 0, length, true);
    // Bytes that are still queued belong to the system until they are sent, where no copy of them is.
    if (!(this.#transport.borrows ?? this.#transport.queuedBytes > 0)) this.#outputs.give(bytes);
    this.#owner.onFlushed(accepted);
  }

  /** Its owner has failed. */
  abort(): void {
    this.drop();
    this.#transport.destroy();
  }

  /** The connection has gone. */
  drop(): void {
    this.length = 0;
    this.#outputs.give(this.bytes);
    this.bytes = NO_BYTES;
  }
}

/** The outputs of a thread that hold something: all are written at the end of the turn that filled them. */
export class Outputs {
  #waiting: Output[] = [];
  #spare: Output[] = [];
  #scheduled = false;
  readonly #buffers: Buffer[] = [];
  readonly #faults: Faults | undefined;
  readonly #run = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  constructor(faults?: Faults) {
    this.#faults = faults;
  }

  touch(output: Output): void {
    this.#waiting.push(output);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Runs when what the sockets had to say just now has been heard: what several of them caused goes out together.
    setImmediate(this.#run);
  }

  /** Writes what has gathered; writing may gather more, which is written too. */
  flush(): void {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = this.#spare;
      this.#spare = [];
      for (const output of waiting) this.#flush(output);
      waiting.length = 0;
      this.#spare = waiting;
    }
  }

  #flush(output: Output): void {
    try {
      output.flush();
    } catch (error) {
      if (this.#faults === undefined) throw error;
      this.#faults.report('write', error);
      output.abort();
    }
  }

  take(): Buffer {
    return this.#buffers.pop() ?? Buffer.allocUnsafeSlow(LENT_BYTES);
  }

  give(buffer: Buffer): void {
    if (buffer.length === LENT_BYTES && this.#buffers.length < KEPT_BUFFERS) this.#buffers.push(buffer);
  }
}
