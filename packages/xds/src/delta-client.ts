import type { DeltaRequest, DeltaResponse } from './messages.ts';
import type { Resource } from './resource.ts';

/** A resource that was refused, and why: that text becomes the NACK. */
export interface Rejection {
  readonly name: string;
  readonly message: string;
}

/** One response to apply: all the good resources of it, whatever the others are. Settle it exactly once. */
export interface Update {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly systemVersion: string;
  readonly added: readonly Resource[];
  readonly removed: readonly string[];
}

export interface DeltaClientOptions {
  /** The encoded `envoy.config.core.v3.Node`, sent with the first request of each stream. */
  readonly node: Uint8Array;
}

/**
 * The client's side of delta xDS as a state machine without I/O. The caller moves bytes: it hands responses in, takes requests out
 * after every call, and says when a stream is up or gone. Subscriptions and known versions outlive streams.
 */
export interface DeltaClient {
  /** Subscribes; '*' for all resources of the type. Known names are left alone. */
  subscribe(typeUrl: string, names: readonly string[]): void;
  /** The resources of the names count as removed at once; no update says so. */
  unsubscribe(typeUrl: string, names: readonly string[]): void;
  /** A stream is up: queues the first request of each type, with the versions already accepted. */
  connected(): void;
  /** The stream is gone. Updates that were not settled are forgotten. */
  disconnected(): void;
  /** A response came in. */
  receive(response: DeltaResponse): Update;
  /** The verdict on an update: ACK without rejections, else NACK. Later than a disconnect: ignored by the wire, but accepted versions are kept. */
  settle(update: Update, rejections: readonly Rejection[]): void;
  /** What is to be sent now, in order; empties the queue. */
  takeRequests(): readonly DeltaRequest[];
  /** Accepted resources of a type: name to version. */
  versions(typeUrl: string): ReadonlyMap<string, string>;
  /** Names subscribed to, '*' among them. */
  subscriptions(typeUrl: string): ReadonlySet<string>;
}

/** google.rpc.Code INVALID_ARGUMENT: the code of a NACK. */
const INVALID_ARGUMENT = 3;

interface TypeState {
  /** What the caller wants. */
  readonly names: Set<string>;
  /** Accepted resources. */
  readonly versions: Map<string, string>;
  /** Was a first request of this type sent on the present stream? */
  begun: boolean;
}

/** A client without subscriptions and without a stream. */
export function createDeltaClient(options: DeltaClientOptions): DeltaClient {
  const types = new Map<string, TypeState>();
  const queue: DeltaRequest[] = [];
  const open = new Set<Update>();
  let up = false;
  let nodeSent = false;

  function stateOf(typeUrl: string): TypeState {
    let state = types.get(typeUrl);
    if (state === undefined) types.set(typeUrl, (state = { names: new Set(), versions: new Map(), begun: false }));
    return state;
  }

  function send(request: Omit<DeltaRequest, 'node'>): void {
    queue.push(nodeSent ? request : { ...request, node: options.node });
    nodeSent = true;
  }

  /** The first request of a type on a stream tells what is held already, so that only what is new comes back. */
  function begin(typeUrl: string, state: TypeState): void {
    state.begun = true;
    send({ typeUrl, subscribe: [...state.names], unsubscribe: [], initialVersions: new Map(state.versions), nonce: '' });
  }

  return {
    subscribe(typeUrl, names) {
      const state = stateOf(typeUrl);
      const fresh = names.filter((name) => !state.names.has(name));
      if (fresh.length === 0) return;
      for (const name of fresh) state.names.add(name);
      if (!up) return;
      if (!state.begun) return begin(typeUrl, state);
      send({ typeUrl, subscribe: fresh, unsubscribe: [], initialVersions: new Map(), nonce: '' });
    },
    unsubscribe(typeUrl, names) {
      const state = types.get(typeUrl);
      const known = names.filter((name) => state?.names.has(name) === true);
      if (state === undefined || known.length === 0) return;
      for (const name of known) {
        state.names.delete(name);
        if (name === '*') forgetUnnamed(state);
        else if (!state.names.has('*')) state.versions.delete(name);
      }
      if (up && state.begun) send({ typeUrl, subscribe: [], unsubscribe: known, initialVersions: new Map(), nonce: '' });
    },
    connected() {
      up = true;
      nodeSent = false;
      queue.length = 0;
      for (const [typeUrl, state] of types) {
        state.begun = false;
        if (state.names.size > 0) begin(typeUrl, state);
      }
    },
    disconnected() {
      up = false;
      queue.length = 0;
      open.clear();
    },
    receive(response) {
      const state = stateOf(response.typeUrl);
      // What was unsubscribed while the response was on its way is not wanted any more.
      const wanted = (name: string): boolean => state.names.has('*') || state.names.has(name);
      const update: Update = {
        typeUrl: response.typeUrl,
        nonce: response.nonce,
        systemVersion: response.systemVersion,
        added: response.resources.filter((resource) => wanted(resource.name)),
        removed: response.removed.filter(wanted),
      };
      open.add(update);
      return update;
    },
    settle(update, rejections) {
      const state = stateOf(update.typeUrl);
      const refused = new Set(rejections.map((rejection) => rejection.name));
      for (const resource of update.added) if (!refused.has(resource.name)) state.versions.set(resource.name, resource.version);
      for (const name of update.removed) state.versions.delete(name);
      if (!open.delete(update) || !up) return;
      const answer = { typeUrl: update.typeUrl, subscribe: [], unsubscribe: [], initialVersions: new Map<string, string>(), nonce: update.nonce };
      if (rejections.length === 0) return send(answer);
      send({ ...answer, error: { code: INVALID_ARGUMENT, message: rejections.map((rejection) => rejection.message).join('\n') } });
    },
    takeRequests() {
      return queue.splice(0);
    },
    versions: (typeUrl) => stateOf(typeUrl).versions,
    subscriptions: (typeUrl) => stateOf(typeUrl).names,
  };
}

function forgetUnnamed(state: TypeState): void {
  for (const name of state.versions.keys()) if (!state.names.has(name)) state.versions.delete(name);
}
