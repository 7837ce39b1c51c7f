import type { DeltaRequest, DeltaResponse, Resource, Update } from '@meltemi/xds';
import type { ResourceStore } from './resource-store.ts';

/** One delta stream of a proxy. */
export interface RelaySession {
  receive(request: DeltaRequest): void;
  /** The next response to write; undefined when there is nothing to say now. */
  next(): DeltaResponse | undefined;
  /** Names of a type have changed in the store. True: the proxy will be told. */
  changed(typeUrl: string, names: ReadonlySet<string>): boolean;
  /** Something of the type waits to be sent or judged. */
  isBusy(typeUrl: string): boolean;
  /** Names subscribed to, '*' among them. */
  subscriptions(typeUrl: string): ReadonlySet<string>;
  close(): void;
}

/** What a session needs of its relay. */
export interface SessionHost {
  readonly store: ResourceStore;
  subscribe(typeUrl: string, names: ReadonlySet<string>): void;
  unsubscribe(typeUrl: string, names: readonly string[]): void;
  verdict(typeUrl: string, updates: readonly Update[], refusal: string | undefined): void;
  closed(session: RelaySession): void;
  onWork(): void;
}

interface TypeSession {
  readonly subscribed: Set<string>;
  /** Versions the proxy has. */
  readonly sent: Map<string, string>;
  /** Names to be told about in the next response. */
  readonly dirty: Set<string>;
  /** A response is due even if it is empty: the proxy waits for one before it goes on. */
  due: boolean;
  outstanding: { readonly nonce: string; readonly updates: readonly Update[] } | undefined;
}

const WILDCARD = '*';
let sessions = 0;

export function createRelaySession(host: SessionHost): RelaySession {
  const types = new Map<string, TypeSession>();
  // Types in the order in which they have something to say: the control plane's order (make before break) is kept.
  const queue = new Set<string>();
  const prefix = `a${++sessions}-`;
  let nonces = 0;
  let closed = false;

  const wants = (state: TypeSession, name: string): boolean => state.subscribed.has(WILDCARD) || state.subscribed.has(name);

  const session: RelaySession = {
    receive(request) {
      const first = !types.has(request.typeUrl);
      const state = typeOf(types, request.typeUrl);
      if (request.nonce !== '' && request.nonce === state.outstanding?.nonce) {
        const { updates } = state.outstanding;
        state.outstanding = undefined;
        host.verdict(request.typeUrl, updates, request.error === undefined ? undefined : (request.error.message ?? 'refused without a reason'));
      }
      if (first) for (const [name, version] of request.initialVersions) state.sent.set(name, version);
      const asked = first && request.subscribe.length === 0 ? [WILDCARD] : request.subscribe;
      subscribe(host, request.typeUrl, state, asked);
      unsubscribe(host, request.typeUrl, state, request.unsubscribe);
      if (state.dirty.size > 0 || state.due) queue.add(request.typeUrl);
      host.onWork();
    },
    next() {
      if (closed) return undefined;
      for (const typeUrl of queue) {
        const state = typeOf(types, typeUrl);
        if (state.outstanding !== undefined) continue;
        queue.delete(typeUrl);
        const response = respond(host.store, typeUrl, state, `${prefix}${++nonces}`);
        if (response !== undefined) return response;
      }
      return undefined;
    },
    changed(typeUrl, names) {
      const state = types.get(typeUrl);
      if (state === undefined) return false;
      for (const name of names) if (wants(state, name)) state.dirty.add(name);
      // An empty answer of the control plane is an answer too.
      if (state.subscribed.has(WILDCARD) && names.size === 0) state.due = true;
      const told = state.dirty.size > 0 || state.due;
      if (told) queue.add(typeUrl);
      return told;
    },
    isBusy: (typeUrl) => queue.has(typeUrl) || types.get(typeUrl)?.outstanding !== undefined,
    subscriptions: (typeUrl) => types.get(typeUrl)?.subscribed ?? EMPTY,
    close() {
      closed = true;
      host.closed(session);
    },
  };
  return session;
}

const EMPTY: ReadonlySet<string> = new Set();

function typeOf(types: Map<string, TypeSession>, typeUrl: string): TypeSession {
  let state = types.get(typeUrl);
  if (state === undefined)
    types.set(typeUrl, (state = { subscribed: new Set(), sent: new Map(), dirty: new Set(), due: false, outstanding: undefined }));
  return state;
}

function subscribe(host: SessionHost, typeUrl: string, state: TypeSession, names: readonly string[]): void {
  if (names.length === 0) return;
  for (const name of names) {
    state.subscribed.add(name);
    if (name !== WILDCARD) {
      // Of an unknown name nothing is said until the control plane has answered.
      if (host.store.lookup(typeUrl, name).t !== 'unknown') state.dirty.add(name);
      continue;
    }
    for (const known of host.store.names(typeUrl)) state.dirty.add(known);
    if (!host.store.type(typeUrl).answered) continue;
    // What the proxy brought along from an earlier stream and is gone since, and the answer that there is nothing.
    for (const old of state.sent.keys()) state.dirty.add(old);
    state.due = true;
  }
  host.subscribe(typeUrl, new Set(names));
}

function unsubscribe(host: SessionHost, typeUrl: string, state: TypeSession, names: readonly string[]): void {
  if (names.length === 0) return;
  for (const name of names) {
    state.subscribed.delete(name);
    if (state.subscribed.has(WILDCARD)) continue;
    state.sent.delete(name);
    state.dirty.delete(name);
  }
  host.unsubscribe(typeUrl, names);
}

function respond(store: ResourceStore, typeUrl: string, state: TypeSession, nonce: string): DeltaResponse | undefined {
  const typeStore = store.type(typeUrl);
  const resources: Resource[] = [];
  const removed: string[] = [];
  for (const name of state.dirty) {
    const known = store.lookup(typeUrl, name);
    if (known.t === 'resource') resources.push(known.resource);
    else if (known.t === 'absent' || (state.subscribed.has(WILDCARD) && typeStore.answered && state.sent.has(name))) removed.push(name);
  }
  const due = state.due;
  state.dirty.clear();
  state.due = false;
  if (resources.length === 0 && removed.length === 0 && !due) return undefined;
  for (const resource of resources) state.sent.set(resource.name, resource.version);
  for (const name of removed) state.sent.delete(name);
  state.outstanding = { nonce, updates: [...typeStore.unsettled] };
  return { typeUrl, nonce, systemVersion: '', resources, removed };
}
