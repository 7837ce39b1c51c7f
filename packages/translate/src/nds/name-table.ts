import { isWildcard, vipAddress, type MeshConfig, type NamespaceServices, type Service } from '@meltemi/model';
import type { NameInfo, NameTable } from '@meltemi/protos-types';
import type { NodeScope } from '../common/node-scope.ts';
import { shortNames } from '../routes/domains.ts';

/** Everything the table depends on. */
export interface NameTableInputs {
  readonly services: NamespaceServices;
  readonly scope: NodeScope;
  readonly mesh: MeshConfig;
}

/**
 * What the agent's DNS answers for a node: each host of the mesh, by its complete name and by the shorter ones that work from the node's namespace, with
 * the address under which the node reaches it.
 */
export function nameTable({ services, scope, mesh }: NameTableInputs): NameTable {
  const table: Record<string, NameInfo> = {};
  for (const service of services.list) {
    const ips = addressesOf(service, scope);
    if (ips.length === 0 || isWildcard(service.hostname)) continue;
    const info: NameInfo = {
      ips,
      registry: service.registry === 'external' ? 'External' : 'Kubernetes',
      shortname: service.name,
      namespace: service.namespace,
    };
    for (const host of [service.hostname, ...(service.aliases ?? [])])
      for (const name of [host, ...shortNames(host, { namespace: scope.namespace, domainSuffix: mesh.domainSuffix })]) table[name] ??= info;
  }
  return { table };
}

/** Those that the service itself names, where calls to them come to the proxy; else the one that the mesh has given it. */
function addressesOf({ addresses, vip }: Service, scope: NodeScope): readonly string[] {
  const named = scope.interception === 'REDIRECT' ? addresses.filter((address) => !address.includes('/')) : [];
  if (named.length > 0) return named;
  return vip === undefined ? [] : [vipAddress(vip, scope)];
}
