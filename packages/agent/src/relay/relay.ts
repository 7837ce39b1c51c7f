import { createDeltaClient, type Decompress, type DeltaClient, type DeltaResponse, type Resource } from '@meltemi/xds';
import { TYPE_URL } from '@meltemi/protos-types';
import { createRouteEnds, type RouteEnds, type RouteEndsOptions } from './route-ends.ts';
import { createRelaySession, type RelaySession, type SessionHost } from './relay-session.ts';
import { createResourceStore, type Known, type ResourceStore } from './resource-store.ts';

/**
 * Stands between the control plane and the proxies of one workload, as a state machine without I/O: subscriptions of proxies go up,
 * resources come down, verdicts of proxies go up. What was accepted is kept, so a proxy that comes back is served at once, with or without
 * a control plane. Unlike an xDS server it never says "absent" of a name that the control plane has not answered yet.
 */
export interface Relay {
  readonly client: DeltaClient;
  /** A response of the control plane. */
  receive(response: DeltaResponse): void;
  /** A stream of a proxy. */
  openSession(): RelaySession;
  /** The agent's own interest in a type, whatever proxies want: these updates are accepted at once. '*' for all. */
  subscribeOwn(typeUrl: string, names: readonly string[]): void;
  unsubscribeOwn(typeUrl: string, names: readonly string[]): void;
  /** Resources made here, served in the place of the control plane's. Replaces those of the same names. */
  setLocal(typeUrl: string, resources: readonly Resource[]): void;
  resource(typeUrl: string, name: string): Resource | undefined;
  /** The same, and whether the control plane has said that there is none. */
  lookup(typeUrl: string, name: string): Known;
  names(typeUrl: string): ReadonlySet<string>;
  /** Gives up subscriptions that no proxy holds any more: those of one that ended and whose successor asks for less. */
  prune(): void;
}

export interface RelayOptions {
  /** Encoded `envoy.config.core.v3.Node`. */
  readonly node: Uint8Array;
  /** For compressed resources; without it none are asked for. */
  readonly decompress?: Decompress | undefined;
  /** Names that are made here and never asked of the control plane. */
  readonly isLocal: (typeUrl: string, name: string) => boolean;
  /** A proxy asks for such names. */
  readonly onLocalWanted?: (typeUrl: string, names: readonly string[]) => void;
  /** Resources of a type have changed. */
  readonly onUpdate?: (typeUrl: string) => void;
  /** A proxy refused resources. */
  readonly onRefusal?: (typeUrl: string, message: string) => void;
  /** For routes that end by themselves; without it they stay until the control plane says otherwise. */
  readonly time?: Pick<RouteEndsOptions, 'clock' | 'timers'>;
  /** Something may wait to be sent, up (`client.takeRequests`) or down (`session.next`). */
  readonly onWork: () => void;
}

/** The names and versions of fewer resources are not more than their digest. */
const MIN_DIGESTED = 64;

