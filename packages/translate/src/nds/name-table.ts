import { isWildcard, vipAddress, type MeshConfig, type NamespaceServices, type Service } from '@meltemi/model';
import type { NameInfo, NameTable } from '@meltemi/protos-types';
import { answeringAddresses, type HeadlessPort } from '../common/headless.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { shortNames } from '../routes/domains.ts';

/** Everything the table depends on. */
export interface NameTableInputs {
  readonly services: NamespaceServices;
  readonly scope: NodeScope;
  readonly mesh: MeshConfig;
  readonly headless: readonly HeadlessPort[];
}

/**
 * What the agent's DNS answers for a node: each host of the mesh, by its complete name and by the shorter ones that work from the node's namespace, with
 * the address under which the node reaches it; of a headless service those of its endpoints, each of which has a name of its own too.
 */
export function nameTable(inputs: NameTableInputs): NameTable {
  const { services, scope, headless } = inputs;
  const table = new Map<string, NameInfo>();
  const members = Map.groupBy(headless, ({ service }) => service);
  for (const service of services.list) {
    const ports = members.get(service);
    const ips = ports === undefined ? ownAddresses(service, scope) : answeringAddresses(ports.flatMap(({ endpoints }) => endpoints));
    if (ips.length === 0) continue;
    const info = infoOf(service, ips);
    for (const name of namesOf(service, inputs)) setFirst(table, name, info);
    if (ports !== undefined) addMembers(table, service, ports, inputs);
  }
  return { table: Object.fromEntries(table) };
}

/** Services of the same short name: the first one has it. */
function setFirst(table: Map<string, NameInfo>, name: string, info: NameInfo): void {
  if (!table.has(name)) table.set(name, info);
}

function ownAddresses(service: Service, scope: NodeScope): readonly string[] {
  if (service.vip === undefined || isWildcard(service.hostname)) return service.addresses.filter((address) => !address.includes('/'));
  return [vipAddress(service.vip, scope)];
}

// A memo of a pure function: the tables of all namespaces share what they say of a service.
const infos = new WeakMap<Service, Map<string, NameInfo>>();

function infoOf(service: Service, ips: readonly string[]): NameInfo {
  let known = infos.get(service);
  if (known === undefined) infos.set(service, (known = new Map()));
  const key = ips.join();
  let info = known.get(key);
  if (info === undefined) {
    info = { ips, registry: service.registry === 'external' ? 'External' : 'Kubernetes', shortname: service.name, namespace: service.namespace };
    // Endpoints of headless services come and go.
    if (known.size >= MAX_INFOS) known.clear();
    known.set(key, info);
  }
  return info;
}

const MAX_INFOS = 1_000;

function namesOf(service: Service, { scope, mesh }: NameTableInputs): readonly string[] {
  const from = { namespace: scope.namespace, domainSuffix: mesh.domainSuffix };
  return [service.hostname, ...(service.aliases ?? [])].flatMap((host) => [host, ...shortNames(host, from)]);
}

/** `db-0.db`: one endpoint by the name of its workload. */
function addMembers(table: Map<string, NameInfo>, service: Service, ports: readonly HeadlessPort[], inputs: NameTableInputs): void {
  for (const endpoint of ports.flatMap(({ endpoints }) => endpoints)) {
    const info = infoOf(service, [endpoint.address]);
    for (const name of namesOf(service, inputs)) setFirst(table, `${endpoint.workload}.${name}`, info);
  }
}
