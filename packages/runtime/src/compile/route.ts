import type { ClusterChoice, CompiledAction, CompiledRoute } from '../compiled.ts';
import type { FilterOverrides } from '../filters/types.ts';
import type { Route, RuntimeRouteConfig, VirtualHost } from '../types/route.ts';
import { compileForward, type Choice } from './forward.ts';
import { compileHeaders, requestLevel, responseLevel, type MutationLevel } from './headers.ts';
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
    action: compileAction(config, virtualHost, request, response, table.mostSpecificHeadersWin),
    responseHeaders: compileHeaders(response),
  };
}

function compileAction(config: Route, host: VirtualHost, request: readonly MutationLevel[], response: readonly MutationLevel[], specificLast: boolean): CompiledAction {
  const { action } = config;
  if (action.t === 'forward') return compileForward(action, config.match.path, { request, response, specificLast, retry: host.retry });
  if (action.t === 'redirect') return compileRedirect(action, config.match.path);
  return action;
}

const NO_OVERRIDES: readonly FilterOverrides[] = [];
const cached = new WeakMap<CompiledRoute, readonly FilterOverrides[]>();

/** Per-route filter settings, from table to weighted cluster: the most specific last. */
export function overridesOf(route: CompiledRoute, choice: ClusterChoice | undefined): readonly FilterOverrides[] {
  let levels = cached.get(route);
  if (levels === undefined) {
    levels = [route.table.overrides, route.virtualHost.overrides, route.config.overrides].filter((level) => Object.keys(level).length > 0);
    if (levels.length === 0) levels = NO_OVERRIDES;
    cached.set(route, levels);
  }
  const own = (choice as Choice | undefined)?.weighted?.overrides;
  return own === undefined || Object.keys(own).length === 0 ? levels : [...levels, own];
}
