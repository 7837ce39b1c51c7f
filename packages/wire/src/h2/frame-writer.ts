import { FLAG, FRAME, FRAME_HEADER } from './frames.ts';
import type { H2Output } from './options.ts';

/** Writes a frame header at `at`; the payload is the caller's. */
// oxlint-disable-next-line max-params -- the five parts of a frame header
function putHeader(to: Uint8Array, at: number, length: number, typeAndFlags: number, streamId: number): void {
  to[at] = length >>> 16;
  to[at + 1] = length >>> 8;
  to[at + 2] = length;
  to[at + 3] = typeAndFlags >>> 8;
  to[at + 4] = typeAndFlags;
  putUint32(to, at + 5, streamId);
}

/** Type and flags as `putHeader` takes them. */
function typed(type: number, flags: number): number {
  return (type << 8) | flags;
}

function putUint32(to: Uint8Array, at: number, value: number): void {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
}

/** Makes room for a frame, writes its header, counts it as written; answers where its payload goes. */
function begin(output: H2Output, length: number, typeAndFlags: number, streamId: number): number {
  output.reserve(FRAME_HEADER + length);
  const at = output.length;
  putHeader(output.bytes, at, length, typeAndFlags, streamId);
  output.length = at + FRAME_HEADER + length;
  return at + FRAME_HEADER;
}

/** SETTINGS with these identifiers and values. */
export function writeSettings(output: H2Output, settings: readonly (readonly [id: number, value: number])[]): void {
  let at = begin(output, settings.length * 6, typed(FRAME.settings, 0), 0);
  for (const [id, value] of settings) {
    output.bytes[at] = id >>> 8;
    output.bytes[at + 1] = id;
    putUint32(output.bytes, at + 2, value);
    at += 6;
  }
}

/** The acknowledgement of SETTINGS. */
export function writeSettingsAck(output: H2Output): void {
  begin(output, 0, typed(FRAME.settings, FLAG.ack), 0);
}

/** PING, or its answer, with the eight bytes at `from[start…]`. */
export function writePing(output: H2Output, ack: boolean, from: Uint8Array, start: number): void {
  const at = begin(output, 8, typed(FRAME.ping, ack ? FLAG.ack : 0), 0);
  for (let i = 0; i < 8; i++) output.bytes[at + i] = from[start + i] as number;
}

/** RST_STREAM. */
export function writeReset(output: H2Output, streamId: number, code: number): void {
  // First the room: it may be in another buffer afterwards.
  const at = begin(output, 4, typed(FRAME.rstStream, 0), streamId);
  putUint32(output.bytes, at, code);
}

/** WINDOW_UPDATE; stream 0 is the connection. */
export function writeWindowUpdate(output: H2Output, streamId: number, increment: number): void {
  const at = begin(output, 4, typed(FRAME.windowUpdate, 0), streamId);
  putUint32(output.bytes, at, increment);
}

/** GOAWAY without debug data. */
export function writeGoaway(output: H2Output, lastStreamId: number, code: number): void {
  const at = begin(output, 8, typed(FRAME.goaway, 0), 0);
  putUint32(output.bytes, at, lastStreamId);
  putUint32(output.bytes, at + 4, code);
}

/** DATA frames of at most `maxFrame` bytes for `from[start, end)`, at least one; the last ends the stream if told. Answers their number. */
// oxlint-disable-next-line max-params -- a range, its stream, and how it ends
export function writeData(
  output: H2Output,
  streamId: number,
  from: Uint8Array,
  start: number,
  end: number,
  endStream: boolean,
  maxFrame: number,
): number {
  let p = start;
  let frames = 0;
  do {
    const length = Math.min(maxFrame, end - p);
    const flags = endStream && p + length === end ? FLAG.endStream : 0;
    output.reserve(FRAME_HEADER + length);
    putHeader(output.bytes, output.length, length, typed(FRAME.data, flags), streamId);
    output.length += FRAME_HEADER;
    output.add(from, p, p + length);
    p += length;
    frames++;
  } while (p < end);
  return frames;
}

/**
 * Turns a block that stands in the output, `blockLength` bytes after `FRAME_HEADER` free ones behind `output.length`, into HEADERS, and
 * CONTINUATIONs when it is larger than the peer's frames; `HpackEncoder.room` has counted their headers.
 */
// oxlint-disable-next-line max-params -- a block, its stream, and how it ends
export function frameBlock(output: H2Output, streamId: number, blockLength: number, endStream: boolean, maxFrame: number): void {
  const end = endStream ? FLAG.endStream : 0;
  const at = output.length;
  if (blockLength <= maxFrame) {
    putHeader(output.bytes, at, blockLength, typed(FRAME.headers, end | FLAG.endHeaders), streamId);
    output.length = at + FRAME_HEADER + blockLength;
    return;
  }
  const frames = Math.ceil(blockLength / maxFrame);
  const { bytes } = output;
  // From the last to the first, so that nothing is overwritten that has still to move.
  for (let i = frames - 1; i >= 0; i--) {
    const from = i * maxFrame;
    const length = Math.min(maxFrame, blockLength - from);
    const to = at + i * (maxFrame + FRAME_HEADER);
    bytes.copyWithin(to + FRAME_HEADER, at + FRAME_HEADER + from, at + FRAME_HEADER + from + length);
    const last = i === frames - 1 ? FLAG.endHeaders : 0;
    putHeader(bytes, to, length, i === 0 ? typed(FRAME.headers, end | last) : typed(FRAME.continuation, last), streamId);
  }
  output.length = at + blockLength + frames * FRAME_HEADER;
}
