import * as zlib from 'node:zlib';
import type { Decompress } from '@meltemi/xds';

/** Undefined where the runtime has no zstd: then the control plane is not told that we take it. */
export const zstdDecompress: Decompress | undefined = hasZstd()
  ? (frame, maxBytes) => zlib.zstdDecompressSync(frame, { maxOutputLength: maxBytes })
  : undefined;

function hasZstd(): boolean {
  return typeof (zlib.zstdDecompressSync as unknown) === 'function';
}
