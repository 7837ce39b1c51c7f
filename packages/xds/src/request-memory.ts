import type { DeltaRequest } from './messages.ts';
import { createTextMemory, type TextMemory } from './text-memory.ts';

/** What stands in a request behind its type. */
export type Rest = Omit<DeltaRequest, 'node'>;

/**
 * What was read of the last requests. Clients that come back bring the names and versions of thousands of resources, and those of one kind bring the
 * same: what is byte by byte the same is read once, and is one list and one map for all of them, which nobody may change.
 */
export interface RequestMemory {
  readonly texts: TextMemory;
  /** What these bytes were read as. */
  recall(typeUrl: string, rest: Uint8Array): Rest | undefined;
  keep(typeUrl: string, rest: Uint8Array, read: Rest): void;
  /** All of it goes: nobody has come for a while. */
  clear(): void;
}

/** Shorter ones are read as fast as they are looked for. */
const MIN_BYTES = 1_024;
const MAX_BYTES = 8 << 20;

export interface RequestMemoryOptions {
  /** Whether two arrays have the same bytes. Default: one that is slow. */
  readonly equal?: (a: Uint8Array, b: Uint8Array) => boolean;
  /** Bytes of requests that are kept at most; what was not used for longest goes first. */
  readonly maxBytes?: number;
}

interface Kept {
  readonly typeUrl: string;
  readonly bytes: Uint8Array;
  readonly read: Rest;
}

/** A memory that knows nothing yet. */
export function createRequestMemory({ equal = equalBytes, maxBytes = MAX_BYTES }: RequestMemoryOptions = {}): RequestMemory {
  let texts = createTextMemory();
  // The last used ones come last.
  const kept = new Set<Kept>();
  let size = 0;
  return {
    get texts() {
      return texts;
    },
    recall(typeUrl, rest) {
      if (rest.length < MIN_BYTES) return undefined;
      for (const one of kept) {
        if (one.bytes.length !== rest.length || one.typeUrl !== typeUrl || !equal(one.bytes, rest)) continue;
        kept.delete(one);
        kept.add(one);
        return one.read;
      }
      return undefined;
    },
    keep(typeUrl, rest, read) {
      if (rest.length < MIN_BYTES || rest.length > maxBytes / 4) return;
      kept.add({ typeUrl, bytes: rest.slice(), read });
      size += rest.length;
      for (const old of kept) {
        if (size <= maxBytes && kept.size <= MAX_KEPT) break;
        kept.delete(old);
        size -= old.bytes.length;
      }
    },
    clear() {
      texts = createTextMemory();
      kept.clear();
      size = 0;
    },
  };
}

/** More than there are kinds of clients at a time; all of one length are compared with a request. */
const MAX_KEPT = 128;

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
