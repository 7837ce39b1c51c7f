import { defineFilter, type FilterKind } from './define.ts';

/** Statistics of gRPC calls (`envoy.filters.http.grpc_stats`): this proxy counts them in Istio's metrics, so the filter has nothing left to do. */
export const grpcStatsFilter: FilterKind = defineFilter<Readonly<Record<string, never>>, never>({
  t: 'grpc-stats',
  types: ['envoy.extensions.filters.http.grpc_stats.v3.FilterConfig'],
  overrideTypes: [],
  decode(reader) {
    // How the numbers are named and split; there is no filter state that a log could read.
    reader.harmless('individual_method_stats_allowlist', 'stats_for_all_methods', 'enable_upstream_stats', 'replace_dots_in_grpc_service_name');
    reader.require('emit_filter_state', !reader.bool('emit_filter_state'), 'filter state is not supported by this proxy');
    return {};
  },
  compile: () => undefined,
});
