import type { BreakerSnapshot, ClusterSnapshot, HostSnapshot } from '../main/engine.ts';
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

/** `healthy`, or why not. */
function healthText({ flags }: HostSnapshot): string {
  return flags.length === 0 ? 'healthy' : flags.map((flag) => `/${flag}`).join('');
}

function lines(cluster: ClusterSnapshot): string {
  const { name, breakers } = cluster;
  const head = [
    `${name}::observability_name::${name}`,
    ...(['default', 'high'] as const).flatMap((priority) =>
      Object.entries(thresholds(breakers[priority])).map(([key, value]) => `${name}::${priority}_priority::${key}::${value}`),
    ),
    `${name}::added_via_api::true`,
  ];
  const hosts = cluster.hosts.flatMap((host) => [
    `${name}::${host.address}::cx_active::${host.connections}`,
    `${name}::${host.address}::rq_active::${host.active}`,
    `${name}::${host.address}::hostname::${host.hostname}`,
    `${name}::${host.address}::health_flags::${healthText(host)}`,
    `${name}::${host.address}::weight::${host.weight}`,
    `${name}::${host.address}::region::${host.locality.region}`,
    `${name}::${host.address}::zone::${host.locality.zone}`,
    `${name}::${host.address}::sub_zone::${host.locality.subZone}`,
    `${name}::${host.address}::canary::${host.canary}`,
    `${name}::${host.address}::priority::${host.priority}`,
  ]);
  return `${[...head, ...hosts].join('\n')}\n`;
}

function thresholds({ limits }: BreakerSnapshot): Readonly<Record<string, number>> {
  return {
    max_connections: limit(limits.maxConnections),
    max_pending_requests: limit(limits.maxPendingRequests),
    max_requests: limit(limits.maxRequests),
    max_retries: limit(limits.maxRetries),
  };
}

function status(cluster: ClusterSnapshot): object {
  const { breakers } = cluster;
  return {
    name: cluster.name,
    observability_name: cluster.name,
    added_via_api: true,
    circuit_breakers: {
      thresholds: [thresholds(breakers.default), { priority: 'HIGH', ...thresholds(breakers.high) }],
    },
    usage: breakers.default.usage,
    host_statuses: cluster.hosts.map((host) => ({
      address: address(host.address),
      stats: [
        { name: 'cx_active', type: 'GAUGE', value: String(host.connections) },
        { name: 'rq_active', type: 'GAUGE', value: String(host.active) },
      ],
      health_status: { eds_health_status: edsHealth(host), ...healthStatus(host) },
      weight: host.weight,
      hostname: host.hostname,
      priority: host.priority,
      locality: { region: host.locality.region, zone: host.locality.zone, sub_zone: host.locality.subZone },
    })),
  };
}

/** As Envoy sums it up: a set that says nothing of a host calls it healthy. */
function edsHealth({ health }: HostSnapshot): string {
  return health === 'unknown' ? 'HEALTHY' : health.toUpperCase();
}

/** Envoy's fields of `HostHealthStatus`. */
const HEALTH_FIELDS: Readonly<Record<string, string>> = {
  failed_active_hc: 'failed_active_health_check',
  failed_outlier_check: 'failed_outlier_check',
  degraded_active_hc: 'failed_active_degraded_check',
  pending_dynamic_removal: 'pending_dynamic_removal',
  pending_active_hc: 'pending_active_hc',
  excluded_via_immediate_hc_fail: 'excluded_via_immediate_hc_fail',
};

function healthStatus({ flags }: HostSnapshot): Readonly<Record<string, true>> {
  const fields = flags.map((flag) => HEALTH_FIELDS[flag]).filter((field) => field !== undefined);
  return Object.fromEntries(fields.map((field) => [field, true] as const));
}

/** `127.0.0.1:80` as Envoy's address message; anything else is a pipe. */
export function address(key: string): object {
  const match = /^\[?([^\]]*?)\]?:(\d+)$/.exec(key);
  if (match === null) return { pipe: { path: key } };
  return { socket_address: { address: match[1], port_value: Number(match[2]) } };
}
