/** Frame types (RFC 9113 section 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames. */
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** Identifiers of SETTINGS. */
export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

/** Bytes of a frame's header. */
export const FRAME_HEADER = 9;

/** Windows count to this at most. */
export const MAX_WINDOW = 0x7fffffff;

/** Both windows before anybody has said anything. */
export const FIRST_WINDOW = 65535;

/** The smallest limit of a frame's payload, which needs no asking. */
export const SMALLEST_FRAME_LIMIT = 16384;

/** An unsigned number of four bytes. */
export function uint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

/** The same without its highest bit: stream ids and window sizes. */
export function uint31(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) & MAX_WINDOW;
}
