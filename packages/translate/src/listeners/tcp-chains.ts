import type { VirtualService } from '@meltemi/api';
import type { ResolvedVirtualService } from '@meltemi/model';
import type { CidrRange, FilterChain, FilterChainMatch, NetworkFilter } from '@meltemi/protos-types';
import { filled } from '../common/defined.ts';
import { serverNameLookup } from '../common/dynamic-dns.ts';
import { originMetadata, originText, refOf } from '../common/origin.ts';
import { offersBytes } from '../common/sniffing.ts';
import { policyOf, resolveDestination, selectsScope, type RouteScope } from '../routes/scope.ts';
import { tcpFilter, type TcpFilterOptions } from './tcp-filter.ts';
import { tcpSettings } from './tcp-settings.ts';

type TlsRule = NonNullable<VirtualService['tls']>[number];
type TcpRule = NonNullable<VirtualService['tcp']>[number];

/** Which rules of a VirtualService count: `tls` where server names can be told, `tcp` where bytes are all there is. */
interface Options extends Pick<TcpFilterOptions, 'mesh' | 'dataPlane' | 'direction'> {
  readonly rules?: 'tls' | 'tcp' | 'both';
}

/**
 * The chains of a VirtualService's `tls` and `tcp` rules for one client and port: by server name, then by destination range, first match wins. A rule
 * without any condition ends the list.
 */
export function tcpChains(entry: ResolvedVirtualService, scope: RouteScope, options: Options): readonly FilterChain[] {
  const { rules = 'both' } = options;
  const found = new Map<string, FilterChain>();
  const add = (rule: TlsRule | TcpRule, path: string, match: FilterChainMatch): void => {
    const key = JSON.stringify(match);
    const route = filled(rule.route ?? []);
    if (found.has(key) || route === undefined) return;
    found.set(key, chainOf(originText(refOf(entry.config), path), match, filtersOf(route, entry, scope, options)));
  };
  const selects = (match: Parameters<typeof selectsScope>[0]): boolean => selectsScope(match, entry.gateways, entry.config.meta.namespace, scope);
  if (rules !== 'tcp') {
    for (const [index, rule] of (entry.config.spec.tls ?? []).entries())
      for (const match of rule.match)
        if (selects(match)) add(rule, `spec.tls[${index}]`, { ...serverNames(match.sniHosts), ...ranges(match.destinationSubnets) });
  }
  if (rules !== 'tls') {
    for (const { rule, index, match } of tcpMatches(entry)) {
      if (!selects(match)) continue;
      const condition = ranges(match?.destinationSubnets);
      add(rule, `spec.tcp[${index}]`, condition);
      if (condition.prefix_ranges === undefined) break;
    }
  }
  return [...found.values()];
}

function tcpMatches(entry: ResolvedVirtualService) {
  return (entry.config.spec.tcp ?? []).flatMap((rule, index) => (filled(rule.match ?? []) ?? [undefined]).map((match) => ({ rule, index, match })));
}

/** `*` among the names is any, also none. */
function serverNames(hosts: readonly string[]): Pick<FilterChainMatch, 'server_names'> {
  return hosts.includes('*') ? {} : { server_names: hosts.map((host) => host.toLowerCase()) };
}

function chainOf(origin: string, match: FilterChainMatch, filters: readonly NetworkFilter[]): FilterChain {
  return {
    name: origin,
    ...(Object.keys(match).length === 0 ? {} : { filter_chain_match: match }),
    filters,
    metadata: originMetadata(origin),
  };
}

type Route = NonNullable<TcpRule['route']>;

/** The proxy of a route. What is said of a host as a whole (idle time, tunnel of several destinations) is said by the rule of the first. */
function filtersOf(route: Route, entry: ResolvedVirtualService, scope: RouteScope, options: Options): readonly NetworkFilter[] {
  const { mesh, dataPlane, direction } = options;
  const targets = route.map((part) => ({ part, target: resolveDestination(part.destination, entry.config.meta.namespace, scope) }));
  const weighted = targets.length > 1 ? targets.filter(({ part }) => (part.weight ?? 0) > 0) : targets;
  const [first] = targets;
  const host = first === undefined ? {} : policyOf({ ...first.target, subset: '' }, scope);
  const single = targets.length === 1 && first !== undefined ? policyOf(first.target, scope) : host;
  const proxy = tcpFilter({
    mesh,
    dataPlane,
    direction,
    // One alone takes everything, whatever its weight.
    clusters: weighted.map(({ part, target }) => ({ name: target.cluster, weight: part.weight ?? 1 })),
    ...tcpSettings(host, single),
  });
  return [
    ...serverNameLookup(first?.target.service, first?.target.port ?? 0),
    ...(targets.map(({ target }) => bytesTo(target, scope)).find((filters) => filters.length > 0) ?? []),
    proxy,
  ];
}

function bytesTo(target: ReturnType<typeof resolveDestination>, scope: RouteScope): readonly NetworkFilter[] {
  const port = target.service?.ports.find(({ number }) => number === target.port);
  return offersBytes(target.service, port, policyOf(target, scope).tls?.mode);
}

function ranges(subnets: readonly string[] | undefined): { readonly prefix_ranges?: readonly CidrRange[] } {
  if (subnets === undefined || subnets.length === 0) return {};
  return {
    prefix_ranges: subnets.map((text) => {
      const [address_prefix = '', bits] = text.split('/');
      return { address_prefix, prefix_len: bits === undefined ? (address_prefix.includes(':') ? 128 : 32) : Number(bits) };
    }),
  };
}
