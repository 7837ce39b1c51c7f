import type { BytesPort } from '@meltemi/wire';

/** `BytesPort` over `Buffer`. Bytes that reach it from sockets are Buffers already; anything else is viewed as one. */
export const nodeBytes: BytesPort = {
  latin1: (bytes, start, end) => asBuffer(bytes).toString('latin1', start, end),
  writeLatin1: (bytes, at, text) => asBuffer(bytes).write(text, at, 'latin1'),
  copy(from, start, end, to, at) {
    if (start < end) asBuffer(from).copy(to, at, start, end);
  },
  allocate: (size) => Buffer.allocUnsafeSlow(size),
};

/** The same bytes as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
