import type { ClusterSnapshot, HostSnapshot } from '../main/engine.ts';
import { json, text, type AdminEndpoint } from './context.ts';

/** Envoy's `/clusters`, as text or (`?format=json`) JSON. */
export const clustersEndpoint: AdminEndpoint = {
  path: '/clusters',
  help: 'upstream cluster status (?format=json)',
  write: false,
  async handle(context, { query }) {
    const { clusters } = await context.snapshot();
    if (query.get('format') === 'json') return json({ cluster_statuses: clusters.map(status) });
    return text(clusters.map(lines).join(''));
  },
};

/** The largest uint32 is how Envoy shows "no limit". */
const limit = (value: number): number => (value === Infinity ? 4_294_967_295 : value);

function healthText(host: HostSnapshot): string {
  if (host.ejected) return '/failed_outlier_check';
  return host.health === 'healthy' ? 'healthy' : '/failed_eds_health';
}

function lines(cluster: ClusterSnapshot): string {
  const { name, limits } = cluster;
  const head = [
    `${name}::observability_name::${name}`,
    `${name}::default_priority::max_connections::${limit(limits.maxConnections)}`,
    `${name}::default_priority::max_pending_requests::${limit(limits.maxPendingRequests)}`,
    `${name}::default_priority::max_requests::${limit(limits.maxRequests)}`,
    `${name}::default_priority::max_retries::${limit(limits.maxRetries)}`,
    `${name}::added_via_api::true`,
  ];
  const hosts = cluster.hosts.flatMap((host) => [
    `${name}::${host.address}::rq_active::${host.active}`,
    `${name}::${host.address}::hostname::${host.hostname}`,
    `${name}::${host.address}::health_flags::${healthText(host)}`,
    `${name}::${host.address}::weight::${host.weight}`,
    `${name}::${host.address}::priority::0`,
  ]);
  return `${[...head, ...hosts].join('\n')}\n`;
}

function status(cluster: ClusterSnapshot): object {
  const { limits, usage } = cluster;
  return {
    name: cluster.name,
    observability_name: cluster.name,
    added_via_api: true,
    circuit_breakers: {
      thresholds: [
        {
          max_connections: limit(limits.maxConnections),
          max_pending_requests: limit(limits.maxPendingRequests),
          max_requests: limit(limits.maxRequests),
          max_retries: limit(limits.maxRetries),
        },
      ],
    },
    usage,
    host_statuses: cluster.hosts.map((host) => ({
      address: address(host.address),
      stats: [{ name: 'rq_active', type: 'GAUGE', value: String(host.active) }],
      health_status: { eds_health_status: edsHealth(host.health), ...(host.ejected ? { failed_outlier_check: true } : {}) },
      weight: host.weight,
      hostname: host.hostname,
    })),
  };
}

function edsHealth(health: string): string {
  return health === 'healthy' ? 'HEALTHY' : health.toUpperCase();
}

/** `127.0.0.1:80` as Envoy's address message; anything else is a pipe. */
export function address(key: string): object {
  const match = /^\[?([^\]]*?)\]?:(\d+)$/.exec(key);
  if (match === null) return { pipe: { path: key } };
  return { socket_address: { address: match[1], port_value: Number(match[2]) } };
}
