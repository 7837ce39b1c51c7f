import type { HttpMatchRequest, HttpRoute } from '@meltemi/api';
import type { ResolvedVirtualService } from '@meltemi/model';
import type { Metadata, Route } from '@meltemi/protos-types';
import { perRouteConfig } from '../http-filters/index.ts';
import { defined, nonEmpty } from '../common/defined.ts';
import { originMetadata, originText, refOf } from '../common/origin.ts';
import { directResponse, operationPath, redirectAction } from './answer.ts';
import { destinationsOf, forwardAction } from './forward.ts';
import { headerOperations } from './headers.ts';
import { isCatchAll, routeMatch } from './match.ts';
import { selectsScope, type RouteScope } from './scope.ts';

/**
 * The routes of a VirtualService for one client and listener, in its order, up to the first that takes everything: what comes after could never be
 * reached. Empty when none of its HTTP rules is for this client.
 */
export function virtualServiceRoutes(entry: ResolvedVirtualService, scope: RouteScope): readonly Route[] {
  const routes: Route[] = [];
  const { namespace } = entry.config.meta;
  for (const [index, http] of (entry.config.spec.http ?? []).entries()) {
    const matches: readonly (HttpMatchRequest | undefined)[] = http.match === undefined || http.match.length === 0 ? [undefined] : http.match;
    for (const match of matches) {
      if (!selectsScope(match, entry.gateways, namespace, scope)) continue;
      const route = routeOf({ entry, http, index, match }, scope);
      if (route === undefined) continue;
      routes.push(route);
      if (isCatchAll(route.match)) return routes;
    }
  }
  return routes;
}

/** One match of one rule of a VirtualService. */
interface Rule {
  readonly entry: ResolvedVirtualService;
  readonly http: HttpRoute;
  readonly index: number;
  readonly match: HttpMatchRequest | undefined;
}

function routeOf(rule: Rule, scope: RouteScope): Route | undefined {
  const { entry, http, index, match } = rule;
  const action = actionOf(http, entry.config.meta.namespace, scope);
  if (action === undefined) return undefined;
  const destinations = destinationsOf(http, entry.config.meta.namespace, scope);
  const single = destinations.length === 1 ? destinations[0] : undefined;
  const called = single === undefined ? `${entry.config.meta.name}:${scope.port}` : `${single.target.hostname}:${single.target.port}`;
  return defined({
    name: nonEmpty([http.name, match?.name].filter((part) => part !== undefined && part !== '').join('.')),
    match: routeMatch(match),
    ...action,
    ...headerOperations(http.headers, single?.entry.headers),
    decorator: { operation: called + operationPath(match) },
    typed_per_filter_config: perRouteConfig(http),
    stat_prefix: match?.statPrefix,
    metadata: metadataOf(entry, index),
  });
}

function actionOf(http: HttpRoute, namespace: string, scope: RouteScope): Pick<Route, 'route' | 'redirect' | 'direct_response'> | undefined {
  if (http.redirect !== undefined) return { redirect: redirectAction(http.redirect, scope.port) };
  if (http.directResponse !== undefined) return { direct_response: directResponse(http.directResponse) };
  if (http.route !== undefined && http.route.length > 0) return { route: forwardAction(http, namespace, scope) };
  return undefined;
}

function metadataOf(entry: ResolvedVirtualService, index: number): Metadata {
  const ref = refOf(entry.config);
  const config = `/apis/${entry.config.apiVersion}/namespaces/${ref.namespace}/virtual-service/${ref.name}`;
  return originMetadata(originText(ref, `spec.http[${index}]`), { istio: { config } });
}
