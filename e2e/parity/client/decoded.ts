import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };

/** A body without its content coding: libraries put the same text into different bytes. What cannot be decoded is shown as it came. */
export function decodedBody(body: string, coding: string | undefined): string {
  const decode = coding === undefined ? undefined : DECODERS[coding];
  if (decode === undefined || body === '') return body;
  try {
    return decode(Buffer.from(body, 'latin1')).toString('latin1');
  } catch {
    return body;
  }
}
