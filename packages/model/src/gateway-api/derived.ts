import type { Config, HttpRoute } from '@meltemi/api';
import type { Session } from '../session.ts';

/**
 * Objects of the Gateway API come into force as Istio's Gateways, VirtualServices and DestinationRules that are made of them. Their names hold a
 * "~", which no name of an object may: nobody can write, refer to or collide with one.
 */
export function derivedName(...parts: readonly string[]): string {
  return parts.join('~');
}

/** Whether a name (or `namespace/name`) is of a derived object. */
export function isDerived(name: string): boolean {
  return name.includes('~');
}

/** What a derived HTTP rule knows beyond what a VirtualService can say. */
export interface DerivedRule {
  /** The object and the place in it that the rule was made of. */
  readonly source: Config;
  readonly path: string;
  /** Path prefixes take whole segments: `/foo` is not a prefix of `/foobar`. */
  readonly wholeSegments: true;
  /** A destination may not exist: its share is answered with 500, as the Gateway API asks. */
  readonly missingStatus: 500;
  /** Clients come back to the endpoint that they were with. */
  readonly session?: Session;
  /** It takes, of requests that no earlier part of the rule took, those up to this share of all; undefined: the rest. */
  readonly upToPercent?: number;
}

/** An HTTP rule that was made of a route of the Gateway API. */
export type DerivedHttpRoute = HttpRoute & { readonly derived: DerivedRule };

/** The facts of a derived rule; undefined for rules that users wrote. */
export function derivedRule(route: HttpRoute): DerivedRule | undefined {
  return (route as Partial<DerivedHttpRoute>).derived;
}

/** The host of a backend that is missing or may not be referred to: no service has it. */
export const MISSING_BACKEND = 'missing-backend.invalid';

/** Annotation of derived VirtualServices that the namespace of a service made for all of its callers: they hold for services of this namespace only. */
export const PRODUCER_NAMESPACE = 'meltemi.io/producer-namespace';

/** Annotation of derived Gateways: only workloads of this namespace serve them. */
export const GATEWAY_NAMESPACE = 'meltemi.io/gateway-namespace';
