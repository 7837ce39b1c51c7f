import { MeshError } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import { agree, type Agreement } from './agreement.ts';
import { createDeltaDialect } from './delta-dialect.ts';
import type { DeltaRequest, DeltaResponse, SotwRequest, SotwResponse } from './messages.ts';
import { patched } from './patch.ts';
import type { Resource, ResourceSource } from './resource.ts';
import type { Protocol, ServerSession, ServerSessionOptions, TypeStatus, Verdict } from './session-types.ts';
import { createSotwDialect } from './sotw-dialect.ts';
import {
  changedOf,
  createTypeSession,
  isPending,
  isQuiet,
  NO_CHANGES,
  noteAcceptance,
  noteRefusal,
  takeDifference,
  type Changed,
  type Difference,
  type TypeSession,
} from './type-session.ts';
import { pointsAtClusters, pushRank, removedAfter } from './types.ts';

/** What differs between the two protocols. */
export interface Dialect<Request, Response> {
  /** Applies the subscriptions of a request; false when it is stale and says nothing. */
  subscribe(type: TypeSession, request: Request, first: boolean, agreed?: Agreement): boolean;
  /** By type, the digests that a request carries in place of all else. */
  digests?(request: Request): ReadonlyMap<string, string> | undefined;
  /** Says that digests are read, and what came of those of the client. */
  greet?(answers: readonly Resource[], version: number): Response;
  /** A response with these changes, and with removals that need not wait. Undefined when that is not worth one. */
  respond(
    type: TypeSession,
    changed: Changed,
    removed: readonly string[],
    context: { readonly nonce: string; readonly version: number },
  ): Response | undefined;
}

interface AnyRequest {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly error?: { readonly message?: string };
}

/** All that a stream makes the server remember is bounded: a client chooses the names, and on the plaintext port anybody is one. */
const MAX_TYPES = 64;
const MAX_NAMES = 100_000;

/** A session for one stream. */
export function createServerSession(protocol: 'delta', options: ServerSessionOptions): ServerSession<DeltaRequest, DeltaResponse>;
export function createServerSession(protocol: 'sotw', options: ServerSessionOptions): ServerSession<SotwRequest, SotwResponse>;
export function createServerSession(
  protocol: Protocol,
  options: ServerSessionOptions,
): ServerSession<DeltaRequest, DeltaResponse> | ServerSession<SotwRequest, SotwResponse> {
  return protocol === 'delta' ? new Session(createDeltaDialect(), options) : new Session(createSotwDialect(options.source), options);
}

class Session<Request extends AnyRequest, Response> implements ServerSession<Request, Response> {
  readonly #dialect: Dialect<Request, Response>;
  readonly #source: ResourceSource;
  readonly #noncePrefix: string;
  readonly #onStale: (typeUrl: string) => void;
  readonly #takesPatches: boolean;
  readonly #saysDigests: boolean;
  readonly #types = new Map<string, TypeSession>();
  /** The same in the order in which they are sent. */
  #ordered: readonly TypeSession[] = [];
  /** Endpoint sets of clusters that were sent and whose endpoints the client has not got yet. */
  readonly #awaitedEndpoints = new Set<string>();
  /** What digests told, of types that the client has not spoken of yet. */
  readonly #agreed = new Map<string, Agreement>();
  /** A greeting is due, with the answer to these digests. */
  #greeting: ReadonlyMap<string, string> | undefined;
  #isBegun = false;
  #nonces = 0;
  /** Waited long enough: until the next response with clusters nothing is held back. */
  #released = false;

  constructor(
    dialect: Dialect<Request, Response>,
    { source, noncePrefix = '', onStale = () => undefined, takesPatches = false, saysDigests = false }: ServerSessionOptions,
  ) {
    this.#dialect = dialect;
    this.#saysDigests = saysDigests;
    if (saysDigests) this.#greeting = new Map();
    this.#takesPatches = takesPatches;
    this.#source = source;
    this.#noncePrefix = noncePrefix;
    this.#onStale = onStale;
  }

