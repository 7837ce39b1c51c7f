import type { HttpRoute } from '@meltemi/api';
import type { JwtRuleInForce, Service } from '@meltemi/model';
import type { Any, HttpFilter } from '@meltemi/protos-types';

/** Where a connection manager stands. */
export interface FilterPlace {
  readonly place: 'sidecar-inbound' | 'sidecar-outbound' | 'gateway';
  readonly dataPlane: 'embedded' | 'envoy';
  /** The port speaks gRPC-Web. */
  readonly grpcWeb?: boolean;
  /** Some hosts are looked up when they are called. */
  readonly byName?: boolean;
  /** Whose tokens are taken here. */
  readonly tokens?: readonly JwtRuleInForce[];
  /** Some route keeps sessions. */
  readonly sessions?: boolean;
}

/** One HTTP filter of the chain. `http-filters/index.ts` lists them: list order is chain order. */
export interface HttpFilterDefinition {
  /** Canonical extension name; per-route settings are found by it. */
  readonly name: string;
  applies(place: FilterPlace): boolean;
  build(place: FilterPlace): HttpFilter;
  /** What a route says to the filter, and the service that it calls first; undefined: nothing. */
  perRoute?(route: HttpRoute, called: Service | undefined): Any | undefined;
}
