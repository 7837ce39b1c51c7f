import type { Reader } from './reader.ts';

/** A gRPC service that is reached through a cluster. */
export interface GrpcService {
  readonly cluster: string;
  /** `:authority`; '' = the cluster's name. */
  readonly authority: string;
  /** 0 = none. */
  readonly timeoutMs: number;
  /** Sent with every call; names are lower-case. */
  readonly metadata: readonly { readonly name: string; readonly value: string }[];
}

/** `core.v3.GrpcService`, by Envoy's own client; that of Google's library is refused. */
export function decodeGrpcService(reader: Reader, defaultTimeoutMs: number): GrpcService {
  const envoy = reader.message('envoy_grpc');
  reader.require('envoy_grpc', envoy !== undefined, 'missing; google_grpc is not supported by this proxy');
  reader.require('retry_policy', !reader.has('retry_policy'), 'retries of a service’s calls are not supported by this proxy');
  reader.harmless('google_grpc', 'retry_policy');
  envoy?.require('retry_policy', !envoy.has('retry_policy'), 'retries of a service’s calls are not supported by this proxy');
  // Messages are bounded by this proxy itself; the envelope of failures is not read by anybody.
  envoy?.harmless('retry_policy', 'max_receive_message_length', 'skip_envoy_headers');
  const cluster = envoy?.string('cluster_name') ?? '';
  envoy?.require('cluster_name', cluster !== '', 'missing');
  return {
    cluster,
    authority: envoy?.string('authority') ?? '',
    timeoutMs: reader.duration('timeout', defaultTimeoutMs),
    metadata: reader.messages('initial_metadata').map((entry) => ({ name: entry.string('key').toLowerCase(), value: entry.string('value') })),
  };
}
