import type { H2Limits } from './options.ts';

/** SETTINGS and GOAWAYs that are forgiven a second. */
const CONTROL_PER_SECOND = 10;

/**
 * Counts what a peer can make this end do for nothing (CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2025-8671). Each method answers
 * whether the peer is still within the limits. Everything is counted here but what waits in the socket: of that the session only
 * knows by `flushed`.
 */
export class FloodGuard {
  readonly #limits: H2Limits;
  readonly #nowMs: () => number;
  #emptyFrames = 0;
  #priorityFrames = 0;
  #windowUpdates = 0;
  #dataFramesSent = 0;
  #streamsOpened = 0;
  #streamsClosed = 0;
  #premature = 0;
  #outboundControl = 0;
  #controlFrames = 0;
  #controlSinceMs = -1;

  constructor(limits: H2Limits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  streamOpened(): void {
    this.#streamsOpened++;
  }

  /** DATA frames have been sent: as many WINDOW_UPDATEs are natural. */
  dataSent(frames: number): void {
    this.#dataFramesSent += frames;
  }

  /** DATA, HEADERS or CONTINUATION. `empty`: it carries nothing and ends nothing. */
  payloadFrame(empty: boolean): boolean {
    if (!empty) this.#emptyFrames = 0;
    else if (++this.#emptyFrames > this.#limits.maxEmptyFrames) return false;
    return true;
  }

  priorityFrame(): boolean {
    return ++this.#priorityFrames <= this.#limits.maxPriorityFramesPerStream * (1 + this.#streamsOpened);
  }

  windowUpdate(): boolean {
    return ++this.#windowUpdates <= 5 + 2 * (this.#streamsOpened + this.#limits.maxWindowUpdatesPerDataFrame * this.#dataFramesSent);
  }

  /** SETTINGS or GOAWAY came. */
  controlFrame(): boolean {
    const now = this.#nowMs();
    if (this.#controlSinceMs < 0) this.#controlSinceMs = now;
    const forgiven = Math.floor(((now - this.#controlSinceMs) * CONTROL_PER_SECOND) / 1000);
    if (forgiven > 0) {
      this.#controlFrames = Math.max(0, this.#controlFrames - forgiven);
      this.#controlSinceMs = now;
    }
    return ++this.#controlFrames <= this.#limits.maxControlBurst;
  }

  /** An answer to PING or SETTINGS, or a RST_STREAM, was written. */
  controlWritten(): boolean {
    return ++this.#outboundControl <= this.#limits.maxOutboundControlFrames;
  }

  flushed(): void {
    this.#outboundControl = 0;
  }

  /** A stream of the peer's closed; `early`: by the peer's reset or its error, before it was answered. */
  streamClosed(early: boolean, openedMs: number): boolean {
    this.#streamsClosed++;
    if (early && this.#nowMs() - openedMs < this.#limits.prematureResetMs) this.#premature++;
    return this.#streamsClosed < this.#limits.prematureResetStreams || this.#premature * 2 <= this.#streamsClosed;
  }
}
