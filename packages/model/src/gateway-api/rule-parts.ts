import type { Config, GRPCRouteRule, HTTPRouteFilter, HTTPRouteRule, HttpRoute } from '@meltemi/api';
import type { DerivedHttpRoute } from './derived.ts';
import type { GatewayApiObjects } from './inputs.ts';
import { headersOf } from './modifiers.ts';
import { referrer, resolveBackend, type BackendReference, type ResolvedBackend } from './references.ts';

export type AnyRule = HTTPRouteRule | GRPCRouteRule;

/** Where references are looked up from, and what is wrong with them is gathered. */
export interface References {
  readonly objects: GatewayApiObjects;
  readonly config: Config;
  readonly faults: ResolvedBackend[];
}

/** The requests of a rule that go the same way. */
export interface RulePart {
  readonly targets: Pick<HttpRoute, 'route' | 'directResponse'>;
  /** Of the one backend that it is; none where it is all of them. */
  readonly filters: readonly HTTPRouteFilter[];
  /** It takes what of 100 % no part before it took, up to here; undefined: the rest. */
  readonly upToPercent?: number;
}

interface Share {
  readonly weight: number;
  readonly filters: readonly HTTPRouteFilter[];
  readonly resolved: ResolvedBackend;
}

const NOTHING_THERE = { directResponse: { status: 500 } } as const;

/** What a proxy can do to a whole route only: a backend that has it becomes a route of its own. */
const OF_ROUTES = ['requestMirror', 'requestRedirect', 'urlRewrite', 'cors'] as const;

/** Where a rule sends requests. Without a backend that may get one, it answers 500. */
export function partsOf({ objects, config, faults }: References, rule: AnyRule): readonly RulePart[] {
  const from = referrer(config);
  const all = (rule.backendRefs ?? []).map((ref): Share => {
    const filters = (ref.filters ?? []) as readonly HTTPRouteFilter[];
    return { weight: ref.weight, filters, resolved: resolveBackend(objects, ref, from) };
  });
  for (const { resolved } of all) faults.push(resolved);
  const open = all.filter(({ weight }) => weight > 0);
  if (!open.some(needsRoute))
    return [
      { targets: open.every(({ resolved }) => resolved.fault !== undefined) ? NOTHING_THERE : { route: open.map(destinationOf) }, filters: [] },
    ];
  const total = open.reduce((sum, { weight }) => sum + weight, 0);
  let taken = 0;
  return open.map((share, index) => {
    taken += share.weight;
    const targets = share.resolved.fault === undefined ? { route: [destinationOf(share)] } : NOTHING_THERE;
    return { targets, filters: share.filters, ...(index === open.length - 1 ? {} : { upToPercent: (taken / total) * 100 }) };
  });
}

/** A host name alone can be rewritten for one of several backends, but nothing is lost by a route of its own. */
function needsRoute({ filters }: Share): boolean {
  return filters.some((filter) => OF_ROUTES.some((kind) => filter[kind] !== undefined));
}

function destinationOf({ weight, filters, resolved }: Share): NonNullable<HttpRoute['route']>[number] {
  const headers = headersOf(filters);
  return { destination: resolved.destination, weight, ...(headers === undefined ? {} : { headers }) };
}

/** The filters of a rule, in the form that HTTPRoutes have. */
export function ruleFilters(rule: AnyRule): readonly HTTPRouteFilter[] {
  return (rule.filters ?? []) as readonly HTTPRouteFilter[];
}

/** The rule with the mirrors that these filters ask for. */
export function withMirrors({ objects, config, faults }: References, filters: readonly HTTPRouteFilter[], http: DerivedHttpRoute): DerivedHttpRoute {
  const mirrors = filters.flatMap(({ requestMirror }) => {
    if (requestMirror === undefined) return [];
    const { backendRef, percent, fraction } = requestMirror;
    const resolved = resolveBackend(objects, backendRef as BackendReference, referrer(config));
    faults.push(resolved);
    const share = fraction === undefined ? (percent ?? 100) : (fraction.numerator / fraction.denominator) * 100;
    return resolved.fault === undefined ? [{ destination: resolved.destination, percentage: { value: share } }] : [];
  });
  return mirrors.length === 0 ? http : { ...http, mirrors };
}
