import { TYPE_URL } from '@meltemi/protos-types';
import type { Resource } from '../resource.ts';
import type { ServerSession, ServerSessionOptions, TypeStatus, Verdict } from '../server-session.ts';
import { isFree, pushRank, REMOVAL_ORDER, removesLast, stageOf } from './order.ts';
import { createTypeState, markClean, markDirty, type TypeState } from './type-state.ts';

/** What a request says, whatever its protocol. */
export interface Said {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly error: string | undefined;
}

/** What to send of one type. */
export interface Draft {
  readonly send: readonly Resource[];
  readonly removed: readonly string[];
  /** Removals were held back; ask again when nothing points at them. */
  readonly removalDue: boolean;
}

/** What delta and state of the world do differently. */
export interface Rules<Request, Response> {
  read(request: Request): Said;
  /** Takes over the subscription that a request carries; true when it changed. Not called for stale requests. */
  subscribe(state: TypeState, request: Request): boolean;
  /** A request with a nonce that is not the latest: does it still carry news? Delta: always. State of the world: never. */
  readonly staleCarriesNews: boolean;
  /** Compares what the client has with `wanted`; undefined = nothing to say. `removeNow`: what was held back may go. */
  draft(state: TypeState, wanted: ReadonlyMap<string, Resource>, removeNow: boolean): Draft | undefined;
  respond(state: TypeState, draft: Draft, nonce: string, version: number): Response;
}

/** One ADS stream, server side; see `ServerSession`. */
export function createSession<Request, Response>(options: ServerSessionOptions, rules: Rules<Request, Response>): ServerSession<Request, Response> {
  const { source, noncePrefix = '' } = options;
  const types = new Map<string, TypeState>();
  let ordered: TypeState[] = [];
  let counter = 0;

  function stateOf(typeUrl: string): TypeState {
    let state = types.get(typeUrl);
    if (state === undefined) {
      types.set(typeUrl, (state = createTypeState(typeUrl)));
      ordered = [...types.values()].sort((a, b) => pushRank(a.typeUrl) - pushRank(b.typeUrl));
    }
    return state;
  }

  /** The answer of the source; the same Map while nothing changed. */
  function wantedOf(state: TypeState): ReadonlyMap<string, Resource> {
    if (!state.wildcard) return source.resources(state.typeUrl, state.names);
    const all = source.resources(state.typeUrl, '*');
    const extra = [...state.names].filter((name) => !all.has(name));
    return extra.length === 0 ? all : new Map([...all, ...source.resources(state.typeUrl, new Set(extra))]);
  }

  function isHeld(state: TypeState): boolean {
    if (isFree(state.typeUrl)) return false;
    const stage = stageOf(state.typeUrl);
    return ordered.some((other) => other.outstanding !== undefined && stageOf(other.typeUrl) < stage);
  }

  /** The next response of one type, undefined when there is none. */
  function advance(state: TypeState, version: number, removeNow: boolean): Response | undefined {
    if (state.outstanding !== undefined || (state.dirty.t === 'clean' && !removeNow)) return undefined;
    const wanted = wantedOf(state);
    const sameAnswer = wanted === state.compared && state.force.size === 0 && !state.first && !removeNow;
    const draft = sameAnswer ? undefined : rules.draft(state, wanted, removeNow || !removesLast(state.typeUrl));
    state.compared = wanted;
    markClean(state);
    if (draft !== undefined) state.removalDue = draft.removalDue;
    if (draft === undefined || (draft.send.length === 0 && draft.removed.length === 0 && !state.first)) {
      if (state.nacked === undefined) state.ackedVersion = version;
      return undefined;
    }
    return commit(state, draft, version);
  }

  function commit(state: TypeState, draft: Draft, version: number): Response {
    const nonce = `${noncePrefix}${++counter}`;
    state.first = false;
    state.force.clear();
    state.outstanding = { nonce, version };
    state.sentVersion = version;
    state.sentNonce = nonce;
    if (state.typeUrl === TYPE_URL.cluster) resendEndpoints(draft.send);
    return rules.respond(state, draft, nonce, version);
  }

  /** Envoy warms a changed cluster until it gets its endpoints anew, though they may not have changed. */
  function resendEndpoints(clusters: readonly Resource[]): void {
    const endpoints = types.get(TYPE_URL.endpoint);
    if (endpoints === undefined) return;
    const names = new Set<string>();
    for (const cluster of clusters) if (cluster.endpointName !== undefined && endpoints.known.has(cluster.endpointName)) names.add(cluster.endpointName);
    for (const name of names) endpoints.force.add(name);
    markDirty(endpoints, names);
  }

  function answer(state: TypeState, said: Said): Verdict | undefined {
    const { outstanding } = state;
    // The first answer to a nonce counts: after a NACK Envoy (delta) sends an ACK with the same nonce.
    if (outstanding === undefined || said.nonce !== outstanding.nonce) return undefined;
    state.outstanding = undefined;
    const head = { typeUrl: state.typeUrl, nonce: outstanding.nonce, version: outstanding.version };
    if (said.error === undefined) {
      state.ackedVersion = outstanding.version;
      state.nacked = undefined;
      return { t: 'ack', ...head };
    }
    state.nacked = { version: outstanding.version, message: said.error };
    return { t: 'nack', ...head, message: said.error };
  }

  /** With everything sent and acknowledged, types that nothing touched are at the source's version too, and held removals may go. */
  function settle(version: number): Response | undefined {
    if (ordered.some((state) => !isFree(state.typeUrl) && (state.outstanding !== undefined || state.dirty.t !== 'clean'))) return undefined;
    for (const typeUrl of REMOVAL_ORDER) {
      const state = types.get(typeUrl);
      if (state?.removalDue !== true) continue;
      const response = advance(state, version, true);
      if (response !== undefined) return response;
    }
    return undefined;
  }

  return {
    receive(request) {
      const said = rules.read(request);
      const state = stateOf(said.typeUrl);
      const verdict = answer(state, said);
      const stale = said.nonce !== '' && said.nonce !== state.sentNonce;
      if ((!stale || rules.staleCarriesNews) && rules.subscribe(state, request)) markDirty(state);
      return verdict;
    },
    changed(typeUrl, names) {
      if (typeUrl === undefined) for (const state of ordered) markDirty(state);
      else {
        const state = types.get(typeUrl);
        if (state !== undefined) markDirty(state, names);
      }
    },
    next() {
      const { version } = source;
      if (version === undefined) return undefined;
      for (const state of ordered) {
        const response = isHeld(state) ? undefined : advance(state, version, false);
        if (response !== undefined) return response;
      }
      const removal = settle(version);
      if (removal !== undefined) return removal;
      for (const state of ordered) if (state.outstanding === undefined && state.dirty.t === 'clean' && state.nacked === undefined && !state.removalDue) state.ackedVersion = version;
      return undefined;
    },
    statuses: () => ordered.map(statusOf),
    syncedVersion() {
      let synced: number | undefined;
      for (const state of ordered) {
        if (state.ackedVersion === undefined) return undefined;
        synced = synced === undefined ? state.ackedVersion : Math.min(synced, state.ackedVersion);
      }
      return synced;
    },
  };
}

function statusOf(state: TypeState): TypeStatus {
  return {
    typeUrl: state.typeUrl,
    names: state.wildcard ? new Set([...state.names, '*']) : new Set(state.names),
    sentVersion: state.sentVersion,
    sentNonce: state.sentNonce,
    ackedVersion: state.ackedVersion,
    nacked: state.nacked,
    outstanding: state.outstanding !== undefined,
  };
}
