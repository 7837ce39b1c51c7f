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
export const STALE_AFTER_MS = 4000;
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
  const listeners = new Set<() => void>();
  let state: StreamState = { t: 'connecting' };
  let lastSeenMs = ports.now();
  let by: 'poll' | 'push' = options.pollMs === undefined ? 'push' : 'poll';
  let closeEvents: (() => void) | undefined;
  let lastPollMs = -Infinity;
  let lastPushTryMs = ports.now();
  let polling = false;

  const set = (next: StreamState): void => {
    state = next;
    for (const listener of listeners) listener();
  };
  const show = (frame: GraphResponse): void => {
    lastSeenMs = ports.now();
    set({ t: 'live', by, frame, atMs: lastSeenMs });
  };
  const frameOf = (): GraphResponse | undefined => (state.t === 'connecting' ? undefined : state.frame);

  const poll = async (): Promise<void> => {
    if (polling) return;
    polling = true;
    lastPollMs = ports.now();
    try {
      show(await ports.get(options.pollPath));
    } catch (error) {
      set({ t: 'stale', frame: frameOf(), sinceMs: lastSeenMs, reason: error instanceof Error ? error.message : String(error) });
    } finally {
      polling = false;
    }
  };
  const openPush = (): void => {
    closeEvents?.();
    lastPushTryMs = ports.now();
    closeEvents = ports.openEvents(options.pushPath, {
      frame: (text) => {
        const frame = parseFrame(text);
        if (frame === undefined) return;
        by = 'push';
        show(frame);
      },
      alive: () => {
        lastSeenMs = ports.now();
        if (state.t === 'stale' && state.frame !== undefined) set({ t: 'live', by, frame: state.frame, atMs: lastSeenMs });
      },
      refused: () => {
        by = 'poll';
        void poll();
      },
    });
  };
  const check = (): void => {
    const now = ports.now();
    if (by === 'poll' && options.pollMs !== 0 && now - lastPollMs >= (options.pollMs ?? POLL_MS)) void poll();
    if (by === 'poll' && options.pollMs === undefined && now - lastPushTryMs >= RETRY_PUSH_MS) openPush();
    const silenceAllowedMs = by === 'push' ? STALE_AFTER_MS : STALE_AFTER_MS + (options.pollMs ?? POLL_MS);
    if (options.pollMs !== 0 && state.t === 'live' && now - lastSeenMs > silenceAllowedMs)
      set({ t: 'stale', frame: state.frame, sinceMs: lastSeenMs, reason: 'The live stream is cut.' });
    if (state.t === 'connecting' && now - lastSeenMs > STALE_AFTER_MS)
      set({ t: 'stale', frame: undefined, sinceMs: lastSeenMs, reason: 'The control plane does not answer.' });
  };

  if (options.pollMs === undefined) openPush();
  else void poll();
  const stopChecks = ports.every(CHECK_MS, check);
  return {
    state: () => state,
    subscribe: (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    close: () => {
      stopChecks();
      closeEvents?.();
      listeners.clear();
    },
  };
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
