import type { Timers } from '@meltemi/base';
import { configEvent, type GraphEvent, type HeartbeatEvent, type MeshSource } from '@meltemi/console-api';
import { eventStream, type EventStream, type HttpResponse } from '@meltemi/http';
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
  return eventStream(async (stream) => {
    let sequence = 0;
    let shown = '';
    let series = -1;
    let madeMs = -Infinity;
    const wake = createWake(deps, stream);
    const stops = [deps.onTelemetry(wake.news), deps.mesh.onChange(wake.now)];
    try {
      while (!stream.signal.aborted) {
        const count = deps.seriesCount();
        const waitMs = (count === series ? EVERY_MS : SOON_MS) - (deps.now() - madeMs);
        if (waitMs > 0) await wake.after(waitMs);
        if (stream.signal.aborted) break;
        series = deps.seriesCount();
        madeMs = deps.now();
        const graph = await deps.graphs.make(request);
        const text = JSON.stringify(graph.elements);
        if (text !== shown) {
          shown = text;
          wake.sent();
          await stream.send({ event: 'graph', id: String(sequence), data: { sequence: sequence++, sentAtMs: deps.now(), graph } satisfies GraphEvent });
        }
        await wake.changed(() => stream.send({ event: 'heartbeat', data: { sequence: sequence++, sentAtMs: deps.now() } satisfies HeartbeatEvent }));
      }
    } finally {
      wake.close();
      for (const stop of stops) stop();
    }
  });
}

/** `event: config` at once and whenever the snapshot changed. */
export function configStream(deps: StreamsDeps): HttpResponse {
  return eventStream(async (stream) => {
    let sequence = 0;
    let version = '';
    const wake = createWake(deps, stream);
    const stop = deps.mesh.onChange(wake.now);
    try {
      while (!stream.signal.aborted) {
        const view = deps.mesh.view();
        if (view.version !== version) {
          version = view.version;
          wake.sent();
          await stream.send({ event: 'config', id: String(sequence), data: configEvent(view, sequence++, deps.now()) });
        }
        await wake.changed(() => stream.send({ event: 'heartbeat', data: { sequence: sequence++, sentAtMs: deps.now() } satisfies HeartbeatEvent }));
      }
    } finally {
      wake.close();
      stop();
    }
  });
}

interface Wake {
  /** Something changed; a waiter may go on. */
  readonly news: () => void;
  /** Something changed that is to be shown without delay. */
  readonly now: () => void;
  /** Waits, at most so long, unless there is something to be shown without delay. */
  after(ms: number): Promise<void>;
  /** Waits for the next change (or the end); meanwhile `beat` runs when nothing was sent for a while. */
  changed(beat: () => Promise<void>): Promise<void>;
  sent(): void;
  close(): void;
}

function createWake({ timers, now }: StreamsDeps, stream: EventStream): Wake {
  let dirty = false;
  let urgent = false;
  let lastSentMs = now();
  let resume: (() => void) | undefined;
  const signal = (): void => {
    const run = resume;
    resume = undefined;
    run?.();
  };
  stream.signal.addEventListener('abort', signal, { once: true });
  /** Resolves after so long, or earlier when signalled. */
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = timers.after(ms, signal);
      resume = () => {
        timer.cancel();
        resolve();
      };
    });
  return {
    news() {
      dirty = true;
      signal();
    },
    now() {
      dirty = true;
      urgent = true;
      signal();
    },
    async after(ms) {
      const endMs = now() + ms;
      while (!urgent && !stream.signal.aborted && now() < endMs) await pause(endMs - now());
      urgent = false;
    },
    async changed(beat) {
      while (!dirty && !stream.signal.aborted) {
        const waitMs = HEARTBEAT_MS - (now() - lastSentMs);
        if (waitMs > 0) {
          await pause(waitMs);
          continue;
        }
        lastSentMs = now();
        await beat();
      }
      dirty = false;
    },
    sent() {
      lastSentMs = now();
    },
    close: signal,
  };
}