  receive(request: Request): Verdict | undefined {
    if (this.#takeDigests(request)) return undefined;
    let type = this.#types.get(request.typeUrl);
    const first = type === undefined;
    if (first && this.#types.size >= MAX_TYPES) throw tooMuch(`${MAX_TYPES} types`);
    if (type === undefined) this.#take((type = createTypeSession(request.typeUrl)));
    const verdict = this.#judge(type, request);
    if (this.#dialect.subscribe(type, request, first, this.#agreed.get(request.typeUrl)) && request.typeUrl === TYPE_URL.endpoint) {
      for (const name of this.#awaitedEndpoints) if (type.names.has(name)) this.#awaitedEndpoints.delete(name);
    }
    this.#agreed.delete(request.typeUrl);
    if (Math.max(type.names.size, type.forced.size) > MAX_NAMES) throw tooMuch(`${MAX_NAMES} names of ${request.typeUrl}`);
    return verdict;
  }

  /** Whether a request carries digests: as the first one of a stream; later ones say nothing, and get no answer that would make for another. */
  #takeDigests(request: Request): boolean {
    const digests = this.#saysDigests ? this.#dialect.digests?.(request) : undefined;
    if (digests !== undefined && !this.#isBegun) this.#greeting = digests;
    this.#isBegun = true;
    return digests !== undefined;
  }

  changed(typeUrl?: string, names?: ReadonlySet<string>): void {
    for (const type of this.#types.values()) {
      if (typeUrl !== undefined && type.typeUrl !== typeUrl) continue;
      if (names === undefined || typeUrl === undefined) type.dirty = 'all';
      else if (type.dirty !== 'all') type.dirty = new Set([...(type.dirty ?? []), ...names]);
    }
  }

  next(): Response | undefined {
    const { version } = this.#source;
    // Before the first snapshot there is nothing to say; above all not that there is nothing.
    return version === undefined ? undefined : (this.#additions(version) ?? this.#removals(version));
  }

  greeting(): Response | undefined {
    const { version } = this.#source;
    if (this.#greeting === undefined || version === undefined) return undefined;
    const answers = [...this.#greeting].slice(0, MAX_TYPES).flatMap(([typeUrl, digest]) => this.#answer(typeUrl, digest));
    this.#greeting = undefined;
    return this.#dialect.greet?.(answers, version);
  }

  /** The heaps of which the client is to say what it has; nothing when that is everything. */
  #answer(typeUrl: string, digest: string): readonly Resource[] {
    const agreed = this.#types.has(typeUrl) ? undefined : agree(typeUrl, digest, this.#source);
    if (agreed === undefined) return [];
    this.#agreed.set(typeUrl, agreed);
    return [{ name: typeUrl, version: agreed.unequal.text, bytes: NO_BYTES }];
  }

  statuses(): readonly TypeStatus[] {
    return this.#ordered.map((type) => this.#statusOf(type));
  }

  syncedVersion(): number | undefined {
    let synced = this.#source.version;
    for (const type of this.#types.values()) {
      const { ackedVersion } = this.#statusOf(type);
      if (ackedVersion === undefined) return undefined;
      if (synced === undefined || ackedVersion < synced) synced = ackedVersion;
    }
    return this.#types.size === 0 ? undefined : synced;
  }

  get holdsBack(): boolean {
    return [...this.#types.values()].some((type) => isPending(type) && this.#mustWait(type));
  }

  stopHoldingBack(): void {
    this.#awaitedEndpoints.clear();
    this.#released = true;
  }

  #take(type: TypeSession): void {
    this.#types.set(type.typeUrl, type);
    this.#ordered = [...this.#types.values()].sort((a, b) => pushRank(a.typeUrl) - pushRank(b.typeUrl));
  }

  #isSettled(typeUrl: string): boolean {
    const type = this.#types.get(typeUrl);
    return type === undefined || (isQuiet(type) && type.removals.size === 0 && type.nacked === undefined);
  }

  /** Routes and listeners wait until the clusters they may point at are in place. */
  #mustWait(type: TypeSession): boolean {
    if (this.#released || !pointsAtClusters(type.typeUrl)) return false;
    const clusters = this.#types.get(TYPE_URL.cluster);
    const endpoints = this.#types.get(TYPE_URL.endpoint);
    return (
      (clusters !== undefined && !isQuiet(clusters)) ||
      (this.#awaitedEndpoints.size > 0 && clusters?.wildcard === true) ||
      endpoints?.outstanding !== undefined
    );
  }

  #removalsMayGo(type: TypeSession): boolean {
    return removedAfter(type.typeUrl).every((typeUrl) => this.#isSettled(typeUrl));
  }

  #send(type: TypeSession, { changed, all }: Difference, removed: readonly string[], version: number): Response | undefined {
    const nonce = `${this.#noncePrefix}${this.#nonces + 1}`;
    const form = this.#takesPatches ? asPatches(type, changed) : changed;
    noteSent(type, changed, removed, all);
    const response = this.#dialect.respond(type, form, removed, { nonce, version });
    type.due = false;
    if (response === undefined) {
      if (type.removals.size === 0) type.ackedVersion = version;
      return undefined;
    }
    this.#nonces++;
    type.outstanding = { nonce, version, changed, removed };
    type.sentNonce = nonce;
    type.sentVersion = version;
    if (type.typeUrl === TYPE_URL.cluster) {
      this.#released = false;
      this.#sendEndpointsOf(changed);
    }
    if (type.typeUrl === TYPE_URL.endpoint && this.#awaitedEndpoints.size > 0)
      for (const { name } of changedOf(changed)) this.#awaitedEndpoints.delete(name);
    return response;
  }

  /** A changed cluster is warmed anew, and waits for its endpoints to be sent again (Envoy). */
  #sendEndpointsOf(clusters: Changed): void {
    const endpoints = this.#types.get(TYPE_URL.endpoint);
    if (endpoints === undefined) return;
    for (const { endpointName } of changedOf(clusters)) {
      if (endpointName === undefined) continue;
      // A client that has asked for no endpoints at all may never do so; it is not waited for.
      if (endpoints.names.has(endpointName)) endpoints.forced.add(endpointName);
      else this.#awaitedEndpoints.add(endpointName);
    }
  }

  #additions(version: number): Response | undefined {
    for (const type of this.#ordered) {
      if (type.outstanding !== undefined || !isPending(type) || this.#mustWait(type)) continue;
      const difference = takeDifference(type, this.#source);
      for (const name of difference.gone) type.removals.add(name);
      const response = this.#send(type, difference, this.#removalsMayGo(type) ? takeRemovals(type) : [], version);
      if (response !== undefined) return response;
    }
    return undefined;
  }

  #removals(version: number): Response | undefined {
    for (;;) {
      const type = this.#ordered.find((one) => one.outstanding === undefined && !isPending(one) && one.removals.size > 0 && this.#removalsMayGo(one));
      if (type === undefined) return undefined;
      const response = this.#send(type, { changed: NO_CHANGES, gone: [] }, takeRemovals(type), version);
      if (response !== undefined) return response;
      // Gone without a word, as routes are for clients of the state of the world: what waited for that may go now.
    }
  }

  #judge(type: TypeSession, request: Request): Verdict | undefined {
    const { outstanding, typeUrl } = type;
    if (request.nonce !== '' && type.sentNonce !== '' && request.nonce !== type.sentNonce) this.#onStale(typeUrl);
    if (outstanding === undefined || request.nonce !== outstanding.nonce) return undefined;
    type.outstanding = undefined;
    const verdict = { typeUrl, nonce: outstanding.nonce, version: outstanding.version };
    if (request.error === undefined) {
      noteAcceptance(type, outstanding);
      return { t: 'ack', ...verdict };
    }
    const message = request.error.message ?? 'refused without a reason';
    noteRefusal(type, outstanding, message);
    // A refused cluster is not going to ask for its endpoints.
    if (typeUrl === TYPE_URL.cluster) this.#awaitedEndpoints.clear();
    return { t: 'nack', ...verdict, message };
  }

  #statusOf(type: TypeSession): TypeStatus {
    const isDone = isQuiet(type) && type.removals.size === 0;
    return {
      typeUrl: type.typeUrl,
      names: type.wildcard ? (type.names.size === 0 ? STAR : new Set(['*', ...type.names])) : type.names,
      resources: type.known.size,
      sentVersion: type.sentVersion,
      sentNonce: type.sentNonce,
      ackedVersion: isDone && type.nacked === undefined ? this.#source.version : type.ackedVersion,
      nacked: type.nacked,
      outstanding: !isDone,
    };
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
const STAR: ReadonlySet<string> = new Set(['*']);

/** The client counts as having what it is sent; what it refuses of it is told by itself. */
function noteSent(type: TypeSession, changed: Changed, removed: readonly string[], all: ReadonlyMap<string, Resource> | undefined): void {
  for (const name of removed) type.known.delete(name);
  if (all !== undefined) return type.known.rebase(all, type.removals);
  for (const resource of changedOf(changed)) type.known.set(resource.name, resource);
}

/** What the client has in an older version, as what differs. */
function asPatches(type: TypeSession, { shared, own }: Changed): Changed {
  return { shared, own: own.map((resource) => patched(type.typeUrl, resource, type.known.content(resource.name))) };
}

function tooMuch(bound: string): MeshError {
  return new MeshError('grpc/resource-exhausted', `one stream may ask for at most ${bound}`);
}

function takeRemovals(type: TypeSession): readonly string[] {
  const names = [...type.removals];
  type.removals.clear();
  return names;
}
