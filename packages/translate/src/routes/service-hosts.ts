import {
  destinationRuleFor,
  virtualServicesFor,
  type DestinationRuleTable,
  type MergedDestinationRule,
  type MeshConfig,
  type NamespaceServices,
  type ResolvedVirtualService,
  type Service,
  type ServicePort,
  type VirtualServiceTable,
} from '@meltemi/model';
import type { VirtualHost } from '@meltemi/protos-types';
import { wireProtocol } from '../common/capabilities.ts';
import { sameList, type InputsCache, type Made } from '../common/inputs-cache.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { domainsOf } from './domains.ts';
import { forScope } from './recorded-scope.ts';
import type { RouteScope } from './scope.ts';
import { defaultVirtualHost, serviceVirtualHost, withoutDuplicateDomains } from './virtual-host.ts';

/** Everything an outbound route table of a sidecar depends on. */
export interface SidecarRouteInputs {
  readonly port: number;
  readonly scope: NodeScope;
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
  readonly destinationRules: DestinationRuleTable;
  readonly mesh: MeshConfig;
  /** Cluster for calls of unknown hosts. */
  readonly unknownTo: string;
}

/** A service of a route table, with what its virtual host was made of. */
interface HostRow {
  readonly service: Service;
  readonly owners: readonly ResolvedVirtualService[];
  readonly port: ServicePort;
  readonly rule: MergedDestinationRule | undefined;
  readonly host: VirtualHost;
}

/** The virtual hosts of all services of a table. */
export interface ServiceHosts {
  readonly rows: readonly HostRow[];
  /** Those of the rows, without domains that an earlier one has. */
  readonly hosts: readonly VirtualHost[];
}

/**
 * The virtual hosts of the services that have the port. A table of a whole mesh is long and a change touches little of it: a host whose own inputs are the same as
 * before is taken over.
 */
export function serviceHosts(
  inputs: SidecarRouteInputs,
  routing: RouteScope,
  cache: InputsCache,
  before: Made<SidecarRouteInputs, ServiceHosts> | undefined,
): ServiceHosts {
  if (before?.inputs.mesh !== inputs.mesh) return made(makeRows(inputs, routing, cache, NOTHING_KEPT));
  const { inputs: old, made: last } = before;
  const keeps = { services: old.services === inputs.services, rules: old.destinationRules === inputs.destinationRules };
  if (keeps.services && keeps.rules) return withOtherOwners(inputs, routing, cache, last);
  const known = new Map(last.rows.map((row) => [row.service, row]));
  const rows = makeRows(inputs, routing, cache, { ...keeps, rowOf: (service) => known.get(service) });
  return sameList(last.rows, rows) ? last : made(rows, last);
}

/** What of an earlier table still holds. */
interface Kept {
  readonly services: boolean;
  readonly rules: boolean;
  rowOf(service: Service): HostRow | undefined;
}

const NOTHING_KEPT: Kept = { services: false, rules: false, rowOf: () => undefined };

function made(rows: readonly HostRow[], last?: ServiceHosts): ServiceHosts {
  return { rows, hosts: distinctHosts(rows, last) };
}

function makeRows(inputs: SidecarRouteInputs, routing: RouteScope, cache: InputsCache, kept: Kept): readonly HostRow[] {
  const rows: HostRow[] = [];
  for (const service of inputs.services.list) {
    const port = service.ports.find((candidate) => candidate.number === inputs.port && isRouted(candidate));
    if (port === undefined) continue;
    const last = kept.rowOf(service);
    const parts = partsOf(service, port, inputs, kept.rules ? last : undefined);
    rows.push(last !== undefined && isSame(last, parts, kept) ? last : { ...parts, host: makeHost(parts, inputs, routing, cache) });
  }
  return rows;
}

/** What the host of a service is made of; `ruled` was made of the same rules. */
function partsOf(service: Service, port: ServicePort, inputs: SidecarRouteInputs, ruled: HostRow | undefined): HostParts {
  const owners = virtualServicesFor(inputs, inputs.scope.namespace, service);
  return { service, port, owners, rule: ruled === undefined ? destinationRuleFor(inputs, inputs.scope, service) : ruled.rule };
}

/** Routes name other services and their rules only through owners; without any, those do not matter. */
function isSame(last: HostRow, { owners, rule }: HostParts, keeps: Pick<Kept, 'services' | 'rules'>): boolean {
  return sameList(last.owners, owners) && (owners.length === 0 ? rule === last.rule : keeps.rules && keeps.services);
}

/** The table after a change of VirtualServices alone: only rows whose owners are others are made. */
function withOtherOwners(inputs: SidecarRouteInputs, routing: RouteScope, cache: InputsCache, last: ServiceHosts): ServiceHosts {
  let rows: HostRow[] | undefined;
  for (let index = 0; index < last.rows.length; index++) {
    const row = last.rows[index] as HostRow;
    const owners = virtualServicesFor(inputs, inputs.scope.namespace, row.service);
    if (sameList(row.owners, owners)) continue;
    const parts = { ...row, owners };
    rows ??= [...last.rows];
    rows[index] = { ...parts, host: makeHost(parts, inputs, routing, cache) };
  }
  return rows === undefined ? last : made(rows, last);
}

function isRouted(port: ServicePort): boolean {
  return wireProtocol(port.protocol) !== 'tcp';
}

type HostParts = Omit<HostRow, 'host'>;

function makeHost(parts: HostParts, { scope, mesh }: SidecarRouteInputs, routing: RouteScope, cache: InputsCache): VirtualHost {
  const { service, port, owners, rule } = parts;
  // The bare name is for callers of the service's own namespace; to all others it does not matter where they are.
  const own = [service.hostname, ...(service.aliases ?? [])].some((host) => host.endsWith(`.${scope.namespace}.svc.${mesh.domainSuffix}`));
  const caller = { namespace: own ? scope.namespace : '', interception: scope.interception, address: scope.address };
  const domains = () => domainsOf(service, { ...caller, domainSuffix: mesh.domainSuffix });
  if (owners.length === 0) {
    return cache.get('serviceVirtualHost', { service, port, rule, mesh, ...caller }, () =>
      defaultVirtualHost({ service, port, rule, mesh, domains: domains() }),
    );
  }
  const inputs = { service, port, owners, mesh, ...caller };
  return forScope(cache, 'ownedVirtualHost', { inputs, scope: routing }, (known) =>
    serviceVirtualHost({ service, port, owners, domains: domains() }, known),
  );
}

/** As long as the domains are those of before, so are their owners. */
function distinctHosts(rows: readonly HostRow[], old: ServiceHosts | undefined): readonly VirtualHost[] {
  if (old === undefined || old.rows.length !== rows.length || old.hosts.length !== rows.length)
    return withoutDuplicateDomains(rows.map(({ host }) => host));
  const hosts = [...old.hosts];
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as HostRow;
    const last = old.rows[index];
    if (last === row) continue;
    const kept = old.hosts[index];
    if (last === undefined || !sameList(last.host.domains, row.host.domains)) return withoutDuplicateDomains(rows.map(({ host }) => host));
    hosts[index] = kept === last.host ? row.host : { ...row.host, domains: kept?.domains ?? row.host.domains };
  }
  return hosts;
}
