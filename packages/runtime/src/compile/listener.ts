import { xxHash64 } from '../lb/hash64.ts';
import type { CompiledChain, CompiledListener, CompiledRoutes, CompiledTcp } from '../compiled.ts';
import { compileAdmission } from '../rbac/network.ts';
import type { HttpConnectionManager } from '../types/http.ts';
import type { FilterChain, RuntimeListener } from '../types/listener.ts';
import type { TcpCluster, TcpProxy } from '../types/tcp.ts';
import { compileMatcher, readConnection } from '../matcher/compile.ts';
import type { Matcher } from '../matcher/types.ts';
import { compileChains, type ChainSelector } from './chains.ts';
import { compileFilters } from './filters.ts';
import { compileInspection } from './inspection.ts';
import { compileRoutes } from './routes.ts';

/** `routes` looks a table up by name, each time anew, so that a new one takes effect with the next request. */
export function compileListener(config: RuntimeListener, routes: (name: string) => CompiledRoutes | undefined): CompiledListener {
  const compileOne = (chain: FilterChain): CompiledChain => ({
    config: chain,
    listener: config,
    limits: limitsOf(chain),
    admit: compileAdmission(chain.networkFilters),
    terminal: compileTerminal(chain, routes),
  });
  const compiled = config.filterChains.map((chain) => [chain, compileOne(chain)] as const);
  const select = config.chainTree === undefined ? compileChains(compiled) : selectByName(config.chainTree, compiled);
  const fallback = config.defaultFilterChain === undefined ? undefined : compileOne(config.defaultFilterChain);
  const has = (t: string): boolean => config.listenerFilters.some((filter) => filter.t === t);
  return {
    config,
    inspects: compileInspection(config.listenerFilters),
    needsOriginalDst: has('original-dst') || config.useOriginalDst,
    selectChain: (connection) => select(connection) ?? fallback,
  };
}

/** What TLS to the upstream offers; undefined = what the cluster says. */
export function upstreamAlpn({ config }: Pick<CompiledChain, 'config'>): readonly string[] | undefined {
  return config.networkFilters.find((filter) => filter.t === 'upstream-alpn')?.protocols;
}

function limitsOf({ networkFilters }: FilterChain): CompiledChain['limits'] {
  const limits = networkFilters.flatMap((filter) => (filter.t === 'connection-limit' ? [{ config: filter, active: 0 }] : []));
  return limits.length === 0 ? undefined : limits;
}

/** A name that no chain has leads nowhere. */
function selectByName(tree: Matcher<string>, chains: readonly (readonly [FilterChain, CompiledChain])[]): ChainSelector<CompiledChain> {
  const follow = compileMatcher(tree, readConnection);
  const byName = new Map(chains.map(([{ name }, chain]) => [name, chain]));
  return (connection) => byName.get(follow(connection) ?? '');
}

function compileTerminal(chain: FilterChain, routes: (name: string) => CompiledRoutes | undefined): CompiledChain['terminal'] {
  const { terminal } = chain;
  if (terminal.t === 'tcp') return { t: 'tcp', tcp: compileTcp(terminal.tcp) };
  const { http } = terminal;
  return { t: 'http', http: { config: http, routes: routeLookup(http, routes), filters: compileFilters(http) } };
}

function routeLookup(http: HttpConnectionManager, routes: (name: string) => CompiledRoutes | undefined): () => CompiledRoutes | undefined {
  const source = http.routes;
  if (source.t === 'rds') return () => routes(source.name);
  const compiled = compileRoutes(source.routes);
  return () => compiled;
}

function compileTcp(config: TcpProxy): CompiledTcp {
  const { clusters } = config;
  const last = clusters.at(-1) ?? NO_CLUSTER;
  const total = clusters.reduce((sum, cluster) => sum + cluster.weight, 0);
  return {
    config,
    wish(address, { criteria }) {
      if (!config.hashesSource && criteria.length === 0) return undefined;
      return { hash: config.hashesSource ? xxHash64(address) : undefined, criteria: criteria.length === 0 ? undefined : criteria };
    },
    pickCluster(random) {
      if (clusters.length <= 1) return last;
      let left = random * total;
      for (const cluster of clusters) {
        left -= cluster.weight;
        if (left < 0) return cluster;
      }
      return last;
    },
  };
}

const NO_CLUSTER: TcpCluster = { name: '', weight: 1, criteria: [] };
