import type { MeshConfig, NamespaceServices, Service } from '@meltemi/model';
import { ANY_TYPE, EXTENSION_NAME, packAny, type Cluster, type DnsCacheConfig, type NetworkFilter } from '@meltemi/protos-types';

/** One cache for all of a proxy: whatever shares its name must have the same settings. */
export const DNS_CACHE: DnsCacheConfig = { name: 'meltemi-dynamic-dns', dns_lookup_family: 'V4_ONLY' };

/** The discovery of a cluster whose hosts are the names that calls bring. */
export const BY_NAME: Omit<Cluster, 'name'> = {
  lb_policy: 'CLUSTER_PROVIDED',
  cluster_type: { name: 'envoy.clusters.dynamic_forward_proxy', typed_config: packAny(ANY_TYPE.dynamicCluster, { dns_cache_config: DNS_CACHE }) },
};

/** TLS asks for the name that was called, and checks it. */
export const CALLED_NAMES = { auto_sni: true, auto_san_validation: true } as const;

/** Before the proxy of connections that tell the server name: it is looked up. */
export function serverNameLookup(service: Service | undefined, port: number): readonly NetworkFilter[] {
  if (service?.dynamicDns !== true) return [];
  const config = packAny(ANY_TYPE.sniForwardProxy, { dns_cache_config: DNS_CACHE, port_value: port });
  return [{ name: EXTENSION_NAME.sniForwardProxy, typed_config: config }];
}

const lookedAt = new WeakMap<NamespaceServices, boolean>();

/** Whether requests may be for hosts that are looked up when they are called. */
export function callsByName(services: NamespaceServices, mesh: Pick<MeshConfig, 'outboundTrafficPolicy'> | undefined): boolean {
  if (mesh?.outboundTrafficPolicy === 'ALLOW_ANY_DYNAMIC_DNS') return true;
  let known = lookedAt.get(services);
  if (known === undefined) lookedAt.set(services, (known = services.list.some((service) => service.dynamicDns === true)));
  return known;
}
