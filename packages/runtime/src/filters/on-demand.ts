import type { Reader } from '../decode/reader.ts';
import { defineFilter, type FilterKind } from './define.ts';

/** Has what a request needs fetched (`envoy.filters.http.on_demand`): this proxy asks for all that its listeners point at, so that nothing is left to do. */
export const onDemandFilter: FilterKind = defineFilter<Readonly<Record<string, never>>, Readonly<Record<string, never>>>({
  t: 'on-demand',
  types: ['envoy.extensions.filters.http.on_demand.v3.OnDemand'],
  overrideTypes: ['envoy.extensions.filters.http.on_demand.v3.PerRouteConfig'],
  decode: refuseClusters,
  decodeOverride: refuseClusters,
  compile: () => undefined,
});

function refuseClusters(reader: Reader): Readonly<Record<string, never>> {
  reader.require('odcds', !reader.has('odcds'), 'fetching clusters on demand is not supported by this proxy');
  reader.harmless('odcds');
  return {};
}
