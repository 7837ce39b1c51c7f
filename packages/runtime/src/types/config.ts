import type { RuntimeCluster, RuntimeEndpoints } from './cluster.ts';
import type { RuntimeListener } from './listener.ts';
import type { RuntimeRouteConfig } from './route.ts';
import type { RuntimeSecret } from './secret.ts';

/** Everything a data plane needs, as plain data that can be cloned to a worker or a browser. */
export interface RuntimeConfig {
  readonly listeners: readonly RuntimeListener[];
  readonly routes: readonly RuntimeRouteConfig[];
  readonly clusters: readonly RuntimeCluster[];
  /** Keyed by `cluster` = the EDS service name (or the cluster's own name for DNS clusters). */
  readonly endpoints: readonly RuntimeEndpoints[];
  readonly secrets: readonly RuntimeSecret[];
}

/** A change: what is in `upsert` replaces what has the same name; applied in the order of the fields, removals last. */
export interface RuntimeDelta {
  readonly clusters?: readonly RuntimeCluster[];
  readonly endpoints?: readonly RuntimeEndpoints[];
  readonly secrets?: readonly RuntimeSecret[];
  readonly routes?: readonly RuntimeRouteConfig[];
  readonly listeners?: readonly RuntimeListener[];
  readonly removed?: {
    readonly listeners?: readonly string[];
    readonly routes?: readonly string[];
    readonly clusters?: readonly string[];
    readonly endpoints?: readonly string[];
    readonly secrets?: readonly string[];
  };
}
