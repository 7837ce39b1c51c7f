import type { Criteria } from './balancing.ts';
import type { AccessLog, LogMoments } from './access-log.ts';

/** A tunnel by HTTP that a host is asked for, to carry the bytes. */
export interface TcpTunnel {
  /** Where the host is to lead it: `name:port`. */
  readonly target: string;
  /** The bytes are the bodies of a POST request and its response, rather than what follows CONNECT. */
  readonly post: boolean;
  /** Of the POST request. */
  readonly path: string;
}

export interface TcpCluster {
  readonly name: string;
  readonly weight: number;
  /** The subset of its hosts. */
  readonly criteria: Criteria;
}

export interface TcpProxy {
  /** Its statistics are `tcp.<statPrefix>.…`. */
  readonly statPrefix: string;
  /** One entry = all of it goes there; weights are relative. */
  readonly clusters: readonly TcpCluster[];
  /** No bytes in either direction for so long closes the connection; 0 = never. */
  readonly idleTimeoutMs: number;
  /** 0 = no limit. */
  readonly maxDownstreamConnectionDurationMs: number;
  readonly maxConnectAttempts: number;
  /** Clients of one address go to one host, where the cluster balances by hash. */
  readonly hashesSource: boolean;
  readonly tunnel?: TcpTunnel;
  readonly accessLogs: readonly AccessLog[];
  /** Absent = at the end alone. */
  readonly logMoments?: LogMoments;
}
