/** One xDS resource, encoded once and shared by all clients that get it. */
export interface Resource {
  readonly name: string;
  /** A hash of the content: equal in every replica of the control plane, so a reconnect re-sends nothing that is known. */
  readonly version: string;
  /** The encoded message: `value` of its Any. Never changed after creation. */
  readonly bytes: Uint8Array;
  /** For a cluster of type EDS: the name of its ClusterLoadAssignment, which must be sent again whenever the cluster changed (Envoy warms it anew). */
  readonly endpointName?: string;
}

/** What a server session serves from: the present state as this client may see it. */
export interface ResourceSource {
  /** Rises with every change of state; undefined before the first snapshot, when nothing at all may be sent. */
  readonly version: number | undefined;
  /** All resources of a type ('*'), or those of the names that exist. Return the same Map object while nothing changed: then nothing is compared. */
  resources(typeUrl: string, names: ReadonlySet<string> | '*'): ReadonlyMap<string, Resource>;
}
