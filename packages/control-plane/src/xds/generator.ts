import type { JsonObject, Locality } from '@meltemi/protos-types';

/** The node of an ADS stream as it presented itself, after the certificate was checked against its metadata. */
export interface XdsNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: JsonObject;
  readonly locality: Locality;
  /** What the client calls its software: gRPC libraries are known by it. */
  readonly userAgentName?: string;
  /** What the client says that it can do beyond the protocol. */
  readonly clientFeatures?: readonly string[];
  /** SPIFFE ID of the verified client certificate; undefined on the plaintext port, where nothing workload-specific is served. */
  readonly principal: string | undefined;
  readonly remoteAddress: string;
}

/**
 * One resource as the generator makes it. Identity is the cache key: the same object is encoded once, ever, for all clients. Content that changed must
 * be a new object.
 */
export interface GeneratedResource {
  readonly json: object;
  /** For EDS clusters: the name of the ClusterLoadAssignment. */
  readonly endpointName?: string;
}

/**
 * What the xDS room asks of the translation: a pure function of node and push context. Return the *same Map object* when the answer is
 * the same as before (memoize by scope), then a push costs this node nothing.
 */
export interface XdsGenerator<Push> {
  /** All resources of the type for this node ('*'), or those of the names that exist. Unknown type: an empty map. */
  generate(node: XdsNode, typeUrl: string, names: ReadonlySet<string> | '*', push: Push): ReadonlyMap<string, GeneratedResource>;
}

/** A new state of the mesh. */
export interface XdsUpdate<Push> {
  /** Rises with every update. */
  readonly version: number;
  readonly push: Push;
  /** What changed: by type URL all of it ('*') or the names. Absent: everything may have. */
  readonly changed?: ReadonlyMap<string, ReadonlySet<string> | '*'>;
  /** What may have changed for this node alone, besides `changed`. */
  readonly changedFor?: (node: XdsNode) => ReadonlyMap<string, ReadonlySet<string> | '*'>;
  /** Stands for itself (an endpoint that moved): nothing that belongs to it is about to follow. */
  readonly isUrgent?: boolean;
}
