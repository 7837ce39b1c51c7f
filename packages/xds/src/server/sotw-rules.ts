import { hashText } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import type { SotwRequest, SotwResponse } from '../messages.ts';
import type { Resource } from '../resource.ts';
import type { Draft, Rules } from './session.ts';
import type { TypeState } from './type-state.ts';

/** Of these a response is the whole truth: what it leaves out is gone. Of the others only what changed is sent. */
function isWhole(typeUrl: string): boolean {
  return typeUrl === TYPE_URL.cluster || typeUrl === TYPE_URL.listener;
}

/** State of the world. */
export const sotwRules: Rules<SotwRequest, SotwResponse> = {
  read: (request) => ({ typeUrl: request.typeUrl, nonce: request.nonce, error: request.error === undefined ? undefined : (request.error.message ?? '') }),
  staleCarriesNews: false,
  subscribe(state, request) {
    const begins = state.names.size === 0 && !state.wildcard;
    const wildcard = request.names.includes('*') || (request.names.length === 0 && (begins || state.wildcard));
    const names = request.names.filter((name) => name !== '*');
    const fresh = names.filter((name) => !state.names.has(name));
    const same = !begins && fresh.length === 0 && names.length === state.names.size && wildcard === state.wildcard;
    if (same) return false;
    for (const name of state.names) if (!names.includes(name) && !wildcard) forget(state, name);
    state.names.clear();
    for (const name of names) state.names.add(name);
    for (const name of fresh) state.force.add(name);
    state.wildcard = wildcard;
    return true;
  },
  draft(state, wanted, removeNow) {
    return isWhole(state.typeUrl) ? draftWhole(state, wanted, removeNow) : draftChanged(state, wanted);
  },
  respond(state, draft, nonce) {
    if (isWhole(state.typeUrl)) {
      state.known.clear();
      state.held.clear();
    }
    for (const resource of draft.send) {
      state.known.set(resource.name, resource.version);
      if (isWhole(state.typeUrl)) state.held.set(resource.name, resource);
    }
    // A content hash, so that replicas agree and a client sees that nothing changed.
    const version = hashText([...state.known].map(([name, hash]) => `${name}=${hash}`).sort().join('\n'));
    return { typeUrl: state.typeUrl, nonce, version, resources: draft.send };
  },
};

function draftWhole(state: TypeState, wanted: ReadonlyMap<string, Resource>, removeNow: boolean): Draft | undefined {
  const gone = [...state.held.values()].filter((resource) => !wanted.has(resource.name));
  const news = [...wanted.values()].some((resource) => state.known.get(resource.name) !== resource.version || state.force.has(resource.name));
  const removing = gone.length > 0 && removeNow;
  if (!news && !removing && !state.first) return { send: [], removed: [], removalDue: gone.length > 0 };
  return { send: removeNow ? [...wanted.values()] : [...wanted.values(), ...gone], removed: [], removalDue: !removeNow && gone.length > 0 };
}

function draftChanged(state: TypeState, wanted: ReadonlyMap<string, Resource>): Draft | undefined {
  const send = [...wanted.values()].filter((resource) => state.known.get(resource.name) !== resource.version || state.force.has(resource.name));
  for (const name of state.known.keys()) if (!wanted.has(name)) state.known.delete(name);
  // There is no way to say "none" for a name here: an empty response would only be noise.
  if (send.length === 0) state.first = false;
  return { send, removed: [], removalDue: false };
}

function forget(state: TypeState, name: string): void {
  state.known.delete(name);
  state.held.delete(name);
}
