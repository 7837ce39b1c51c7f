import type { Piece } from '../http/pieces.ts';
import { LateWrites } from './late-writes.ts';

const SCRATCH_BYTES = 192 * 1024;
/** Size of the buffer that all connections of a thread are read into. */
export const READ_BYTES: number = 64 * 1024;

/**
 * The buffers that all connections of a thread share: one to build messages in, one to read into. When a write from the scratch
 * buffer did not finish at once, the system still looks at it; then the transport calls `keep` and everybody goes on with a new
 * one. The read buffer cannot be exchanged (each socket handle holds on to it until its next read), so nothing is written out of it:
 * transports copy.
 */
export class SharedBuffers {
  scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly read: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly late: LateWrites = new LateWrites();

  /** The scratch buffer, with room for so many bytes: a message must never be cut to its size. */
  reserve(size: number): Buffer {
    if (size > this.scratch.length) this.scratch = Buffer.allocUnsafeSlow(2 * size);
    return this.scratch;
  }

  /** What may be kept of bytes that have come: a copy of what lies in the read buffer, which is filled again. */
  own(bytes: Uint8Array, start: number, end: number): Piece {
    if (bytes !== this.read) return { bytes, start, end };
    const copy = Buffer.allocUnsafe(end - start);
    this.read.copy(copy, 0, start, end);
    return { bytes: copy, start: 0, end: copy.length };
  }

  /** Leaves `bytes` to the write that is not finished. */
  keep(bytes: Uint8Array): void {
    if (bytes === this.scratch) this.scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }
}
