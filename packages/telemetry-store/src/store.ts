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
  return new BoundedTelemetryStore(options);
}

class BoundedTelemetryStore implements TelemetryStore {
  readonly metrics: MetricStore;
  readonly traces: TraceStore;
  readonly logs: LogStore;
  readonly counters: IngestCounters = { batches: 0, samples: 0, spans: 0, lines: 0, refused: 0 };
  readonly #options: TelemetryStoreOptions;
  readonly #journal: Journal | undefined;
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #trimmedMs: number;
  #journalFailed = false;

  constructor(options: TelemetryStoreOptions) {
    this.#options = options;
    this.metrics = createMetricStore(options.retention);
    this.traces = createTraceStore(options.traces);
    this.logs = createLogStore(options.logs);
    this.#journal = journalOf(options, this.metrics, this.traces);
    this.#trimmedMs = options.now();
    this.metrics.trim(this.#trimmedMs);
  }

  get version(): number {
    return this.#version;
  }

  get stats(): TelemetryStore['stats'] {
    const { metrics, traces, logs } = this;
    return {
      ...metrics.stats,
      spans: traces.spanCount,
      traces: traces.traceCount,
      logBytes: logs.bytes,
      journalBytes: this.#journal?.bytes ?? 0,
    };
  }

  open(identity: StreamIdentity): IngestStream {
    const { metrics, traces, logs, counters } = this;
    const { now, knowsWorkload } = this.#options;
    return openStream({ metrics, traces, logs, journal: this.#journal, now, knowsWorkload, counters, changed: () => this.#changed() }, identity);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  maintain(): void {
    const nowMs = this.#options.now();
    if (nowMs - this.#trimmedMs >= TRIM_EVERY_MS) {
      this.#trimmedMs = nowMs;
      this.metrics.trim(nowMs);
    }
    this.#persist();
  }

  close(): void {
    this.#persist();
    this.#journal?.close();
    this.#listeners.clear();
  }

  #changed(): void {
    this.#version++;
    for (const listener of this.#listeners) listener();
  }

  /** A full disk must not stop the mesh: said once, telemetry goes on in memory. */
  #persist(): void {
    if (this.#journal === undefined) return;
    const { now, log, folder } = this.#options;
    try {
      this.#journal.flush(now());
      this.#journalFailed = false;
    } catch (error) {
      if (!this.#journalFailed) log.error('telemetry cannot be written to disk; it stays in memory only', { folder, reason: String(error) });
      this.#journalFailed = true;
    }
  }
}

function journalOf(options: TelemetryStoreOptions, metrics: MetricStore, traces: TraceStore): Journal | undefined {
  const { folder, maxMetricBytes } = options;
  if (folder === undefined) return undefined;
  const maxAgeMs = options.retention?.coarseMs ?? DEFAULT_RETENTION.coarseMs;
  return openJournal({ folder, maxAgeMs, ...(maxMetricBytes === undefined ? {} : { maxMetricBytes }) }, metrics, traces);
}
