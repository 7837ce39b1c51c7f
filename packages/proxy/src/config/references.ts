import type { CommonTls, FilterChain, RuntimeCluster, RuntimeListener, RuntimeRouteConfig } from '@meltemi/runtime';

/** Names that a resource points at. */
export interface References {
  readonly routes: ReadonlySet<string>;
  readonly clusters: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

export function listenerReferences(listener: RuntimeListener): References {
  const routes = new Set<string>();
  const clusters = new Set<string>();
  const secrets = new Set<string>();
  const chains: readonly FilterChain[] =
    listener.defaultFilterChain === undefined ? listener.filterChains : [...listener.filterChains, listener.defaultFilterChain];
  for (const { terminal, tls } of chains) {
    if (tls !== undefined) addSecrets(tls, secrets);
    if (terminal.t === 'tcp') for (const cluster of terminal.tcp.clusters) clusters.add(cluster.name);
    else if (terminal.http.routes.t === 'rds') routes.add(terminal.http.routes.name);
    else for (const name of routeReferences(terminal.http.routes.routes)) clusters.add(name);
  }
  return { routes, clusters, secrets };
}

/** The clusters that a table sends to. Names taken from request headers are not known here. */
export function routeReferences(table: RuntimeRouteConfig): ReadonlySet<string> {
  const clusters = new Set<string>();
  for (const host of table.virtualHosts) {
    for (const { action } of host.routes) {
      if (action.t !== 'forward') continue;
      if (action.cluster.t === 'one') clusters.add(action.cluster.name);
      else if (action.cluster.t === 'weighted') for (const cluster of action.cluster.clusters) clusters.add(cluster.name);
    }
  }
  return clusters;
}

export function clusterSecrets(cluster: RuntimeCluster): ReadonlySet<string> {
  const secrets = new Set<string>();
  for (const transport of [cluster.transport, ...cluster.transportMatches.map((match) => match.transport)]) {
    if (transport.t === 'tls') addSecrets(transport.tls, secrets);
  }
  return secrets;
}

function addSecrets(tls: CommonTls, into: Set<string>): void {
  for (const certificate of [tls.certificate, ...tls.moreCertificates]) if (certificate?.t === 'sds') into.add(certificate.name);
  if (tls.trust?.t === 'sds') into.add(tls.trust.name);
}
