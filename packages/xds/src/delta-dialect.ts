import { introduceAgreed } from './agreement.ts';
import { DIGEST_TYPE_URL } from './digest.ts';
import type { DeltaRequest, DeltaResponse } from './messages.ts';
import type { Dialect } from './server-session.ts';
import { withNames, withoutNames } from './name-sets.ts';
import { isWildcardRequest, wants, type TypeSession } from './type-session.ts';

/** The incremental protocol: subscriptions by addition and subtraction, responses with what changed. */
export function createDeltaDialect(): Dialect<DeltaRequest, DeltaResponse> {
  return {
    subscribe(type, request, first, agreed) {
      if (first && agreed !== undefined) introduceAgreed(type, request, agreed);
      else if (first) introduce(type, request);
      else subscribe(type, request.subscribe);
      if (request.unsubscribe.length > 0) unsubscribe(type, request.unsubscribe);
      return true;
    },
    digests: ({ typeUrl, initialVersions }) => (typeUrl === DIGEST_TYPE_URL ? initialVersions : undefined),
    greet: (answers, version) => ({ typeUrl: DIGEST_TYPE_URL, nonce: '', systemVersion: String(version), resources: answers, removed: [] }),
    respond(type, changed, removed, { nonce, version }) {
      if (changed.shared.length + changed.own.length + removed.length === 0 && !type.due) return undefined;
      return { typeUrl: type.typeUrl, nonce, systemVersion: String(version), shared: changed.shared, resources: changed.own, removed };
    },
  };
}

/** The first request of a type on a stream: it may tell what the client still has from an earlier one. */
function introduce(type: TypeSession, request: DeltaRequest): void {
  type.wildcard = isWildcardRequest(type.typeUrl, request.subscribe);
  type.names = withNames(type.names, withoutStar(request.subscribe));
  // Nobody changes it: it is not copied.
  const { initialVersions: versions } = request;
  type.known.adopt(wantsAll(type, versions) ? versions : new Map([...versions].filter(([name]) => wants(type, name))));
  type.isNew = type.known.size === 0;
  // What it names and does not have is answered in any case, if only by "there is none".
  if (!type.isNew) for (const name of type.names) if (!type.known.has(name)) type.forced.add(name);
  type.due = type.isNew && type.wildcard;
  type.dirty = 'all';
}

function wantsAll(type: TypeSession, versions: ReadonlyMap<string, string>): boolean {
  if (type.wildcard) return true;
  for (const name of versions.keys()) if (!type.names.has(name)) return false;
  return true;
}

function withoutStar(names: readonly string[]): readonly string[] {
  return names.includes('*') ? names.filter((name) => name !== '*') : names;
}

function subscribe(type: TypeSession, names: readonly string[]): void {
  if (names.includes('*')) {
    type.wildcard = true;
    type.due = true;
    type.dirty = 'all';
  }
  const named = withoutStar(names);
  type.names = withNames(type.names, named);
  for (const name of names) type.removals.delete(name);
  // Subscribing again asks for it again, and for all of it, whatever version is known.
  for (const name of named) {
    type.forced.add(name);
    type.known.forgetContent(name);
  }
}

function unsubscribe(type: TypeSession, names: readonly string[]): void {
  const named = withoutStar(names);
  type.names = withoutNames(type.names, named);
  if (names.includes('*')) {
    type.wildcard = false;
    for (const known of Array.from(type.known.keys())) if (!type.names.has(known)) drop(type, known);
  }
  for (const name of named) {
    // Still brought by '*': the client has dropped it and must be told again.
    if (type.wildcard) {
      type.forced.add(name);
      type.known.forgetContent(name);
    } else drop(type, name);
  }
}

function drop(type: TypeSession, name: string): void {
  type.known.delete(name);
  type.forced.delete(name);
  type.removals.delete(name);
}
