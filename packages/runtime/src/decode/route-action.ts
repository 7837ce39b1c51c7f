import { decodeOverrides } from '../filters/index.ts';
import type { ForwardAction, HostRewrite, PathRewrite, RedirectAction, RouteAction, WeightedCluster } from '../types/route.ts';
import { decodeRateLimits } from '../ratelimit/decode.ts';
import { criteriaOf } from '../lb/subsets.ts';
import type { Criteria } from '../types/balancing.ts';
import { decodeExtension, type ExtensionTable } from './any.ts';
import { decodeMutations, filterMetadata } from './common.ts';
import { decodeCopies } from './copies.ts';
import { decodeHashPolicies } from './hash-policy.ts';
import { decodeUpgradeType } from './upgrade-type.ts';
import type { Reader } from './reader.ts';
import { decodeRetry } from './retry.ts';
import { decodeSubstitution } from './substitution.ts';

export function decodeAction(reader: Reader): RouteAction {
  const forward = reader.message('route');
  if (forward !== undefined) return { t: 'forward', ...decodeForward(forward) };
  const redirect = reader.message('redirect');
  if (redirect !== undefined) return { t: 'redirect', ...decodeRedirect(redirect) };
  const direct = reader.message('direct_response');
  if (direct !== undefined) return decodeDirect(direct);
  if (reader.message('non_forwarding_action') === undefined && !reader.has('filter_action'))
    reader.fail('', 'no action (route, redirect, direct_response) is set');
  return { t: 'none' };
}

function decodeDirect(reader: Reader): RouteAction {
  const status = reader.number('status', 0);
  reader.require('status', Number.isInteger(status) && status >= 200 && status <= 599, `${status} is no status to answer with`);
  const body = reader.message('body');
  const bytes = body?.string('inline_bytes') ?? '';
  const decoded = bytes === '' ? (body?.string('inline_string') ?? '') : utf8FromBase64(bytes);
  if (decoded === undefined) body?.fail('inline_bytes', 'a body that is not text in UTF-8 is not supported by this proxy');
  return { t: 'direct', status, body: decoded ?? '' };
}

function decodeForward(reader: Reader): ForwardAction {
  harmlessFields(reader);
  const retry = reader.message('retry_policy');
  const path = decodePathRewrite(reader);
  const host = decodeHostRewrite(reader);
  const idle = reader.optionalDuration('idle_timeout');
  const duration = reader.message('max_stream_duration');
  return {
    cluster: decodeClusters(reader),
    clusterNotFoundStatus: reader.oneOf(
      'cluster_not_found_response_code',
      { SERVICE_UNAVAILABLE: 503, NOT_FOUND: 404, INTERNAL_SERVER_ERROR: 500 },
      503,
    ),
    ...(path === undefined ? {} : { path }),
    ...(host === undefined ? {} : { host }),
    appendXForwardedHost: reader.bool('append_x_forwarded_host'),
    ...decodeTimeout(reader, duration !== undefined),
    ...(idle === undefined ? {} : { idleTimeoutMs: idle }),
    ...(duration === undefined ? {} : decodeStreamDuration(duration)),
    ...(retry === undefined ? {} : { retry: decodeRetry(retry) }),
    priority: reader.oneOf<'default' | 'high'>('priority', { DEFAULT: 'default', HIGH: 'high' }, 'default'),
    hash: decodeHashPolicies(reader.messages('hash_policy')),
    criteria: decodeCriteria(reader),
    ...decodeCopies(reader),
    rateLimits: decodeRateLimits(reader),
    ...decodeUpgrades(reader.messages('upgrade_configs')),
  };
}

/** Where the life of the stream is limited the time-out of the route does not count, as in Envoy: neither is read then. */
function decodeTimeout(reader: Reader, limited: boolean): Pick<ForwardAction, 'timeoutMs' | 'maxGrpcTimeout'> {
  const timeoutMs = reader.duration('timeout', 15_000);
  const maxMs = reader.optionalDuration('max_grpc_timeout');
  const offsetMs = reader.duration('grpc_timeout_offset', 0);
  if (limited) return { timeoutMs: 0 };
  return { timeoutMs, ...(maxMs === undefined ? {} : { maxGrpcTimeout: { maxMs, offsetMs } }) };
}

function decodeUpgrades(configs: readonly Reader[]): Pick<ForwardAction, 'upgrades'> {
  if (configs.length === 0) return {};
  return {
    upgrades: configs.map((config) => {
      const type = decodeUpgradeType(config);
      const connect = config.message('connect_config');
      config.require('connect_config', connect === undefined || type === 'connect', 'only of upgrade_type CONNECT');
      connect?.require('proxy_protocol_config', !connect.has('proxy_protocol_config'), 'not supported by this proxy');
      connect?.harmless('proxy_protocol_config');
      connect?.require('allow_post', !connect.bool('allow_post'), 'tunnels by POST are not supported by this proxy');
      return { type, enabled: config.bool('enabled', true), terminate: connect !== undefined };
    }),
  };
}

function harmlessFields(reader: Reader): void {
  // TLS early data is not offered.
  reader.harmless('early_data_policy');
  for (const field of ['cluster_specifier_plugin', 'inline_cluster_specifier_plugin', 'retry_policy_typed_config'] as const) {
    reader.require(field, !reader.has(field), 'not supported by this proxy');
    reader.harmless(field);
  }
}

/** `metadata_match`: only what load balancers look at. */
export function decodeCriteria(reader: Reader): Criteria {
  return criteriaOf(filterMetadata(reader.raw('metadata_match'), 'envoy.lb'));
}

