/** A service that takes logs or spans. */
export interface Collector {
  /** Of its service; undefined: nobody says, or nobody in the mesh serves it. */
  readonly namespace: string | undefined;
  readonly host: string;
  readonly port: number;
  /** The cluster that leads there. */
  readonly cluster: string;
  /** Nobody in the mesh serves it: proxies get the cluster by address. False: its service must be known. */
  readonly byAddress: boolean;
}

/** A header with its value, or the environment variable that holds it. */
export interface CollectorHeader {
  readonly name: string;
  readonly value: string;
}

/** Where the access log goes. */
export type LogProvider =
  | { readonly t: 'file'; readonly path: string; readonly format: LogLine; readonly omitEmptyValues: boolean }
  | {
      readonly t: 'http-als';
      readonly collector: Collector;
      readonly logName: string;
      readonly requestHeaders: readonly string[];
      readonly responseHeaders: readonly string[];
      readonly responseTrailers: readonly string[];
    }
  | { readonly t: 'tcp-als'; readonly collector: Collector; readonly logName: string }
  | { readonly t: 'otel'; readonly collector: Collector; readonly logName: string; readonly format: LogLine };

/** What a line says: text, or values by key; '' and undefined = the usual. */
export interface LogLine {
  readonly text: string;
  readonly labels: Readonly<Record<string, unknown>> | undefined;
}

/** Where spans go besides the control plane. */
export type SpanProvider =
  | {
      readonly t: 'zipkin';
      readonly collector: Collector;
      readonly path: string;
      readonly traceId64: boolean;
      readonly w3c: boolean;
      readonly timeoutMs: number;
      readonly headers: readonly CollectorHeader[];
      readonly maxTagLength: number | undefined;
    }
  | {
      readonly t: 'opentelemetry';
      readonly collector: Collector;
      /** OTLP over HTTP; undefined = over gRPC. */
      readonly http: { readonly path: string } | undefined;
      readonly timeoutMs: number;
      readonly headers: readonly CollectorHeader[];
      readonly maxTagLength: number | undefined;
    };

/** A tag of every span. */
export interface SpanTag {
  readonly tag: string;
  readonly source:
    | { readonly t: 'literal'; readonly value: string }
    | { readonly t: 'environment' | 'header'; readonly name: string; readonly defaultValue: string };
}

/** Logs and traces for collectors of other makes. */
export interface MeshTelemetry {
  /** In place of the access log of the mesh; undefined = that. */
  readonly logs: readonly LogProvider[] | undefined;
  /** Envoy's log service besides. */
  readonly accessLogService: Collector | undefined;
  readonly spans: SpanProvider | undefined;
  readonly spanTags: readonly SpanTag[];
  /** undefined = Envoy's 256. */
  readonly maxPathTagLength: number | undefined;
}

export const NO_TELEMETRY: MeshTelemetry = {
  logs: undefined,
  accessLogService: undefined,
  spans: undefined,
  spanTags: [],
  maxPathTagLength: undefined,
};