export function createRelay(options: RelayOptions): Relay {
  const store = createResourceStore();
  const client = clientOf(store, options);
  const sessions = new Set<RelaySession>();
  const own = new Map<string, Set<string>>();

  const ends = endsOf(store, sessions, options);
  const host = createHost({ client, store, sessions, own, ends }, options);

  return {
    client,
    receive(response) {
      if (client.hear(response)) return options.onWork();
      const update = client.receive(response);
      store.take(update);
      if (update.typeUrl === TYPE_URL.route) ends?.changed([...update.added.map((resource) => resource.name), ...update.removed]);
      const names = new Set([...update.added.map((resource) => resource.name), ...update.removed]);
      const interested = [...sessions].filter((session) => session.changed(update.typeUrl, names));
      // Nobody will judge what nobody is told: it must not hold up the type. Without any proxy it waits for the one that is being started.
      if (own.has(update.typeUrl) || (sessions.size > 0 && interested.length === 0)) store.settle(client, update.typeUrl, [update], undefined);
      options.onUpdate?.(update.typeUrl);
      options.onWork();
    },
    openSession() {
      const session = createRelaySession(host);
      sessions.add(session);
      return session;
    },
    subscribeOwn(typeUrl, names) {
      const mine = own.get(typeUrl) ?? new Set();
      own.set(typeUrl, mine);
      for (const name of names) mine.add(name);
      host.subscribe(typeUrl, new Set(names));
      options.onWork();
    },
    unsubscribeOwn(typeUrl, names) {
      for (const name of names) own.get(typeUrl)?.delete(name);
      host.unsubscribe(typeUrl, names);
      options.onWork();
    },
    setLocal(typeUrl, resources) {
      const { local } = store.type(typeUrl);
      for (const resource of resources) local.set(resource.name, resource);
      for (const session of sessions) session.changed(typeUrl, new Set(resources.map((resource) => resource.name)));
      options.onWork();
    },
    resource(typeUrl, name) {
      const known = store.lookup(typeUrl, name);
      return known.t === 'resource' ? known.resource : undefined;
    },
    lookup: (typeUrl, name) => store.lookup(typeUrl, name),
    names: (typeUrl) => store.names(typeUrl),
    prune() {
      if (sessions.size === 0) return;
      for (const typeUrl of Array.from(store.typeUrls())) {
        host.unsubscribe(typeUrl, [...client.subscriptions(typeUrl)]);
        const judging = [...sessions].some((session) => session.isBusy(typeUrl));
        if (!judging) store.settle(client, typeUrl, [...store.type(typeUrl).unsettled], undefined);
      }
      options.onWork();
    },
  };
}

function clientOf(store: ResourceStore, { node, decompress }: RelayOptions): DeltaClient {
  return createDeltaClient({ node, held: (...resource) => store.held(...resource), decompress, minDigested: MIN_DIGESTED });
}

function endsOf(store: ResourceStore, sessions: ReadonlySet<RelaySession>, { time, onUpdate, onWork }: RelayOptions): RouteEnds | undefined {
  if (time === undefined) return undefined;
  return createRouteEnds({
    store,
    ...time,
    onEnded(names) {
      for (const session of sessions) session.changed(TYPE_URL.route, names);
      onUpdate?.(TYPE_URL.route);
      onWork();
    },
  });
}

interface RelayState {
  readonly client: DeltaClient;
  readonly store: ResourceStore;
  readonly sessions: Set<RelaySession>;
  /** The agent's own subscriptions by type. */
  readonly own: ReadonlyMap<string, ReadonlySet<string>>;
  readonly ends: RouteEnds | undefined;
}

/** The relay as its sessions see it. */
function createHost({ client, store, sessions, own, ends }: RelayState, options: RelayOptions): SessionHost {
  const wanted = (typeUrl: string, name: string): boolean =>
    (own.get(typeUrl)?.has(name) ?? false) || [...sessions].some((session) => session.subscriptions(typeUrl).has(name));
  return {
    store,
    subscribe(typeUrl, names) {
      const known = client.subscriptions(typeUrl);
      const local = [...names].filter((name) => options.isLocal(typeUrl, name));
      if (local.length > 0) options.onLocalWanted?.(typeUrl, local);
      const missing = [...names].filter((name) => !known.has(name) && !options.isLocal(typeUrl, name));
      if (missing.length > 0) client.subscribe(typeUrl, missing);
    },
    unsubscribe(typeUrl, names) {
      const unwanted = names.filter((name) => client.subscriptions(typeUrl).has(name) && !wanted(typeUrl, name));
      if (unwanted.length === 0) return;
      client.unsubscribe(typeUrl, unwanted);
      store.forget(typeUrl, unwanted);
    },
    verdict(typeUrl, updates, refusal) {
      store.settle(client, typeUrl, updates, refusal);
      if (refusal === undefined) return;
      // What was accepted before counts again, and may end sooner than what was refused, or have ended meanwhile.
      if (typeUrl === TYPE_URL.route) ends?.changed(updates.flatMap(({ added, removed }) => [...added.map(({ name }) => name), ...removed]));
      options.onRefusal?.(typeUrl, refusal);
    },
    closed(session) {
      sessions.delete(session);
    },
    onWork: options.onWork,
  };
}
