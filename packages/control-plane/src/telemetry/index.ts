import type { Log, Timers } from '@meltemi/base';
import type { MethodHandler } from '@meltemi/grpc';
import type { Route } from '@meltemi/http';
import type { ProtoCodec } from '@meltemi/protos';
import { TELEMETRY_PROTO } from '@meltemi/telemetry';
import { openTelemetryStore, type TelemetryStore, type TelemetryStoreOptions } from '@meltemi/telemetry-store';
import { createQueryEngine, type QueryEngine } from './engine.ts';
import { telemetryHandler } from './ingest-handler.ts';
import { jaegerRoutes } from './jaeger-api.ts';
import { prometheusRoutes } from './prometheus-api.ts';

export interface TelemetryRoomDeps {
  readonly codec: ProtoCodec;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  readonly timers: Timers;
  readonly log: Log;
  /** `state/telemetry`; without it nothing survives a restart. */
  readonly folder?: string;
  readonly retention?: TelemetryStoreOptions['retention'];
  readonly knowsWorkload?: TelemetryStoreOptions['knowsWorkload'];
  readonly meltemiVersion: string;
  /** Of the workloads whose series are taken. */
  readonly trustDomain: string;
}

/** Store, ingest and the query APIs. */
export interface TelemetryRoom {
  readonly store: TelemetryStore;
  readonly engine: QueryEngine;
  /** For the port with mutual TLS (15012). */
  readonly grpcHandlers: Readonly<Record<string, MethodHandler>>;
  /** For the console's port: `/prometheus/api/v1/…` and `/jaeger/api/…`. */
  readonly routes: readonly Route[];
  readonly retentionMs: number;
  close(): void;
}

const MAINTAIN_EVERY_MS = 1000;
const RETENTION_MS = 12 * 3_600_000;

/** Throws MeshError `telemetry-store/format` when the folder was written by a newer version. */
export function createTelemetryRoom(deps: TelemetryRoomDeps): TelemetryRoom {
  const { now, timers, log } = deps;
  const store = openTelemetryStore({
    now,
    log,
    folder: deps.folder,
    ...(deps.retention === undefined ? {} : { retention: deps.retention }),
    ...(deps.knowsWorkload === undefined ? {} : { knowsWorkload: deps.knowsWorkload }),
  });
  const engine = createQueryEngine(store.metrics);
  const retentionMs = deps.retention?.coarseMs ?? RETENTION_MS;
  const maintain = (): void => {
    // First: one failure must not end it for good.
    timer = timers.after(MAINTAIN_EVERY_MS, maintain);
    store.maintain();
  };
  let timer = timers.after(MAINTAIN_EVERY_MS, maintain);
  return {
    store,
    engine,
    grpcHandlers: { [TELEMETRY_PROTO.method]: telemetryHandler({ store, codec: deps.codec, trustDomain: deps.trustDomain, log }) },
    routes: [...prometheusRoutes({ store, engine, now, meltemiVersion: deps.meltemiVersion, retentionMs }), ...jaegerRoutes({ store, now })],
    retentionMs,
    close() {
      timer.cancel();
      store.close();
    },
  };
}
