import type { AccessLog } from './common.ts';

export interface TcpProxy {
  /** One entry = all of it goes there; weights are relative. */
  readonly clusters: readonly { readonly name: string; readonly weight: number }[];
  /** No bytes in either direction for so long closes the connection; 0 = never. */
  readonly idleTimeoutMs: number;
  /** 0 = no limit. */
  readonly maxDownstreamConnectionDurationMs: number;
  readonly maxConnectAttempts: number;
  /** Clients of one address go to one host, where the cluster balances by hash. */
  readonly hashesSource: boolean;
  readonly accessLogs: readonly AccessLog[];
}
