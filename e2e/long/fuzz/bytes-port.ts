import type { BytesPort } from '@meltemi/wire';

/** Bytes as the proxy has them. Storage is filled, so that what nobody wrote shows. */
export const bytesPort: BytesPort = {
  latin1: (bytes, start, end) => (bytes as Buffer).toString('latin1', start, end),
  writeLatin1: (bytes, at, text) => (bytes as Buffer).write(text, at, 'latin1'),
  equal: (a, aStart, b, bStart, length) => (a as Buffer).compare(b, bStart, bStart + length, aStart, aStart + length) === 0,
  allocate: (size) => Buffer.alloc(size, 0xa5),
};
