import type { CircuitBreakers, EndpointHealth, RuntimeCluster, ServiceRef, TransportMatch, UpstreamHttp } from '../types/cluster.ts';
import { decodeOrigin, filterMetadata } from './common.ts';
import { decodeDnsCache, decodeFailure, decodeServers, DNS_FAMILY } from './dns-cache.ts';
import { decodeEndpointsMessage, ENDPOINT_HEALTH } from './endpoint.ts';
import { decodeHealthCheck } from './health-check.ts';
import { decodeHttp1 } from './http.ts';
import { decodeHttp2 } from './http2.ts';
import { decodeBalancing } from './load-balancing.ts';
import { decodeErrorStatuses } from './error-statuses.ts';
import { decodeOutlier } from './outlier.ts';
import { asObject, type Reader } from './reader.ts';
import { decodeAdsSource, decodeUpstreamTransport } from './tls.ts';
import type { UpstreamTls, UpstreamTransport } from '../types/tls.ts';

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export function decodeClusterMessage(reader: Reader): RuntimeCluster {
  const name = reader.string('name');
  const origin = decodeOrigin(reader);
  const options = decodeProtocolOptions(reader);
  const outlier = reader.message('outlier_detection');
  const transport = withOptions(decodeUpstreamTransport(reader.message('transport_socket'), reader.raw('metadata')), options);
  const matches = reader.messages('transport_socket_matches').map((item) => decodeTransportMatch(item, options, reader.raw('metadata')));
  const bindAddress = decodeBindAddress(reader);
  const keepalive = reader.message('upstream_connection_options')?.message('tcp_keepalive');
  const common = reader.message('common_lb_config');
  const discovery = decodeDiscovery(reader, name);
  harmlessFields(reader);
  if (discovery.t === 'dynamic') checkDynamic(reader);
  return {
    name,
    statName: reader.string('alt_stat_name', name).replaceAll(':', '_'),
    discovery,
    ...decodeBalancing(reader, common),
    connectTimeoutMs: reader.duration('connect_timeout', 5_000),
    transport,
    transportMatches: matches,
    ...decodeBreakers(reader),
    healthChecks: decodeHealthChecks(reader, options.http),
    ignoreHealthOnRemoval: reader.bool('ignore_health_on_host_removal'),
    closeOnHealthFailure: reader.bool('close_connections_on_host_health_failure'),
    ...(outlier === undefined ? {} : { outlier: { ...decodeOutlier(outlier), ...options.errors } }),
    http: options.http,
    ...(bindAddress === undefined ? {} : { bindAddress }),
    ...(keepalive === undefined ? {} : { tcpKeepalive: decodeKeepalive(keepalive) }),
    ...decodeCommonLb(common),
    services: decodeServices(reader.raw('metadata')),
    ...(origin === undefined ? {} : { origin }),
  };
}

/** Statistics beyond those that are always kept. */
function checkStatistics(reader: Reader): void {
  reader.require('track_timeout_budgets', !reader.bool('track_timeout_budgets'), NO_STATISTICS);
  const more = reader.message('track_cluster_stats');
  for (const name of ['timeout_budgets', 'request_response_sizes', 'per_endpoint_stats']) more?.require(name, !more.bool(name), NO_STATISTICS);
}

const NO_STATISTICS = 'these statistics are not kept by this proxy';

function harmlessFields(reader: Reader): void {
  checkStatistics(reader);
  // Nothing is buffered beyond what one write leaves over: a slow side stops the other at once.
  reader.harmless('per_connection_buffer_limit_bytes');
  // Connections that would be made before somebody needs them.
  reader.harmless('prefetch_policy', 'preconnect_policy');
  const apart = reader.bool('connection_pool_per_downstream_connection');
  reader.require('connection_pool_per_downstream_connection', !apart, 'not supported by this proxy: clients share connections to a host');
}

