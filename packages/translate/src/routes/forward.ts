import type { HttpRoute, HttpRouteDestination } from '@meltemi/api';
import { derivedRule } from '@meltemi/model';
import type { HashPolicy, RequestMirrorPolicy, RouteAction, WeightedClusterEntry } from '@meltemi/protos-types';
import { defined, nonEmpty } from '../common/defined.ts';
import { durationOf } from '../common/duration.ts';
import { authorityFrom, headerOperations } from './headers.ts';
import { hashPolicy } from './hash-policy.ts';
import { millionths } from './percent.ts';
import { retryPolicy } from './retry.ts';
import { policyOf, resolveDestination, type ResolvedDestination, type RouteScope } from './scope.ts';

/** A route's destinations with a share above zero. One alone takes everything, whatever its weight. */
export function destinationsOf(
  route: HttpRoute,
  namespace: string,
  scope: RouteScope,
): readonly { readonly entry: HttpRouteDestination; readonly target: ResolvedDestination }[] {
  const all = route.route ?? [];
  const weighted = all.length > 1 ? all.filter((entry) => (entry.weight ?? 0) > 0) : all;
  return weighted.map((entry) => ({ entry, target: resolveDestination(entry.destination, namespace, scope) }));
}

/** The forwarding action of a route. */
export function forwardAction(route: HttpRoute, namespace: string, scope: RouteScope): RouteAction {
  const destinations = destinationsOf(route, namespace, scope);
  const hash = unique(destinations.flatMap(({ target }) => hashPolicy(policyOf(target, scope).loadBalancer)));
  const retry = retryPolicy(route.retries, scope.push.mesh, hash.length > 0);
  return {
    ...clustersOf(destinations),
    ...(derivedRule(route) === undefined ? {} : { cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' as const }),
    ...timeouts(durationOf(route.timeout)),
    ...(retry === undefined ? {} : { retry_policy: retry }),
    ...rewriteOf(route, destinations),
    ...(scope.push.mesh.forwardHost ? { append_x_forwarded_host: true } : {}),
    ...mirrorsOf(route, namespace, scope),
    ...(hash.length === 0 ? {} : { hash_policy: hash }),
  };
}

/** Each of several destinations adds how it wants to be hashed; the same twice says nothing more. */
function unique(policies: readonly HashPolicy[]): readonly HashPolicy[] {
  return [...new Map(policies.map((policy) => [JSON.stringify(policy), policy])).values()];
}

/** No limit unless asked for (Envoy's own default is 15 s); a limit also caps what a gRPC client may ask for. */
export function timeouts(timeout: string | undefined): Pick<RouteAction, 'timeout' | 'max_grpc_timeout'> {
  // Not `max_stream_duration`, which stands for it in newer Envoys: beside that the time-out of the route would not count any more.
  return { timeout: timeout ?? '0s', max_grpc_timeout: timeout ?? '0s' };
}

function clustersOf(destinations: ReturnType<typeof destinationsOf>): RouteAction {
  const [first] = destinations;
  if (destinations.length <= 1) return { cluster: first?.target.cluster ?? '' };
  const clusters = destinations.map(({ entry, target }): WeightedClusterEntry => {
    const authority = authorityFrom(entry.headers);
    return {
      name: target.cluster,
      weight: entry.weight ?? 0,
      ...headerOperations(entry.headers),
      ...(authority === undefined ? {} : { host_rewrite_literal: authority }),
    };
  });
  return { weighted_clusters: { clusters } };
}

function rewriteOf(route: HttpRoute, destinations: ReturnType<typeof destinationsOf>): RouteAction {
  const { rewrite } = route;
  const only = destinations.length === 1 ? authorityFrom(destinations[0]?.entry.headers) : undefined;
  const authority = nonEmpty(rewrite?.authority) ?? authorityFrom(route.headers) ?? only;
  const regex = rewrite?.uriRegexRewrite;
  return defined({
    prefix_rewrite: nonEmpty(rewrite?.uri),
    regex_rewrite: regex === undefined ? undefined : { pattern: { regex: regex.match }, substitution: regex.rewrite },
    host_rewrite_literal: nonEmpty(authority),
  });
}

function mirrorsOf(route: HttpRoute, namespace: string, scope: RouteScope): Pick<RouteAction, 'request_mirror_policies'> {
  const single =
    route.mirror === undefined
      ? []
      : [{ destination: route.mirror, percent: route.mirrorPercentage?.value ?? route.mirrorPercent ?? route.mirror_percent }];
  const listed = [...single, ...(route.mirrors ?? []).map((mirror) => ({ destination: mirror.destination, percent: mirror.percentage?.value }))];
  const policies = listed
    .filter(({ percent }) => percent !== 0)
    .map(({ destination, percent }): RequestMirrorPolicy => ({
      cluster: resolveDestination(destination, namespace, scope).cluster,
      runtime_fraction: { default_value: millionths(percent ?? 100) },
      disable_shadow_host_suffix_append: true,
    }));
  return policies.length === 0 ? {} : { request_mirror_policies: policies };
}
