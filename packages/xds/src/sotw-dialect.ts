import type { SotwRequest, SotwResponse } from './messages.ts';
import type { Resource, ResourceSource } from './resource.ts';
import type { Dialect } from './server-session.ts';
import { NO_NAMES, withNames } from './name-sets.ts';
import { changedOf, isWildcardRequest, type TypeSession } from './type-session.ts';
import { isFullState } from './types.ts';

/**
 * The state-of-the-world protocol: every request repeats all names. Responses of clusters and listeners (and of wildcards) list
 * everything, those of other types only what changed.
 */
export function createSotwDialect(source: ResourceSource): Dialect<SotwRequest, SotwResponse> {
  return {
    subscribe(type, request, first) {
      // A nonce of an earlier response: the client has not seen the last one yet, and will answer that too.
      if (request.nonce !== '' && type.sentNonce !== '' && request.nonce !== type.sentNonce) return false;
      if (first) introduce(type, request.names);
      else if (!(type.wildcard && type.names.size === 0 && request.names.length === 0)) replaceNames(type, request.names);
      return true;
    },
    respond(type, changed, removed, { nonce, version }) {
      const listsAll = type.wildcard || isFullState(type.typeUrl);
      const resources = [...changedOf(changed)];
      if (!listsAll) {
        // There is no word for "gone" here, and an empty list says nothing.
        if (resources.length === 0) return undefined;
        return { typeUrl: type.typeUrl, nonce, version: String(version), resources };
      }
      if (resources.length === 0 && removed.length === 0 && !type.due) return undefined;
      return { typeUrl: type.typeUrl, nonce, version: String(version), resources: everything(type, source, resources, removed) };
    },
  };
}

function introduce(type: TypeSession, names: readonly string[]): void {
  type.wildcard = isWildcardRequest(type.typeUrl, names);
  type.names = withNames(
    type.names,
    names.filter((name) => name !== '*'),
  );
  type.isNew = true;
  type.due = type.wildcard || names.length > 0;
  type.dirty = 'all';
}

function replaceNames(type: TypeSession, names: readonly string[]): void {
  const next = names.filter((name) => name !== '*');
  const wildcard = names.includes('*');
  if (wildcard !== type.wildcard) {
    type.wildcard = wildcard;
    type.due = true;
    type.dirty = 'all';
  }
  const before = type.names;
  // Every request repeats all names, and most change nothing.
  if (next.length === before.size && next.every((name) => before.has(name))) return;
  type.names = withNames(NO_NAMES, next);
  for (const name of before) if (!type.names.has(name)) drop(type, name);
  for (const name of type.names) {
    if (before.has(name)) continue;
    type.forced.add(name);
    // The lists of these types must contain the new name, or its absence: either is an answer.
    if (isFullState(type.typeUrl)) type.due = true;
  }
}

function drop(type: TypeSession, name: string): void {
  if (type.wildcard) return;
  type.known.delete(name);
  type.held.delete(name);
  type.forced.delete(name);
  type.removals.delete(name);
}

/** The whole list: what is, and what may not go yet. */
function everything(type: TypeSession, source: ResourceSource, changed: readonly Resource[], removed: readonly string[]): readonly Resource[] {
  for (const name of removed) type.held.delete(name);
  for (const [name, resource] of source.resources(type.typeUrl, type.wildcard ? '*' : type.names)) {
    // The version that was compared is the one that is sent, should the source move on in between.
    if (type.known.get(name) === resource.version) type.held.set(name, resource);
  }
  for (const resource of changed) type.held.set(resource.name, resource);
  for (const name of type.held.keys()) if (!type.known.has(name)) type.held.delete(name);
  return [...type.held.values()];
}
