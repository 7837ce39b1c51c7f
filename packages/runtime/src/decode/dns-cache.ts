import type { SocketAddress } from '../types/common.ts';
import type { DnsCache, DnsFamily, FailureRefresh } from '../types/dns-cache.ts';
import { decodeExtension } from './any.ts';
import { decodeSocketAddress } from './common.ts';
import type { Reader } from './reader.ts';

/** `DnsLookupFamily` of `config.cluster.v3`. */
export const DNS_FAMILY: Readonly<Record<string, DnsFamily>> = {
  AUTO: 'auto',
  V4_ONLY: 'v4',
  V6_ONLY: 'v6',
  V4_PREFERRED: 'prefer-v4',
  ALL: 'all',
};

/** Below this nobody may ask again and again. */
const LEAST_MIN_REFRESH_MS = 1_000;

/** The `dns_cache_config` of a message; without one there is a fault, and nothing is looked up. */
export function decodeDnsCache(owner: Reader): DnsCache {
  const reader = owner.message('dns_cache_config');
  if (reader === undefined) {
    owner.fail('dns_cache_config', 'missing');
    return NOTHING;
  }
  // TCP is used when an answer does not fit, as ever.
  reader.harmless('use_tcp_for_dns_lookups');
  const name = reader.string('name');
  reader.require('name', name !== '', 'missing');
  const refreshMs = reader.duration('dns_refresh_rate', 60_000);
  const minRefreshMs = reader.duration('dns_min_refresh_rate', 5_000);
  const hostTtlMs = reader.duration('host_ttl', 300_000);
  const queryTimeoutMs = reader.duration('dns_query_timeout', 5_000);
  reader.require('dns_refresh_rate', refreshMs >= 1, 'must be a millisecond at least');
  reader.require('dns_min_refresh_rate', minRefreshMs >= LEAST_MIN_REFRESH_MS, 'must be a second at least');
  reader.require('host_ttl', hostTtlMs > 0, 'must be more than 0');
  reader.require('dns_query_timeout', queryTimeoutMs > 0, 'must be more than 0');
  const maxHosts = reader.number('max_hosts', 1024);
  reader.require('max_hosts', maxHosts > 0, 'must be more than 0');
  const failure = reader.message('dns_failure_refresh_rate');
  return {
    name,
    family: reader.oneOf('dns_lookup_family', DNS_FAMILY, 'auto'),
    refreshMs,
    minRefreshMs,
    hostTtlMs,
    maxHosts,
    queryTimeoutMs,
    maxPending: reader.message('dns_cache_circuit_breaker')?.number('max_pending_requests', 1024) ?? 1024,
    servers: decodeServers(reader),
    preresolve: reader.messages('preresolve_hostnames').map(decodeName),
    ...(failure === undefined ? {} : { failure: decodeFailure(failure) }),
  };
}

const NOTHING: DnsCache = {
  name: '',
  family: 'auto',
  refreshMs: 0,
  minRefreshMs: 0,
  hostTtlMs: 0,
  maxHosts: 0,
  maxPending: 0,
  queryTimeoutMs: 0,
  servers: [],
  preresolve: [],
};

/** `RefreshRate`. */
export function decodeFailure(reader: Reader): FailureRefresh {
  const baseMs = reader.duration('base_interval', 0);
  reader.require('base_interval', baseMs >= 1, 'must be a millisecond at least');
  return { baseMs, maxMs: Math.max(baseMs, reader.duration('max_interval', baseMs * 10)) };
}

/** A name; its port says nothing to a resolver. */
function decodeName(reader: Reader): string {
  reader.harmless('protocol', 'port_value', 'named_port', 'resolver_name', 'ipv4_compat');
  return reader.string('address').toLowerCase();
}

/** Resolvers to ask, in the newer spelling or the older; empty = the system's. */
export function decodeServers(reader: Reader): readonly SocketAddress[] {
  const typed = reader.message('typed_dns_resolver_config');
  const old = reader.message('dns_resolution_config');
  if (typed === undefined) return old === undefined ? [] : serversOf(old);
  return (
    decodeExtension<readonly SocketAddress[]>(typed, {
      'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig': serversOf,
      'envoy.extensions.network.dns_resolver.getaddrinfo.v3.GetAddrInfoDnsResolverConfig': (config) => {
        config.ignoreRest();
        return [];
      },
    }) ?? []
  );
}

function serversOf(config: Reader): readonly SocketAddress[] {
  // How the resolver asks; what it finds is the same.
  config.harmless('use_resolvers_as_fallback', 'filter_unroutable_families', 'udp_max_queries', 'query_timeout_seconds', 'query_tries');
  config.harmless('rotate_nameservers', 'edns0_max_payload_size', 'max_udp_channel_duration', 'reinit_channel_on_timeout');
  const options = config.message('dns_resolver_options');
  options?.harmless('use_tcp_for_dns_lookups', 'no_default_search_domain');
  return config
    .messages('resolvers')
    .map(decodeSocketAddress)
    .filter((address) => address !== undefined);
}
