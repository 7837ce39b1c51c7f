import { compareByAge, type Config } from '@meltemi/api';
import { resolveHost, wildcardsOf } from '../hostname.ts';
import type { VirtualServiceSpec } from '../specs.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import type { PushContext } from './push-context.ts';
import { indexByVisibility, isVisibleIn, push, visibilityOf, visibleIn, type Visibility, type VisibilityIndex } from './visibility.ts';

/** The name that stands for all sidecars in `gateways`. */
export const MESH_GATEWAY = 'mesh';

/** A VirtualService with its names resolved. */
export interface ResolvedVirtualService {
  readonly config: Config<VirtualServiceSpec>;
  /** Complete host names, or wildcards. */
  readonly hosts: readonly string[];
  /** `mesh` or `namespace/name`. */
  readonly gateways: readonly string[];
  readonly visibility: Visibility;
}

export interface VirtualServiceTable {
  /** Oldest first. */
  readonly all: readonly ResolvedVirtualService[];
  /** Those that govern sidecars. */
  readonly mesh: VisibilityIndex<ResolvedVirtualService>;
  /** By `namespace/name` of the Gateway, oldest first. */
  readonly byGateway: ReadonlyMap<string, readonly ResolvedVirtualService[]>;
}

/** Resolves and indexes all VirtualServices; those whose object did not change are taken over from `previous`. */
export function buildVirtualServiceTable(
  configs: readonly Config<VirtualServiceSpec>[],
  mesh: MeshConfig,
  previous?: VirtualServiceTable,
): VirtualServiceTable {
  const kept = new Map((previous?.all ?? []).map((entry) => [entry.config, entry]));
  const all = [...configs].sort(compareByAge).map((config) => kept.get(config) ?? resolve(config, mesh));
  const byGateway = new Map<string, ResolvedVirtualService[]>();
  for (const entry of all) for (const gateway of entry.gateways) if (gateway !== MESH_GATEWAY) push(byGateway, gateway, entry);
  const onMesh = all.filter((entry) => entry.gateways.includes(MESH_GATEWAY));
  return { all, mesh: indexByVisibility(onMesh, (entry) => ({ namespace: entry.config.meta.namespace, visibility: entry.visibility })), byGateway };
}

function resolve(config: Config<VirtualServiceSpec>, mesh: MeshConfig): ResolvedVirtualService {
  const { namespace } = config.meta;
  const { exportTo } = config.spec;
  const gateways = config.spec.gateways.map((gateway) => resolveGateway(gateway, namespace));
  return {
    config,
    hosts: config.spec.hosts.map((host) => resolveHost(host, namespace, mesh.domainSuffix)),
    gateways: [...new Set(gateways)],
    visibility: visibilityOf(exportTo === undefined || exportTo.length === 0 ? mesh.defaultVirtualServiceExportTo : exportTo, namespace),
  };
}

/** `mesh`, or `namespace/name`: a bare name is of the VirtualService's own namespace, and so is `./name`. */
export function resolveGateway(gateway: string, namespace: string): string {
  if (gateway === MESH_GATEWAY) return gateway;
  const slash = gateway.indexOf('/');
  if (slash < 0) return `${namespace}/${gateway}`;
  return gateway.startsWith('./') ? `${namespace}/${gateway.slice(2)}` : gateway;
}

/** The VirtualServices that govern the sidecars of one namespace. They are not merged: per host the first one rules. */
export interface NamespaceVirtualServices {
  /** In order of precedence: own, exported, public; oldest first in each. */
  readonly list: readonly ResolvedVirtualService[];
  readonly byHost: ReadonlyMap<string, ResolvedVirtualService>;
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
    const byHost = new Map<string, ResolvedVirtualService>();
    for (const entry of list) for (const host of entry.hosts) if (!byHost.has(host)) byHost.set(host, entry);
    perNamespace.set(key, (found = { list, byHost }));
  }
  return found;
}

/** The VirtualService that owns a host for sidecars of a namespace: the most specific, then the first. */
export function virtualServiceFor(
  context: Pick<PushContext, 'virtualServices'>,
  namespace: string,
  hostname: string,
): ResolvedVirtualService | undefined {
  const { byHost } = meshVirtualServices(context, namespace);
  const exact = byHost.get(hostname);
  if (exact !== undefined) return exact;
  for (const pattern of wildcardsOf(hostname)) {
    const entry = byHost.get(pattern);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

/** VirtualServices bound to a Gateway, seen from the gateway workload's namespace, oldest first: on gateways they add up. */
export function gatewayVirtualServices(
  context: Pick<PushContext, 'virtualServices'>,
  gateway: string,
  proxyNamespace: string,
): readonly ResolvedVirtualService[] {
  return (context.virtualServices.byGateway.get(gateway) ?? []).filter((entry) => isVisibleIn(entry.visibility, proxyNamespace));
}