function decodeStreamDuration(reader: Reader): Pick<ForwardAction, 'maxStreamDurationMs' | 'grpcTimeout'> {
  const maxStreamDurationMs = reader.optionalDuration('max_stream_duration');
  const maxMs = reader.optionalDuration('grpc_timeout_header_max');
  const offsetMs = reader.duration('grpc_timeout_header_offset', 0);
  return {
    ...(maxStreamDurationMs === undefined ? {} : { maxStreamDurationMs }),
    ...(maxMs === undefined ? {} : { grpcTimeout: { maxMs, offsetMs } }),
  };
}

function decodeClusters(reader: Reader): ForwardAction['cluster'] {
  const weighted = reader.message('weighted_clusters');
  if (weighted !== undefined) {
    const clusters = weighted.messages('clusters').map(decodeWeighted);
    const total = clusters.reduce((sum, cluster) => sum + cluster.weight, 0);
    // Deprecated: the sum is what counts. A total that disagrees with the weights was refused by Envoy while it existed.
    const declared = weighted.number('total_weight', total);
    weighted.require('total_weight', declared === total, `is ${declared}, but the weights add up to ${total}`);
    weighted.require('clusters', total > 0, 'all weights are 0');
    weighted.harmless('runtime_key_prefix');
    const randomHeader = weighted.string('header_name').toLowerCase();
    return { t: 'weighted', clusters, ...(randomHeader === '' ? {} : { randomHeader }) };
  }
  const header = reader.string('cluster_header');
  if (header !== '') return { t: 'header', name: header.toLowerCase() };
  const name = reader.string('cluster');
  reader.require('cluster', name !== '', 'neither cluster, weighted_clusters nor cluster_header is set');
  return { t: 'one', name };
}

function decodeWeighted(reader: Reader): WeightedCluster {
  const hostRewrite = reader.string('host_rewrite_literal');
  const header = reader.string('cluster_header').toLowerCase();
  const name = reader.string('name');
  reader.require('name', (name === '') !== (header === ''), 'one of name and cluster_header must be set');
  return {
    name,
    ...(header === '' ? {} : { header }),
    criteria: decodeCriteria(reader),
    weight: reader.number('weight', 0),
    headers: decodeMutations(reader),
    overrides: decodeOverrides(reader),
    ...(hostRewrite === '' ? {} : { hostRewrite }),
  };
}

function decodePathRewrite(reader: Reader): PathRewrite | undefined {
  const regex = reader.message('regex_rewrite');
  if (regex !== undefined) return { t: 'regex', ...decodeSubstitution(regex) };
  const policy = reader.message('path_rewrite_policy');
  if (policy !== undefined) return decodeExtension(policy, REWRITES);
  const prefix = reader.string('prefix_rewrite');
  return prefix === '' ? undefined : { t: 'prefix', value: prefix };
}

const REWRITES: ExtensionTable<PathRewrite> = {
  'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig': (config) => ({
    t: 'template',
    substitution: config.string('path_template_rewrite'),
  }),
};

function decodeHostRewrite(reader: Reader): HostRewrite | undefined {
  const literal = reader.string('host_rewrite_literal');
  if (literal !== '') return { t: 'literal', value: literal };
  if (reader.bool('auto_host_rewrite')) return { t: 'auto' };
  const header = reader.string('host_rewrite_header');
  if (header !== '') return { t: 'header', name: header.toLowerCase() };
  const regex = reader.message('host_rewrite_path_regex');
  return regex === undefined ? undefined : { t: 'path-regex', ...decodeSubstitution(regex) };
}

function decodeRedirect(reader: Reader): RedirectAction {
  const scheme = reader.string('scheme_redirect');
  const host = reader.string('host_redirect');
  const port = reader.number('port_redirect', 0);
  const path = decodeRedirectPath(reader);
  return {
    https: reader.bool('https_redirect'),
    ...(scheme === '' ? {} : { scheme }),
    ...(host === '' ? {} : { host }),
    ...(port === 0 ? {} : { port }),
    ...(path === undefined ? {} : { path }),
    status: reader.oneOf<RedirectAction['status']>(
      'response_code',
      { MOVED_PERMANENTLY: 301, FOUND: 302, SEE_OTHER: 303, TEMPORARY_REDIRECT: 307, PERMANENT_REDIRECT: 308 },
      301,
    ),
    stripQuery: reader.bool('strip_query'),
  };
}

function decodeRedirectPath(reader: Reader): RedirectAction['path'] {
  const whole = reader.string('path_redirect');
  if (whole !== '') return { t: 'whole', value: whole };
  const prefix = reader.string('prefix_rewrite');
  if (prefix !== '') return { t: 'prefix', value: prefix };
  const regex = reader.message('regex_rewrite');
  return regex === undefined ? undefined : { t: 'regex', ...decodeSubstitution(regex) };
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bodies of direct responses; small and rare, so plain arithmetic does (no host API in a pure package). undefined = not UTF-8. */
function utf8FromBase64(text: string): string | undefined {
  let bits = 0;
  let held = 0;
  let escaped = '';
  for (const char of text) {
    const value = BASE64.indexOf(char === '-' ? '+' : char === '_' ? '/' : char);
    if (value < 0) continue;
    held = ((held << 6) | value) & 0xfff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    escaped += `%${((held >> bits) & 0xff).toString(16).padStart(2, '0')}`;
  }
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}
