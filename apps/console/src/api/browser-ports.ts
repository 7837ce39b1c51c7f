import { getJson } from './fetch.ts';
import type { StreamPorts } from './graph-stream.ts';
import type { GraphResponse } from './kiali.ts';

/** The stream's ports in a browser. */
export const browserPorts: StreamPorts = {
  now: () => performance.now(),
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
  openEvents: (path, handlers) => {
    const source = new EventSource(path, { withCredentials: true });
    const frame = (event: MessageEvent<string>): void => handlers.frame(event.data);
    source.addEventListener('message', frame);
    source.addEventListener('graph', frame);
    source.addEventListener('heartbeat', handlers.alive);
    // A cut connection is opened again by the browser itself; only a refused one is final.
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) handlers.refused();
    });
    return () => source.close();
  },
  get: (path) => getJson<GraphResponse>(path),
};
