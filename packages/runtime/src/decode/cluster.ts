import type { LoadBalancing, OutlierDetection, RuntimeCluster, ServiceRef, TransportMatch, UpstreamHttp, CircuitBreakers } from '../types/cluster.ts';
import { decodeOrigin, filterMetadata } from './common.ts';
import { decodeEndpointsMessage } from './endpoint.ts';
import { decodeHttp1 } from './http.ts';
import { asObject, type Reader } from './reader.ts';
import { decodeAdsSource, decodeUpstreamTransport } from './tls.ts';
import type { UpstreamTransport } from '../types/tls.ts';

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export function decodeClusterMessage(reader: Reader): RuntimeCluster {
  const name = reader.string('name');
  const origin = decodeOrigin(reader);
  const options = decodeProtocolOptions(reader);
  const outlier = reader.message('outlier_detection');
  const transport = withOptions(decodeUpstreamTransport(reader.message('transport_socket')), options);
  const matches = reader.messages('transport_socket_matches').map((item) => decodeTransportMatch(item, options));
  const bindAddress = decodeBindAddress(reader);
  const keepalive = reader.message('upstream_connection_options')?.message('tcp_keepalive');
  harmlessFields(reader);
  return {
    name,
    discovery: decodeDiscovery(reader, name),
    lb: decodeLoadBalancing(reader),
    connectTimeoutMs: reader.duration('connect_timeout', 5_000),
    transport,
    transportMatches: matches,
    limits: decodeLimits(reader),
    ...(outlier === undefined ? {} : { outlier: decodeOutlier(outlier) }),
    http: options.http,
    ...(bindAddress === undefined ? {} : { bindAddress }),
    ...(keepalive === undefined ? {} : { tcpKeepalive: decodeKeepalive(keepalive) }),
    ...decodeCommonLb(reader),
    services: decodeServices(reader.raw('metadata')),
    ...(origin === undefined ? {} : { origin }),
  };
}

function harmlessFields(reader: Reader): void {
  // Statistics that this proxy always or never keeps.
  reader.harmless('track_timeout_budgets', 'track_cluster_stats', 'alt_stat_name');
  // Nothing is buffered beyond what one write leaves over: a slow side stops the other at once.
  reader.harmless('per_connection_buffer_limit_bytes');
  // Endpoints that left the service get no new request and their idle connections are closed, with or without it.
  reader.harmless('ignore_health_on_host_removal', 'close_connections_on_host_health_failure');
  // Balancing hints of Envoy's threads.
  reader.harmless('prefetch_policy', 'preconnect_policy', 'connection_pool_per_downstream_connection');
  reader.harmless('protocol_selection');
}

function decodeDiscovery(reader: Reader, name: string): RuntimeCluster['discovery'] {
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
      ? { cluster: name, localities: [], overprovisioningPercent: 140, drops: [] }
      : { ...decodeEndpointsMessage(assignment, dns), cluster: name };
  if (!dns) return { t: 'static', endpoints };
  return { t: 'dns', mode: type, endpoints, ...decodeDns(reader) };
}

function decodeDns(reader: Reader): { refreshMs: number; respectTtl: boolean; family: 'v4' | 'v6' | 'auto' | 'prefer-v4' | 'all' } {
  // Retries after failures back off by the resolver's own rule; jitter is always there.
  reader.harmless(
    'dns_failure_refresh_rate',
    'dns_jitter',
    'typed_dns_resolver_config',
    'dns_resolution_config',
    'use_tcp_for_dns_lookups',
    'wait_for_warm_on_init',
  );
  return {
    refreshMs: reader.duration('dns_refresh_rate', 5_000),
    respectTtl: reader.bool('respect_dns_ttl'),
    family: reader.oneOf<'v4' | 'v6' | 'auto' | 'prefer-v4' | 'all'>(
      'dns_lookup_family',
      { AUTO: 'auto', V4_ONLY: 'v4', V6_ONLY: 'v6', V4_PREFERRED: 'prefer-v4', ALL: 'all' },
      'auto',
    ),
  };
}

