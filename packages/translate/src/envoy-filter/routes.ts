import { parseSniffedRoute } from '../common/names.ts';
import { fits, textAt, type JsonMap } from './merge.ts';
import { changeList, listAt, mapList, merged, withList, type Patch } from './patch.ts';

/** What is known of a route table besides what stands in it. */
export interface TablePlace {
  /** `namespace/name` of the Gateways whose table it is. */
  readonly gateways: readonly string[];
}

/** A route table after one change; the same one when nothing in it is meant. */
export function patchRouteTable(table: JsonMap, patch: Patch, place: TablePlace): JsonMap {
  if (!tableMatches(textAt(table, 'name'), patch, place)) return table;
  if (patch.applyTo === 'ROUTE_CONFIGURATION') return merged(table, patch);
  if (patch.applyTo === 'VIRTUAL_HOST') return patchHosts(table, patch);
  if (patch.applyTo !== 'HTTP_ROUTE') return table;
  return mapList(table, 'virtual_hosts', (host) => (hostMatches(host, patch) ? patchRoutes(host, patch) : host));
}

/** `9080`, `reviews.default.svc.cluster.local:9080`, `http.8080`, `https.8443.port.gateway.namespace`, `inbound|9080||`. */
function portOf(name: string): number {
  return Number(/^(?:https?\.|inbound\|)?(\d+)(?:$|[.|])/.exec(name)?.[1] ?? parseSniffedRoute(name)?.port ?? 0);
}

function tableMatches(name: string, { match }: Patch, { gateways }: TablePlace): boolean {
  const wanted = match.routeConfiguration;
  if (wanted === undefined) return true;
  const { gateway = '' } = wanted;
  return (
    fits(wanted.name, name) &&
    fits(wanted.portNumber, portOf(name)) &&
    fits(wanted.portName, name.split('.')[2]) &&
    (gateway === '' || gateways.includes(gateway))
  );
}

function hostMatches(host: JsonMap, { match }: Patch): boolean {
  const wanted = match.routeConfiguration?.vhost;
  const domains = Array.isArray(host['domains']) ? (host['domains'] as readonly unknown[]) : [];
  const { domainName = '' } = wanted ?? {};
  return fits(wanted?.name, host['name']) && (domainName === '' || domains.includes(domainName));
}

function patchHosts(table: JsonMap, patch: Patch): JsonMap {
  const before = listAt(table, 'virtual_hosts');
  const change = { matches: (host: JsonMap) => hostMatches(host, patch), anchored: true };
  return withList(table, 'virtual_hosts', changeList(before, patch, change), before);
}

const ACTIONS: Readonly<Record<string, string>> = { ROUTE: 'route', REDIRECT: 'redirect', DIRECT_RESPONSE: 'direct_response' };

function patchRoutes(host: JsonMap, patch: Patch): JsonMap {
  const before = listAt(host, 'routes');
  const wanted = patch.match.routeConfiguration?.vhost?.route;
  const action = ACTIONS[wanted?.action ?? 'ANY'];
  const matches = (route: JsonMap): boolean => fits(wanted?.name, route['name']) && (action === undefined || route[action] !== undefined);
  const change = { matches, anchored: wanted?.name !== undefined && wanted.name !== '' };
  return withList(host, 'routes', changeList(before, patch, change), before);
}
