import { LayeredMap } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import { digestOfMap, namesIn, unequalHeaps, type Unequal } from './digest.ts';
import { withNames, withoutNames, type NameSet } from './name-sets.ts';
import type { Resource, ResourceSource } from './resource.ts';
import { wants, type TypeSession } from './type-session.ts';
import { isByName } from './types.ts';

/**
 * What a client that came with a digest has, as far as that tells: in all heaps but the unequal ones just what there was for it at that moment. Of those
 * it says itself what it has, in its first request of the type.
 */
export interface Agreement {
  /** What it is taken to ask for. */
  readonly names: NameSet | '*';
  readonly present: ReadonlyMap<string, Resource>;
  /** Names that are asked for and not there. */
  readonly absent: readonly string[];
  readonly unequal: Unequal;
}

/** Compares a client's digest of a type with what there is for it; undefined when it must say everything by name. */
export function agree(typeUrl: string, digest: string, source: ResourceSource): Agreement | undefined {
  const names = askedFor(typeUrl, source);
  if (names === undefined) return undefined;
  const present = source.resources(typeUrl, names);
  const absent = names === '*' || names.size === present.size ? [] : [...names].filter((name) => !present.has(name));
  const unequal = unequalHeaps(digest, digestOfMap(present, absent));
  return unequal === undefined ? undefined : { names, present, absent, unequal };
}

/** Names of endpoints are those that its clusters have; what else is asked for by name is little. */
function askedFor(typeUrl: string, source: ResourceSource): NameSet | '*' | undefined {
  if (typeUrl === TYPE_URL.endpoint) return endpointNames(source.resources(TYPE_URL.cluster, '*'));
  return isByName(typeUrl) ? undefined : '*';
}

const endpoints = new WeakMap<ReadonlyMap<string, Resource>, NameSet>();

/** The same set for the same map: clients that share it share all that is made for it. */
function endpointNames(clusters: ReadonlyMap<string, Resource>): NameSet {
  if (clusters instanceof LayeredMap) {
    const { below, above } = clusters as LayeredMap<Resource>;
    return withNames(endpointNames(below), [...endpointNames(above)]);
  }
  let names = endpoints.get(clusters);
  if (names === undefined) {
    names = withNames(
      new Set(),
      [...clusters.values()].flatMap(({ endpointName }) => endpointName ?? []),
    );
    endpoints.set(clusters, names);
  }
  return names;
}

/** The first request of a type whose digest was compared: it says what the client asks for and has in the unequal heaps. */
export function introduceAgreed(
  type: TypeSession,
  said: { readonly subscribe: readonly string[]; readonly initialVersions: ReadonlyMap<string, string> },
  { names, present, absent, unequal }: Agreement,
): void {
  const unsure = new Set(namesIn(present, unequal));
  type.wildcard = names === '*';
  if (names !== '*') {
    const asked = new Set(said.subscribe);
    const others = [...unsure, ...absent.filter((name) => unequal.has(name))].filter((name) => !asked.has(name));
    type.names = withNames(withoutNames(names, others), said.subscribe);
  }
  type.known.rebase(present, []);
  for (const name of unsure) type.known.delete(name);
  for (const [name, version] of said.initialVersions) {
    if (!wants(type, name)) continue;
    type.known.set(name, version);
    unsure.add(name);
  }
  type.isNew = false;
  // What it names and does not have is answered in any case, if only by "there is none".
  if (type.names.size > type.known.size) for (const name of type.names) if (!type.known.has(name)) type.forced.add(name);
  type.unsure = { map: present, names: unsure };
  type.dirty = 'all';
}