function decodeOriginalDst(reader: Reader): RuntimeCluster['discovery'] {
  // Hosts are forgotten when idle in both proxies; when exactly is of no effect on traffic.
  reader.harmless('cleanup_interval');
  const config = reader.message('original_dst_lb_config');
  const portOverride = config?.has('upstream_port_override') === true ? config.number('upstream_port_override', 0) : undefined;
  return { t: 'original-dst', ...(portOverride === undefined ? {} : { portOverride }) };
}

function decodeLoadBalancing(reader: Reader): LoadBalancing {
  const policy = reader.oneOf<LoadBalancing['t']>(
    'lb_policy',
    { ROUND_ROBIN: 'round-robin', LEAST_REQUEST: 'least-request', RANDOM: 'random', CLUSTER_PROVIDED: 'cluster-provided' },
    'round-robin',
  );
  const least = reader.message('least_request_lb_config');
  const bias = least?.message('active_request_bias');
  bias?.harmless('runtime_key');
  const choices = least?.number('choice_count', 2) ?? 2;
  // A slow start is refused: read here so that it is named.
  reader.message('round_robin_lb_config');
  if (policy === 'least-request') return { t: policy, choices, activeRequestBias: bias?.number('default_value', 1) ?? 1 };
  return { t: policy };
}

function decodeCommonLb(reader: Reader): Pick<RuntimeCluster, 'panicThreshold' | 'localityWeighted'> {
  const common = reader.message('common_lb_config');
  if (common === undefined) return { panicThreshold: 0.5, localityWeighted: false };
  // Updates are applied one by one: merging them in time is an optimisation.
  common.harmless('update_merge_window', 'ignore_new_hosts_until_first_hc', 'close_connections_on_host_set_change');
  const localityWeighted = common.message('locality_weighted_lb_config') !== undefined;
  const panic = common.message('healthy_panic_threshold');
  return { panicThreshold: panic === undefined ? 0.5 : panic.number('value', 0) / 100, localityWeighted };
}

interface ProtocolOptions {
  readonly http: UpstreamHttp;
  readonly autoSni: boolean;
  readonly autoSanValidation: boolean;
}

function decodeProtocolOptions(reader: Reader): ProtocolOptions {
  const perConnection = reader.number('max_requests_per_connection', 0);
  const options = findHttpOptions(reader);
  const upstream = options?.message('upstream_http_protocol_options');
  return {
    http: { ...decodeCodec(options), ...decodeConnectionOptions(options?.message('common_http_protocol_options'), perConnection) },
    autoSni: upstream?.bool('auto_sni') ?? false,
    autoSanValidation: upstream?.bool('auto_san_validation') ?? false,
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

function decodeConnectionOptions(common: Reader | undefined, perConnection: number): Omit<UpstreamHttp, 'codec'> {
  if (common === undefined) return { idleTimeoutMs: 3_600_000, maxConnectionDurationMs: 0, maxRequestsPerConnection: perConnection };
  return {
    idleTimeoutMs: common.duration('idle_timeout', 3_600_000),
    maxConnectionDurationMs: common.duration('max_connection_duration', 0),
    maxRequestsPerConnection: common.number('max_requests_per_connection', perConnection),
  };
}

/** HTTP/1.1 only. What a client spoke may be passed on as long as it can only be HTTP/1.1 too. */
function decodeCodec(options: Reader | undefined): Pick<UpstreamHttp, 'codec'> {
  const explicit = options?.message('explicit_http_config');
  const downstream = explicit === undefined ? options?.message('use_downstream_protocol_config') : undefined;
  downstream?.harmless('http2_protocol_options', 'http3_protocol_options');
  // Checked, though only the downstream's settings of HTTP/1.1 matter: those decide what may come in.
  decodeHttp1((explicit ?? downstream)?.message('http_protocol_options'));
  return { codec: downstream === undefined ? 'http1' : 'downstream' };
}

function withOptions(transport: UpstreamTransport, options: ProtocolOptions): UpstreamTransport {
  if (transport.t === 'raw') return transport;
  const { tls } = transport;
  return {
    t: 'tls',
    tls: { ...tls, autoSni: tls.autoSni || options.autoSni, autoSanValidation: tls.autoSanValidation || options.autoSanValidation },
  };
}

function decodeTransportMatch(reader: Reader, options: ProtocolOptions): TransportMatch {
  const labels = asObject(reader.raw('match')) ?? {};
  return {
    name: reader.string('name'),
    labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)])),
    transport: withOptions(decodeUpstreamTransport(reader.message('transport_socket')), options),
  };
}

