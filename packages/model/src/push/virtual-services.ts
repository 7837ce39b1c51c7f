import { compareByAge, type Config } from '@meltemi/api';
import { isDerived, PRODUCER_NAMESPACE } from '../gateway-api/derived.ts';
import { isWildcard, resolveHost, wildcardsOf } from '../hostname.ts';
import type { VirtualServiceSpec } from '../specs.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import type { Service } from '../types/service.ts';
import { delegateKey, httpRulesOf, isDelegate, type DroppedRule, type HttpRule } from './delegates.ts';
import { MESH_GATEWAY, resolveGateway } from './gateway-ref.ts';
import type { PushContext } from './push-context.ts';
import { indexByVisibility, isVisibleIn, push, visibilityOf, visibleIn, type Visibility, type VisibilityIndex } from './visibility.ts';

/** A VirtualService with its names resolved. */
export interface ResolvedVirtualService {
  readonly config: Config<VirtualServiceSpec>;
  /** Complete host names, or wildcards. */
  readonly hosts: readonly string[];
  /** `mesh` or `namespace/name`. */
  readonly gateways: readonly string[];
  readonly visibility: Visibility;
  /** It holds for services of this namespace only, whatever else is called like its hosts. Undefined: for all. */
  readonly producer: string | undefined;
  /** Its HTTP rules, those of delegates in their places. */
  readonly http: readonly HttpRule[];
  /** Rules that delegate in vain. */
  readonly dropped: readonly DroppedRule[];
  /** The delegates that it names and that are there. */
  readonly delegates: readonly Config<VirtualServiceSpec>[];
}

export interface VirtualServiceTable {
  /** Oldest first. Delegates are parts of those that name them. */
  readonly all: readonly ResolvedVirtualService[];
  /** Those that govern sidecars. */
  readonly mesh: VisibilityIndex<ResolvedVirtualService>;
  /** By `namespace/name` of the Gateway, oldest first. */
  readonly byGateway: ReadonlyMap<string, readonly ResolvedVirtualService[]>;
}

/** Resolves and indexes all VirtualServices; those whose objects did not change are taken over from `previous`. */
export function buildVirtualServiceTable(
  configs: readonly Config<VirtualServiceSpec>[],
  mesh: MeshConfig,
  previous?: VirtualServiceTable,
): VirtualServiceTable {
  const kept = new Map((previous?.all ?? []).map((entry) => [entry.config, entry]));
  const delegates = new Map(configs.filter(isDelegate).map((config) => [`${config.meta.namespace}/${config.meta.name}`, config]));
  const all = [...configs]
    .filter((config) => !isDelegate(config))
    .sort(compareByAge)
    .map((config) => {
      const before = kept.get(config);
      const named = delegatesOf(config, delegates);
      return before !== undefined && sameList(before.delegates, named) ? before : resolve(config, { named, delegates }, mesh);
    });
  const byGateway = new Map<string, ResolvedVirtualService[]>();
  for (const entry of all) for (const gateway of entry.gateways) if (gateway !== MESH_GATEWAY) push(byGateway, gateway, entry);
  const onMesh = all.filter((entry) => entry.gateways.includes(MESH_GATEWAY));
  return { all, mesh: indexByVisibility(onMesh, (entry) => ({ namespace: entry.config.meta.namespace, visibility: entry.visibility })), byGateway };
}

