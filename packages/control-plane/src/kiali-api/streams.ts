import type { Timers } from '@meltemi/base';
import { configEvent, type GraphEvent, type HeartbeatEvent, type MeshSource } from '@meltemi/console-api';
import { eventStream, type HttpResponse } from '@meltemi/http';
import type { Graphs } from './graphs.ts';
import type { GraphRequest } from './parameters.ts';

export interface StreamsDeps {
  readonly graphs: Graphs;
  readonly mesh: MeshSource;
  /** Called after telemetry came in; answers how to stop. */
  readonly onTelemetry: (listener: () => void) => () => void;
  /** Number of series that there are: a new one may be a new edge, which is shown at once. */
  readonly seriesCount: () => number;
  readonly now: () => number;
  readonly timers: Timers;
}

/** A graph whose rates changed is pushed this often. */
const EVERY_MS = 1000;
/** News that may have changed its shape need not wait so long. */
const SOON_MS = 200;
const HEARTBEAT_MS = 2000;

/** `event: graph` whenever the graph is another than the one before, `event: heartbeat` in between. */
export function graphStream(deps: StreamsDeps, request: GraphRequest): HttpResponse {
  let shown = '';
  let series = -1;
  return liveStream(deps, {
    event: 'graph',
    watch: (news) => [deps.onTelemetry(() => news(false)), deps.mesh.onChange(() => news(true))],
    gapMs: () => (deps.seriesCount() === series ? EVERY_MS : SOON_MS),
    async next(sequence) {
      series = deps.seriesCount();
      const graph = await deps.graphs.make(request);
      const text = JSON.stringify(graph.elements);
      if (text === shown) return undefined;
      shown = text;
      return { sequence, sentAtMs: deps.now(), graph } satisfies GraphEvent;
    },
  });
}

/** `event: config` at once and whenever the snapshot changed. */
export function configStream(deps: StreamsDeps): HttpResponse {
  let version: string | undefined;
  return liveStream(deps, {
    event: 'config',
    watch: (news) => [deps.mesh.onChange(() => news(true))],
    gapMs: () => SOON_MS,
    next(sequence) {
      const view = deps.mesh.view();
      if (view.version === version) return Promise.resolve(undefined);
      version = view.version;
      return Promise.resolve(configEvent(view, sequence, deps.now()));
    },
  });
}

/** What a live stream shows. */
interface LiveSource {
  readonly event: string;
  /** `news(true)`: show it without delay. */
  watch(news: (isUrgent: boolean) => void): readonly (() => void)[];
  /** Least time between two looks at the state. */
  gapMs(): number;
  /** The state as an event; undefined when it is the same as before. */
  next(sequence: number): Promise<object | undefined>;
}

/** Looks at a state whenever there is news of it, not too often; sends it when it changed, and a sign of life when nothing was sent for long. */
function liveStream({ timers, now }: StreamsDeps, source: LiveSource): HttpResponse {
  return eventStream(async (stream) => {
    let sequence = 0;
    let hasNews = true;
    let isUrgent = true;
    let lookedMs = -Infinity;
    let sentMs = now();
    let wake = (): void => undefined;
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const timer = timers.after(ms, resolve);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
    const send = async (event: string, data: object): Promise<void> => {
      sentMs = now();
      await stream.send({ event, id: String(sequence++), data });
    };
    stream.signal.addEventListener('abort', () => wake(), { once: true });
    const stops = source.watch((urgent) => {
      hasNews = true;
      isUrgent ||= urgent;
      wake();
    });
    try {
      while (!stream.signal.aborted) {
        const lookInMs = !hasNews ? Infinity : isUrgent ? 0 : lookedMs + source.gapMs() - now();
        const beatInMs = sentMs + HEARTBEAT_MS - now();
        if (lookInMs <= 0) {
          hasNews = isUrgent = false;
          lookedMs = now();
          const data = await source.next(sequence);
          if (data !== undefined) await send(source.event, data);
        } else if (beatInMs <= 0) await send('heartbeat', { sequence, sentAtMs: now() } satisfies HeartbeatEvent);
        else await pause(Math.min(lookInMs, beatInMs));
      }
    } finally {
      for (const stop of stops) stop();
    }
  });
}
