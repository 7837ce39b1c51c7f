import { TYPE_URL } from '@meltemi/protos-types';
import { allUnequal, type Unequal } from './digest.ts';
import type { DeltaRequest } from './messages.ts';
import { isByName } from './types.ts';

interface Reply {
  readonly nonce: string;
  readonly message: string | undefined;
}

/** What a client knows of one type. */
export interface ClientType {
  readonly names: Set<string>;
  readonly versions: Map<string, string>;
  /** What the server of this stream believes to be subscribed. */
  readonly told: Set<string>;
  /** Not told to the server yet. */
  readonly subscribing: Set<string>;
  readonly unsubscribing: Set<string>;
  readonly replies: Reply[];
  /** What was said as a digest: what of it is unequal follows by name. */
  digested: Digested | undefined;
  /** The first request of this stream has been made. */
  introduced: boolean;
}

/** A type as it was when its digest was made. */
export interface Digested {
  readonly names: ReadonlySet<string>;
  readonly versions: ReadonlyMap<string, string>;
}

const WILDCARD = '*';
const INVALID_ARGUMENT = 3;

/** A type of which nothing is known. */
export function createClientType(): ClientType {
  return {
    names: new Set(),
    versions: new Map(),
    told: new Set(),
    subscribing: new Set(),
    unsubscribing: new Set(),
    replies: [],
    digested: undefined,
    introduced: false,
  };
}

/** Subscribed to by its own name, or by all. */
export function isWanted(type: ClientType, name: string): boolean {
  return type.names.has(WILDCARD) || type.names.has(name);
}

/** An unsubscribed resource is gone, unless '*' still brings it. */
export function forget(type: ClientType, name: string): void {
  if (name !== WILDCARD) {
    if (!type.names.has(WILDCARD)) type.versions.delete(name);
    return;
  }
  for (const known of type.versions.keys()) if (!type.names.has(known)) type.versions.delete(known);
}

/** Whether the server can find out by itself what is asked for: everything, or the endpoints of the clusters that there are. */
export function isDigested(typeUrl: string, names: ReadonlySet<string>): boolean {
  return names.has(WILDCARD) ? names.size === 1 : typeUrl === TYPE_URL.endpoint;
}

/** What a digest is of: what is there, and what was asked for in vain. */
export function* saidOf({ names, versions }: Digested): Generator<readonly [string, string]> {
  yield* versions;
  for (const name of names) if (name !== WILDCARD && !versions.has(name)) yield [name, ''];
}

/** The first request of a type that was said as a digest: of what is unequal, or of everything, by name. */
function partOf({ names, versions }: Digested, unequal: Unequal): Partial<DeltaRequest> {
  const isAll = names.has(WILDCARD);
  return {
    subscribe: isAll ? [] : [...names].filter((name) => unequal.has(name)),
    initialVersions: new Map([...versions].filter(([name]) => unequal.has(name))),
  };
}

/** The first request of a type on a stream, if it is due; what is asked for by then is in it. */
function firstOf(typeUrl: string, type: ClientType, unequal: Unequal | undefined): Partial<DeltaRequest> | undefined {
  const { digested, names } = type;
  type.digested = undefined;
  if (digested !== undefined) return partOf(digested, unequal ?? allUnequal());
  if (type.introduced || names.size === 0) return undefined;
  type.introduced = true;
  type.subscribing.clear();
  type.unsubscribing.clear();
  // A first request without names is the wildcard that every server knows; the explicit one is younger.
  const legacy = names.size === 1 && names.has(WILDCARD) && !isByName(typeUrl);
  return { subscribe: legacy ? [] : [...names], initialVersions: new Map(type.versions) };
}

/** What is to be said of a type now; `unequal` where its digest was compared. */
export function requestsOf(
  typeUrl: string,
  type: ClientType,
  unequal: Unequal | undefined,
  request: (part: Partial<DeltaRequest>) => DeltaRequest,
): readonly DeltaRequest[] {
  const requests: DeltaRequest[] = [];
  const first = firstOf(typeUrl, type, unequal);
  if (!type.introduced) return [];
  if (first !== undefined) requests.push(request(first));
  if (type.subscribing.size > 0 || type.unsubscribing.size > 0) {
    requests.push(request({ subscribe: [...type.subscribing], unsubscribe: [...type.unsubscribing] }));
  }
  type.told.clear();
  for (const name of type.names) type.told.add(name);
  type.subscribing.clear();
  type.unsubscribing.clear();
  for (const { nonce, message } of type.replies.splice(0)) {
    requests.push(request(message === undefined ? { nonce } : { nonce, error: { code: INVALID_ARGUMENT, message } }));
  }
  return requests;
}
