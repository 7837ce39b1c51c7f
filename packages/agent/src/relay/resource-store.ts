import type { DeltaClient, Resource, Update } from '@meltemi/xds';

/** Resources of one type as the agent holds them, in memory only. */
export interface TypeStore {
  /** Accepted by a proxy, or made here: what a restarted proxy gets even if everything newer turns out bad. */
  readonly accepted: Map<string, Resource>;
  /** Came from the control plane and no proxy has judged it yet; undefined: it was removed. */
  readonly candidates: Map<string, Resource | undefined>;
  /** Updates that wait for a verdict, oldest first. */
  readonly unsettled: Update[];
  /** Made here and never asked of the control plane (the workload's own secrets). */
  readonly local: Map<string, Resource>;
  /** Whether the control plane has answered for this type: an absent name is then known to be absent under a wildcard. */
  answered: boolean;
}

/** What is known of a name. */
export type Known = { readonly t: 'resource'; readonly resource: Resource } | { readonly t: 'absent' } | { readonly t: 'unknown' };

export interface ResourceStore {
  type(typeUrl: string): TypeStore;
  typeUrls(): Iterable<string>;
  lookup(typeUrl: string, name: string): Known;
  /** The content of what the control plane sent in this version, while it is kept. */
  held(typeUrl: string, name: string, version: string): Uint8Array | undefined;
  /** All present names of a type. */
  names(typeUrl: string): Set<string>;
  /** Takes a response in as candidates. */
  take(update: Update): void;
  /** What is left of a resource that is there: a verdict on what it came as is one on this. */
  replace(typeUrl: string, next: Resource): void;
  /** A verdict on updates: accepted parts stay, refused ones give way to what was accepted before. Tells the control plane. */
  settle(client: DeltaClient, typeUrl: string, updates: readonly Update[], refusal: string | undefined): void;
  forget(typeUrl: string, names: Iterable<string>): void;
}

export function createResourceStore(): ResourceStore {
  const types = new Map<string, TypeStore>();
  /** What a resource was when it came. */
  const origins = new WeakMap<Resource, Resource>();
  const type = (typeUrl: string): TypeStore => {
    let store = types.get(typeUrl);
    if (store === undefined)
      types.set(typeUrl, (store = { accepted: new Map(), candidates: new Map(), unsettled: [], local: new Map(), answered: false }));
    return store;
  };
  return {
    type,
    typeUrls: () => types.keys(),
    lookup: (typeUrl, name) => lookup(type(typeUrl), name),
    held(typeUrl, name, version) {
      const { candidates, accepted } = type(typeUrl);
      return [candidates.get(name), accepted.get(name)].find((resource) => resource?.version === version)?.bytes;
    },
    names(typeUrl) {
      const store = type(typeUrl);
      const names = new Set([...store.accepted.keys(), ...store.local.keys()]);
      for (const [name, resource] of store.candidates) {
        if (resource === undefined) names.delete(name);
        else names.add(name);
      }
      return names;
    },
    take(update) {
      const store = type(update.typeUrl);
      store.answered = true;
      for (const resource of update.added) store.candidates.set(resource.name, resource);
      for (const name of update.removed) store.candidates.set(name, undefined);
      store.unsettled.push(update);
    },
    replace: (typeUrl, next) => replace(type(typeUrl), next, origins),
    settle(client, typeUrl, updates, refusal) {
      const store = type(typeUrl);
      for (const update of updates) {
        const at = store.unsettled.indexOf(update);
        if (at < 0) continue; // another session was faster
        store.unsettled.splice(at, 1);
        const refused = refusal === undefined ? new Set<string>() : refusedNames(update, refusal);
        promote(store, update, refused, origins);
        client.settle(
          update,
          [...refused].map((name) => ({ name, message: reasonFor(name, refusal ?? '') })),
        );
      }
    },
    forget(typeUrl, names) {
      const store = type(typeUrl);
      for (const name of names) {
        store.accepted.delete(name);
        store.candidates.delete(name);
      }
    },
  };
}

function lookup(store: TypeStore, name: string): Known {
  const local = store.local.get(name);
  if (local !== undefined) return { t: 'resource', resource: local };
  if (store.candidates.has(name)) {
    const candidate = store.candidates.get(name);
    return candidate === undefined ? { t: 'absent' } : { t: 'resource', resource: candidate };
  }
  const accepted = store.accepted.get(name);
  return accepted === undefined ? { t: 'unknown' } : { t: 'resource', resource: accepted };
}

function replace({ candidates, accepted }: TypeStore, next: Resource, origins: WeakMap<Resource, Resource>): void {
  const place = candidates.has(next.name) ? candidates : accepted;
  const before = place.get(next.name);
  if (before === undefined) return;
  origins.set(next, origins.get(before) ?? before);
  place.set(next.name, next);
}

function promote(store: TypeStore, update: Update, refused: ReadonlySet<string>, origins: WeakMap<Resource, Resource>): void {
  for (const resource of update.added) {
    const candidate = store.candidates.get(resource.name);
    // A newer candidate of the same name is not judged by this verdict.
    if (candidate === undefined || (origins.get(candidate) ?? candidate) !== resource) continue;
    store.candidates.delete(resource.name);
    if (!refused.has(resource.name)) store.accepted.set(resource.name, candidate);
  }
  for (const name of update.removed) {
    // The mark "absent" stays: a later subscriber is told at once.
    if (store.candidates.get(name) === undefined) store.accepted.delete(name);
  }
}

/** A NACK names the bad resources in its text; a proxy applies the good ones of the same response. Without a name all count as refused. */
function refusedNames(update: Update, refusal: string): Set<string> {
  const all = update.added.map((resource) => resource.name);
  for (const where of [LISTED, QUOTED, SPOKEN_OF]) {
    const named = all.filter((name) => where(refusal, name));
    if (named.length > 0) return new Set(named);
  }
  return new Set(all);
}

/** Does the text name a resource here? Whole names only: "9080" is a part of many others. */
type Where = (refusal: string, name: string) => boolean;

/** `name: reason`, at the begin of a line or in Envoy's "Error adding/updating cluster(s) a: reason, b: reason". */
const LISTED: Where = (refusal, name) => follows(refusal, `${name}: `, ['\n', '(s) ', ', ']);

/** As a quoted word. */
const QUOTED: Where = (refusal, name) => [`'${name}'`, `"${name}"`].some((quoted) => refusal.includes(quoted));

/** `name: reason` in the middle of a sentence. */
const SPOKEN_OF: Where = (refusal, name) => follows(refusal, `${name}: `, [' ']);

/** Is `part` somewhere at the begin of the text or right behind one of these? */
function follows(text: string, part: string, before: readonly string[]): boolean {
  return text.startsWith(part) || before.some((what) => text.includes(what + part));
}

/** The embedded proxy writes a line `name: reason` for each; Envoy one text for all. */
function reasonFor(name: string, refusal: string): string {
  const own = refusal.split('\n').find((line) => line.startsWith(`${name}: `));
  return own === undefined ? refusal : own.slice(name.length + 2);
}
