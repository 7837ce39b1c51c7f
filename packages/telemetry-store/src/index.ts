export type { IngestCounters, IngestStream, StreamIdentity } from './ingest.ts';
export type { LogKey, LogLimits, LogQuery, LogStore, StoredLine } from './log-store.ts';
export { createMetricStore, type MetricRetention, type MetricStats, type MetricStore } from './metric-store.ts';
export { openTelemetryStore, type TelemetryStore, type TelemetryStoreOptions } from './store.ts';
export type { Dependency, StoredSpan, Trace, TraceLimits, TraceQuery, TraceStore } from './trace-store.ts';
