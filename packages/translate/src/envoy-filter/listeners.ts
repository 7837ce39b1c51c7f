import { fits, isMap, textAt, type Json, type JsonMap } from './merge.ts';
import { alters, changeList, listAt, mapField, mapList, merged, withList, type Patch } from './patch.ts';
import { patchRouteTable } from './routes.ts';

type ChainMatch = NonNullable<NonNullable<Patch['match']['listener']>['filterChain']>;

const HTTP = 'envoy.filters.network.http_connection_manager';
const ROUTER = 'envoy.filters.http.router';
/** After these stand extensions of their class. */
const CLASS_END: Readonly<Record<string, readonly string[]>> = {
  AUTHN: ['envoy.filters.http.jwt_authn'],
  AUTHZ: ['envoy.filters.http.jwt_authn', 'envoy.filters.http.rbac', 'envoy.filters.http.ext_authz'],
};

/** A listener after one change; the same one when it is not meant, undefined when it is removed. */
export function patchListener(listener: JsonMap, patch: Patch): JsonMap | undefined {
  if (!listenerMatches(listener, patch)) return listener;
  if (patch.applyTo !== 'LISTENER') return INSIDE[patch.applyTo]?.(listener, patch) ?? listener;
  if (patch.operation === 'REMOVE') return undefined;
  return patch.operation === 'ADD' ? listener : merged(listener, patch);
}

/** Inbound tables stand in their listeners. */
const inlineTables = (listener: JsonMap, patch: Patch): JsonMap =>
  mapHttp(listener, patch, (manager) => mapField(manager, 'route_config', (table) => patchRouteTable(table, patch, { gateways: [] })));

/** How what stands in a listener is changed. */
const INSIDE: Readonly<Partial<Record<Patch['applyTo'], (listener: JsonMap, patch: Patch) => JsonMap>>> = {
  FILTER_CHAIN: patchChains,
  LISTENER_FILTER: patchListenerFilters,
  NETWORK_FILTER: (listener, patch) =>
    mapList(listener, 'filter_chains', (chain) => (chainMatches(listener, chain, patch) ? patchNetworkFilters(chain, patch) : chain)),
  HTTP_FILTER: (listener, patch) => mapHttp(listener, patch, (manager) => patchHttpFilters(manager, patch)),
  ROUTE_CONFIGURATION: inlineTables,
  VIRTUAL_HOST: inlineTables,
  HTTP_ROUTE: inlineTables,
};

function patchListenerFilters(listener: JsonMap, patch: Patch): JsonMap {
  const before = listAt(listener, 'listener_filters');
  const wanted = patch.match.listener?.listenerFilter;
  const change = { matches: named(wanted), anchored: wanted !== undefined };
  return withList(listener, 'listener_filters', changeList(before, patch, change), before);
}

function named(name: string | undefined): (entry: JsonMap) => boolean {
  return (entry) => name === undefined || entry['name'] === name;
}

function portOf(listener: JsonMap): Json | undefined {
  const address = listener['address'];
  const socket = isMap(address) ? address['socket_address'] : undefined;
  return isMap(socket) ? socket['port_value'] : undefined;
}

/** The inbound listener serves all ports of the workload: there a port is that of a chain. */
function servesAll(listener: JsonMap): boolean {
  return listener['name'] === 'virtualInbound';
}

function listenerMatches(listener: JsonMap, { match, applyTo }: Patch): boolean {
  const { name, portNumber } = match.listener ?? {};
  if (name !== undefined && name !== '' && listener['name'] !== name) return false;
  if (fits(portNumber, portOf(listener))) return true;
  return servesAll(listener) && applyTo !== 'LISTENER' && applyTo !== 'LISTENER_FILTER';
}

function chainMatches(listener: JsonMap, chain: JsonMap, { match }: Patch): boolean {
  const { portNumber, filterChain } = match.listener ?? {};
  const found = isMap(chain['filter_chain_match']) ? chain['filter_chain_match'] : {};
  const ofPort = !servesAll(listener) || fits(portNumber, portOf(listener)) || fits(portNumber, found['destination_port']);
  if (!ofPort || filterChain === undefined) return ofPort;
  const { name = '' } = filterChain.filter ?? {};
  const holdsFilter = name === '' || listAt(chain, 'filters').some(named(name));
  return fits(filterChain.name, chain['name']) && criteriaMatch(filterChain, found) && holdsFilter;
}

