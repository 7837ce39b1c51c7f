import { decodeDnsCache } from '../decode/dns-cache.ts';
import type { DnsCache } from '../types/dns-cache.ts';
import { defineFilter, mostSpecific, type FilterKind } from './define.ts';

interface DynamicConfig {
  readonly cache: DnsCache;
}

/** What stands in place of the host that the request names; at most one of them. */
interface Rewrite {
  readonly literal: string;
  /** Lower-case. */
  readonly header: string;
}

/** For the proxy's half: the name to look up ('' = the request's own), and where. */
export interface DynamicQuestion {
  readonly cache: DnsCache;
  readonly name: string;
}

const NO_REWRITE: Rewrite = { literal: '', header: '' };

/** Looks up the host that a request names, where its cluster is a dynamic forward proxy (`envoy.filters.http.dynamic_forward_proxy`). */
export const dynamicForwardProxyFilter: FilterKind = defineFilter<DynamicConfig, Rewrite>({
  t: 'dynamic-forward-proxy',
  types: ['envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig'],
  overrideTypes: ['envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig'],
  decode(reader) {
    // For filter state that nothing reads here: logs tell the address by %UPSTREAM_REMOTE_ADDRESS%.
    reader.harmless('save_upstream_address');
    reader.require('sub_cluster_config', !reader.has('sub_cluster_config'), 'clusters for each host are not supported by this proxy');
    reader.harmless('sub_cluster_config');
    return { cache: decodeDnsCache(reader) };
  },
  decodeOverride: (reader) => ({ literal: reader.string('host_rewrite_literal'), header: reader.string('host_rewrite_header').toLowerCase() }),
  compile({ cache }, site) {
    const { literal, header } = mostSpecific<Rewrite, Rewrite>(NO_REWRITE, { ...site });
    return {
      decide({ request }) {
        const name = header === '' ? literal : (request.header(header) ?? '');
        return { ask: { cache, name } satisfies DynamicQuestion };
      },
    };
  },
});
