import type { DeltaRequest, DeltaResponse } from '../messages.ts';
import type { Resource } from '../resource.ts';
import type { Draft, Rules } from './session.ts';
import type { TypeState } from './type-state.ts';

/** Delta: what changed, by name, and what is gone. */
export const deltaRules: Rules<DeltaRequest, DeltaResponse> = {
  read: (request) => ({ typeUrl: request.typeUrl, nonce: request.nonce, error: request.error === undefined ? undefined : (request.error.message ?? '') }),
  staleCarriesNews: true,
  subscribe(state, request) {
    const begins = state.first && state.sentNonce === '' && state.names.size === 0 && !state.wildcard && state.known.size === 0;
    if (begins) {
      for (const [name, version] of request.initialVersions) state.known.set(name, version);
      // A client that knows the answer already need not be told again, not even that it is empty.
      if (request.initialVersions.size > 0) state.first = false;
      // An empty first subscription is the old way of saying '*'.
      if (request.subscribe.length === 0) state.wildcard = true;
    }
    for (const name of request.subscribe) add(state, name, begins);
    for (const name of request.unsubscribe) drop(state, name);
    return begins || request.subscribe.length > 0 || request.unsubscribe.length > 0;
  },
  draft(state, wanted, removeNow) {
    const send: Resource[] = [];
    const names = state.dirty.t === 'names' ? state.dirty.names : undefined;
    if (names === undefined) for (const resource of wanted.values()) consider(state, resource, send);
    else for (const name of names) consider(state, wanted.get(name), send);
    const gone = [...state.known].filter(([name, version]) => version !== '' && !wanted.has(name)).map(([name]) => name);
    const absent = [...state.names].filter((name) => !wanted.has(name) && !state.known.has(name));
    // A name asked for that never was can be denied at once: nothing uses it.
    const removed = removeNow ? [...gone, ...absent] : absent;
    for (const name of removed) forget(state, name);
    return { send, removed, removalDue: !removeNow && gone.length > 0 } satisfies Draft;
  },
  respond(state, draft, nonce, version) {
    for (const resource of draft.send) state.known.set(resource.name, resource.version);
    return { typeUrl: state.typeUrl, nonce, systemVersion: String(version), resources: draft.send, removed: draft.removed };
  },
};

function consider(state: TypeState, resource: Resource | undefined, send: Resource[]): void {
  if (resource !== undefined && (state.known.get(resource.name) !== resource.version || state.force.has(resource.name))) send.push(resource);
}

/** Subscribing (again) asks for the resource, known or not; only the versions that come with the first request spare it. */
function add(state: TypeState, name: string, begins: boolean): void {
  if (name === '*') state.wildcard = true;
  else {
    state.names.add(name);
    if (!begins) state.known.delete(name);
  }
}

function drop(state: TypeState, name: string): void {
  if (name === '*') {
    state.wildcard = false;
    for (const known of state.known.keys()) if (!state.names.has(known)) state.known.delete(known);
  } else {
    state.names.delete(name);
    if (!state.wildcard) state.known.delete(name);
  }
}

function forget(state: TypeState, name: string): void {
  if (state.names.has(name)) state.known.set(name, '');
  else state.known.delete(name);
}
