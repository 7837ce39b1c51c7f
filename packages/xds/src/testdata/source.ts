import { LayeredMap } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import { createSharedResource, type Resource, type ResourceSource } from '../resource.ts';

export interface TestSource extends ResourceSource {
  set(typeUrl: string, name: string, content: string | undefined): void;
  all(typeUrl: string): Map<string, Resource>;
}

/** Large enough to be worth a patch. */
const FILLERS = [new Uint8Array(3_000).fill(65), new Uint8Array(20_000).fill(66)];

/** A large resource, in the parts that one of another content has too, with its content between them. */
export function largeResource(typeUrl: string, name: string, content: string): Resource {
  const own = new TextEncoder().encode(`<${content.repeat(7)}>`);
  const parts = content === '3' ? [FILLERS[1]!, own, FILLERS[0]!] : [FILLERS[0]!, own, FILLERS[1]!];
  return createSharedResource(typeUrl, { name, version: content, parts }, typeUrl === TYPE_URL.cluster ? name : undefined);
}

/** A source that tests write into. With `shared` names, those are a map of their own below the others, as what many clients have in common is. */
export function createSource(shared: readonly string[] = [], make: (typeUrl: string, name: string, content: string) => Resource = smallResource): TestSource {
  const layers = new Map<string, { readonly below: ReadonlyMap<string, Resource>; readonly all: ReadonlyMap<string, Resource> }>();
  const layered = (typeUrl: string, map: ReadonlyMap<string, Resource>): ReadonlyMap<string, Resource> => {
    const known = layers.get(typeUrl);
    if (known !== undefined && sameMap(known.all, map)) return known.all;
    const part = (isBelow: boolean): ReadonlyMap<string, Resource> => new Map([...map].filter(([name]) => shared.includes(name) === isBelow));
    const below = known !== undefined && sameMap(known.below, part(true)) ? known.below : part(true);
    const made = { below, all: new LayeredMap(below, part(false)) };
    layers.set(typeUrl, made);
    return made.all;
  };
  // The same map for the same names while nothing changed, as sources do that many clients share.
  const pickedFrom = new WeakMap<ReadonlySet<string>, Map<ReadonlyMap<string, Resource>, ReadonlyMap<string, Resource>>>();
  const pick = (from: ReadonlyMap<string, Resource>, names: ReadonlySet<string>): ReadonlyMap<string, Resource> => {
    const known = pickedFrom.get(names) ?? new Map<ReadonlyMap<string, Resource>, ReadonlyMap<string, Resource>>();
    pickedFrom.set(names, known);
    const picked = known.get(from) ?? new Map([...from].filter(([name]) => names.has(name)));
    known.set(from, picked);
    return picked;
  };
  const types = new Map<string, Map<string, Resource>>();
  let version: number | undefined;
  const all = (typeUrl: string): Map<string, Resource> => types.get(typeUrl) ?? new Map<string, Resource>();
  return {
    get version() {
      return version;
    },
    all,
    set(typeUrl, name, content) {
      version = (version ?? 0) + 1;
      const next = new Map(all(typeUrl));
      if (content === undefined) next.delete(name);
      else next.set(name, make(typeUrl, name, content));
      types.set(typeUrl, next);
    },
    resources: (typeUrl, names) => (names === '*' ? (shared.length === 0 ? all(typeUrl) : layered(typeUrl, all(typeUrl))) : pick(all(typeUrl), names)),
  };
}

function smallResource(typeUrl: string, name: string, content: string): Resource {
  return { name, version: content, bytes: new TextEncoder().encode(content), ...(typeUrl === TYPE_URL.cluster ? { endpointName: name } : {}) };
}

function sameMap(a: ReadonlyMap<string, Resource>, b: ReadonlyMap<string, Resource>): boolean {
  return a.size === b.size && [...a].every(([name, resource]) => b.get(name) === resource);
}
