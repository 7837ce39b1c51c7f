/**
 * What a proxy needs to record and send telemetry, without the query side (PromQL, graph): each file less is start-up time, and a machine
 * starts a dozen proxies at once. Import `@meltemi/telemetry/recording`.
 */
export { createBatchEncoder, type BatchEncoder, type BatchEncoderOptions } from './metrics/batch.ts';
export { EXPOSITION_CONTENT_TYPE, writeExposition } from './metrics/exposition.ts';
export { createPeer, PEER_HOLD_MS, resolvePeer, type Peer } from './metrics/peer.ts';
export { createStandardMetrics, type EdgeRecorder, type StandardMetrics } from './metrics/recorder.ts';
export { createMetricRegistry, type HistogramSeries, type Labels, type MetricRegistry, type ScalarSeries } from './metrics/registry.ts';
export { METRIC, workloadLabels, type DestinationService, type WorkloadLabels } from './metrics/standard.ts';
export { jsonNumber, TELEMETRY_PROTO, type Span, type TelemetryAck, type TelemetryBatch, type TelemetryNode } from './metrics/wire.ts';
export { RESPONSE_FLAG_TABLE, RESPONSE_FLAGS, type ResponseFlag, type ResponseFlagInfo } from './response-flags.ts';
export { parseB3Single, parseTraceparent, readTraceContext, traceHeaders, type TraceFormat } from './trace/context.ts';