/** Envoy's defaults are 1024 each and 3 retries. */
function decodeLimits(reader: Reader): CircuitBreakers {
  const breakers = reader.message('circuit_breakers');
  let limits = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 };
  for (const item of breakers?.messages('thresholds') ?? []) {
    const high = item.oneOf('priority', { DEFAULT: false, HIGH: true }, false);
    // How many are left is only a statistic; there is no pool count to limit apart from connections.
    item.harmless('track_remaining');
    if (high) {
      // No route here has a high priority (the route decoder refuses it).
      item.ignoreRest();
      continue;
    }
    limits = {
      maxConnections: limit(item, 'max_connections', 1024),
      maxPendingRequests: limit(item, 'max_pending_requests', 1024),
      maxRequests: limit(item, 'max_requests', 1024),
      maxRetries: limit(item, 'max_retries', 3),
    };
  }
  return limits;
}

/** The largest uint32 is how control planes say "none". */
function limit(reader: Reader, field: string, fallback: number): number {
  const value = reader.number(field, fallback);
  return value >= 0xffff_ffff ? Infinity : value;
}

function decodeOutlier(reader: Reader): OutlierDetection {
  const successRate = reader.number('enforcing_success_rate', 100) === 0;
  reader.require(
    'enforcing_success_rate',
    successRate || reader.number('success_rate_minimum_hosts', 5) > 1_000,
    'ejection by success rate is not supported by this proxy: set it to 0',
  );
  // Inputs of the statistical detectors, which are off.
  reader.harmless('success_rate_minimum_hosts', 'success_rate_request_volume', 'success_rate_stdev_factor', 'enforcing_local_origin_success_rate');
  reader.harmless('failure_percentage_threshold', 'failure_percentage_minimum_hosts', 'failure_percentage_request_volume');
  // Only a jitter of when an ejection ends; always small here.
  reader.harmless('max_ejection_time_jitter');
  const base = reader.duration('base_ejection_time', 30_000);
  const split = reader.bool('split_external_local_origin_errors');
  return {
    consecutive5xx: enforced(reader, 'consecutive_5xx', 5, 100),
    consecutiveGatewayFailure: enforced(reader, 'consecutive_gateway_failure', 5, 0),
    consecutiveLocalOriginFailure: split
      ? enforced(reader, 'consecutive_local_origin_failure', 5, 100)
      : skip(reader, 'consecutive_local_origin_failure'),
    splitLocalOrigin: split,
    intervalMs: reader.duration('interval', 10_000),
    baseEjectionMs: base,
    maxEjectionMs: Math.max(reader.duration('max_ejection_time', 300_000), base),
    maxEjectionPercent: reader.number('max_ejection_percent', 10),
    alwaysEjectOne: reader.bool('always_eject_one_host'),
  };
}

/** Threshold of one detector; 0 when it is not enforced. A share between never and always is refused. */
function enforced(reader: Reader, field: string, threshold: number, share: number): number {
  const count = reader.number(field, threshold);
  const percent = reader.number(`enforcing_${field}`, share);
  reader.require(`enforcing_${field}`, percent === 0 || percent === 100, `${percent} is not supported by this proxy: only 0 and 100 are`);
  return percent === 0 ? 0 : count;
}

/** Without the split, local errors count as 5xx. */
function skip(reader: Reader, field: string): number {
  reader.harmless(field, `enforcing_${field}`);
  return 0;
}

function decodeBindAddress(reader: Reader): string | undefined {
  const source = reader.message('upstream_bind_config')?.message('source_address');
  if (source === undefined) return undefined;
  source.require('port_value', source.number('port_value', 0) === 0, 'a fixed source port is not supported by this proxy');
  source.oneOf('protocol', { TCP: 'tcp' }, 'tcp');
  return source.string('address');
}

/** `keepalive_probes` and `keepalive_interval` stay unread, and are refused so: Node cannot set them. */
function decodeKeepalive(reader: Reader): NonNullable<RuntimeCluster['tcpKeepalive']> {
  return reader.has('keepalive_time') ? { timeSeconds: reader.number('keepalive_time', 0) } : {};
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
