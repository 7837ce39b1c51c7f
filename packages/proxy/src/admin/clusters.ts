import type { BreakerSnapshot, ClusterSnapshot, HostSnapshot } from '../main/engine.ts';
import { json, text, type AdminEndpoint } from './context.ts';
import { nameFilter } from './name-filter.ts';

/** Envoy's `/clusters`, as text or (`?format=json`) JSON. */
export const clustersEndpoint: AdminEndpoint = {
  path: '/clusters',
  help: 'upstream cluster status',
  params: { filter: 'Regular expression (Google re2) for filtering clusters by name', format: 'text or json' },
  write: false,
  async handle(context, { query }) {
    const named = nameFilter(query.get('filter'));
    if (named === undefined) return text(`Invalid re2 regex: ${query.get('filter')}\n`, 400);
    const clusters = (await context.snapshot()).clusters.filter(({ name }) => named(name));
    if (query.get('format') === 'json') return json(clusters.length === 0 ? {} : { cluster_statuses: clusters.map(status) });
    return text(clusters.map(lines).join(''));
  },
};

/** The largest uint32 is how Envoy shows "no limit". */
const limit = (value: number): number => (value === Infinity ? 4_294_967_295 : value);

/** `healthy`, or why not. */
function healthText({ flags }: HostSnapshot): string {
  return flags.length === 0 ? 'healthy' : flags.map((flag) => `/${flag}`).join('');
}

/** How Envoy says that there is no success rate (yet). */
const NO_RATE = -1;

function lines(cluster: ClusterSnapshot): string {
  const { name, breakers } = cluster;
  const head = [
    `${name}::observability_name::${cluster.statName}`,
    ...(cluster.outlier ? OUTLIER_RATES.map((rate) => `${name}::outlier::${rate}::${NO_RATE}`) : []),
    ...(['default', 'high'] as const).flatMap((priority) =>
      Object.entries(thresholds(breakers[priority])).map(([key, value]) => `${name}::${priority}_priority::${key}::${value}`),
    ),
    `${name}::added_via_api::true`,
  ];
  const hosts = cluster.hosts.flatMap((host) => hostLines(host).map(([key, value]) => `${name}::${host.address}::${key}::${value}`));
  return `${[...head, ...hosts].join('\n')}\n`;
}

const OUTLIER_RATES = [
  'success_rate_average',
  'success_rate_ejection_threshold',
  'local_origin_success_rate_average',
  'local_origin_success_rate_ejection_threshold',
] as const;

function hostLines(host: HostSnapshot): readonly (readonly [string, string | number | boolean])[] {
  const { locality } = host;
  return [
    ...hostStats(host).map(({ name, value }) => [name, value] as const),
    ['hostname', host.hostname],
    ['health_flags', healthText(host)],
    ['weight', host.weight],
    ['region', locality.region],
    ['zone', locality.zone],
    ['sub_zone', locality.subZone],
    ['canary', host.canary],
    ['priority', host.priority],
    ['success_rate', NO_RATE],
    ['local_origin_success_rate', NO_RATE],
  ];
}

/** In the order of their names. */
function hostStats({
  counts,
  connections,
  active,
}: HostSnapshot): readonly { readonly name: string; readonly gauge: boolean; readonly value: number }[] {
  return [
    { name: 'cx_active', gauge: true, value: connections },
    { name: 'cx_connect_fail', gauge: false, value: counts.cxConnectFail },
    { name: 'cx_total', gauge: false, value: counts.cxTotal },
    { name: 'rq_active', gauge: true, value: active },
    { name: 'rq_error', gauge: false, value: counts.rqError },
    { name: 'rq_success', gauge: false, value: counts.rqSuccess },
    { name: 'rq_timeout', gauge: false, value: counts.rqTimeout },
    { name: 'rq_total', gauge: false, value: counts.rqTotal },
  ];
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
    added_via_api: true,
    ...(cluster.hosts.length === 0 ? {} : { host_statuses: cluster.hosts.map(hostStatus) }),
    circuit_breakers: {
      thresholds: [thresholds(breakers.default), { priority: 'HIGH', ...thresholds(breakers.high) }],
    },
    observability_name: cluster.statName,
  };
}

/** As protobuf's JSON has it, fields of no value are left out. */
function hostStatus(host: HostSnapshot): object {
  const { region, zone, subZone } = host.locality;
  const stats = hostStats(host);
  return {
    address: address(host.address),
    stats: [...stats.filter(({ gauge }) => !gauge), ...stats.filter(({ gauge }) => gauge)].map(({ name, gauge, value }) => ({
      ...(gauge ? { type: 'GAUGE' } : {}),
      ...(value === 0 ? {} : { value: String(value) }),
      name,
    })),
    health_status: { ...healthStatus(host), eds_health_status: edsHealth(host) },
    weight: host.weight,
    ...(host.hostname === '' ? {} : { hostname: host.hostname }),
    ...(host.priority === 0 ? {} : { priority: host.priority }),
    locality: {
      ...(region === '' ? {} : { region }),
      ...(zone === '' ? {} : { zone }),
      ...(subZone === '' ? {} : { sub_zone: subZone }),
    },
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
