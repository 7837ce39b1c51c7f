import type { Clock } from '@meltemi/base';
import { text, type Route } from '@meltemi/http';
import { PUSH_ORDER, shortTypeName, TYPE_URL } from '@meltemi/protos-types';
import type { ProxyNode } from '@meltemi/model';
import type { MeshChanges } from '@meltemi/registry';
import {
  createMetricRegistry,
  EXPOSITION_CONTENT_TYPE,
  observe,
  writeExposition,
  type HistogramSeries,
  type MetricRegistry,
  type ScalarSeries,
} from '@meltemi/telemetry';
import type { ConnectedNode } from '../xds/connected-node.ts';
import type { CaObserver } from '../ca/index.ts';
import type { XdsObserver } from '../xds/observer.ts';
import { createAuthorityMetrics, type AuthorityFacts } from './authority-metrics.ts';
import type { MeshConflicts } from './mesh-conflicts.ts';

/** What is looked up when metrics are asked for. */
export interface PilotFacts {
  readonly nodes: readonly ConnectedNode[];
  readonly services: number;
  readonly virtualServices: number;
  /** Objects that the stores hold back. */
  readonly rejectedConfigs: number;
  readonly conflicts: MeshConflicts;
  readonly authority: AuthorityFacts;
}

/** The control plane's own metrics, under the names that dashboards and alerts for istiod know. */
export interface PilotMetrics {
  readonly observer: XdsObserver;
  readonly authority: CaObserver;
  /** A node came; what it says of itself, and what others know of it. */
  claimed(claims: ProxyNode, known: ProxyNode | undefined): void;
  /** A snapshot of the mesh was made. */
  meshBuilt(tookMs: number): void;
  /** A change of the mesh was taken in. */
  meshChanged(changes: MeshChanges): void;
  /** `GET /metrics`, Prometheus text. */
  route(facts: () => PilotFacts): Route;
}

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 3, 5, 10, 20, 30];
const BYTES = [1, 1e4, 1e6, 4e6, 1e7, 4e7];
/** Types whose refusals have a gauge of their own in Istio. */
const REJECTABLE = [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, TYPE_URL.route];

const HELP = {
  pilot_info: 'Version of the control plane.',
  istiod_uptime_seconds: 'Time since the control plane was started.',
  pilot_xds: 'Proxies connected by xDS, by their version.',
  pilot_xds_pushes: 'Responses sent, by type.',
  pilot_xds_push_time: 'Time to generate and encode a response, by type.',
  pilot_xds_config_size_bytes: 'Size of responses, by type.',
  pilot_total_xds_rejects: 'Responses that proxies refused, by type.',
  pilot_xds_cds_reject: 'Proxies that refuse clusters at present.',
  pilot_xds_eds_reject: 'Proxies that refuse endpoints at present.',
  pilot_xds_lds_reject: 'Proxies that refuse listeners at present.',
  pilot_xds_rds_reject: 'Proxies that refuse routes at present.',
  pilot_total_xds_internal_errors: 'Resources that could not be encoded and are held back.',
  pilot_xds_send_time: 'Time to hand a response to the transport, by type.',
  pilot_xds_expired_nonce: 'Requests that answer a response which was not the last one, by type.',
  pilot_push_triggers: 'Pushes, by what made them necessary.',
  pilot_proxy_queue_time: 'From the beginning of a push until it reached a proxy: others were before it.',
  pilot_conflict_inbound_listener: 'Ports of workloads that services lead to with different protocols.',
  pilot_conflict_outbound_listener_tcp_over_current_tcp: 'Addresses and ports that more than one TCP service wants a listener for.',
  pilot_duplicate_envoy_clusters: 'Clusters that a service of the same host name in another namespace wants too.',
  pilot_pushcontext_init_seconds: 'Time to make a snapshot of the mesh out of what changed.',
  pilot_vservice_dup_domain: 'Claims of VirtualServices on hosts that another one has.',
  pilot_destrule_subsets: 'Subsets that another DestinationRule of the host has too.',
  pilot_eds_no_instances: 'Clusters without endpoints.',
  pilot_dns_cluster_without_endpoints: 'Clusters by DNS without a name to look up.',
  pilot_endpoint_not_ready: 'Endpoints that are not ready.',
  pilot_debounce_time: 'From the first change of a push to the push.',
  pilot_proxy_convergence_time: 'From a change to its acknowledgement by a proxy, for each proxy that it touches.',
  meltemi_xds_claims_ignored:
    'Nodes that said of themselves what they did not join as (deviates) or came from an address that nobody gave them (unknown).',
  meltemi_xds_late_clients: 'Streams that said nothing, or did not answer their first resources, until their place went to the next.',
  pilot_inbound_updates: 'Changes of the mesh, by what changed.',
  pilot_services: 'Services known.',
  pilot_virt_services: 'VirtualServices known.',
  pilot_total_rejected_configs: 'Objects that are held back because they are not valid.',
} as const;

