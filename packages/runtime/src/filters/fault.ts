/** The fault filter, or one route's setting of it. Shares are 0..1. */
export interface FaultConfig {
  readonly delay?: { readonly fixedMs: number; readonly fraction: number };
  readonly abort?: { readonly status: number; readonly grpcStatus?: number; readonly fraction: number };
  /** Infinity = no limit. */
  readonly maxActiveFaults: number;
}
