import type { ClusterChoice, CompiledAction, CompiledRoute } from '../compiled.ts';
import type { FilterOverrides } from '../filters/types.ts';
import type { Route, RuntimeRouteConfig, VirtualHost } from '../types/route.ts';
import { compileForward } from './forward.ts';
import { compileHeaders, requestLevel, responseLevel } from './headers.ts';
import type { Inherited } from './pick-cluster.ts';
import { compileRedirect } from './redirect.ts';

export function compileRoute(config: Route, virtualHost: VirtualHost, table: RuntimeRouteConfig, index: number): CompiledRoute {
  const levels = [config.headers, virtualHost.headers, table.headers];
  // The last evaluated wins: the table's, unless the most specific shall.
  if (table.mostSpecificHeadersWin) levels.reverse();
  const request = levels.map(requestLevel);
  const response = levels.map(responseLevel);
  return {
    config,
    virtualHost,
    table,
    index,
    action: compileAction(config, {
      request,
      response,
      specificLast: table.mostSpecificHeadersWin,
      retry: virtualHost.retry,
      hedge: virtualHost.hedge,
      mirrors: virtualHost.mirrors.length > 0 ? virtualHost.mirrors : table.mirrors,
    }),
    responseHeaders: compileHeaders(response),
    overrides: inheritedOverrides(config, virtualHost, table),
  };
}

function compileAction({ action, match }: Route, inherited: Inherited): CompiledAction {
  if (action.t === 'forward') return compileForward(action, match.path, inherited);
  if (action.t === 'redirect') return compileRedirect(action, match.path);
  return action;
}

const NO_OVERRIDES: readonly FilterOverrides[] = [];

/** The levels that say something about filters, from table to route. */
function inheritedOverrides(config: Route, virtualHost: VirtualHost, table: RuntimeRouteConfig): readonly FilterOverrides[] {
  const levels = [table.overrides, virtualHost.overrides, config.overrides].filter((level) => Object.keys(level).length > 0);
  return levels.length === 0 ? NO_OVERRIDES : levels;
}

/** Per-route filter settings, from table to weighted cluster: the most specific last. */
export function overridesOf(route: CompiledRoute | undefined, choice: ClusterChoice | undefined): readonly FilterOverrides[] {
  const levels = route?.overrides ?? NO_OVERRIDES;
  return choice?.overrides === undefined ? levels : [...levels, choice.overrides];
}
