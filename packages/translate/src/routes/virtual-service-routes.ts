import { expiresAtMs, type HttpMatchRequest, type HttpRoute } from '@meltemi/api';
import { derivedRule, type HttpRule, type ResolvedVirtualService } from '@meltemi/model';
import type { Metadata, Route, RouteMatch } from '@meltemi/protos-types';
import { perRouteConfig } from '../http-filters/index.ts';
import { defined, nonEmpty } from '../common/defined.ts';
import { originMetadata, originText, refOf } from '../common/origin.ts';
import { directResponse, operationPath, redirectAction } from './answer.ts';
import { destinationsOf, forwardAction } from './forward.ts';
import { headerOperations } from './headers.ts';
import { millionths } from './percent.ts';
import { isCatchAll, routeMatch } from './match.ts';
import { selectsScope, type RouteScope } from './scope.ts';

/**
 * The routes of a VirtualService for one client and listener, in its order, up to the first that takes everything and lasts: what comes after could
 * never be reached. Empty when none of its HTTP rules is for this client.
 */
export function virtualServiceRoutes(entry: ResolvedVirtualService, scope: RouteScope): readonly Route[] {
  const routes: Route[] = [];
  for (const rule of entry.http) {
    const { route: http, source } = rule;
    const matches: readonly (HttpMatchRequest | undefined)[] = http.match === undefined || http.match.length === 0 ? [undefined] : http.match;
    for (const match of matches) {
      if (!selectsScope(match, entry.gateways, source.meta.namespace, scope)) continue;
      const route = routeOf({ entry, rule, match }, scope);
      if (route === undefined) continue;
      routes.push(route);
      if (isCatchAll(route.match) && !endsEarlier(entry, rule)) return routes;
    }
  }
  return routes;
}

/** It comes from a delegate that ends before the VirtualService does. */
function endsEarlier({ config }: ResolvedVirtualService, { source }: HttpRule): boolean {
  return source !== config && (expiresAtMs(source.meta) ?? Infinity) < (expiresAtMs(config.meta) ?? Infinity);
}

/** One match of one rule of a VirtualService. */
interface MatchedRule {
  readonly entry: ResolvedVirtualService;
  readonly rule: HttpRule;
  readonly match: HttpMatchRequest | undefined;
}

function routeOf({ entry, rule, match }: MatchedRule, scope: RouteScope): Route | undefined {
  const { route: http, source } = rule;
  const { namespace } = source.meta;
  const action = actionOf(http, namespace, scope);
  if (action === undefined) return undefined;
  const destinations = destinationsOf(http, namespace, scope);
  const single = destinations.length === 1 ? destinations[0] : undefined;
  const [first] = destinations;
  const called = single === undefined ? `${entry.config.meta.name}:${scope.port}` : `${single.target.hostname}:${single.target.port}`;
  return defined({
    name: nonEmpty([http.name, match?.name].filter((part) => part !== undefined && part !== '').join('.')),
    match: matchOf(match, http),
    ...action,
    ...headerOperations(http.headers, single?.entry.headers),
    decorator: { operation: called + operationPath(match) },
    typed_per_filter_config: perRouteConfig(http, first === undefined ? undefined : scope.services.get(first.target.hostname)),
    metadata: metadataOf(rule, untilOf(entry, rule)),
  });
}

/** Envoy draws once for a request: routes one after another that take it up to 30 % and up to 100 % have shares of 30 and 70. */
function matchOf(match: HttpMatchRequest | undefined, http: HttpRoute): RouteMatch {
  const derived = derivedRule(http);
  const made = routeMatch(match, derived?.wholeSegments);
  return derived?.upToPercent === undefined ? made : { ...made, runtime_fraction: { default_value: millionths(derived.upToPercent) } };
}

function actionOf(http: HttpRoute, namespace: string, scope: RouteScope): Pick<Route, 'route' | 'redirect' | 'direct_response'> | undefined {
  if (http.redirect !== undefined) return { redirect: redirectAction(http.redirect, scope) };
  if (http.directResponse !== undefined) return { direct_response: directResponse(http.directResponse) };
  if (http.route !== undefined && http.route.length > 0) return { route: forwardAction(http, namespace, scope) };
  return undefined;
}

/** When the rule ends by itself: with the VirtualService, or with the delegate that it comes from. */
function untilOf(entry: ResolvedVirtualService, { source }: HttpRule): number | undefined {
  const ends = [entry.config, source].flatMap(({ meta }) => expiresAtMs(meta) ?? []);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** Whether an agent takes the route out when its time comes. */
export function endsItself(route: Route): boolean {
  return endOf(route) !== undefined;
}

/** When an agent takes the route out, milliseconds since 1970; undefined: never. */
export function endOf({ metadata }: Route): number | undefined {
  const until = metadata?.filter_metadata?.['meltemi.io']?.['until'];
  return typeof until === 'number' ? until : undefined;
}

/** An agent takes a route out whose `until` has passed, should its control plane be away by then. */
function metadataOf({ route, source, index }: HttpRule, untilMs: number | undefined): Metadata {
  const derived = derivedRule(route);
  const until = untilMs === undefined ? {} : { 'meltemi.io': { until: untilMs } };
  if (derived !== undefined) return originMetadata(originText(refOf(derived.source), derived.path), until);
  const ref = refOf(source);
  const config = `/apis/${source.apiVersion}/namespaces/${ref.namespace}/virtual-service/${ref.name}`;
  return originMetadata(originText(ref, `spec.http[${index}]`), { istio: { config }, ...until });
}
