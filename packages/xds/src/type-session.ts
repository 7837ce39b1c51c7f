import { LayeredMap } from '@meltemi/base';
import { KnownVersions } from './known-versions.ts';
import { NO_NAMES, type NameSet } from './name-sets.ts';
import type { Resource, ResourceSource } from './resource.ts';
import { isByName } from './types.ts';

/** What a server session knows of one type. */
export interface TypeSession {
  readonly typeUrl: string;
  wildcard: boolean;
  names: NameSet;
  /** Versions that the client has, as far as it was told. */
  readonly known: KnownVersions;
  /** The resources of the last full response, for state-of-the-world types: a removal that has to wait is sent again from here. */
  readonly held: Map<string, Resource>;
  /** All that is asked for must be answered: the first request said that the client has nothing. */
  isNew: boolean;
  /** Names that must be answered even if their version is known: asked for again, or an endpoint set whose cluster changed. */
  readonly forced: Set<string>;
  /** Removals that wait for what points at them. */
  readonly removals: Set<string>;
  /** Changed in the source since the last look. */
  dirty: 'all' | Set<string> | undefined;
  /** A response is due even if it is empty: the client waits for it before it goes on. */
  due: boolean;
  outstanding: Outstanding | undefined;
  sentNonce: string;
  sentVersion: number | undefined;
  ackedVersion: number | undefined;
  nacked: { readonly version: number; readonly message: string } | undefined;
  /** Names that the last refusal mentioned and that were not accepted since. */
  readonly suspects: Set<string>;
  /** The map of the last complete look: the same one again means that nothing changed. */
  lastMap: ReadonlyMap<string, Resource> | undefined;
  /** The client has what is in this map, but perhaps for these names: until the first look. */
  unsure: { readonly map: ReadonlyMap<string, Resource>; readonly names: ReadonlySet<string> } | undefined;
}

/** A response that was not answered yet. */
export interface Outstanding {
  readonly nonce: string;
  readonly version: number;
  readonly changed: Changed;
  readonly removed: readonly string[];
}

export function createTypeSession(typeUrl: string): TypeSession {
  return {
    typeUrl,
    wildcard: false,
    names: NO_NAMES,
    known: new KnownVersions(),
    isNew: false,
    held: new Map(),
    forced: new Set(),
    removals: new Set(),
    dirty: 'all',
    due: false,
    outstanding: undefined,
    sentNonce: '',
    sentVersion: undefined,
    ackedVersion: undefined,
    nacked: undefined,
    suspects: new Set(),
    lastMap: undefined,
    unsure: undefined,
  };
}

/** Something may have to be said. */
export function isPending(type: TypeSession): boolean {
  return type.dirty !== undefined || type.forced.size > 0 || type.due;
}

/** Everything was said and answered. */
export function isQuiet(type: TypeSession): boolean {
  return !isPending(type) && type.outstanding === undefined;
}

/** Names wanted by their own. */
export function wants(type: TypeSession, name: string): boolean {
  return type.wildcard || type.names.has(name);
}

/** Resources to send: a list that many clients get as it is, and those beside it. */
export interface Changed {
  readonly shared: readonly Resource[];
  readonly own: readonly Resource[];
}

/** What changed for this client since the last look. */
export interface Difference {
  readonly changed: Changed;
  readonly gone: readonly string[];
  /** All that there is for the client, when everything was looked at. */
  readonly all?: ReadonlyMap<string, Resource>;
}

export const NO_CHANGES: Changed = { shared: [], own: [] };
const NOTHING: Difference = { changed: NO_CHANGES, gone: [] };

export function* changedOf({ shared, own }: Changed): Generator<Resource> {
  yield* shared;
  yield* own;
}

/** Compares the source with what the client has, and takes note that it was looked at. */
export function takeDifference(type: TypeSession, source: ResourceSource): Difference {
  const { dirty } = type;
  const forced = new Set(type.forced);
  type.dirty = undefined;
  type.forced.clear();
  if (dirty === 'all') return differenceOfAll(type, source, forced);
  const names = new Set([...(dirty ?? []), ...forced].filter((name) => wants(type, name)));
  if (names.size === 0) return NOTHING;
  const difference = differenceOf(type, source.resources(type.typeUrl, names), names, forced);
  // From now on the client has other things than that map; the source may well come back to it.
  if (difference.changed.own.length + difference.gone.length > 0) type.lastMap = undefined;
  return difference;
}

