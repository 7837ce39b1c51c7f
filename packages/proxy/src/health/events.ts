import type { HealthCheck, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { Finding } from './check-state.ts';

/** What a check has found, and what became of it. `passive`: the host's own answer to a request said that it wants no more. */
export interface Found {
  readonly finding: Finding | 'passive';
  /** Of the response; 0 = none. */
  readonly status: number;
  readonly before: Host['activeHealth'];
  readonly after: Host['activeHealth'];
  /** The host had not been checked before. */
  readonly first: boolean;
}

/** Whose check it was. */
export interface Checked {
  readonly host: Host;
  readonly config: HealthCheck;
}

const CHECKERS: Readonly<Record<HealthCheck['probe']['t'], string>> = { http: 'HTTP', tcp: 'TCP', grpc: 'GRPC' };

/** Writes what a check has shown to the event logs of its cluster, in Envoy's form (`envoy.data.core.v3.HealthCheckEvent`). */
export function writeEvents(worker: Worker, checked: Checked, found: Found): void {
  const { host, config } = checked;
  const { endpoint, locality } = host;
  for (const [name, value] of eventsOf(config, found)) {
    const event = {
      health_checker_type: CHECKERS[config.probe.t],
      host: hostJson(endpoint.address),
      cluster_name: host.cluster,
      [name]: value,
      timestamp: new Date(worker.ports.clock.now()).toISOString(),
      metadata: { filter_metadata: Object.keys(endpoint.metadata).length === 0 ? {} : { 'envoy.lb': endpoint.metadata }, typed_filter_metadata: {} },
      locality: { region: locality.region, zone: locality.zone, sub_zone: locality.subZone },
    };
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    for (const path of config.eventLogs) worker.ports.accessLog.write(path, line);
  }
}

function hostJson(address: Host['endpoint']['address']): object {
  if (address.t === 'internal') return { envoy_internal_address: { server_listener_name: address.listener, endpoint_id: address.id } };
  if (address.t === 'pipe') return { pipe: { path: address.path, mode: 0 } };
  return { socket_address: { protocol: 'TCP', address: address.address, port_value: address.port, resolver_name: '', ipv4_compat: false } };
}

/** In the order in which Envoy tells them. */
function eventsOf(config: HealthCheck, found: Found): readonly (readonly [name: string, value: object])[] {
  const { finding, before, after, first, status } = found;
  if (finding === 'healthy' || finding === 'degraded') return good(config, found);
  const failure_type = finding === 'passive' ? 'PASSIVE' : finding === 'network' ? 'NETWORK' : 'ACTIVE';
  const events: (readonly [string, object])[] = [];
  const falls = isGood(before) || before === 'unchecked';
  if (falls && !isGood(after) && after !== before) events.push(['eject_unhealthy_event', { failure_type, http_status_code: status }]);
  if (finding !== 'passive' && (first || config.logFailures))
    events.push(['health_check_failure_event', { failure_type, first_check: first, http_status_code: status }]);
  return events;
}

function good(config: HealthCheck, { before, after, first }: Found): readonly (readonly [name: string, value: object])[] {
  const events: (readonly [string, object])[] = [];
  const rises = !isGood(before) && isGood(after);
  if (rises) events.push(['add_healthy_event', { first_check: first }]);
  else if (config.logSuccess) events.push(['successful_health_check_event', {}]);
  if (after === 'degraded' && before !== 'degraded') events.push(['degraded_healthy_host', {}]);
  if (after === 'healthy' && before === 'degraded') events.push(['no_longer_degraded_host', {}]);
  return events;
}

function isGood(health: Host['activeHealth']): boolean {
  return health === 'healthy' || health === 'degraded';
}
