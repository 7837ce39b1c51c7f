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
  return writeAll(stream, framed(message));
}

function framed(message: Uint8Array | readonly Uint8Array[]): readonly Uint8Array[] {
  const parts: readonly Uint8Array[] = message instanceof Uint8Array ? [message] : message;
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return [framePrefix(size), ...parts.filter((part) => part.length > 0)];
}

function writeAll(stream: CorkedWriter, parts: readonly Uint8Array[]): boolean {
  stream.cork();
  let open = true;
  for (const part of parts) open = stream.write(part);
  stream.uncork();
  return open;
}

/** So much goes to the transport at a time: it keeps a copy, encrypted, until the peer has taken it. */
const SLICE_BYTES = 64 * 1024;

interface PacedTransport extends CorkedWriter {
  readonly writableNeedDrain: boolean;
  readonly destroyed: boolean;
  once(event: 'drain', run: () => void): unknown;
}

/** Hands messages over as fast as the peer takes them, whatever their size. */
export interface PacedWriter {
  /** False: something waits for the peer. */
  write(message: Uint8Array | readonly Uint8Array[]): boolean;
  /** Whether something waits. */
  readonly isWaiting: boolean;
  /** Calls `run` once, when nothing waits any more. */
  onDrain(run: () => void): void;
}

export function createPacedWriter(stream: PacedTransport): PacedWriter {
  let queue: Uint8Array[] = [];
  let waiting: (() => void)[] = [];
  let isListening = false;
  const listen = (): void => {
    if (isListening) return;
    isListening = true;
    stream.once('drain', () => {
      isListening = false;
      flush();
    });
  };
  const flush = (): void => {
    while (queue.length > 0 && !stream.writableNeedDrain && !stream.destroyed) writeAll(stream, takeSlice(queue));
    if (stream.destroyed) queue = [];
    else if (stream.writableNeedDrain) listen();
    else for (const run of waiting.splice(0)) run();
  };
  return {
    write(message) {
      for (const part of framed(message)) queue.push(part);
      flush();
      return queue.length === 0 && !stream.writableNeedDrain;
    },
    get isWaiting() {
      return queue.length > 0 || stream.writableNeedDrain;
    },
    onDrain(run) {
      waiting.push(run);
      listen();
    },
  };
}

/** Removes about `SLICE_BYTES` from the front; a large part is cut. */
function takeSlice(queue: Uint8Array[]): readonly Uint8Array[] {
  const slice: Uint8Array[] = [];
  let size = 0;
  let whole = 0;
  for (const part of queue) {
    const taken = part.subarray(0, SLICE_BYTES - size);
    slice.push(taken);
    size += taken.length;
    if (taken.length < part.length) {
      queue[whole] = part.subarray(taken.length);
      break;
    }
    whole++;
    if (size >= SLICE_BYTES) break;
  }
  queue.splice(0, whole);
  return slice;
}
