import { NodeTransport } from '../net/node-transport.ts';
import { READ_BYTES } from '../net/shared-buffers.ts';

const { received } = NodeTransport.prototype;
const SPOILT = 0x21;

/** What lies in the buffer that all connections read into is gone when `onData` returns: in tests it is spoilt at once, so that whoever keeps it is found out. */
NodeTransport.prototype.received = function spoil(bytes: Uint8Array, start: number, end: number): void {
  received.call(this, bytes, start, end);
  // Pieces that Node made for one read are as long as what was read.
  if (bytes.length === READ_BYTES && end < READ_BYTES) bytes.fill(SPOILT, start, end);
};