/** Starts counting. */
export function createPilotMetrics(options: { readonly clock: Clock; readonly version: string }): PilotMetrics {
  const { clock } = options;
  const startedMs = clock.monotonic();
  const registry = createMetricRegistry();
  for (const [name, help] of Object.entries(HELP)) registry.describe(name, help);
  const meters = createMeters(registry);
  registry.gauge('pilot_info', { version: options.version }, 0).value = 1;
  const uptime = registry.gauge('istiod_uptime_seconds', {}, 0);
  const setFacts = createFactSetter(registry);
  const authority = createAuthorityMetrics(registry, clock);
  return {
    authority: authority.observer,
    observer: {
      sent(typeUrl, bytes, tookMs, sendMs) {
        const type = { type: shortTypeName(typeUrl).toLowerCase() };
        meters.counter('pilot_xds_pushes', type).value++;
        observe(meters.histogram('pilot_xds_push_time', type, SECONDS), tookMs / 1000);
        observe(meters.histogram('pilot_xds_send_time', type, SECONDS), sendMs / 1000);
        observe(meters.histogram('pilot_xds_config_size_bytes', type, BYTES), bytes);
      },
      stale: (typeUrl) => void meters.counter('pilot_xds_expired_nonce', { type: shortTypeName(typeUrl).toLowerCase() }).value++,
      queued: (afterMs) => observe(meters.histogram('pilot_proxy_queue_time', {}, SECONDS), afterMs / 1000),
      rejected: (typeUrl) => void meters.counter('pilot_total_xds_rejects', { type: shortTypeName(typeUrl).toLowerCase() }).value++,
      failed: () => void meters.counter('pilot_total_xds_internal_errors').value++,
      late: () => void meters.counter('meltemi_xds_late_clients').value++,
      debounced: (afterMs) => observe(meters.histogram('pilot_debounce_time', {}, SECONDS), afterMs / 1000),
      converged: (afterMs) => observe(meters.histogram('pilot_proxy_convergence_time', {}, SECONDS), afterMs / 1000),
    },
    claimed(claims, known) {
      if (known === undefined) meters.counter('meltemi_xds_claims_ignored', { type: 'unknown' }).value++;
      else if (known !== claims) meters.counter('meltemi_xds_claims_ignored', { type: 'deviates' }).value++;
    },
    meshBuilt: (tookMs) => observe(meters.histogram('pilot_pushcontext_init_seconds', {}, SECONDS), tookMs / 1000),
    meshChanged(changes) {
      for (const type of kindsOf(changes)) {
        meters.counter('pilot_inbound_updates', { type }).value++;
        meters.counter('pilot_push_triggers', { type: TRIGGERS[type] }).value++;
      }
    },
    route: (facts) => ({
      method: 'GET',
      path: '/metrics',
      handler() {
        uptime.value = (clock.monotonic() - startedMs) / 1000;
        const now = facts();
        setFacts(now);
        authority.setFacts(now.authority);
        return text(200, writeExposition(registry, clock.now()), { 'content-type': EXPOSITION_CONTENT_TYPE });
      },
    }),
  };
}