function differenceOfAll(type: TypeSession, source: ResourceSource, forced: ReadonlySet<string>): Difference {
  const present = source.resources(type.typeUrl, type.wildcard ? '*' : type.names);
  const beside = type.wildcard ? [...type.names].filter((name) => !present.has(name)) : [];
  if (beside.length === 0) return differenceOfMap(type, present, forced);
  // Names beside '*' need not be part of what '*' brings: they are looked at by themselves.
  const names = new Set(beside);
  const asked = type.isNew ? names : new Set(beside.filter((name) => forced.has(name)));
  const { changed, gone } = differenceOfMap(type, present, new Set([...forced].filter((name) => !names.has(name))));
  const rest = differenceOf(type, source.resources(type.typeUrl, names), names, asked);
  return {
    changed: { shared: changed.shared, own: [...changed.own, ...rest.changed.own] },
    gone: [...gone.filter((name) => !names.has(name)), ...rest.gone],
  };
}

/** What differs from a map that is all that the client should have. */
function differenceOfMap(type: TypeSession, present: ReadonlyMap<string, Resource>, forced: ReadonlySet<string>): Difference {
  const before = type.lastMap;
  if (present === before && forced.size === 0) return NOTHING;
  type.lastMap = present;
  const { unsure } = type;
  type.unsure = undefined;
  if (unsure?.map === present) return { ...differenceOf(type, present, new Set([...unsure.names, ...forced]), forced), all: present };
  if (type.isNew) return everything(type, present);
  if (present instanceof LayeredMap && before instanceof LayeredMap && present.below === before.below) {
    // What lies below is the same for all clients: only what is above can have changed.
    const names = new Set<string>([...present.above.keys(), ...before.above.keys(), ...forced, ...type.removals]);
    return { ...differenceOf(type, present, names, forced), all: present };
  }
  return { ...compareAll(type, present, forced), all: present };
}

/** For a client that has nothing. */
function everything(type: TypeSession, present: ReadonlyMap<string, Resource>): Difference {
  type.isNew = false;
  const gone = type.names.size > present.size ? [...type.names].filter((name) => !present.has(name)) : [];
  if (present instanceof LayeredMap) {
    const layers = present as LayeredMap<Resource>;
    if ([...layers.above.keys()].some((name) => layers.below.has(name)))
      return { changed: { shared: [], own: [...present.values()] }, gone, all: present };
    return { changed: { shared: listOf(layers.below), own: [...layers.above.values()] }, gone, all: present };
  }
  return { changed: { shared: listOf(present), own: [] }, gone, all: present };
}

const lists = new WeakMap<ReadonlyMap<string, Resource>, readonly Resource[]>();

/** The same list for the same map. */
function listOf(map: ReadonlyMap<string, Resource>): readonly Resource[] {
  let list = lists.get(map);
  if (list === undefined) lists.set(map, (list = [...map.values()]));
  return list;
}

/** Looks at everything, once: a client that comes back has thousands of resources, and most are as they were. */
function compareAll(type: TypeSession, present: ReadonlyMap<string, Resource>, forced: ReadonlySet<string>): Difference {
  const { known, removals } = type;
  for (const name of Array.from(removals)) if (present.has(name)) removals.delete(name);
  const parts = layersOf(present).map((layer) => compareLayer(known, layer));
  const own = parts.flatMap((part) => part.changed);
  const sent = forced.size === 0 ? undefined : new Set(own.map(({ name }) => name));
  const gone: string[] = [];
  for (const name of forced) {
    const resource = present.get(name);
    if (resource !== undefined) {
      if (sent?.has(name) === false) own.push(resource);
    } else if (!known.has(name)) gone.push(name);
  }
  const found = parts.reduce((sum, part) => sum + part.found, 0);
  if (found < known.size) for (const name of known.keys()) if (!present.has(name)) gone.push(name);
  return { changed: { shared: NO_CHANGES.shared, own }, gone };
}

