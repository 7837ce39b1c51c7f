import { field, isObject, list, originOf, text, type Json, type JsonObject } from './config-dump.ts';

export interface Rows {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** `outbound|9080|v1|reviews.bookinfo.svc.cluster.local` in its four parts; a name of another form is its own host. */
function splitCluster(name: string): { direction: string; port: string; subset: string; host: string } {
  const parts = name.split('|');
  if (parts.length !== 4) return { direction: '-', port: '-', subset: '-', host: name };
  return {
    direction: parts[0] ?? '',
    port: parts[1] ?? '',
    subset: parts[2] === '' ? '-' : (parts[2] ?? ''),
    host: parts[3] === '' ? '-' : (parts[3] ?? ''),
  };
}

export function clusterRows(clusters: readonly JsonObject[]): Rows {
  const rows = clusters.map((cluster) => {
    const { direction, port, subset, host } = splitCluster(text(cluster['name']));
    const type = text(cluster['type']) || text(field(cluster['cluster_type'], 'name')) || 'STATIC';
    return [host, port, subset, direction, type, text(cluster['lb_policy']) || 'ROUND_ROBIN', originOf(cluster)];
  });
  return { heads: ['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'LB', 'ORIGIN'], rows: sorted(rows) };
}

export function listenerRows(listeners: readonly JsonObject[]): Rows {
  const rows = listeners.flatMap((listener) => {
    const address = socket(listener['address']);
    const chains = [
      ...list(listener['filter_chains']),
      ...(listener['default_filter_chain'] === undefined ? [] : [listener['default_filter_chain']]),
    ];
    return chains.map((chain) => [
      text(listener['name']),
      address,
      chainMatch(field(chain, 'filter_chain_match')),
      destination(chain),
      originOf(chain) || originOf(listener),
    ]);
  });
  return { heads: ['NAME', 'ADDRESS', 'MATCH', 'DESTINATION', 'ORIGIN'], rows };
}

export function routeRows(routes: readonly JsonObject[]): Rows {
  const rows = routes.flatMap((table) =>
    list(table['virtual_hosts']).flatMap((host) =>
      list(field(host, 'routes')).map((route) => [
        text(table['name']),
        domains(host),
        routeMatch(field(route, 'match')),
        routeTarget(route),
        originOf(route),
      ]),
    ),
  );
  return { heads: ['NAME', 'DOMAINS', 'MATCH', 'DESTINATION', 'ORIGIN'], rows };
}

export function endpointRows(endpoints: readonly JsonObject[]): Rows {
  const rows = endpoints.flatMap((assignment) =>
    list(assignment['endpoints']).flatMap((locality) =>
      list(field(locality, 'lb_endpoints')).map((endpoint) => [
        socket(field(field(endpoint, 'endpoint'), 'address')),
        text(field(endpoint, 'health_status')) || 'HEALTHY',
        text(field(endpoint, 'load_balancing_weight')) || '1',
        workloadOf(endpoint),
        text(assignment['cluster_name']),
      ]),
    ),
  );
  return { heads: ['ENDPOINT', 'STATUS', 'WEIGHT', 'WORKLOAD', 'CLUSTER'], rows: sorted(rows) };
}

function workloadOf(endpoint: Json): string {
  const [name = '', namespace = ''] = text(field(field(field(field(endpoint, 'metadata'), 'filter_metadata'), 'istio'), 'workload')).split(';');
  return name === '' ? '-' : `${name}.${namespace}`;
}

function domains(host: Json): string {
  const all = list(field(host, 'domains')).map(text);
  return all.length <= 2 ? all.join(', ') : `${all[0]}, ${all[1]} + ${all.length - 2} more`;
}

function routeMatch(match: Json | undefined): string {
  const path =
    text(field(match, 'path')) ||
    regexText(field(match, 'safe_regex')) ||
    prefixText(text(field(match, 'prefix')) || text(field(match, 'path_separated_prefix')));
  const headers = list(field(match, 'headers')).map((header) => `${text(field(header, 'name'))}=${headerValue(header)}`);
  const query = list(field(match, 'query_parameters')).map((parameter) => `?${text(field(parameter, 'name'))}`);
  return [path, ...headers, ...query].filter((part) => part !== '').join(' ');
}

function prefixText(prefix: string): string {
  return prefix === '' ? '' : `${prefix}*`;
}

function regexText(regex: Json | undefined): string {
  const pattern = text(field(regex, 'regex'));
  return pattern === '' ? '' : `~${pattern}`;
}

function headerValue(header: Json): string {
  const matcher = field(header, 'string_match');
  if (field(header, 'present_match') !== undefined) return '(present)';
  return text(field(matcher, 'exact')) || prefixText(text(field(matcher, 'prefix'))) || regexText(field(matcher, 'safe_regex')) || '(other)';
}

function routeTarget(route: Json): string {
  const forward = field(route, 'route');
  if (isObject(forward)) {
    const weighted = list(field(forward['weighted_clusters'], 'clusters'));
    if (weighted.length > 0) return weighted.map((cluster) => `${text(field(cluster, 'weight'))}% ${text(field(cluster, 'name'))}`).join(', ');
    return text(forward['cluster']);
  }
  if (field(route, 'redirect') !== undefined) return 'redirect';
  const direct = field(route, 'direct_response');
  return direct === undefined ? '-' : `direct ${text(field(direct, 'status'))}`;
}

function chainMatch(match: Json | undefined): string {
  if (!isObject(match)) return 'ALL';
  const parts = [
    match['destination_port'] === undefined ? '' : `port ${text(match['destination_port'])}`,
    list(match['prefix_ranges'])
      .map((range) => text(field(range, 'address_prefix')))
      .join(','),
    match['transport_protocol'] === undefined ? '' : text(match['transport_protocol']),
    list(match['application_protocols']).map(text).join(','),
    list(match['server_names'])
      .map((name) => `SNI ${text(name)}`)
      .join(','),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'ALL' : parts.join(' ');
}

function destination(chain: Json | undefined): string {
  for (const filter of list(field(chain, 'filters'))) {
    const config = field(filter, 'typed_config');
    const route = text(field(field(config, 'rds'), 'route_config_name'));
    if (route !== '') return `Route: ${route}`;
    const inline = field(config, 'route_config');
    if (inline !== undefined) return `Inline Route: ${text(field(inline, 'name'))}`;
    const cluster = text(field(config, 'cluster'));
    if (cluster !== '') return `Cluster: ${cluster}`;
    const weighted = list(field(field(config, 'weighted_clusters'), 'clusters'));
    if (weighted.length > 0) return weighted.map((entry) => `${text(field(entry, 'weight'))} ${text(field(entry, 'name'))}`).join(', ');
  }
  return '-';
}

function socket(address: Json | undefined): string {
  const at = field(address, 'socket_address');
  return at === undefined ? text(field(field(address, 'pipe'), 'path')) || '-' : `${text(field(at, 'address'))}:${text(field(at, 'port_value'))}`;
}

function sorted(rows: (readonly string[])[]): (readonly string[])[] {
  return rows.sort((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1));
}
