/** Terse builders for cases about HTTP filters. */
import type { CaseContext } from './harness/context.ts';
import { accessLog, any, cluster, http1, ROUTER, to, type Resources } from './resources.ts';

/** A filter of a chain; `type` is that of its configuration (`filters.http.rbac.v3.RBAC`). */
export function filter(name: string, type: string, config: object = {}, more: object = {}): object {
  return { name, typed_config: any(type, config), ...more };
}

/** Options of the connection manager: these filters before the router, and more fields of the log. */
export function chain(c: CaseContext, filters: readonly object[], log: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { http_filters: [...filters, ROUTER], access_log: [accessLog(c, log)] };
}

/** The usual case with these filters before the router. */
export function filtered(
  c: CaseContext,
  filters: readonly object[],
  routes: readonly object[] = [to(c, 'main')],
  log: Readonly<Record<string, unknown>> = {},
): Resources {
  return http1(
    c,
    routes,
    chain(c, filters, log),
    c.backends().map((name) => cluster(c, name)),
  );
}

/** `typed_per_filter_config` of a route, virtual host or weighted cluster. */
export function settings(entries: Readonly<Record<string, object>>): object {
  return { typed_per_filter_config: entries };
}

/** Switches a filter off where it stands. */
export const DISABLED: object = any('envoy.config.route.v3.FilterConfig', { disabled: true });
