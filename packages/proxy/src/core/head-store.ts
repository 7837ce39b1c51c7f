/** Size of the buffers that heads are kept in: small, since one request that lasts keeps all of one. */
const SLAB_BYTES = 4 * 1024;

interface Kept {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Keeps heads that lie in a buffer which is filled again. What is kept is never changed; a slab lives as long as a head in it is used. */
export class HeadStore {
  #slab: Buffer = Buffer.alloc(0);
  #used = 0;

  keep({ bytes, start, end }: { readonly bytes: Uint8Array; readonly start: number; readonly end: number }): Kept {
    const length = end - start;
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, length));
      this.#used = 0;
    }
    const at = this.#used;
    this.#slab.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    this.#used = at + length;
    return { bytes: this.#slab, start: at, end: at + length };
  }
}
