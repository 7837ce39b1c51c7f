import type { Problem } from '@meltemi/base';
import type { EndpointIndex, ProxyNode, PushContext } from '@meltemi/model';

/**
 * One xDS resource in ProtoJSON, without `@type`. As long as nothing it depends on changes, and for all nodes that share it, `json` is the very same
 * object: encode it once and keep the bytes beside it.
 */
export interface GeneratedResource {
  readonly json: object;
  /** For EDS clusters: the name of the ClusterLoadAssignment. */
  readonly endpointName?: string;
}

/** What the mesh is at one moment: the snapshot, and the endpoints beside it. */
export interface MeshState {
  readonly push: PushContext;
  readonly endpoints: EndpointIndex;
}

/** Turns the mesh into xDS resources. It remembers what it made and nothing else. */
export interface Translator {
  /** What of the EnvoyFilters proxies would refuse and was left out so far. */
  readonly problems: (push: PushContext) => readonly Problem[];
  /**
   * The resources of a type for a node: all ('*'), or those of the names that exist. EDS, RDS and the workload type are asked for by name; '*' gives all
   * EDS and RDS resources that the node's own clusters and listeners refer to, and no workload. An unknown type gives nothing. The answer is the same Map
   * as before when nothing in it changed (all types but EDS and workload with names).
   */
  readonly generate: (node: ProxyNode, typeUrl: string, names: ReadonlySet<string> | '*', state: MeshState) => ReadonlyMap<string, GeneratedResource>;
}
