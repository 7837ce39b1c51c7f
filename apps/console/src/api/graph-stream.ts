import type { GraphEvent } from '@meltemi/console-api';
import type { GraphResponse } from './kiali.ts';

/** Where the picture comes from and how fresh it is. */
export type StreamState =
  | { readonly t: 'connecting' }
  | { readonly t: 'live'; readonly by: 'push' | 'poll'; readonly frame: GraphResponse; readonly atMs: number }
  | { readonly t: 'stale'; readonly frame: GraphResponse | undefined; readonly sinceMs: number; readonly reason: string };

/** What the stream needs from the browser; tests bring their own. */
export interface StreamPorts {
  readonly now: () => number;
  readonly every: (ms: number, run: () => void) => () => void;
  readonly openEvents: (
    path: string,
    handlers: { readonly frame: (text: string) => void; readonly alive: () => void; readonly refused: () => void },
  ) => () => void;
  readonly get: (path: string) => Promise<GraphResponse>;
}

export interface GraphStream {
  state(): StreamState;
  subscribe(changed: () => void): () => void;
  close(): void;
}

/** Silence after which what is shown counts as stale; the banner must stand within five seconds. */
const STALE_AFTER_MS = 4000;
const CHECK_MS = 500;
const POLL_MS = 2000;
const RETRY_PUSH_MS = 15_000;

interface StreamOptions {
  readonly pushPath: string;
  readonly pollPath: string;
  /** Undefined: by push. Otherwise milliseconds between two readings; 0 reads once. */
  readonly pollMs: number | undefined;
}

/**
 * The graph as it comes: by server-sent events, and by reading again where these are refused (an older server, a proxy that
 * buffers) until they work. The last frame stays, marked as stale, when nothing comes any more.
 */
export function openGraphStream(options: StreamOptions, ports: StreamPorts): GraphStream {
  return new LiveGraph(options, ports);
}

class LiveGraph implements GraphStream {
  readonly #options: StreamOptions;
  readonly #ports: StreamPorts;
  readonly #listeners = new Set<() => void>();
  readonly #stopChecks: () => void;
  #state: StreamState = { t: 'connecting' };
  #by: 'poll' | 'push';
  #lastSeenMs: number;
  #lastPollMs = -Infinity;
  #lastPushTryMs: number;
  #isPolling = false;
  #closeEvents: (() => void) | undefined;

  constructor(options: StreamOptions, ports: StreamPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#by = options.pollMs === undefined ? 'push' : 'poll';
    this.#lastSeenMs = this.#lastPushTryMs = ports.now();
    if (this.#by === 'push') this.#openPush();
    else void this.#poll();
    this.#stopChecks = ports.every(CHECK_MS, () => this.#check());
  }

  state(): StreamState {
    return this.#state;
  }

  subscribe(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  close(): void {
    this.#stopChecks();
    this.#closeEvents?.();
    this.#listeners.clear();
  }

  #set(next: StreamState): void {
    this.#state = next;
    for (const listener of this.#listeners) listener();
  }

  #show(frame: GraphResponse): void {
    this.#lastSeenMs = this.#ports.now();
    this.#set({ t: 'live', by: this.#by, frame, atMs: this.#lastSeenMs });
  }

  #goStale(reason: string): void {
    const frame = this.#state.t === 'connecting' ? undefined : this.#state.frame;
    this.#set({ t: 'stale', frame, sinceMs: this.#lastSeenMs, reason });
  }

  async #poll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#lastPollMs = this.#ports.now();
    try {
      this.#show(await this.#ports.get(this.#options.pollPath));
    } catch (error) {
      this.#goStale(error instanceof Error ? error.message : String(error));
    } finally {
      this.#isPolling = false;
    }
  }

  #openPush(): void {
    this.#closeEvents?.();
    this.#lastPushTryMs = this.#ports.now();
    this.#closeEvents = this.#ports.openEvents(this.#options.pushPath, {
      frame: (text) => {
        const frame = parseFrame(text);
        if (frame === undefined) return;
        this.#by = 'push';
        this.#show(frame);
      },
      alive: () => {
        this.#lastSeenMs = this.#ports.now();
        if (this.#state.t === 'stale' && this.#state.frame !== undefined) this.#show(this.#state.frame);
      },
      refused: () => {
        this.#by = 'poll';
        void this.#poll();
      },
    });
  }

  #check(): void {
    if (this.#by === 'poll') this.#checkPoll();
    const silenceMs = this.#ports.now() - this.#lastSeenMs;
    const allowedMs = this.#by === 'push' ? STALE_AFTER_MS : STALE_AFTER_MS + (this.#options.pollMs ?? POLL_MS);
    // While it is paused, what is shown is meant to grow old.
    if (this.#options.pollMs !== 0 && this.#state.t === 'live' && silenceMs > allowedMs) this.#goStale('The live stream is cut.');
    if (this.#state.t === 'connecting' && silenceMs > STALE_AFTER_MS) this.#goStale('The control plane does not answer.');
  }

  #checkPoll(): void {
    const now = this.#ports.now();
    const { pollMs } = this.#options;
    if (pollMs !== 0 && now - this.#lastPollMs >= (pollMs ?? POLL_MS)) void this.#poll();
    if (pollMs === undefined && now - this.#lastPushTryMs >= RETRY_PUSH_MS) this.#openPush();
  }
}

/** A frame, bare or in our event's wrapping. */
function parseFrame(text: string): GraphResponse | undefined {
  try {
    const event = JSON.parse(text) as GraphEvent | GraphResponse;
    const frame = ('graph' in event ? event.graph : event) as GraphResponse;
    return Array.isArray(frame.elements?.nodes) && Array.isArray(frame.elements.edges) ? frame : undefined;
  } catch {
    return undefined;
  }
}
