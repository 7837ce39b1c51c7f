import { isWildcard, vipAddress, type MeshConfig, type NamespaceServices } from '@meltemi/model';
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
    const ips =
      service.vip === undefined || isWildcard(service.hostname)
        ? service.addresses.filter((address) => !address.includes('/'))
        : [vipAddress(service.vip, scope)];
    if (ips.length === 0) continue;
    const info: NameInfo = {
      ips,
      registry: service.registry === 'external' ? 'External' : 'Kubernetes',
      shortname: service.name,
      namespace: service.namespace,
    };
    for (const name of [service.hostname, ...shortNames(service.hostname, { namespace: scope.namespace, domainSuffix: mesh.domainSuffix })])
      table[name] ??= info;
  }
  return { table };
}