function delegatesOf(
  config: Config<VirtualServiceSpec>,
  delegates: ReadonlyMap<string, Config<VirtualServiceSpec>>,
): readonly Config<VirtualServiceSpec>[] {
  const keys = (config.spec.http ?? []).flatMap(({ delegate }) => (delegate === undefined ? [] : [delegateKey(delegate, config.meta.namespace)]));
  return [...new Set(keys)].flatMap((key) => delegates.get(key) ?? []);
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

interface Delegates {
  /** Those that the object names. */
  readonly named: readonly Config<VirtualServiceSpec>[];
  readonly delegates: ReadonlyMap<string, Config<VirtualServiceSpec>>;
}

function resolve(config: Config<VirtualServiceSpec>, { named, delegates }: Delegates, mesh: MeshConfig): ResolvedVirtualService {
  const { namespace } = config.meta;
  const { rules, dropped } = httpRulesOf(config, delegates, mesh);
  const { exportTo } = config.spec;
  const gateways = config.spec.gateways.map((gateway) => resolveGateway(gateway, namespace));
  return {
    config,
    hosts: config.spec.hosts.map((host) => resolveHost(host, namespace, mesh.domainSuffix)),
    gateways: [...new Set(gateways)],
    visibility: visibilityOf(exportTo === undefined || exportTo.length === 0 ? mesh.defaultVirtualServiceExportTo : exportTo, namespace),
    producer: isDerived(config.meta.name) ? config.meta.annotations[PRODUCER_NAMESPACE] : undefined,
    http: rules,
    dropped,
    delegates: named,
  };
}

/** What of a service decides about its VirtualServices. */
type ServiceName = Pick<Service, 'hostname' | 'namespace'>;

/** The VirtualServices that govern the sidecars of one namespace. They are not merged: per host the first one rules. */
export interface NamespaceVirtualServices {
  /** In order of precedence: own, exported, public; oldest first in each. */
  readonly list: readonly ResolvedVirtualService[];
  /** Per host in the same order. The first that has a rule for a client and port takes the host there, and the others are out. */
  readonly byHost: ReadonlyMap<string, readonly ResolvedVirtualService[]>;
  /** What was found so far: all sidecars of a mesh ask for the same services. Undefined: no host stands for many, and a service is looked up by its name alone. */
  readonly claims: WeakMap<ServiceName, readonly ResolvedVirtualService[]> | undefined;
}

// As in services.ts: a memo of a pure function of an immutable table.
const memo = new WeakMap<VirtualServiceTable, Map<string, NamespaceVirtualServices>>();

/** VirtualServices for calls by sidecars of a namespace. */
export function meshVirtualServices(context: Pick<PushContext, 'virtualServices'>, namespace: string): NamespaceVirtualServices {
  const table = context.virtualServices;
  let perNamespace = memo.get(table);
  if (perNamespace === undefined) memo.set(table, (perNamespace = new Map()));
  const key = table.mesh.own.has(namespace) || table.mesh.exported.has(namespace) ? namespace : '';
  let found = perNamespace.get(key);
  if (found === undefined) {
    const list = visibleIn(table.mesh, namespace);
    const byHost = new Map<string, ResolvedVirtualService[]>();
    for (const entry of list) for (const host of entry.hosts) push(byHost, host, entry);
    const claims = list.some(({ hosts }) => hosts.some(isWildcard)) ? new WeakMap() : undefined;
    perNamespace.set(key, (found = { list, byHost, claims }));
  }
  return found;
}

const NONE: readonly ResolvedVirtualService[] = [];

/** The VirtualServices that claim a service for sidecars of a namespace: those of the most specific pattern of its host, in order of precedence. */
export function virtualServicesFor(
  context: Pick<PushContext, 'virtualServices'>,
  namespace: string,
  service: ServiceName,
): readonly ResolvedVirtualService[] {
  const { byHost, claims } = meshVirtualServices(context, namespace);
  if (claims === undefined) return claimsOf(byHost.get(service.hostname), service);
  let found = claims.get(service);
  if (found === undefined) claims.set(service, (found = claimsByPattern(byHost, service)));
  return found;
}

function claimsByPattern(byHost: NamespaceVirtualServices['byHost'], service: ServiceName): readonly ResolvedVirtualService[] {
  for (const pattern of [service.hostname, ...wildcardsOf(service.hostname)]) {
    const claims = claimsOf(byHost.get(pattern), service);
    if (claims.length > 0) return claims;
  }
  return NONE;
}

/** Of those with the host: which hold for the service. */
function claimsOf(entries: readonly ResolvedVirtualService[] | undefined, { namespace }: ServiceName): readonly ResolvedVirtualService[] {
  if (entries === undefined) return NONE;
  for (const entry of entries) if (!holdsFor(entry, namespace)) return entries.filter((one) => holdsFor(one, namespace));
  return entries;
}

function holdsFor({ producer }: ResolvedVirtualService, namespace: string): boolean {
  return producer === undefined || producer === namespace;
}

/** The VirtualService that owns a service for sidecars of a namespace: the most specific, then the first. */
export function virtualServiceFor(
  context: Pick<PushContext, 'virtualServices'>,
  namespace: string,
  service: ServiceName,
): ResolvedVirtualService | undefined {
  return virtualServicesFor(context, namespace, service)[0];
}

/** VirtualServices bound to a Gateway, seen from the gateway workload's namespace, oldest first: on gateways they add up. */
export function gatewayVirtualServices(
  context: Pick<PushContext, 'virtualServices'>,
  gateway: string,
  proxyNamespace: string,
): readonly ResolvedVirtualService[] {
  return (context.virtualServices.byGateway.get(gateway) ?? []).filter((entry) => isVisibleIn(entry.visibility, proxyNamespace));
}
