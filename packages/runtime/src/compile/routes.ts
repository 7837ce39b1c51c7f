import type { CompiledRoute, CompiledRoutes, RequestView } from '../compiled.ts';
import type { RuntimeRouteConfig, VirtualHost } from '../types/route.ts';
import { compileMatcher, readRequest, type Follow } from '../matcher/compile.ts';
import type { Matcher } from '../matcher/types.ts';
import { compileDomains } from './hosts.ts';
import { compileMatch, type RoutePredicate } from './predicates.ts';
import { indexRoutes, type RouteIndex } from './route-index.ts';
import { compileRoute } from './route.ts';
import { pathOf } from './target.ts';

/** A route with its condition. */
export interface RouteEntry {
  readonly route: CompiledRoute;
  readonly matches: RoutePredicate;
}

export interface CompiledHost {
  readonly config: VirtualHost;
  /** In configured order. */
  readonly entries: readonly RouteEntry[];
  /** Absent = they are few. */
  readonly index: RouteIndex<RouteEntry> | undefined;
  /** The routes that are tried, where a tree says so. */
  readonly tree: Follow<RequestView, readonly RouteEntry[]> | undefined;
}

/** The table with what `decide` needs to tell its steps. */
export interface RouteTable extends CompiledRoutes {
  host(authority: string): CompiledHost | undefined;
}

/** Virtual hosts are compiled when first asked for: a sidecar that sees every service of a mesh talks to few. */
export function compileRoutes(config: RuntimeRouteConfig): RouteTable {
  let next = 0;
  const offsets = config.virtualHosts.map((host) => (next += host.routes.length) - host.routes.length);
  const lazy = config.virtualHosts.map((host, index) => lazily(() => compileHost(host, config, offsets[index] ?? 0)));
  const domains = compileDomains(
    config.virtualHosts.flatMap((host, index) => host.domains.map((domain) => [domain, lazy[index]] as const)),
    config.ignorePort,
  );
  const host = (authority: string): CompiledHost | undefined => domains.find(authority)?.();
  return {
    config,
    host,
    virtualHost: (authority) => host(authority)?.config,
    match(request, random) {
      const found = host(request.authority);
      return found === undefined ? undefined : matchRoute(found, request, random);
    },
  };
}

const NO_ENTRIES: readonly RouteEntry[] = [];

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function compileHost(config: VirtualHost, table: RuntimeRouteConfig, offset: number): CompiledHost {
  const entries = config.routes.map((route, index) => ({
    route: compileRoute(route, config, table, offset + index),
    matches: compileMatch(route.match),
  }));
  return {
    config,
    entries,
    index: indexRoutes(entries.map((item) => ({ match: item.route.config.match, item }))),
    tree: config.tree === undefined ? undefined : compileTree(config.tree, entries),
  };
}

function compileTree(tree: Matcher<readonly number[]>, entries: readonly RouteEntry[]): Follow<RequestView, readonly RouteEntry[]> {
  const follow = compileMatcher(tree, readRequest);
  const leaves = new WeakMap<readonly number[], readonly RouteEntry[]>();
  return (request) => {
    const indexes = follow(request);
    if (indexes === undefined) return undefined;
    const known = leaves.get(indexes);
    if (known !== undefined) return known;
    const made = indexes.map((index) => entries[index]).filter((entry) => entry !== undefined);
    leaves.set(indexes, made);
    return made;
  };
}

function matchRoute(host: CompiledHost, request: RequestView, random: () => number): CompiledRoute | undefined {
  const path = pathOf(request.path);
  // One number per request: a share of the traffic must be the same share for every route that asks.
  let drawn = -1;
  const roll = (): number => (drawn < 0 ? (drawn = random()) : drawn);
  const { tree, index } = host;
  if (tree === undefined && index !== undefined) return index.first(request, path, (entry) => entry.matches(request, path, roll))?.route;
  const tried = tree === undefined ? host.entries : (tree(request) ?? NO_ENTRIES);
  for (const entry of tried) if (entry.matches(request, path, roll)) return entry.route;
  return undefined;
}
