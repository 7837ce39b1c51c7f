import type { HttpRoute } from '@meltemi/api';
import type { Any, HttpFilter } from '@meltemi/protos-types';

/** Where a connection manager stands. */
export interface FilterPlace {
  readonly place: 'sidecar-inbound' | 'sidecar-outbound' | 'gateway';
  readonly dataPlane: 'embedded' | 'envoy';
  /** The port speaks gRPC-Web. */
  readonly grpcWeb?: boolean;
}

/** One HTTP filter of the chain. `http-filters/index.ts` lists them: list order is chain order. */
export interface HttpFilterDefinition {
  /** Canonical extension name; per-route settings are found by it. */
  readonly name: string;
  applies(place: FilterPlace): boolean;
  build(place: FilterPlace): HttpFilter;
  /** What a route says to the filter; undefined: nothing. */
  perRoute?(route: HttpRoute): Any | undefined;
}
