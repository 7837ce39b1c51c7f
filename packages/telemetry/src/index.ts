export { createBatchEncoder, type BatchEncoder, type BatchEncoderOptions } from './metrics/batch.ts';
export { createPeer, PEER_HOLD_MS, resolvePeer, type Peer } from './metrics/peer.ts';
export {
  createStandardMetrics,
  type CallOutcome,
  type EdgeIdentity,
  type EdgeRecorder,
  type RequestOutcome,
  type StandardMetrics,
  type StandardMetricsOptions,
} from './metrics/recorder.ts';
export {
  createMetricRegistry,
  observe,
  type ExportRow,
  type HistogramSeries,
  type Labels,
  type LabelSource,
  type MetricRegistry,
  type MetricRegistryOptions,
  type ScalarSeries,
  type Series,
} from './metrics/registry.ts';
export {
  METRIC,
  NO_FLAGS,
  REQUEST_LABELS,
  STANDARD_BOUNDS,
  STANDARD_METRICS,
  UNKNOWN,
  workloadLabels,
  type ConnectionSecurityPolicy,
  type DestinationService,
  type Reporter,
  type RequestProtocol,
  type StandardMetric,
  type StandardMetricName,
  type WorkloadLabels,
} from './metrics/standard.ts';
export { RESPONSE_FLAG_TABLE, RESPONSE_FLAGS, type ResponseFlag, type ResponseFlagInfo } from './response-flags.ts';
export {
  jsonNumber,
  TELEMETRY_PROTO,
  type HistogramSample,
  type JsonNumber,
  type LogLine,
  type LogSource,
  type SeriesDefinition,
  type SeriesKind,
  type Span,
  type SpanKind,
  type TelemetryAck,
  type TelemetryBatch,
  type TelemetryNode,
} from './metrics/wire.ts';
export {
  EXPOSITION_CONTENT_TYPE,
  formatFamilies,
  formatValue,
  writeExposition,
  type ExpositionSample,
  type MetricFamily,
  type MetricType,
} from './metrics/exposition.ts';
export { parseExposition, type ExpositionError, type ParsedExposition } from './metrics/exposition-parse.ts';
export {
  childContext,
  formatTraceparent,
  parseB3Single,
  parseTraceparent,
  randomHex,
  readTraceContext,
  TRACE_HEADERS,
  traceHeaders,
  type HeaderLookup,
  type TraceContext,
  type TraceFormat,
} from './trace/context.ts';
export type { AccessLogEntry } from './accesslog/entry.ts';
export { parseAccessLogLine } from './accesslog/parse.ts';
export { formatUtc, parseUtc } from './utc.ts';
export { trustedRegex, type AnchoredRegex, type Expr, type LabelMatcher, type MatchOp, type RegexPort } from './promql/ast.ts';
export { PromqlError, type PromqlErrorCode } from './promql/error.ts';
export type { PromqlEngine } from './promql/evaluation.ts';
export { parseDuration } from './promql/literal.ts';
export { parsePromql } from './promql/parse.ts';
export { instantQuery, MAX_POINTS, rangeQuery, type MatrixSeries, type QueryRange, type QueryResult, type VectorSample } from './promql/query.ts';
export type { SeriesData, SeriesSource } from './promql/source.ts';
export { labelKey, labelOf } from './label-key.ts';
export type { GraphQuery } from './graph/appenders/context.ts';
export { hostNames, routesService } from './graph/appenders/istio.ts';
export { buildGraph, DEFAULT_APPENDERS } from './graph/build.ts';
export type { GraphDestinationRule, GraphMesh, GraphService, GraphVirtualService, GraphWorkload } from './graph/mesh.ts';
export { alternatives, quoted } from './graph/queries.ts';
export type {
  AppenderName,
  FocusNode,
  GraphEdge,
  GraphNode,
  GraphOptions,
  GraphType,
  GrpcRate,
  NodeBadges,
  NodeHealth,
  NodeType,
  Protocol as GraphProtocol,
  Rates,
  ResponseDetail,
  ResponseTime,
  ServiceName,
  TcpRate,
  TrafficMap,
} from './graph/types.ts';
export {
  effectiveCode,
  errorPercent,
  HEALTH_ANNOTATION,
  overallHealth,
  requestsHealth,
  tolerancesOf,
  workloadHealth,
  worse,
} from './health/rules.ts';
export type { HealthKind, HealthStatus, RatesByCode, RequestHealth, Tolerance, WorkloadStatus } from './health/types.ts';
export { collectTraffic, type NamespaceTraffic, type TrafficRates } from './health/collect.ts';
