import type { Resource, ResourceSource } from './resource.ts';
import { isByName } from './types.ts';

/** What a server session knows of one type. */
export interface TypeSession {
  readonly typeUrl: string;
  wildcard: boolean;
  readonly names: Set<string>;
  /** Versions that the client has, as far as it was told. */
  readonly known: Map<string, string>;
  /** The resources of the last full response, for state-of-the-world types: a removal that has to wait is sent again from here. */
  readonly held: Map<string, Resource>;
  /** Names that must be answered even if their version is known: asked for again, or an endpoint set whose cluster changed. */
  readonly forced: Set<string>;
  /** Removals that wait for what points at them. */
  readonly removals: Set<string>;
  /** Changed in the source since the last look. */
  dirty: 'all' | Set<string> | undefined;
  /** A response is due even if it is empty: the client waits for it before it goes on. */
  due: boolean;
  outstanding: { readonly nonce: string; readonly version: number; readonly names: readonly string[] } | undefined;
  sentNonce: string;
  sentVersion: number | undefined;
  ackedVersion: number | undefined;
  nacked: { readonly version: number; readonly message: string } | undefined;
  /** Names that the last refusal mentioned and that were not accepted since. */
  readonly suspects: Set<string>;
  /** The map of the last complete look: the same one again means that nothing changed. */
  lastMap: ReadonlyMap<string, Resource> | undefined;
}

export function createTypeSession(typeUrl: string): TypeSession {
  return {
    typeUrl,
    wildcard: false,
    names: new Set(),
    known: new Map(),
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

/** What changed for this client since the last look. */
export interface Difference {
  readonly changed: readonly Resource[];
  readonly gone: readonly string[];
}

const NOTHING: Difference = { changed: [], gone: [] };

/** Compares the source with what the client has, and takes note that it was looked at. */
export function takeDifference(type: TypeSession, source: ResourceSource): Difference {
  const { dirty } = type;
  const forced = new Set(type.forced);
  type.dirty = undefined;
  type.forced.clear();
  if (dirty === 'all') return differenceOfAll(type, source, forced);
  const names = new Set([...(dirty ?? []), ...forced].filter((name) => wants(type, name)));
  return names.size === 0 ? NOTHING : differenceOf(type, source.resources(type.typeUrl, names), names, forced);
}

function differenceOfAll(type: TypeSession, source: ResourceSource, forced: ReadonlySet<string>): Difference {
  const present = source.resources(type.typeUrl, type.wildcard ? '*' : type.names);
  if (present === type.lastMap && forced.size === 0) return NOTHING;
  type.lastMap = present;
  const names = new Set([...present.keys(), ...type.known.keys(), ...type.names]);
  if (!type.wildcard || type.names.size === 0) return differenceOf(type, present, names, forced);
  // Names beside '*' need not be part of what '*' brings.
  const named = source.resources(type.typeUrl, type.names);
  return differenceOf(type, new Map([...named, ...present]), names, forced);
}

function differenceOf(
  type: TypeSession,
  present: ReadonlyMap<string, Resource>,
  names: ReadonlySet<string>,
  forced: ReadonlySet<string>,
): Difference {
  const changed: Resource[] = [];
  const gone: string[] = [];
  for (const name of names) {
    const resource = present.get(name);
    if (resource === undefined) {
      if (type.known.has(name) || forced.has(name)) gone.push(name);
    } else {
      type.removals.delete(name);
      if (forced.has(name) || type.known.get(name) !== resource.version) changed.push(resource);
    }
  }
  return { changed, gone };
}

/** Takes subscriptions of the first request of a type: no names means all, for the types where that is so. */
export function isWildcardRequest(typeUrl: string, names: readonly string[]): boolean {
  return names.includes('*') || (names.length === 0 && !isByName(typeUrl));
}

/** A refusal: of the resources that it names, as far as it does. Protocols only give a text. */
export function noteRefusal(type: TypeSession, names: readonly string[], version: number, message: string): void {
  type.nacked = { version, message };
  for (const name of names) if (mentions(message, name)) type.suspects.add(name);
}

/** An acceptance: it ends an earlier refusal once every resource that was refused is accepted or gone. */
export function noteAcceptance(type: TypeSession, names: readonly string[], version: number): void {
  type.ackedVersion = version;
  for (const name of names) type.suspects.delete(name);
  if (type.suspects.size === 0) type.nacked = undefined;
}

/** Whether a text contains a name as a whole, not as a part of a longer one. */
function mentions(text: string, name: string): boolean {
  const isPart = (unit: string | undefined): boolean => unit !== undefined && /[\w|-]/.test(unit);
  for (let at = text.indexOf(name); at >= 0 && name !== ''; at = text.indexOf(name, at + 1)) {
    if (!isPart(text[at - 1]) && !isPart(text[at + name.length])) return true;
  }
  return false;
}
