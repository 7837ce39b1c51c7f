import type { GrpcService } from '../decode/grpc-service.ts';
import type { CustomTag } from './access-log.ts';

/** Where the value of a tag comes from. */
export type TagSource =
  | { readonly t: 'literal'; readonly value: string }
  | { readonly t: 'environment'; readonly name: string; readonly otherwise: string }
  /** `name` is lower-case. */
  | { readonly t: 'header'; readonly name: string; readonly otherwise: string }
  /** What filters have left with the request. */
  | { readonly t: 'metadata'; readonly namespace: string; readonly path: readonly string[]; readonly otherwise: string };

/** A share of requests: of each `denominator`, so many. */
export interface Share {
  readonly numerator: number;
  readonly denominator: number;
}

/** Which requests are traced. */
export interface Sampling {
  /** Of those with `x-client-trace-id`. */
  readonly client: Share;
  /** Of all others. */
  readonly random: Share;
  /** Of those that one of the above has chosen. */
  readonly overall: Share;
}

/** Tracing of a connection manager. */
export interface HttpTracing {
  readonly sampling: Sampling;
  readonly customTags: readonly CustomTag[];
  /** Longer paths are cut in the tag `http.url`. */
  readonly maxPathTagLength: number;
  /** Each attempt at the upstream gets a span of its own. */
  readonly spawnUpstreamSpan: boolean;
  /** Who takes the spans besides the agent; absent = nobody. */
  readonly provider?: TracingProvider;
}

/** What a route says about tracing in place of its connection manager. */
export interface RouteTracing {
  readonly sampling: Sampling;
  readonly customTags: readonly CustomTag[];
}

export type TracingProvider = OtelTracer | ZipkinTracer;

/** An HTTP service that takes what is exported. */
export interface HttpService {
  readonly cluster: string;
  /** '' = the cluster's name. */
  readonly host: string;
  readonly path: string;
  readonly timeoutMs: number;
  /** Names are lower-case; values may be substitution formats. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** Spans as OTLP; context is handed on as W3C trace context. */
export interface OtelTracer {
  readonly t: 'opentelemetry';
  readonly service: { readonly t: 'grpc'; readonly grpc: GrpcService } | { readonly t: 'http'; readonly http: HttpService };
  readonly serviceName: string;
  readonly detectors: readonly ResourceDetector[];
  /** Decides in place of the request's id; absent = the caller's word, else `Sampling`. */
  readonly sampler?: OtelSampler;
}

export type ResourceDetector = { readonly t: 'environment' } | { readonly t: 'static'; readonly attributes: Readonly<Record<string, string>> };

export type OtelSampler =
  | { readonly t: 'always' }
  | { readonly t: 'ratio'; readonly ratio: number }
  /** As the caller; a new trace as the other sampler says. */
  | { readonly t: 'parent'; readonly root: OtelSampler };

/** Spans as Zipkin's JSON; context is handed on as B3, by wish as W3C too. */
export interface ZipkinTracer {
  readonly t: 'zipkin';
  readonly service: HttpService;
  readonly traceId128: boolean;
  /** The server's span is the caller's. */
  readonly sharedSpanContext: boolean;
  /** Client and server of a request have a span each. */
  readonly splitSpans: boolean;
  readonly w3c: boolean;
}
