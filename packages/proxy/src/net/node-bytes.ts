import type { BytesPort } from '@meltemi/wire';

/** `BytesPort` over `Buffer`. Everything that comes from a socket or from `allocate` is one. */
export const nodeBytes: BytesPort = {
  latin1: (bytes, start, end) => asBuffer(bytes).toString('latin1', start, end),
  writeLatin1: (bytes, at, text) => asBuffer(bytes).write(text, at, 'latin1'),
  // oxlint-disable-next-line max-params -- as BytesPort has it
  equal: (a, aStart, b, bStart, length) => asBuffer(a).compare(b, bStart, bStart + length, aStart, aStart + length) === 0,
  allocate: (size) => Buffer.allocUnsafeSlow(size),
};

/** The same bytes by their real type; asking (`instanceof`) would cost more than most uses. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes as Buffer;
}
