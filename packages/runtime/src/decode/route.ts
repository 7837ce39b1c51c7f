import { utf8Length } from '@meltemi/base';
import { decodeOverrides } from '../filters/index.ts';
import type { FilterOverrides } from '../filters/types.ts';
import { decodeRateLimits } from '../ratelimit/decode.ts';
import { decodeMatcher, REQUEST_INPUTS } from '../matcher/decode.ts';
import type { HeaderMutations } from '../types/common.ts';
import type { Route, RuntimeRouteConfig, VirtualHost } from '../types/route.ts';
import { decodeMutations, decodeOrigin } from './common.ts';
import { decodeHedging, decodeMirrors } from './copies.ts';
import type { Reader } from './reader.ts';
import { decodeRetry } from './retry.ts';
import { decodeAction } from './route-action.ts';
import { decodeRouteMatch } from './route-match.ts';
import { decodeRouteTracing } from './tracing.ts';

export function decodeRouteConfigMessage(reader: Reader): RuntimeRouteConfig {
  // Clusters may come after the routes that name them; a missing one is answered with 503, flag NC.
  reader.require('validate_clusters', !reader.bool('validate_clusters'), 'checking clusters when routes arrive is not supported by this proxy');
  const maxBytes = reader.number('max_direct_response_body_size_bytes', MAX_BODY_BYTES);
  const hosts = reader.messages('virtual_hosts').map(decodeVirtualHost);
  checkBodies(reader, hosts, maxBytes);
  checkDomains(reader, hosts);
  return {
    name: reader.string('name'),
    virtualHosts: hosts,
    ignorePort: reader.bool('ignore_port_in_host_matching'),
    mostSpecificHeadersWin: reader.bool('most_specific_header_mutations_wins'),
    mirrors: decodeMirrors(reader),
    ...shared(reader),
  };
}

interface Shared {
  readonly headers: HeaderMutations;
  readonly overrides: FilterOverrides;
  readonly origin?: string;
}

function shared(reader: Reader): Shared {
  const origin = decodeOrigin(reader);
  return { headers: decodeMutations(reader), overrides: decodeOverrides(reader), ...(origin === undefined ? {} : { origin }) };
}

/** Envoy's, where the table says nothing. */
const MAX_BODY_BYTES = 4096;

/** A table whose own answers are longer than it allows is refused, as by Envoy. */
function checkBodies(reader: Reader, hosts: readonly VirtualHost[], maxBytes: number): void {
  hosts.forEach(({ routes }, host) => {
    routes.forEach(({ action }, index) => {
      const bytes = action.t === 'direct' ? utf8Length(action.body) : 0;
      const path = `virtual_hosts[${host}].routes[${index}].direct_response.body`;
      if (bytes > maxBytes) reader.fail(path, `has ${bytes} bytes; max_direct_response_body_size_bytes is ${maxBytes}`);
    });
  });
}

/** Envoy refuses a table in which two virtual hosts claim one domain: there would be no saying which one serves it. */
function checkDomains(reader: Reader, hosts: readonly VirtualHost[]): void {
  const owners = new Map<string, string>();
  hosts.forEach((host, index) => {
    for (const domain of host.domains) {
      const owner = owners.get(domain);
      if (owner !== undefined) reader.fail(`virtual_hosts[${index}].domains`, `"${domain}" is already a domain of virtual host "${owner}"`);
      owners.set(domain, host.name);
    }
  });
}

function decodeVirtualHost(reader: Reader): VirtualHost {
  const retry = reader.message('retry_policy');
  const domains = reader.strings('domains').map((domain) => domain.toLowerCase());
  reader.require('domains', domains.length > 0, 'a virtual host needs at least one domain');
  domains.forEach((domain, index) =>
    reader.require(`domains[${index}]`, isDomain(domain), `"${domain}": only a leading or a trailing "*" is allowed`),
  );
  return {
    name: reader.string('name'),
    domains,
    ...decodeRoutes(reader),
    requireTls: reader.oneOf<VirtualHost['requireTls']>('require_tls', { NONE: 'none', EXTERNAL_ONLY: 'external-only', ALL: 'all' }, 'none'),
    ...(retry === undefined ? {} : { retry: decodeRetry(retry) }),
    ...decodeHedging(reader),
    mirrors: decodeMirrors(reader),
    includeRequestAttemptCount: reader.bool('include_request_attempt_count'),
    includeAttemptCountInResponse: reader.bool('include_attempt_count_in_response'),
    rateLimits: decodeRateLimits(reader),
    ...shared(reader),
  };
}

/** Routes in their order, or at the leaves of a tree. */
function decodeRoutes(reader: Reader): Pick<VirtualHost, 'routes' | 'tree'> {
  const listed = reader.messages('routes').map(decodeRoute);
  const matcher = reader.message('matcher');
  if (matcher === undefined) return { routes: listed };
  reader.require('matcher', listed.length === 0, 'routes and matcher cannot both be set');
  const routes: Route[] = [];
  const leaf = (readers: readonly Reader[]): readonly number[] => readers.map((item) => routes.push(decodeRoute(item)) - 1);
  const tree = decodeMatcher(matcher, {
    inputs: REQUEST_INPUTS,
    actions: {
      'envoy.config.route.v3.Route': (config) => leaf([config]),
      'envoy.config.route.v3.RouteList': (config) => leaf(config.messages('routes')),
    },
  });
  return tree === undefined ? { routes } : { routes, tree };
}

function isDomain(domain: string): boolean {
  const star = domain.indexOf('*');
  if (star < 0) return domain !== '';
  return domain.lastIndexOf('*') === star && (star === 0 || star === domain.length - 1);
}

function decodeRoute(reader: Reader): Route {
  const match = reader.message('match');
  if (match === undefined) reader.fail('match', 'missing');
  const decorator = reader.message('decorator');
  const operation = decorator?.string('operation') ?? '';
  const tracing = reader.message('tracing');
  // Names of statistics.
  reader.harmless('stat_prefix');
  const condition: Route['match'] =
    match === undefined
      ? { path: { t: 'prefix', value: '/', ignoreCase: false }, headers: [], query: [], metadata: [], grpc: false, fraction: 1 }
      : decodeRouteMatch(match);
  const action = decodeAction(reader);
  checkTemplate(reader, condition, action);
  return {
    name: reader.string('name'),
    match: condition,
    action,
    ...(operation === '' ? {} : { operation }),
    propagateOperation: decorator?.bool('propagate', true) ?? false,
    ...(tracing === undefined ? {} : { tracing: decodeRouteTracing(tracing) }),
    ...shared(reader),
  };
}

/** A rewrite by template speaks of what the route's own template names. */
function checkTemplate(reader: Reader, { path }: Route['match'], action: Route['action']): void {
  if (action.t !== 'forward' || action.path?.t !== 'template') return;
  const names = path.t === 'regex' ? path.names : undefined;
  if (names === undefined) return reader.fail('route.path_rewrite_policy', "needs a path template as the route's path_match_policy");
  for (const [, name = ''] of action.path.substitution.matchAll(/\{([^}]*)\}/g))
    reader.require('route.path_rewrite_policy', names.includes(name), `"${name}" is no variable of the route's path template`);
}
