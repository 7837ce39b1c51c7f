import { MeshError } from '@meltemi/base';

const PREFIX_BYTES = 5;

/** Splits a byte stream into gRPC messages (grpc/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
export interface Deframer {
  /**
   * The messages that this chunk completes. Throws MeshError `grpc/resource-exhausted` for a message over the limit before its body is
   * taken in, `grpc/unimplemented` for a compressed one.
   */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** Whether the stream may end here: no message is half read. */
  readonly atBoundary: boolean;
}

export function createDeframer(maxMessageBytes: number): Deframer {
  let pending: Uint8Array[] = [];
  let buffered = 0;
  let needed = PREFIX_BYTES;
  let body = -1;

  /** Takes `size` bytes from the front; without copying when one chunk holds them. */
  const take = (size: number): Uint8Array => {
    const first = pending[0]!;
    buffered -= size;
    if (first.length >= size) {
      if (first.length === size) pending.shift();
      else pending[0] = first.subarray(size);
      return first.subarray(0, size);
    }
    const joined = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const head = pending[0]!;
      const part = head.subarray(0, size - filled);
      joined.set(part, filled);
      filled += part.length;
      if (part.length === head.length) pending.shift();
      else pending[0] = head.subarray(part.length);
    }
    return joined;
  };

  const readPrefix = (prefix: Uint8Array): number => {
    const size = ((prefix[1]! << 24) | (prefix[2]! << 16) | (prefix[3]! << 8) | prefix[4]!) >>> 0;
    if (prefix[0] !== 0) throw new MeshError('grpc/unimplemented', 'Compressed messages are not supported; send grpc-encoding identity');
    if (size > maxMessageBytes) throw new MeshError('grpc/resource-exhausted', `A message of ${size} bytes is over the limit of ${maxMessageBytes}`);
    return size;
  };

  return {
    push(chunk) {
      if (chunk.length > 0) pending.push(chunk);
      buffered += chunk.length;
      const messages: Uint8Array[] = [];
      while (buffered >= needed) {
        if (body < 0) {
          body = readPrefix(take(PREFIX_BYTES));
          needed = body;
          if (body > 0) continue;
        }
        messages.push(body === 0 ? new Uint8Array(0) : take(body));
        body = -1;
        needed = PREFIX_BYTES;
      }
      if (buffered === 0) pending = [];
      return messages;
    },
    get atBoundary() {
      return body < 0 && buffered === 0;
    },
  };
}

/** The five bytes before an uncompressed message of that size. */
export function framePrefix(size: number): Uint8Array {
  const prefix = new Uint8Array(PREFIX_BYTES);
  new DataView(prefix.buffer).setUint32(1, size);
  return prefix;
}

/** What both ends write with. */
interface CorkedWriter {
  cork(): void;
  uncork(): void;
  write(chunk: Uint8Array): boolean;
}

/** Writes one message given whole or in parts, without joining them; returns the transport's back-pressure. */
export function writeFramed(stream: CorkedWriter, message: Uint8Array | readonly Uint8Array[]): boolean {
  const parts: readonly Uint8Array[] = message instanceof Uint8Array ? [message] : message;
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  stream.cork();
  let open = stream.write(framePrefix(size));
  for (const part of parts) if (part.length > 0) open = stream.write(part);
  stream.uncork();
  return open;
}
