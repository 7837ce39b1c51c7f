import type { Log } from '@meltemi/base';
import { openStream, type IngestCounters, type IngestStream, type StreamIdentity } from './ingest.ts';
import { openJournal, type Journal } from './journal.ts';
import { createLogStore, type LogLimits, type LogStore } from './log-store.ts';
import { createMetricStore, DEFAULT_RETENTION, type MetricRetention, type MetricStats, type MetricStore } from './metric-store.ts';
import { createTraceStore, type TraceLimits, type TraceStore } from './trace-store.ts';

/** Everything the mesh tells of itself: metrics, traces, logs. Bounded in memory and on disk. */
export interface TelemetryStore {
  readonly metrics: MetricStore;
  readonly traces: TraceStore;
  readonly logs: LogStore;
  /** A sender's stream, bound to the identity its connection proved. */
  open(identity: StreamIdentity): IngestStream;
  /** Called after each stored batch; answers how to stop. */
  onChange(listener: () => void): () => void;
  /** Grows with each stored batch. */
  readonly version: number;
  readonly counters: Readonly<IngestCounters>;
  readonly stats: MetricStats & { readonly spans: number; readonly traces: number; readonly logBytes: number; readonly journalBytes: number };
  /** Trims memory and writes to disk; call it once a second. */
  maintain(): void;
  close(): void;
}

export interface TelemetryStoreOptions {
  /** The clock of ingest: wall time in milliseconds. */
  readonly now: () => number;
  readonly log: Log;
  /** `state/telemetry`; without it nothing survives a restart. */
  readonly folder?: string | undefined;
  /** All metric files together. Default 64 MiB: what one replays in under a second. */
  readonly maxMetricBytes?: number;
  readonly retention?: Partial<MetricRetention>;
  readonly traces?: Partial<TraceLimits>;
  readonly logs?: Partial<LogLimits>;
  /** Whether a workload of that name runs under that account. */
  readonly knowsWorkload?: (namespace: string, serviceAccount: string, workload: string) => boolean;
}

/** Memory is trimmed this often; it is a walk over all series. */
const TRIM_EVERY_MS = 10_000;

/** Opens the store and replays what a former process left. Throws MeshError `telemetry-store/format` when that was a newer version. */
export function openTelemetryStore(options: TelemetryStoreOptions): TelemetryStore {
  const metrics = createMetricStore(options.retention);
  const traces = createTraceStore(options.traces);
  const logs = createLogStore(options.logs);
  const maxAgeMs = options.retention?.coarseMs ?? DEFAULT_RETENTION.coarseMs;
  const journal: Journal | undefined =
    options.folder === undefined
      ? undefined
      : openJournal(
          { folder: options.folder, maxAgeMs, ...(options.maxMetricBytes === undefined ? {} : { maxMetricBytes: options.maxMetricBytes }) },
          metrics,
          traces,
        );
  metrics.trim(options.now());
  const counters: IngestCounters = { batches: 0, samples: 0, spans: 0, lines: 0, refused: 0 };
  const listeners = new Set<() => void>();
  let version = 0;
  let trimmedMs = options.now();
  let journalFailed = false;

  /** A full disk must not stop the mesh: said once, telemetry goes on in memory. */
  function persist(): void {
    if (journal === undefined) return;
    try {
      journal.flush(options.now());
      journalFailed = false;
    } catch (error) {
      if (!journalFailed)
        options.log.error('telemetry cannot be written to disk; it stays in memory only', { folder: options.folder, reason: String(error) });
      journalFailed = true;
    }
  }

  const deps = {
    metrics,
    traces,
    logs,
    journal,
    now: options.now,
    knowsWorkload: options.knowsWorkload,
    counters,
    changed() {
      version++;
      for (const listener of listeners) listener();
    },
  };

  return {
    metrics,
    traces,
    logs,
    open: (identity) => openStream(deps, identity),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get version() {
      return version;
    },
    counters,
    get stats() {
      return { ...metrics.stats, spans: traces.spanCount, traces: traces.traceCount, logBytes: logs.bytes, journalBytes: journal?.bytes ?? 0 };
    },
    maintain() {
      const nowMs = options.now();
      if (nowMs - trimmedMs >= TRIM_EVERY_MS) {
        trimmedMs = nowMs;
        metrics.trim(nowMs);
      }
      persist();
    },
    close() {
      persist();
      journal?.close();
      listeners.clear();
    },
  };
}
