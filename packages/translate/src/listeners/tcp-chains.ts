import type { VirtualService } from '@meltemi/api';
import type { ResolvedVirtualService } from '@meltemi/model';
import type { CidrRange, FilterChain, FilterChainMatch, NetworkFilter } from '@meltemi/protos-types';
import { originMetadata, originText, refOf } from '../common/origin.ts';
import { resolveDestination, selectsScope, type RouteScope } from '../routes/scope.ts';
import { tcpFilter, type TcpFilterOptions } from './tcp-filter.ts';

type TlsRule = NonNullable<VirtualService['tls']>[number];
type TcpRule = NonNullable<VirtualService['tcp']>[number];
type Options = Omit<TcpFilterOptions, 'clusters'>;

/**
 * The chains of a VirtualService's `tls` and `tcp` rules for one client and port: by server name, then by destination range, first match wins. A rule
 * without any condition ends the list.
 */
export function tcpChains(entry: ResolvedVirtualService, scope: RouteScope, options: Options): readonly FilterChain[] {
  const chains: FilterChain[] = [];
  const seen = new Set<string>();
  const add = (rule: TlsRule | TcpRule, path: string, match: FilterChainMatch): void => {
    const key = JSON.stringify(match);
    if (seen.has(key) || rule.route === undefined) return;
    seen.add(key);
    chains.push(chainOf(originText(refOf(entry.config), path), match, tcpFilter({ ...options, clusters: clustersOf(rule.route, entry, scope) })));
  };
  for (const [index, rule] of (entry.config.spec.tls ?? []).entries()) {
    for (const match of rule.match) {
      if (!selectsScope(match, entry.gateways, entry.config.meta.namespace, scope)) continue;
      add(rule, `spec.tls[${index}]`, { server_names: match.sniHosts.map((name) => name.toLowerCase()), ...ranges(match.destinationSubnets) });
    }
  }
  for (const [index, rule] of (entry.config.spec.tcp ?? []).entries()) {
    const matches = rule.match === undefined || rule.match.length === 0 ? [undefined] : rule.match;
    for (const match of matches) {
      if (selectsScope(match, entry.gateways, entry.config.meta.namespace, scope)) add(rule, `spec.tcp[${index}]`, ranges(match?.destinationSubnets));
    }
  }
  return chains;
}

function chainOf(origin: string, match: FilterChainMatch, filter: NetworkFilter): FilterChain {
  return {
    name: origin,
    ...(Object.keys(match).length === 0 ? {} : { filter_chain_match: match }),
    filters: [filter],
    metadata: originMetadata(origin),
  };
}

/** Destinations with a share above zero; one alone takes everything. */
function clustersOf(route: NonNullable<TcpRule['route']>, entry: ResolvedVirtualService, scope: RouteScope): TcpFilterOptions['clusters'] {
  const weighted = route.length > 1 ? route.filter((part) => (part.weight ?? 0) > 0) : route;
  return weighted.map((part) => ({
    name: resolveDestination(part.destination, entry.config.meta.namespace, scope).cluster,
    weight: part.weight ?? 1,
  }));
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
