import type { HttpMatchRequest, HttpRoute } from '@meltemi/api';
import type { ResolvedVirtualService } from '@meltemi/model';
import type { Metadata, Route } from '@meltemi/protos-types';
import { perRouteConfig } from '../http-filters/index.ts';
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
      const route = routeOf(entry, http, index, match, scope);
      if (route === undefined) continue;
      routes.push(route);
      if (isCatchAll(route.match)) return routes;
    }
  }
  return routes;
}

function routeOf(entry: ResolvedVirtualService, http: HttpRoute, index: number, match: HttpMatchRequest | undefined, scope: RouteScope): Route | undefined {
  const { namespace } = entry.config.meta;
  const action = actionOf(http, namespace, scope);
  if (action === undefined) return undefined;
  const destinations = destinationsOf(http, namespace, scope);
  const [only] = destinations;
  const single = destinations.length === 1 ? only : undefined;
  const operation = `${single?.target.hostname ?? entry.config.meta.name}:${single?.target.port ?? scope.port}${operationPath(match)}`;
  const name = [http.name, match?.name].filter((part) => part !== undefined && part !== '').join('.');
  const filters = perRouteConfig(http);
  return {
    ...(name === '' ? {} : { name }),
    match: routeMatch(match),
    ...action,
    ...headerOperations(http.headers, single?.entry.headers),
    decorator: { operation },
    ...(filters === undefined ? {} : { typed_per_filter_config: filters }),
    ...(match?.statPrefix === undefined ? {} : { stat_prefix: match.statPrefix }),
    metadata: metadataOf(entry, index),
  };
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
