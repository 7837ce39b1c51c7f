import * as zlib from 'node:zlib';
import type { Compress } from '@meltemi/xds';

/** The fastest level: what it leaves is a few per cent, and it runs beside everything else. */
const OPTIONS = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } };

/** Undefined where the runtime has no zstd: nothing is compressed then. */
export const zstdCompress: Compress | undefined = hasZstd() ? (bytes) => zlib.zstdCompressSync(bytes, OPTIONS) : undefined;

function hasZstd(): boolean {
  return typeof (zlib.zstdCompressSync as unknown) === 'function';
}
