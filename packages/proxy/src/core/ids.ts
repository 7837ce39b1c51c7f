import { randomFillSync, randomUUID } from 'node:crypto';

/** Makes identifiers that nobody can guess. */
export interface Ids {
  uuid(): string;
  /** So many random bytes as lower-case hex, never all zero. */
  hex(bytes: 8 | 16): string;
}

const NO_SPAN = '0'.repeat(16);
const NO_TRACE = '0'.repeat(32);

/** Ids from the host's random generator, drawn in batches. */
export function createIds(): Ids {
  const pool = Buffer.alloc(4096);
  let at = pool.length;
  const hex = (bytes: 8 | 16): string => {
    if (at + bytes > pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    const text = pool.toString('hex', at, at + bytes);
    at += bytes;
    return text === (bytes === 8 ? NO_SPAN : NO_TRACE) ? hex(bytes) : text;
  };
  return { uuid: () => randomUUID(), hex };
}