/** Maps without a name in common that together are the whole. */
function layersOf(map: ReadonlyMap<string, Resource>): readonly ReadonlyMap<string, Resource>[] {
  if (!(map instanceof LayeredMap)) return [map];
  const { below, above, size } = map as LayeredMap<Resource>;
  return below.size + above.size === size ? [below, above] : [new Map(map)];
}

interface Comparison {
  /** So many of the layer's names the client has. */
  readonly found: number;
  readonly changed: readonly Resource[];
}

type Versions = ReadonlyMap<string, string | Resource>;
const comparisons = new WeakMap<Versions, WeakMap<ReadonlyMap<string, Resource>, Comparison>>();

/** What of a layer is other than what is known; found once for all clients that have the same. */
function compareLayer(known: KnownVersions, layer: ReadonlyMap<string, Resource>): Comparison {
  const { whole } = known;
  if (whole === undefined || layer.size < SMALL_LAYER) return compare(known, layer);
  let byLayer = comparisons.get(whole);
  if (byLayer === undefined) comparisons.set(whole, (byLayer = new WeakMap()));
  let result = byLayer.get(layer);
  if (result === undefined) byLayer.set(layer, (result = compare(known, layer)));
  return result;
}

const SMALL_LAYER = 16;

function compare(known: KnownVersions, layer: ReadonlyMap<string, Resource>): Comparison {
  const changed: Resource[] = [];
  let found = 0;
  for (const [name, resource] of layer) {
    const version = known.get(name);
    if (version !== undefined) found++;
    if (version !== resource.version) changed.push(resource);
  }
  return { found, changed };
}

function differenceOf(
  type: TypeSession,
  present: ReadonlyMap<string, Resource>,
  names: ReadonlySet<string>,
  forced: ReadonlySet<string>,
): Difference {
  const own: Resource[] = [];
  const gone: string[] = [];
  for (const name of names) {
    const resource = present.get(name);
    if (resource === undefined) {
      if (type.known.has(name) || forced.has(name)) gone.push(name);
    } else {
      type.removals.delete(name);
      if (forced.has(name) || type.known.get(name) !== resource.version) own.push(resource);
    }
  }
  return { changed: { shared: NO_CHANGES.shared, own }, gone };
}

/** Takes subscriptions of the first request of a type: no names means all, for the types where that is so. */
export function isWildcardRequest(typeUrl: string, names: readonly string[]): boolean {
  return names.includes('*') || (names.length === 0 && !isByName(typeUrl));
}

/** A refusal: of the resources that it names, as far as it does. Protocols only give a text. */
export function noteRefusal(type: TypeSession, refused: Outstanding, message: string): void {
  type.nacked = { version: refused.version, message };
  for (const name of namesOf(refused)) {
    // What it kept instead is its own affair.
    type.known.forgetContent(name);
    if (mentions(message, name)) type.suspects.add(name);
  }
}

/** An acceptance: it ends an earlier refusal once every resource that was refused is accepted or gone. */
export function noteAcceptance(type: TypeSession, accepted: Outstanding): void {
  type.ackedVersion = accepted.version;
  if (type.suspects.size > 0) for (const name of namesOf(accepted)) type.suspects.delete(name);
  if (type.suspects.size === 0) type.nacked = undefined;
}

function* namesOf({ changed, removed }: Outstanding): Generator<string> {
  for (const { name } of changedOf(changed)) yield name;
  yield* removed;
}

/** Whether a text contains a name as a whole, not as a part of a longer one. */
function mentions(text: string, name: string): boolean {
  const isPart = (unit: string | undefined): boolean => unit !== undefined && /[\w|-]/.test(unit);
  for (let at = text.indexOf(name); at >= 0 && name !== ''; at = text.indexOf(name, at + 1)) {
    if (!isPart(text[at - 1]) && !isPart(text[at + name.length])) return true;
  }
  return false;
}
