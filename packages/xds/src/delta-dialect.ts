import type { DeltaRequest, DeltaResponse } from './messages.ts';
import type { Dialect } from './server-session.ts';
import { isWildcardRequest, wants, type TypeSession } from './type-session.ts';

/** The incremental protocol: subscriptions by addition and subtraction, responses with what changed. */
export function createDeltaDialect(): Dialect<DeltaRequest, DeltaResponse> {
  return {
    subscribe(type, request, first) {
      if (first) introduce(type, request);
      else for (const name of request.subscribe) subscribe(type, name);
      for (const name of request.unsubscribe) unsubscribe(type, name);
      return true;
    },
    respond(type, changed, removed, { nonce, version }) {
      if (changed.length === 0 && removed.length === 0 && !type.due) return undefined;
      for (const resource of changed) type.known.set(resource.name, resource.version);
      for (const name of removed) type.known.delete(name);
      return { typeUrl: type.typeUrl, nonce, systemVersion: String(version), resources: changed, removed };
    },
  };
}

/** The first request of a type on a stream: it may tell what the client still has from an earlier one. */
function introduce(type: TypeSession, request: DeltaRequest): void {
  type.wildcard = isWildcardRequest(type.typeUrl, request.subscribe);
  for (const name of request.subscribe) if (name !== '*') type.names.add(name);
  for (const [name, version] of request.initialVersions) if (wants(type, name)) type.known.set(name, version);
  // What it names and does not have is answered in any case, if only by "there is none".
  for (const name of type.names) if (!type.known.has(name)) type.forced.add(name);
  type.due = type.wildcard && type.known.size === 0;
  type.dirty = 'all';
}

function subscribe(type: TypeSession, name: string): void {
  type.removals.delete(name);
  if (name === '*') {
    type.wildcard = true;
    type.due = true;
    type.dirty = 'all';
    return;
  }
  type.names.add(name);
  // Subscribing again asks for it again, whatever version is known.
  type.forced.add(name);
}

function unsubscribe(type: TypeSession, name: string): void {
  if (name === '*') {
    type.wildcard = false;
    for (const known of type.known.keys()) if (!type.names.has(known)) drop(type, known);
    return;
  }
  type.names.delete(name);
  // Still brought by '*': the client has dropped it and must be told again.
  if (type.wildcard) type.forced.add(name);
  else drop(type, name);
}

function drop(type: TypeSession, name: string): void {
  type.known.delete(name);
  type.forced.delete(name);
  type.removals.delete(name);
}
