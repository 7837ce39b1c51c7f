import type { HttpRoute } from '@meltemi/api';
import type { Service } from '@meltemi/model';
import type { HttpFilter, PerFilterConfig } from '@meltemi/protos-types';
import type { FilterPlace, HttpFilterDefinition } from './define.ts';
import { corsFilter } from './cors.ts';
import { dynamicDnsFilter } from './dynamic-dns.ts';
import { faultFilter } from './fault.ts';
import { jwtAuthnFilter } from './jwt-authn.ts';
import { grpcWebFilter } from './grpc-web.ts';
import { routerFilter } from './router.ts';
import { statefulSessionFilter } from './stateful-session.ts';

/** Every HTTP filter the mesh configures. The order of this list is the order in the chain. */
export const HTTP_FILTERS: readonly HttpFilterDefinition[] = [
  jwtAuthnFilter,
  grpcWebFilter,
  faultFilter,
  corsFilter,
  statefulSessionFilter,
  dynamicDnsFilter,
  routerFilter,
];

/** The filter chain of a connection manager. */
export function httpFilters(place: FilterPlace): readonly HttpFilter[] {
  return HTTP_FILTERS.filter((filter) => filter.applies(place)).map((filter) => filter.build(place));
}

/** What a route says to the filters, by filter name; undefined: nothing. */
export function perRouteConfig(route: HttpRoute, called?: Service): PerFilterConfig | undefined {
  const entries = HTTP_FILTERS.flatMap((filter) => {
    const config = filter.perRoute?.(route, called);
    return config === undefined ? [] : [[filter.name, config] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
