import type { FaultConfig } from './fault.ts';
import type { FilterThread, RequestView } from '../compiled.ts';

/** One HTTP filter of a connection manager, as plain data. The tag is the filter's short name in `filters/index.ts`. */
export type HttpFilter = { readonly t: 'fault'; readonly name: string; readonly disabled: boolean; readonly config: FaultConfig };

/** Per-route settings (`typed_per_filter_config`) by the filter's name in the chain. */
export type FilterOverrides = Readonly<Record<string, FilterOverride>>;
export type FilterOverride =
  | { readonly t: 'fault'; readonly config: FaultConfig }
  /** `FilterConfig { disabled: true }`. */
  | { readonly t: 'disabled' };

/** What a filter wants done with a request before it goes on; absent fields ask for nothing. */
export interface FilterVerdict {
  /** Wait so long first. `flag` DI. */
  readonly delayMs?: number;
  /** Answer instead of forwarding. */
  readonly reply?: FilterReply;
}

export interface FilterReply {
  readonly status: number;
  readonly body: string;
  /** Envoy's response flag, `FI`. */
  readonly flag: string;
  /** Envoy's response code details, `fault_filter_abort`. */
  readonly details: string;
  /** Set = answer as gRPC: status 200 with this `grpc-status`. */
  readonly grpcStatus?: number;
}

/** What a filter may look at. `overrides` run from route configuration to weighted cluster, most specific last. */
export interface FilterInput {
  readonly request: RequestView;
  readonly cluster: string;
  readonly overrides: readonly FilterOverrides[];
  readonly thread: FilterThread;
}
