import type { HttpTracing, TracingProvider } from '@meltemi/runtime';
import type { StreamInfo } from '../types.ts';

/** Tracing of a connection manager, worked out once. */
export interface CompiledTracing {
  readonly config: HttpTracing;
  readonly provider: TracingProvider | undefined;
  /** Connection managers of the same key share an exporter. */
  readonly key: string;
  /** The request goes out of the workload: its span is the client's. */
  readonly egress: boolean;
  /** Tags of a finished request, in Envoy's words. */
  tags(info: StreamInfo): Map<string, string>;
  /** Those that the configuration asks for, of requests and attempts alike. */
  addCustomTags(info: StreamInfo, tags: Map<string, string>): void;
}

/** A tag of a route, and what it says when the span ends. */
export type RouteTag = readonly [tag: string, read: (info: StreamInfo) => string | undefined];

/** A span that has ended, as exporters take it. Ids are lower-case hexadecimal. */
export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** '' = a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: 'server' | 'client';
  /** The parent is of another process. */
  readonly remoteParent: boolean;
  /** Wall clock. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly tags: ReadonlyMap<string, string>;
  /** The server's own address, for those who ask for it. */
  readonly local: { readonly address: string; readonly port: number };
}

/** The span of a request, while it runs. */
export interface RequestSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly sampled: boolean;
  name: string;
  /** The caller's headers go on untouched. */
  readonly asCame: boolean;
  /** The route's own tags. */
  routeTags: readonly RouteTag[];
  /** Of the attempt under way, where attempts have spans. */
  attempt: AttemptSpan | undefined;
}

/** The span of one attempt. */
export interface AttemptSpan {
  readonly spanId: string;
  readonly startMs: number;
  readonly cluster: string;
  readonly address: string;
}