function decodeDiscovery(reader: Reader, name: string): RuntimeCluster['discovery'] {
  const custom = reader.message('cluster_type');
  if (custom !== undefined) return decodeCustomType(custom);
  const type = reader.oneOf<'static' | 'strict' | 'logical' | 'eds' | 'original-dst'>(
    'type',
    { STATIC: 'static', STRICT_DNS: 'strict', LOGICAL_DNS: 'logical', EDS: 'eds', ORIGINAL_DST: 'original-dst' },
    'static',
  );
  if (type === 'eds') {
    const eds = reader.message('eds_cluster_config');
    const source = eds?.message('eds_config');
    reader.require('eds_cluster_config', source !== undefined, 'missing');
    if (source !== undefined) decodeAdsSource(source);
    const service = eds?.string('service_name') ?? '';
    return { t: 'eds', service: service === '' ? name : service };
  }
  // Harmless for these: it would only say how a missing assignment is asked for.
  if (type === 'original-dst') return decodeOriginalDst(reader);
  const assignment = reader.message('load_assignment');
  reader.require('load_assignment', assignment !== undefined, 'missing');
  const dns = type !== 'static';
  const endpoints =
    assignment === undefined
      ? { cluster: name, localities: [], overprovisioningPercent: 140, weightedPriorityHealth: false, drops: [] }
      : { ...decodeEndpointsMessage(assignment, dns), cluster: name };
  if (!dns) return { t: 'static', endpoints };
  return { t: 'dns', mode: type, endpoints, ...decodeDns(reader) };
}

type DnsLookups = Pick<RuntimeCluster['discovery'] & { t: 'dns' }, 'refreshMs' | 'respectTtl' | 'family' | 'servers' | 'failure'>;

function decodeDns(reader: Reader): DnsLookups {
  // Jitter is always there. TCP is used when an answer does not fit, as ever.
  reader.harmless('dns_jitter', 'use_tcp_for_dns_lookups', 'wait_for_warm_on_init');
  const failure = reader.message('dns_failure_refresh_rate');
  return {
    refreshMs: reader.duration('dns_refresh_rate', 5_000),
    respectTtl: reader.bool('respect_dns_ttl'),
    family: reader.oneOf('dns_lookup_family', DNS_FAMILY, 'auto'),
    servers: decodeServers(reader),
    ...(failure === undefined ? {} : { failure: decodeFailure(failure) }),
  };
}

function decodeOriginalDst(reader: Reader): RuntimeCluster['discovery'] {
  // Hosts are forgotten when idle in both proxies; when exactly is of no effect on traffic.
  reader.harmless('cleanup_interval');
  const config = reader.message('original_dst_lb_config');
  const portOverride = config?.has('upstream_port_override') === true ? config.number('upstream_port_override', 0) : undefined;
  const named = config?.string('http_header_name').toLowerCase() ?? '';
  const header = config?.bool('use_http_header') === true ? (named === '' ? 'x-envoy-original-dst-host' : named) : undefined;
  return { t: 'original-dst', ...(portOverride === undefined ? {} : { portOverride }), ...(header === undefined ? {} : { header }) };
}

const DYNAMIC = 'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig';
const AGGREGATE = 'envoy.extensions.clusters.aggregate.v3.ClusterConfig';

function decodeCustomType(reader: Reader): RuntimeCluster['discovery'] {
  const name = reader.string('name');
  const config = reader.message('typed_config');
  const type = config?.type() ?? '';
  if (config !== undefined && type === AGGREGATE) {
    const clusters = config.strings('clusters');
    config.require('clusters', clusters.length > 0, 'an aggregate cluster needs at least one cluster');
    return { t: 'aggregate', clusters };
  }
  if (config !== undefined && type === DYNAMIC) {
    // Two names of one address may share a connection of HTTP/2: it need not be so. Names are checked by what the transport says, always.
    config.harmless('allow_coalesced_connections', 'allow_insecure_cluster_options');
    return { t: 'dynamic', cache: decodeDnsCache(config) };
  }
  config?.ignoreRest();
  reader.fail('', `cluster type "${name}" (${type}) is not supported by this proxy`);
  return { t: 'aggregate', clusters: [] };
}