function criteriaMatch(wanted: ChainMatch, found: JsonMap): boolean {
  const holds = (list: Json | undefined, value: string): boolean => Array.isArray(list) && (list as readonly Json[]).includes(value);
  return (
    (wanted.sni === undefined || holds(found['server_names'], wanted.sni)) &&
    (wanted.transportProtocol === undefined || found['transport_protocol'] === wanted.transportProtocol) &&
    (wanted.applicationProtocols === undefined ||
      wanted.applicationProtocols.split(',').every((name) => holds(found['application_protocols'], name.trim()))) &&
    (wanted.destinationPort === undefined || found['destination_port'] === wanted.destinationPort)
  );
}

function patchChains(listener: JsonMap, patch: Patch): JsonMap {
  const before = listAt(listener, 'filter_chains');
  if (patch.operation === 'ADD') return { ...listener, filter_chains: [...before, patch.value] };
  const after = before.flatMap((chain) => {
    if (!chainMatches(listener, chain, patch)) return [chain];
    return patch.operation === 'REMOVE' ? [] : [merged(chain, patch)];
  });
  const same = after.length === before.length && after.every((chain, index) => chain === before[index]);
  return same ? listener : { ...listener, filter_chains: after };
}

function patchNetworkFilters(chain: JsonMap, patch: Patch): JsonMap {
  const before = listAt(chain, 'filters');
  const wanted = patch.match.listener?.filterChain?.filter?.name ?? (alters(patch) ? textAt(patch.value, 'name') : undefined);
  const name = wanted === '' ? undefined : wanted;
  return withList(chain, 'filters', changeList(before, patch, { matches: named(name), anchored: name !== undefined }), before);
}

/** Every connection manager in chains that are meant, changed. */
function mapHttp(listener: JsonMap, patch: Patch, change: (manager: JsonMap) => JsonMap): JsonMap {
  const filterName = patch.match.listener?.filterChain?.filter?.name;
  if (filterName !== undefined && filterName !== '' && filterName !== HTTP) return listener;
  return mapList(listener, 'filter_chains', (chain) => {
    if (!chainMatches(listener, chain, patch)) return chain;
    return mapList(chain, 'filters', (filter) => (filter['name'] === HTTP ? mapField(filter, 'typed_config', change) : filter));
  });
}

function patchHttpFilters(manager: JsonMap, patch: Patch): JsonMap {
  const before = listAt(manager, 'http_filters');
  const wanted = patch.match.listener?.filterChain?.filter?.subFilter?.name;
  const change = { matches: named(wanted), anchored: wanted !== undefined, addAt: (list: readonly JsonMap[]) => placeOf(list, patch.filterClass) };
  const after = alters(patch) || change.anchored ? changeList(before, patch, change) : insertByClass(before, patch, change.addAt);
  return withList(manager, 'http_filters', after, before);
}

function insertByClass(list: readonly JsonMap[], patch: Patch, addAt: (list: readonly JsonMap[]) => number): readonly JsonMap[] {
  const first = patch.filterClass === undefined && (patch.operation === 'INSERT_FIRST' || patch.operation === 'INSERT_BEFORE');
  const at = first ? 0 : addAt(list);
  return [...list.slice(0, at), patch.value, ...list.slice(at)];
}

/** Where a new filter goes: behind those of its class, else before the router, which is always last. */
function placeOf(list: readonly JsonMap[], filterClass: Patch['filterClass']): number {
  const names = CLASS_END[filterClass ?? ''];
  if (names !== undefined) return list.findLastIndex((filter) => names.includes(textAt(filter, 'name'))) + 1;
  const router = list.findIndex((filter) => filter['name'] === ROUTER);
  return router < 0 ? list.length : router;
}
