import { TYPE_URL } from '@meltemi/protos-types';
import { createDeltaDialect } from './delta-dialect.ts';
import type { DeltaRequest, DeltaResponse, SotwRequest, SotwResponse } from './messages.ts';
import type { Resource, ResourceSource } from './resource.ts';
import { createSotwDialect } from './sotw-dialect.ts';
import { createTypeSession, isPending, isQuiet, noteAcceptance, noteRefusal, takeDifference, type TypeSession } from './type-session.ts';
import { pointsAtClusters, pushRank, removedAfter } from './types.ts';

export type Protocol = 'delta' | 'sotw';

/** The first answer to a nonce. */
export type Verdict =
  | { readonly t: 'ack'; readonly typeUrl: string; readonly nonce: string; readonly version: number }
  | { readonly t: 'nack'; readonly typeUrl: string; readonly nonce: string; readonly version: number; readonly message: string };

/** What is known of one type on one client. Versions are the source's. */
export interface TypeStatus {
  readonly typeUrl: string;
  /** '*' among the names: all. */
  readonly names: ReadonlySet<string>;
  /** Resources that the client has. */
  readonly resources: number;
  readonly sentVersion: number | undefined;
  readonly sentNonce: string;
  /** The newest version the client has, because it acknowledged it or because nothing changed for it. */
  readonly ackedVersion: number | undefined;
  /** The last refusal, until the next acknowledgement. */
  readonly nacked: { readonly version: number; readonly message: string } | undefined;
  /** Something was sent and not answered, or is still to be sent. */
  readonly outstanding: boolean;
}

export interface ServerSessionOptions {
  readonly source: ResourceSource;
  /** Makes nonces unique across streams: a prefix. */
  readonly noncePrefix?: string;
}

/**
 * The server's side of one ADS stream (delta or state of the world) as a state machine without I/O: requests in, `next()` responses out.
 * One response per type is outstanding; changes meanwhile are folded into the next. Order: CDS, EDS, SDS, LDS, RDS, others. Routes and
 * listeners wait until clusters and their endpoints are acknowledged; clusters and endpoints are removed only after the routes and
 * listeners that used them were replaced and acknowledged.
 */
export interface ServerSession<Request, Response> {
  /** Takes a request; returns the verdict it carries, if it is the first for its nonce. */
  receive(request: Request): Verdict | undefined;
  /** The source has changed: everywhere, or in one type only, or only in these names of it. */
  changed(typeUrl?: string, names?: ReadonlySet<string>): void;
  /** The next response to write, undefined when there is nothing to say now. Call until undefined, or until the transport pushes back. */
  next(): Response | undefined;
  statuses(): readonly TypeStatus[];
  /** The newest source version that the client has in every type it subscribed to; undefined before the first. */
  syncedVersion(): number | undefined;
  /** Routes or listeners wait for clusters that are not acknowledged, or for endpoints that the client has not asked for yet. */
  readonly holdsBack: boolean;
  /** Stops that waiting, for a client that never answers (Envoy after some refused clusters). The caller's timer decides when (about two seconds). */
  stopHoldingBack(): void;
}

/** What differs between the two protocols. */
export interface Dialect<Request, Response> {
  /** Applies the subscriptions of a request; false when it is stale and says nothing. */
  subscribe(type: TypeSession, request: Request, first: boolean): boolean;
  /** A response with these changes, and with removals that need not wait. Undefined when that is not worth one. */
  respond(
    type: TypeSession,
    changed: readonly Resource[],
    removed: readonly string[],
    context: { readonly nonce: string; readonly version: number },
  ): Response | undefined;
}

interface AnyRequest {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly error?: { readonly message?: string };
}

/** A session for one stream. */
export function createServerSession(protocol: 'delta', options: ServerSessionOptions): ServerSession<DeltaRequest, DeltaResponse>;
export function createServerSession(protocol: 'sotw', options: ServerSessionOptions): ServerSession<SotwRequest, SotwResponse>;
export function createServerSession(
  protocol: Protocol,
  options: ServerSessionOptions,
): ServerSession<DeltaRequest, DeltaResponse> | ServerSession<SotwRequest, SotwResponse> {
  return protocol === 'delta' ? createSession(createDeltaDialect(), options) : createSession(createSotwDialect(options.source), options);
}