/** A name that somebody calls must be the one that TLS asks for and checks, unless it is said that it need not. */
function checkDynamic(reader: Reader): void {
  const provided = reader.string('lb_policy') === 'CLUSTER_PROVIDED' || reader.has('load_balancing_policy');
  reader.require('lb_policy', provided, 'a dynamic forward proxy chooses hosts itself: CLUSTER_PROVIDED');
  const insecure = asObject(asObject(reader.raw('cluster_type'))?.['typed_config'])?.['allow_insecure_cluster_options'] === true;
  const options = asObject(asObject(reader.raw('typed_extension_protocol_options'))?.[HTTP_OPTIONS]);
  const names = asObject(options?.['upstream_http_protocol_options']);
  const safe = options === undefined || (names?.['auto_sni'] === true && names['auto_san_validation'] === true);
  reader.require(
    'typed_extension_protocol_options',
    safe || insecure,
    'auto_sni and auto_san_validation must be set, unless allow_insecure_cluster_options is',
  );
}

type CommonLb = Pick<RuntimeCluster, 'panicThreshold' | 'ignoreNewHostsUntilChecked' | 'overrideStatuses'>;

function decodeCommonLb(common: Reader | undefined): CommonLb {
  if (common === undefined) return { panicThreshold: 0.5, ignoreNewHostsUntilChecked: false, overrideStatuses: OVERRIDE_STATUSES };
  // Updates are applied one by one: merging them in time is an optimisation. Connections of hosts that stay are of use after a change, too.
  common.harmless('update_merge_window');
  const closes = common.bool('close_connections_on_host_set_change');
  common.require('close_connections_on_host_set_change', !closes, 'not supported by this proxy: connections of hosts that stay are kept');
  const panic = common.message('healthy_panic_threshold');
  const statuses = common.message('override_host_status')?.strings('statuses');
  return {
    panicThreshold: panic === undefined ? 0.5 : panic.number('value', 0) / 100,
    ignoreNewHostsUntilChecked: common.bool('ignore_new_hosts_until_first_hc'),
    overrideStatuses: statuses === undefined ? OVERRIDE_STATUSES : statuses.map((status) => ENDPOINT_HEALTH[status] ?? 'unknown'),
  };
}

/** What Envoy takes for usable when nothing is said. */
const OVERRIDE_STATUSES: readonly EndpointHealth[] = ['unknown', 'healthy', 'degraded'];

function decodeHealthChecks(reader: Reader, { codec }: UpstreamHttp): RuntimeCluster['healthChecks'] {
  const readers = reader.messages('health_checks');
  // Envoy has never taken more either.
  reader.require('health_checks', readers.length <= 1, 'a cluster has one health check');
  const checks = readers.map(decodeHealthCheck);
  const grpc = checks.some(({ probe }) => probe.t === 'grpc');
  reader.require('health_checks', !grpc || codec !== 'http1', 'health checks by gRPC need a cluster that speaks HTTP/2');
  return checks;
}

interface ProtocolOptions {
  readonly http: UpstreamHttp;
  readonly names: Pick<UpstreamTls, 'sniByRequest' | 'sanByRequest'>;
  readonly errors: { readonly errorStatuses?: readonly number[] };
}

function isDynamic(reader: Reader): boolean {
  const url = asObject(asObject(reader.raw('cluster_type'))?.['typed_config'])?.['@type'];
  return typeof url === 'string' && url.endsWith(`/${DYNAMIC}`);
}

