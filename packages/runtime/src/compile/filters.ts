import type { ActiveFilter, ClusterChoice, CompiledFilters, CompiledRoute } from '../compiled.ts';
import { filterKind } from '../filters/index.ts';
import { skipping } from '../filters/skip.ts';
import type { FilterOverride, FilterOverrides, HttpFilter } from '../filters/types.ts';
import type { HttpConnectionManager } from '../types/http.ts';
import { overridesOf } from './route.ts';

/** One route's share of a chain: the list of its own, and those of weighted clusters that say something else. */
interface RouteFilters {
  readonly own: readonly ActiveFilter[];
  readonly byChoice: WeakMap<ClusterChoice, readonly ActiveFilter[]>;
}

/** The filters of a connection manager. What each does on a route is worked out when the route is first used. */
export function compileFilters(http: HttpConnectionManager): CompiledFilters {
  const { filters } = http;
  const statPrefix = `http.${http.statPrefix}.`;
  const everyRoute = filters.some((filter) => filterKind(filter.t).readsRoute === true);
  const make = (route: CompiledRoute | undefined, choice: ClusterChoice | undefined): readonly ActiveFilter[] => {
    const overrides = overridesOf(route, choice);
    return filters
      .map((filter, position) => activate(filter, position, { overrides, route, choice, statPrefix, chain: filters }))
      .filter((filter) => filter !== undefined);
  };
  let base: readonly ActiveFilter[] | undefined;
  const routes = new WeakMap<CompiledRoute, RouteFilters>();
  return {
    empty: filters.length === 0,
    of(route, choice) {
      const special = choice?.overrides !== undefined;
      if (route === undefined || (!everyRoute && route.overrides.length === 0 && !special)) return (base ??= make(undefined, undefined));
      let known = routes.get(route);
      if (known === undefined) {
        known = { own: make(route, undefined), byChoice: new WeakMap() };
        routes.set(route, known);
      }
      if (choice === undefined || !special) return known.own;
      let own = known.byChoice.get(choice);
      if (own === undefined) {
        own = make(route, choice);
        known.byChoice.set(choice, own);
      }
      return own;
    },
  };
}

interface Site {
  readonly overrides: readonly FilterOverrides[];
  readonly route: CompiledRoute | undefined;
  readonly choice: ClusterChoice | undefined;
  readonly statPrefix: string;
  readonly chain: readonly HttpFilter[];
}

function activate(filter: HttpFilter, position: number, { overrides, ...site }: Site): ActiveFilter | undefined {
  const own = overrides.flatMap((level) => (Object.hasOwn(level, filter.name) ? (level[filter.name] ?? []) : []));
  // The most specific word on whether it runs at all is the last one; settings, and trees, switch on what is off in the chain.
  const last = own.at(-1);
  if (last === undefined ? filter.disabled : last.t === 'disabled') return undefined;
  const settings = own.filter((level): level is FilterOverride & { t: 'settings' } => level.t === 'settings' && level.kind === filter.t);
  const action = filterKind(filter.t).compile(filter.config, { overrides: settings.map(({ config }) => config), name: filter.name, ...site });
  if (action === undefined) return undefined;
  // A route's tree is for a filter that has one; others know nothing of trees.
  const skip = filter.skip === undefined ? undefined : (own.findLast((level) => level.t === 'skip')?.matcher ?? filter.skip);
  const acting = skip === undefined ? action : skipping(action, skip);
  return { name: filter.name, t: filter.t, position, stats: acting.stats, decide: (context) => acting.decide(context) };
}