function createSession<Request extends AnyRequest, Response>(
  dialect: Dialect<Request, Response>,
  options: ServerSessionOptions,
): ServerSession<Request, Response> {
  const { source } = options;
  const prefix = options.noncePrefix ?? '';
  const types = new Map<string, TypeSession>();
  /** Endpoint sets of clusters that were sent and whose endpoints the client has not got yet. */
  const awaitedEndpoints = new Set<string>();
  let nonces = 0;
  /** Waited long enough: until the next response with clusters nothing is held back. */
  let released = false;

  const ordered = (): readonly TypeSession[] => [...types.values()].sort((a, b) => pushRank(a.typeUrl) - pushRank(b.typeUrl));
  const isSettled = (typeUrl: string): boolean => {
    const type = types.get(typeUrl);
    return type === undefined || (isQuiet(type) && type.removals.size === 0 && type.nacked === undefined);
  };

  /** Routes and listeners wait until the clusters they may point at are in place. */
  const mustWait = (type: TypeSession): boolean => {
    if (released || !pointsAtClusters(type.typeUrl)) return false;
    const clusters = types.get(TYPE_URL.cluster);
    const endpoints = types.get(TYPE_URL.endpoint);
    return (
      (clusters !== undefined && !isQuiet(clusters)) ||
      (awaitedEndpoints.size > 0 && clusters?.wildcard === true) ||
      endpoints?.outstanding !== undefined
    );
  };

  const removalsMayGo = (type: TypeSession): boolean => removedAfter(type.typeUrl).every(isSettled);

  const send = (type: TypeSession, changed: readonly Resource[], removed: readonly string[], version: number): Response | undefined => {
    const nonce = `${prefix}${nonces + 1}`;
    const response = dialect.respond(type, changed, removed, { nonce, version });
    type.due = false;
    if (response === undefined) {
      if (type.removals.size === 0) type.ackedVersion = version;
      return undefined;
    }
    nonces++;
    type.outstanding = { nonce, version, names: [...changed.map(({ name }) => name), ...removed] };
    type.sentNonce = nonce;
    type.sentVersion = version;
    if (type.typeUrl === TYPE_URL.cluster) {
      released = false;
      sendEndpointsOf(changed);
    }
    if (type.typeUrl === TYPE_URL.endpoint) for (const { name } of changed) awaitedEndpoints.delete(name);
    return response;
  };

  /** A changed cluster is warmed anew, and waits for its endpoints to be sent again (Envoy). */
  const sendEndpointsOf = (clusters: readonly Resource[]): void => {
    const endpoints = types.get(TYPE_URL.endpoint);
    for (const { endpointName } of clusters) {
      if (endpointName === undefined) continue;
      // A client that has asked for no endpoints at all may never do so; it is not waited for.
      if (endpoints?.names.has(endpointName) === true) endpoints.forced.add(endpointName);
      else if (endpoints !== undefined) awaitedEndpoints.add(endpointName);
    }
  };

  const additions = (version: number): Response | undefined => {
    for (const type of ordered()) {
      if (type.outstanding !== undefined || !isPending(type) || mustWait(type)) continue;
      const { changed, gone } = takeDifference(type, source);
      for (const name of gone) type.removals.add(name);
      const response = send(type, changed, removalsMayGo(type) ? takeRemovals(type) : [], version);
      if (response !== undefined) return response;
    }
    return undefined;
  };

  const removals = (version: number): Response | undefined => {
    for (const type of ordered()) {
      if (type.outstanding !== undefined || isPending(type) || type.removals.size === 0 || !removalsMayGo(type)) continue;
      const response = send(type, [], takeRemovals(type), version);
      if (response !== undefined) return response;
    }
    return undefined;
  };

  const judge = (type: TypeSession, request: Request): Verdict | undefined => {
    const { outstanding, typeUrl } = type;
    if (outstanding === undefined || request.nonce !== outstanding.nonce) return undefined;
    type.outstanding = undefined;
    const verdict = { typeUrl, nonce: outstanding.nonce, version: outstanding.version };
    if (request.error === undefined) {
      noteAcceptance(type, outstanding.names, outstanding.version);
      return { t: 'ack', ...verdict };
    }
    const message = request.error.message ?? 'refused without a reason';
    noteRefusal(type, outstanding.names, outstanding.version, message);
    // A refused cluster is not going to ask for its endpoints.
    if (typeUrl === TYPE_URL.cluster) awaitedEndpoints.clear();
    return { t: 'nack', ...verdict, message };
  };

  const statusOf = (type: TypeSession): TypeStatus => ({
    typeUrl: type.typeUrl,
    names: type.wildcard ? new Set(['*', ...type.names]) : type.names,
    resources: type.known.size,
    sentVersion: type.sentVersion,
    sentNonce: type.sentNonce,
    ackedVersion: isQuiet(type) && type.nacked === undefined && type.removals.size === 0 ? source.version : type.ackedVersion,
    nacked: type.nacked,
    outstanding: !isQuiet(type) || type.removals.size > 0,
  });

  return {
    receive(request) {
      let type = types.get(request.typeUrl);
      const first = type === undefined;
      type ??= createTypeSession(request.typeUrl);
      types.set(request.typeUrl, type);
      const verdict = judge(type, request);
      if (dialect.subscribe(type, request, first) && request.typeUrl === TYPE_URL.endpoint) {
        for (const name of awaitedEndpoints) if (type.names.has(name)) awaitedEndpoints.delete(name);
      }
      return verdict;
    },
    changed(typeUrl, names) {
      for (const type of types.values()) {
        if (typeUrl !== undefined && type.typeUrl !== typeUrl) continue;
        if (names === undefined || typeUrl === undefined) type.dirty = 'all';
        else if (type.dirty !== 'all') type.dirty = new Set([...(type.dirty ?? []), ...names]);
      }
    },
    next() {
      const { version } = source;
      // Before the first snapshot there is nothing to say; above all not that there is nothing.
      return version === undefined ? undefined : (additions(version) ?? removals(version));
    },
    statuses: () => ordered().map(statusOf),
    syncedVersion() {
      let synced = source.version;
      for (const type of types.values()) {
        const { ackedVersion } = statusOf(type);
        if (ackedVersion === undefined) return undefined;
        if (synced === undefined || ackedVersion < synced) synced = ackedVersion;
      }
      return types.size === 0 ? undefined : synced;
    },
    get holdsBack() {
      return [...types.values()].some((type) => isPending(type) && mustWait(type));
    },
    stopHoldingBack() {
      awaitedEndpoints.clear();
      released = true;
    },
  };
}

function takeRemovals(type: TypeSession): readonly string[] {
  const names = [...type.removals];
  type.removals.clear();
  return names;
}
