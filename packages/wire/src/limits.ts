/** Bounds of one message; everything a peer can make us keep is under one of them. */
export interface WireLimits {
  /** Request or status line and all header lines together. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** Extensions of one chunk. */
  readonly maxChunkExtensionBytes: number;
  readonly maxTrailerBytes: number;
}

/** Envoy's limits: 60 KiB and 100 headers. */
export const DEFAULT_LIMITS: WireLimits = {
  maxHeadBytes: 60 * 1024,
  maxHeaders: 100,
  maxChunkExtensionBytes: 1024,
  maxTrailerBytes: 16 * 1024,
};

/** What is wrong with a message. `head-too-large` and `too-many-headers` deserve status 431, the others 400 (or 502 for a response). */
export type WireError =
  | 'bad-start-line'
  | 'bad-version'
  | 'bad-target'
  | 'bad-header'
  | 'bad-host'
  /** HTTP/1.1 without `Host`. */
  | 'no-host'
  /** `Connection` names a header that tells where the request comes from. */
  | 'bad-connection'
  | 'bad-length'
  | 'bad-encoding'
  | 'length-and-encoding'
  | 'head-too-large'
  | 'too-many-headers'
  | 'bad-chunk'
  | 'bad-trailer';