function decodeProtocolOptions(reader: Reader): ProtocolOptions {
  const perConnection = reader.number('max_requests_per_connection', 0);
  const options = findHttpOptions(reader);
  // The older spelling has them on the cluster itself, and does not count beside the newer one.
  if (options !== undefined)
    reader.harmless(
      'http_protocol_options',
      'http2_protocol_options',
      'common_http_protocol_options',
      'upstream_http_protocol_options',
      'protocol_selection',
    );
  const said = options ?? reader;
  const upstream = said.message('upstream_http_protocol_options');
  // Without any options a dynamic forward proxy is the safe one.
  const byName = options === undefined && isDynamic(reader);
  const errorStatuses = decodeErrorStatuses(options);
  return {
    http: {
      ...(options === undefined ? decodeOldCodec(reader) : decodeCodec(options)),
      ...decodeConnectionOptions(said.message('common_http_protocol_options'), perConnection),
    },
    names: { sniByRequest: upstream?.bool('auto_sni') ?? byName, sanByRequest: upstream?.bool('auto_san_validation') ?? byName },
    errors: errorStatuses === undefined ? {} : { errorStatuses },
  };
}

function findHttpOptions(reader: Reader): Reader | undefined {
  let options: Reader | undefined;
  for (const [key, value] of reader.entries('typed_extension_protocol_options')) {
    const type = value.type();
    if (key === HTTP_OPTIONS && type === HTTP_OPTIONS) options = value;
    else value.fail('', `protocol options ${type === '' ? key : type} are not supported by this proxy`);
  }
  return options;
}

function decodeConnectionOptions(common: Reader | undefined, perConnection: number): Omit<UpstreamHttp, 'codec' | 'http2'> {
  if (common === undefined) {
    return { idleTimeoutMs: 3_600_000, maxConnectionDurationMs: 0, maxStreamDurationMs: 0, maxRequestsPerConnection: perConnection };
  }
  return {
    idleTimeoutMs: common.duration('idle_timeout', 3_600_000),
    maxConnectionDurationMs: common.duration('max_connection_duration', 0),
    maxStreamDurationMs: common.duration('max_stream_duration', 0),
    maxRequestsPerConnection: common.number('max_requests_per_connection', perConnection),
  };
}

/** The older fields, which count where the options are not set. */
function decodeOldCodec(reader: Reader): Pick<UpstreamHttp, 'codec' | 'http2'> {
  decodeHttp1(reader.message('http_protocol_options'));
  const http2 = reader.message('http2_protocol_options');
  const asClient = reader.oneOf('protocol_selection', { USE_CONFIGURED_PROTOCOL: false, USE_DOWNSTREAM_PROTOCOL: true }, false);
  return { codec: asClient ? 'downstream' : http2 === undefined ? 'http1' : 'http2', http2: decodeHttp2(http2) };
}

/** Which protocol the upstream is spoken to, and the settings of HTTP/2. */
function decodeCodec(options: Reader): Pick<UpstreamHttp, 'codec' | 'http2'> {
  const explicit = options.message('explicit_http_config');
  const downstream = options.message('use_downstream_protocol_config');
  const auto = options.message('auto_config');
  const chosen = explicit ?? downstream ?? auto;
  chosen?.harmless('http3_protocol_options');
  // How an HTTP/3 upstream would be found.
  auto?.harmless('alternate_protocols_cache_options');
  // Checked, though only the downstream's settings of HTTP/1.1 matter: those decide what may come in.
  decodeHttp1(chosen?.message('http_protocol_options'));
  const http2 = decodeHttp2(chosen?.message('http2_protocol_options'));
  if (auto !== undefined) return { codec: 'auto', http2 };
  return { codec: downstream !== undefined ? 'downstream' : chosenCodec(explicit), http2 };
}

function chosenCodec(explicit: Reader | undefined): 'http1' | 'http2' {
  return explicit?.has('http2_protocol_options') === true ? 'http2' : 'http1';
}

function withOptions(transport: UpstreamTransport, options: ProtocolOptions): UpstreamTransport {
  if (transport.t === 'raw') return transport;
  return { ...transport, tls: { ...transport.tls, ...options.names } };
}

function decodeTransportMatch(reader: Reader, options: ProtocolOptions, metadata: unknown): TransportMatch {
  const labels = asObject(reader.raw('match')) ?? {};
  return {
    name: reader.string('name'),
    labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)])),
    transport: withOptions(decodeUpstreamTransport(reader.message('transport_socket'), metadata), options),
  };
}

