import type { Reader } from '../decode/reader.ts';
import type { FilterKind } from './define.ts';
import { bufferFilter } from './buffer.ts';
import { compressorFilter } from './compressor.ts';
import { corsFilter } from './cors.ts';
import { decompressorFilter } from './decompressor.ts';
import { dynamicForwardProxyFilter } from './dynamic-forward-proxy.ts';
import { extAuthzFilter } from './ext-authz.ts';
import { faultFilter } from './fault.ts';
import { grpcStatsFilter } from './grpc-stats.ts';
import { grpcWebFilter } from './grpc-web.ts';
import { headerMutationFilter } from './header-mutation.ts';
import { headerToMetadataFilter } from './header-to-metadata.ts';
import { healthCheckFilter } from './health-check.ts';
import { jwtAuthnFilter } from './jwt-authn.ts';
import { localRateLimitFilter } from './local-ratelimit.ts';
import { onDemandFilter } from './on-demand.ts';
import { rateLimitFilter } from './ratelimit.ts';
import { rbacFilter } from './rbac.ts';
import { ALWAYS_SKIPPED, decodeSkip, WITH_MATCHER, WITH_MATCHER_PER_ROUTE } from './skip.ts';
import { setFilterStateFilter } from './set-filter-state.ts';
import { setMetadataFilter } from './set-metadata.ts';
import { statefulSessionFilter } from './stateful-session.ts';
import { routerChecks, strictHeadersFilter } from './strict-headers.ts';
import { tapFilter } from './tap.ts';
import type { FilterOverride, FilterOverrides, HttpFilter } from './types.ts';

/** Every HTTP filter this proxy has, besides the router. Order is of no meaning here: the chain's order comes with the configuration. */
export const HTTP_FILTERS: readonly FilterKind[] = [
  extAuthzFilter,
  jwtAuthnFilter,
  rbacFilter,
  corsFilter,
  faultFilter,
  localRateLimitFilter,
  rateLimitFilter,
  headerMutationFilter,
  setMetadataFilter,
  setFilterStateFilter,
  statefulSessionFilter,
  compressorFilter,
  bufferFilter,
  healthCheckFilter,
  grpcStatsFilter,
  grpcWebFilter,
  dynamicForwardProxyFilter,
  decompressorFilter,
  headerToMetadataFilter,
  onDemandFilter,
  strictHeadersFilter,
  tapFilter,
];

const ROUTER = 'envoy.extensions.filters.http.router.v3.Router';
const OVERRIDE = 'envoy.config.route.v3.FilterConfig';

/** The kind that decoded a filter. */
export function filterKind(tag: string): FilterKind {
  const kind = HTTP_FILTERS.find((item) => item.t === tag);
  if (kind === undefined) throw new TypeError(`no filter of kind ${tag}`);
  return kind;
}

/** `http_filters` of a connection manager. The router must be there, and last. */
export function decodeHttpFilters(reader: Reader): readonly HttpFilter[] {
  const entries = reader.messages('http_filters');
  const filters: HttpFilter[] = [];
  entries.forEach((entry, index) => {
    const filter = decodeFilter(entry, index === entries.length - 1);
    if (filter !== undefined) filters.push(filter);
  });
  if (entries.length === 0) reader.fail('http_filters', 'the router is missing');
  return filters;
}

function decodeFilter(entry: Reader, last: boolean): HttpFilter | undefined {
  const config = entry.message('typed_config');
  const name = entry.string('name');
  const disabled = entry.bool('disabled');
  const optional = entry.bool('is_optional');
  const type = config?.type() ?? '';
  entry.require('', (type === ROUTER) === last, last ? 'the last HTTP filter must be the router' : 'the router must be the last HTTP filter');
  if (config === undefined) {
    entry.fail('typed_config', `missing; the filter "${name}" cannot be told by its name alone`);
    return undefined;
  }
  if (type === ROUTER) {
    return decodeRouter(config);
  }
  if (type === WITH_MATCHER) return decodeWithMatcher(config, { name, disabled, optional });
  return decodeKind(config, { name, disabled, optional });
}

interface Place {
  readonly name: string;
  readonly disabled: boolean;
  readonly optional: boolean;
}

function decodeKind(config: Reader, { name, disabled, optional }: Place): HttpFilter | undefined {
  const type = config.type();
  const kind = HTTP_FILTERS.find((item) => item.types.includes(type));
  if (kind !== undefined) return { t: kind.t, name, disabled, config: kind.decode(config) };
  config.ignoreRest();
  if (!optional) config.fail('', `HTTP filter "${name}" of type ${type} is not supported by this proxy`);
  return undefined;
}

/** Routes and statistics speak of the outer name; the inner one is nobody's. */
function decodeWithMatcher(reader: Reader, place: Place): HttpFilter | undefined {
  const skip = decodeSkip(reader) ?? ALWAYS_SKIPPED;
  const inner = reader.message('extension_config');
  inner?.harmless('name');
  const config = inner?.message('typed_config');
  if (config === undefined) {
    reader.fail('extension_config', 'missing');
    return undefined;
  }
  const filter = decodeKind(config, place);
  return filter === undefined ? undefined : { ...filter, skip };
}

function decodeRouter(config: Reader): HttpFilter | undefined {
  // Statistics, and headers that this proxy writes as Envoy does by default.
  config.harmless('dynamic_stats', 'start_child_span', 'suppress_grpc_request_failure_code_stats');
  config.require('suppress_envoy_headers', !config.bool('suppress_envoy_headers'), 'leaving x-envoy-* headers out is not supported by this proxy');
  return routerChecks(config);
}

/** `typed_per_filter_config` of a table, virtual host, route or weighted cluster. */
export function decodeOverrides(reader: Reader): FilterOverrides {
  const overrides: Record<string, FilterOverride> = {};
  for (const [name, outer] of reader.entries('typed_per_filter_config')) {
    const override = decodeOverride(outer, name);
    if (override !== undefined) overrides[name] = override;
  }
  return overrides;
}

function decodeOverride(outer: Reader, name: string): FilterOverride | undefined {
  const wrapped = outer.type() === OVERRIDE;
  if (wrapped && outer.bool('disabled')) return { t: 'disabled' };
  const optional = wrapped && outer.bool('is_optional');
  const config = wrapped ? outer.message('config') : outer;
  if (config === undefined) return undefined;
  if (config.type() === WITH_MATCHER_PER_ROUTE) {
    const matcher = decodeSkip(config);
    return matcher === undefined ? undefined : { t: 'skip', matcher };
  }
  const kind = HTTP_FILTERS.find((item) => item.overrideTypes.includes(config.type()));
  if (kind?.decodeOverride !== undefined) return { t: 'settings', kind: kind.t, config: kind.decodeOverride(config) };
  config.ignoreRest();
  if (!optional) config.fail('', `settings of HTTP filter "${name}" (${config.type()}) are not supported by this proxy`);
  return undefined;
}

export type { FilterKind } from './define.ts';
export type { FilterOverrides, HttpFilter } from './types.ts';
