/** What the room tells of its work, for metrics. Times in milliseconds. */
export interface XdsObserver {
  /** A response was handed to the transport; `tookMs` to generate and encode it, `sendMs` to hand it over. */
  sent(typeUrl: string, bytes: number, tookMs: number, sendMs: number): void;
  /** A request answered a response that was not the last one. */
  stale(typeUrl: string): void;
  /** A push reached a client so long after it began: others were before it. */
  queued(afterMs: number): void;
  /** A client refused a response. */
  rejected(typeUrl: string): void;
  /** A resource could not be encoded and is held back: a mistake of ours. */
  failed(typeUrl: string): void;
  /** A client kept a place in the queue of those who come, and did nothing with it. */
  late(): void;
  /** Changes were pushed so long after the first of them was announced. */
  debounced(afterMs: number): void;
  /** A client has acknowledged all that a change meant for it, so long after it was announced. */
  converged(afterMs: number): void;
}

export const silentObserver: XdsObserver = {
  sent: () => undefined,
  stale: () => undefined,
  queued: () => undefined,
  rejected: () => undefined,
  failed: () => undefined,
  late: () => undefined,
  debounced: () => undefined,
  converged: () => undefined,
};