const UNLIMITED_HOST = { maxConnectionsPerHost: Infinity, trackRemaining: false };
/** Envoy's defaults. */
const DEFAULT_LIMITS: CircuitBreakers = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3, ...UNLIMITED_HOST };

function decodeBreakers(reader: Reader): Pick<RuntimeCluster, 'limits' | 'highLimits'> {
  const breakers = reader.message('circuit_breakers');
  const perHost = { DEFAULT: Infinity, HIGH: Infinity };
  for (const item of breakers?.messages('per_host_thresholds') ?? []) perHost[decodePriority(item)] = limit(item, 'max_connections', Infinity);
  const limits = { DEFAULT: DEFAULT_LIMITS, HIGH: DEFAULT_LIMITS };
  for (const item of breakers?.messages('thresholds') ?? []) limits[decodePriority(item)] = decodeLimits(item);
  return {
    limits: { ...limits.DEFAULT, maxConnectionsPerHost: perHost.DEFAULT },
    highLimits: { ...limits.HIGH, maxConnectionsPerHost: perHost.HIGH },
  };
}

function decodePriority(reader: Reader): 'DEFAULT' | 'HIGH' {
  return reader.oneOf<'DEFAULT' | 'HIGH'>('priority', { DEFAULT: 'DEFAULT', HIGH: 'HIGH' }, 'DEFAULT');
}

function decodeLimits(reader: Reader): CircuitBreakers {
  // A host has one pool here: there is nothing to limit apart from connections.
  reader.harmless('max_connection_pools');
  const budget = reader.message('retry_budget');
  const percent = budget?.message('budget_percent');
  return {
    maxConnections: limit(reader, 'max_connections', 1024),
    maxPendingRequests: limit(reader, 'max_pending_requests', 1024),
    maxRequests: limit(reader, 'max_requests', 1024),
    maxRetries: limit(reader, 'max_retries', 3),
    ...(budget === undefined
      ? {}
      : {
          retryBudget: {
            percent: percent === undefined ? 20 : percent.number('value', 0),
            minConcurrency: budget.number('min_retry_concurrency', 3),
            intervalMs: budget.duration('budget_interval', 0),
          },
        }),
    maxConnectionsPerHost: Infinity,
    trackRemaining: reader.bool('track_remaining'),
  };
}

/** The largest uint32 is how control planes say "none". */
function limit(reader: Reader, field: string, fallback: number): number {
  const value = reader.number(field, fallback);
  return value >= 0xffff_ffff ? Infinity : value;
}

function decodeBindAddress(reader: Reader): string | undefined {
  const source = reader.message('upstream_bind_config')?.message('source_address');
  if (source === undefined) return undefined;
  source.require('port_value', source.number('port_value', 0) === 0, 'a fixed source port is not supported by this proxy');
  source.oneOf('protocol', { TCP: 'tcp' }, 'tcp');
  return source.string('address');
}

function decodeKeepalive(reader: Reader): NonNullable<RuntimeCluster['tcpKeepalive']> {
  return {
    ...(reader.has('keepalive_time') ? { timeSeconds: reader.number('keepalive_time', 0) } : {}),
    ...(reader.has('keepalive_interval') ? { intervalSeconds: reader.number('keepalive_interval', 0) } : {}),
    ...(reader.has('keepalive_probes') ? { probes: reader.number('keepalive_probes', 0) } : {}),
  };
}

function decodeServices(metadata: unknown): readonly ServiceRef[] {
  const services = filterMetadata(metadata, 'istio')?.['services'];
  if (!Array.isArray(services)) return [];
  return services.map((item) => {
    const service = asObject(item) ?? {};
    const text = (field: string): string => (typeof service[field] === 'string' ? service[field] : '');
    return { host: text('host'), name: text('name'), namespace: text('namespace') };
  });
}