/** Series by name and labels, made on first use; those that alerts ask for stand at zero from the beginning. */
function createMeters(registry: MetricRegistry) {
  const scalars = new Map<string, ScalarSeries>();
  const histograms = new Map<string, HistogramSeries>();
  const counter = (name: keyof typeof HELP, labels: Readonly<Record<string, string>> = {}): ScalarSeries => {
    const key = `${name} ${labels['type'] ?? ''}`;
    let series = scalars.get(key);
    if (series === undefined) scalars.set(key, (series = registry.counter(name, labels, 0)));
    return series;
  };
  const histogram = (name: keyof typeof HELP, labels: Readonly<Record<string, string>>, bounds: readonly number[]): HistogramSeries => {
    const key = `${name} ${labels['type'] ?? ''}`;
    let series = histograms.get(key);
    if (series === undefined) histograms.set(key, (series = registry.histogram(name, labels, bounds, 0)));
    return series;
  };
  for (const typeUrl of PUSH_ORDER) counter('pilot_xds_pushes', { type: shortTypeName(typeUrl).toLowerCase() });
  for (const type of Object.values(TRIGGERS)) counter('pilot_push_triggers', { type });
  for (const typeUrl of PUSH_ORDER) counter('pilot_xds_expired_nonce', { type: shortTypeName(typeUrl).toLowerCase() });
  histogram('pilot_proxy_queue_time', {}, SECONDS);
  for (const typeUrl of REJECTABLE) counter('pilot_total_xds_rejects', { type: shortTypeName(typeUrl).toLowerCase() });
  counter('pilot_total_xds_internal_errors');
  for (const type of ['unknown', 'deviates']) counter('meltemi_xds_claims_ignored', { type });
  histogram('pilot_debounce_time', {}, SECONDS);
  histogram('pilot_pushcontext_init_seconds', {}, SECONDS);
  histogram('pilot_proxy_convergence_time', {}, SECONDS);
  return { counter, histogram };
}

const CONFLICTS: readonly (readonly [keyof typeof HELP, keyof MeshConflicts])[] = [
  ['pilot_conflict_inbound_listener', 'inboundListeners'],
  ['pilot_conflict_outbound_listener_tcp_over_current_tcp', 'tcpOverTcp'],
  ['pilot_duplicate_envoy_clusters', 'duplicateClusters'],
  ['pilot_vservice_dup_domain', 'duplicateDomains'],
  ['pilot_destrule_subsets', 'duplicateSubsets'],
  ['pilot_eds_no_instances', 'withoutEndpoints'],
  ['pilot_dns_cluster_without_endpoints', 'dnsWithoutEndpoints'],
  ['pilot_endpoint_not_ready', 'unreadyEndpoints'],
];

/** Gauges that say how things stand now. */
function createFactSetter(registry: MetricRegistry): (facts: PilotFacts) => void {
  const gauge = (name: keyof typeof HELP): ScalarSeries => registry.gauge(name, {}, 0);
  const [services, virtualServices, rejected] = [gauge('pilot_services'), gauge('pilot_virt_services'), gauge('pilot_total_rejected_configs')];
  const refusing = REJECTABLE.map((typeUrl) => ({
    typeUrl,
    series: gauge(`pilot_xds_${shortTypeName(typeUrl).toLowerCase()}_reject` as keyof typeof HELP),
  }));
  const conflicts = CONFLICTS.map(([name, of]) => ({ series: gauge(name), of }));
  const connected = new Map<string, ScalarSeries>();
  return (facts) => {
    for (const { series, of } of conflicts) series.value = facts.conflicts[of];
    services.value = facts.services;
    virtualServices.value = facts.virtualServices;
    rejected.value = facts.rejectedConfigs;
    for (const { typeUrl, series } of refusing)
      series.value = facts.nodes.filter(({ types }) => types.some((type) => type.typeUrl === typeUrl && type.state === 'rejected')).length;
    const counts = countBy(facts.nodes, versionOf);
    for (const version of counts.keys()) if (!connected.has(version)) connected.set(version, registry.gauge('pilot_xds', { version }, 0));
    for (const [version, series] of connected) series.value = counts.get(version) ?? 0;
  };
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}

/** Bounded: whatever a node says of itself becomes a label. */
function versionOf({ node }: ConnectedNode): string {
  const version = node.metadata['ISTIO_VERSION'];
  return typeof version === 'string' && /^[\w.+-]{1,40}$/.test(version) ? version : 'unknown';
}

/** Istio's words for what makes a push necessary. */
const TRIGGERS = { config: 'config', svc: 'service', eds: 'endpoint', workload: 'proxyupdate' } as const;

function kindsOf({ push, endpoints, workloads }: MeshChanges): readonly (keyof typeof TRIGGERS)[] {
  return [
    ...(push !== undefined && (push.full || push.configs.length > 0) ? (['config'] as const) : []),
    ...(push !== undefined && push.services.length > 0 ? (['svc'] as const) : []),
    ...(endpoints.length > 0 ? (['eds'] as const) : []),
    ...(workloads.length > 0 ? (['workload'] as const) : []),
  ];
}
