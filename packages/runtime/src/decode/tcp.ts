import { mergeCriteria } from '../lb/subsets.ts';
import type { Criteria } from '../types/balancing.ts';
import type { TcpCluster, TcpProxy, TcpTunnel } from '../types/tcp.ts';
import { decodeAccessLogs } from './access-log.ts';
import { decodeLogMoments } from './log-moments.ts';
import { decodeCriteria } from './route-action.ts';
import type { Reader } from './reader.ts';

export function decodeTcpProxy(reader: Reader): TcpProxy {
  const weighted = reader.message('weighted_clusters');
  const single = reader.string('cluster');
  const criteria = decodeCriteria(reader);
  const clusters = weighted?.messages('clusters').map((item) => decodeCluster(item, criteria)) ?? [];
  reader.require('cluster', single !== '' || clusters.length > 0, 'neither a cluster nor weighted clusters');
  reader.require('weighted_clusters', weighted === undefined || clusters.some((item) => item.weight > 0), 'all weights are 0');
  const tunnel = reader.message('tunneling_config');
  return {
    statPrefix: reader.string('stat_prefix'),
    clusters: single === '' ? clusters : [{ name: single, weight: 1, criteria }],
    idleTimeoutMs: reader.duration('idle_timeout', 3_600_000),
    maxDownstreamConnectionDurationMs: reader.duration('max_downstream_connection_duration', 0),
    maxConnectAttempts: reader.number('max_connect_attempts', 1),
    hashesSource: decodeHash(reader),
    ...(tunnel === undefined ? {} : { tunnel: decodeTunnel(tunnel) }),
    accessLogs: decodeAccessLogs(reader.messages('access_log')),
    ...decodeLogMoments(reader, 'flush_access_log_on_connected'),
  };
}

/** Its own criteria go before those of all. */
function decodeCluster(reader: Reader, common: Criteria): TcpCluster {
  return { name: reader.string('name'), weight: reader.number('weight', 0), criteria: mergeCriteria(common, decodeCriteria(reader)) };
}

function decodeTunnel(reader: Reader): TcpTunnel {
  const target = reader.string('hostname');
  reader.require('hostname', /^[^%\s]+$/.test(target), 'expected name and port; patterns are not supported by this proxy');
  reader.require('headers_to_add', reader.messages('headers_to_add').length === 0, 'not supported by this proxy');
  // They would go into state of the connection that nothing here reads.
  reader.harmless('propagate_response_headers', 'propagate_response_trailers');
  const path = reader.string('post_path');
  return { target, post: reader.bool('use_post'), path: path === '' ? '/' : path };
}

function decodeHash(reader: Reader): boolean {
  const policies = reader.messages('hash_policy');
  reader.require('hash_policy', policies.length <= 1, 'at most one policy');
  return policies.some((policy) => {
    const source = policy.message('source_ip') !== undefined;
    policy.require('', source, 'only source_ip is known here');
    return source;
  });
}
