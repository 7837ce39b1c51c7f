import type { GrpcService } from '../decode/grpc-service.ts';
import type { MetadataMatch } from './metadata.ts';
import type { HeaderMatch } from './route.ts';
import type { HttpService, TagSource } from './tracing.ts';

/** Text or a JSON object of substitution formats, of access logs. */
export type LogFormat = { readonly t: 'text'; readonly text: string } | { readonly t: 'json'; readonly fields: Readonly<Record<string, LogField>> };
export type LogField = string | number | boolean | null | readonly LogField[] | { readonly [key: string]: LogField };

/** An access log and when it is written to; without a filter always. */
export type AccessLog = (FileLog | GrpcLog | OtelLog) & { readonly filter?: AccessLogFilter };

/** Lines into a file; stdout and stderr are `/dev/stdout` and `/dev/stderr`. */
export interface FileLog {
  readonly t: 'file';
  readonly path: string;
  readonly format: LogFormat;
  readonly omitEmptyValues: boolean;
}

/** How entries go to a collector. */
export interface LogTransport {
  readonly service: GrpcService;
  /** What the collector knows the log by. */
  readonly logName: string;
  /** Longest wait of an entry. */
  readonly flushMs: number;
  /** Entries of so many bytes go at once; 0 = each for itself. */
  readonly bufferBytes: number;
  readonly customTags: readonly CustomTag[];
}

/** Envoy's own log service: one stream of entries. */
export interface GrpcLog extends LogTransport {
  readonly t: 'grpc';
  readonly entries: 'http' | 'tcp';
  /** Lower-case names. */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  readonly responseTrailers: readonly string[];
}

/** OTLP: log records, in one call for each batch. */
export interface OtelLog extends LogTransport {
  readonly t: 'otel';
  /** Where calls go over HTTP, in place of `service`. */
  readonly httpService?: HttpService;
  /** Before the names of its counters: '' or `<prefix>.`. */
  readonly statPrefix: string;
  /** `log_name`, `zone_name`, `cluster_name` and `node_name` on the resource. */
  readonly builtinLabels: boolean;
  readonly resourceAttributes: Readonly<Record<string, LogField>>;
  /** Text in it is a substitution format. Absent = no body. */
  readonly body?: LogField;
  readonly attributes: Readonly<Record<string, LogField>>;
}

/** A tag of a span or a log entry. */
export interface CustomTag {
  readonly tag: string;
  readonly source: TagSource;
}

/** A moment at which something is logged, in Envoy's words. */
export type AccessLogType =
  | 'NotSet'
  | 'TcpUpstreamConnected'
  | 'TcpPeriodic'
  | 'TcpConnectionEnd'
  | 'DownstreamStart'
  | 'DownstreamPeriodic'
  | 'DownstreamEnd'
  | 'DownstreamTunnelSuccessfullyEstablished';

/** When a log is written beside the end. */
export interface LogMoments {
  /** As a request comes; of bytes, as the upstream is connected. */
  readonly begin: boolean;
  /** As a tunnel through HTTP stands. */
  readonly tunnel: boolean;
  /** And again and again; 0 = not. */
  readonly everyMs: number;
}

/** When to log: an expression tree over the finished request. */
export type AccessLogFilter =
  | { readonly t: 'status-code'; readonly op: 'eq' | 'ge' | 'le'; readonly value: number }
  | { readonly t: 'duration'; readonly op: 'eq' | 'ge' | 'le'; readonly valueMs: number }
  | { readonly t: 'response-flag'; readonly flags: readonly string[] }
  | { readonly t: 'not-health-check' }
  | { readonly t: 'traceable' }
  | { readonly t: 'share'; readonly numerator: number; readonly denominator: number; /** Not by the request's id. */ readonly independent: boolean }
  | { readonly t: 'header'; readonly match: HeaderMatch }
  | { readonly t: 'grpc-status'; readonly statuses: readonly number[]; readonly exclude: boolean }
  | { readonly t: 'metadata'; readonly match: MetadataMatch; /** The answer where there is no such value. */ readonly otherwise: boolean }
  | { readonly t: 'log-type'; readonly types: readonly string[]; readonly exclude: boolean }
  | { readonly t: 'and' | 'or'; readonly filters: readonly AccessLogFilter[] };
