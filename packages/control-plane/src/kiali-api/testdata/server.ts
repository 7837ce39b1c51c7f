import { silentLog } from '@meltemi/base';
import type { GraphJson } from '@meltemi/console-api';
import { createAuthorizer, createHttpServer } from '@meltemi/http';
import { openTelemetryStore } from '@meltemi/telemetry-store';
import { createQueryEngine } from '../../telemetry/engine.ts';
import { jaegerRoutes } from '../../telemetry/jaeger-api.ts';
import { prometheusRoutes } from '../../telemetry/prometheus-api.ts';
import { createKialiApi } from '../index.ts';
import { fakeBookinfo, staticMesh } from './bookinfo.ts';

const timers = {
  after: (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A store, Bookinfo's proxies and the HTTP API, at a time that the test turns (or the real one). */
export async function setUp(t: { after(run: () => Promise<void>): void }, isLive = false) {
  let nowMs = 1_800_000_000_000;
  const now = isLive ? Date.now : () => nowMs;
  const store = openTelemetryStore({ now, log: silentLog });
  const engine = createQueryEngine(store.metrics);
  const mesh = staticMesh();
  const api = createKialiApi({ mesh, store, query: engine.graphQuery, now, timers, retentionMs: 3_600_000 });
  const routes = [
    ...api.routes,
    ...prometheusRoutes({ store, engine, now, meltemiVersion: '0', retentionMs: 3_600_000 }),
    ...jaegerRoutes({ store, now }),
  ];
  const server = createHttpServer({ routes, authorize: createAuthorizer({}) });
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await server.close();
    store.close();
  });
  const proxies = fakeBookinfo(store, now);
  const get = async <T>(path: string, init?: RequestInit): Promise<T> => (await fetch(`${url}${path}`, init)).json() as Promise<T>;
  return {
    store,
    mesh,
    proxies,
    url,
    get,
    /** Reports for so many seconds, doing something before each report. */
    seconds(count: number, before: (second: number) => void = () => undefined) {
      for (let i = 0; i < count; i++) {
        before(i);
        nowMs += 1000;
        proxies.report(nowMs);
      }
    },
    graph: (query: string) => get<GraphJson>(`/api/namespaces/graph?${query}`),
  };
}

