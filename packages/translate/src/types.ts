import type { EndpointIndex, ProxyNode, PushContext } from '@meltemi/model';

/**
 * One xDS resource in ProtoJSON, without `@type`. As long as nothing it depends on changes, and for all nodes that share it, `resource` is the very
 * same object: encode it once and keep the bytes in a WeakMap.
 */
export interface GeneratedResource {
  readonly name: string;
  readonly resource: object;
}

/** What a client asks for: everything of the type, or these names. */
export type ResourceNames = { readonly t: 'wildcard' } | { readonly t: 'names'; readonly names: readonly string[] };

/** Turns the mesh into xDS resources. It remembers what it made (`maxCached` resources, least recently used go) and nothing else. */
export interface Translator {
  /**
   * The resources of a type for a node. Names that do not exist are left out, so a delta server can tell that they are gone. EDS, RDS and WDS are asked
   * for by name; `wildcard` gives all EDS and RDS resources that the node's own CDS and LDS refer to (WDS has no wildcard: empty).
   * An unknown type gives nothing.
   */
  generate(push: PushContext, endpoints: EndpointIndex, node: ProxyNode, typeUrl: string, names: ResourceNames): readonly GeneratedResource[];
}
