import type { Clock, Log, Timer, Timers } from '@meltemi/base';
import { Status, type MethodHandler } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import { shortTypeName, TYPE_URL } from '@meltemi/protos-types';
import type { Protocol, Resource, ResourceSource } from '@meltemi/xds';
import { createAcknowledgementLog, judge } from './acknowledgements.ts';
import { createAdmission } from './admission.ts';
import { serveCall, type Connection, type ConnectionHooks } from './connection.ts';
import type { XdsGenerator, XdsNode, XdsUpdate } from './generator.ts';
import { verifyIdentity } from './identity.ts';
import { mergeUpdates } from './pending-update.ts';
import { createResourceCache } from './resource-cache.ts';

/** What is known of one type on one connected node; versions are those of `XdsUpdate`. */
export interface NodeTypeStatus {
  readonly typeUrl: string;
  readonly resources: number;
  readonly sentVersion: number | undefined;
  readonly ackedVersion: number | undefined;
  readonly ackedAtMs: number | undefined;
  readonly nack: { readonly version: number; readonly message: string; readonly atMs: number } | undefined;
  readonly state: 'synced' | 'pending' | 'rejected';
}

export interface ConnectedNode {
  readonly node: XdsNode;
  readonly protocol: 'delta' | 'sotw';
  readonly connectedAtMs: number;
  /** The newest version it has in every type. */
  readonly syncedVersion: number | undefined;
  readonly types: readonly NodeTypeStatus[];
}

/** `connected`: after the first request was accepted. `disconnected`: the stream is gone. */
export interface ConnectionEvent {
  readonly t: 'connected' | 'disconnected';
  readonly node: XdsNode;
  /** Unique per stream; a node that reconnects has a new one. */
  readonly connectionId: string;
}

export interface AckResult {
  readonly t: 'acknowledged' | 'timeout' | 'rejected';
  /** Nodes that acknowledged or were untouched. */
  readonly acknowledged: number;
  readonly pending: readonly string[];
  readonly rejected: readonly { readonly nodeId: string; readonly typeUrl: string; readonly message: string }[];
}

export interface AdsServerOptions<Push> {
  readonly generator: XdsGenerator<Push>;
  readonly codec: ProtoCodec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** Quiet time before a push. Default 10. */
  readonly debounceMs?: number;
  /** A push happens at the latest after this. Default 1 000. */
  readonly debounceMaxMs?: number;
  /** Streams that get their first resources at the same time. Default 16. */
  readonly initialPushes?: number;
  /** Returns why the node's metadata is not believed, given its certificate; undefined when it is. Default: namespace and service account must agree. */
  readonly verifyNode?: (node: XdsNode) => string | undefined;
  /** An agent reports whether its application serves; `reason` when it does not. */
  readonly onHealth?: (connectionId: string, reason: string | undefined) => void;
}

/** The ADS room. */
export interface AdsServer<Push> {
  /** Delta and SotW ADS for the mTLS port: a caller without a verified certificate is refused. */
  readonly secureHandlers: Readonly<Record<string, MethodHandler>>;
  /** The same for the plaintext port: no secrets and no workload resources. */
  readonly plaintextHandlers: Readonly<Record<string, MethodHandler>>;
  /** Announces a new state; pushed after the debounce. */
  update(update: XdsUpdate<Push>): void;
  nodes(): readonly ConnectedNode[];
  onConnection(run: (event: ConnectionEvent) => void): () => void;
  /** Resolves when every connected node has version `version` or newer, one refused it, or time is up. Never rejects. */
  waitForAck(version: number, timeoutMs: number): Promise<AckResult>;
  /** Ends every stream with UNAVAILABLE; clients reconnect elsewhere. */
  close(): void;
}

const DELTA = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const SOTW = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
/** A first push that is not acknowledged by then gives its place to the next stream. */
const ADMISSION_MS = 5_000;
/** Never served in plain text. */
const CONFIDENTIAL: ReadonlySet<string> = new Set([TYPE_URL.secret, TYPE_URL.workload]);
const NOTHING: ReadonlyMap<string, Resource> = new Map();

/** A room that serves nothing until the first `update`. */
export function createAdsServer<Push>(options: AdsServerOptions<Push>): AdsServer<Push> {
  const { generator, codec, clock, timers, log } = options;
  const connections = new Set<Connection>();
  const listeners = new Set<(event: ConnectionEvent) => void>();
  const waiters = new Set<() => void>();
  const acknowledgements = createAcknowledgementLog(clock);
  const cache = createResourceCache(codec, (typeUrl, name, error) =>
    log.error('a resource could not be encoded and is held back', { typeUrl, name, error: error instanceof Error ? error.message : String(error) }),
  );
  let current: XdsUpdate<Push> | undefined;
  let pending: XdsUpdate<Push> | undefined;
  let pendingSince = 0;
  let timer: Timer | undefined;
  let ids = 0;

  const admission = createAdmission(options.initialPushes ?? 16, timers, ADMISSION_MS);

  function sourceFor(node: XdsNode): ResourceSource {
    return {
      get version() {
        return current?.version;
      },
      resources(typeUrl, names) {
        if (current === undefined || (node.principal === undefined && CONFIDENTIAL.has(typeUrl))) return NOTHING;
        return cache.encode(typeUrl, generator.generate(node, typeUrl, names, current.push));
      },
    };
  }

  function push(): void {
    timer = undefined;
    const update = pending;
    if (update === undefined) return;
    pending = undefined;
    current = update;
    for (const connection of connections) {
      if (update.affects?.(connection.node) !== false) markChanged(connection, update);
      connection.pump();
    }
    notify();
  }

  function notify(): void {
    for (const run of [...waiters]) run();
  }

  const hooks: ConnectionHooks = {
    codec,
    timers,
    now: () => clock.now(),
    nextId: () => String(++ids),
    verify: options.verifyNode ?? verifyIdentity,
    sourceFor,
    onOpen(connection) {
      connections.add(connection);
      for (const run of listeners) run({ t: 'connected', node: connection.node, connectionId: connection.id });
      admission.enter(connection);
    },
    mayPump: (connection) => admission.isAdmitted(connection),
    onVerdict(connection, verdict) {
      acknowledgements.note(connection, verdict);
      if (verdict.t === 'nack')
        log.warn('a proxy refused configuration', { node: connection.node.id, type: shortTypeName(verdict.typeUrl), message: verdict.message });
      if (connection.isSettled()) admission.leave(connection);
      notify();
    },
    onHealth: (connection, reason) => options.onHealth?.(connection.id, reason),
    onClose(connection) {
      connections.delete(connection);
      admission.leave(connection);
      for (const run of listeners) run({ t: 'disconnected', node: connection.node, connectionId: connection.id });
      notify();
    },
  };

  const serve =
    (protocol: Protocol): MethodHandler =>
    (call) =>
      serveCall(call, protocol, hooks);
  const secure =
    (protocol: Protocol): MethodHandler =>
    (call) => {
      if (call.peer.principal !== undefined) return serveCall(call, protocol, hooks);
      call.end({
        code: Status.UNAUTHENTICATED,
        message: 'this port serves workloads with a certificate of the mesh; the call brought none that verifies',
      });
      return { onMessage() {} };
    };

  return {
    secureHandlers: { [DELTA]: secure('delta'), [SOTW]: secure('sotw') },
    plaintextHandlers: { [DELTA]: serve('delta'), [SOTW]: serve('sotw') },
    update(update) {
      const now = clock.monotonic();
      if (pending === undefined) pendingSince = now;
      pending = mergeUpdates(pending, update);
      timer?.cancel();
      const latest = pendingSince + (options.debounceMaxMs ?? 1_000) - now;
      timer = timers.after(Math.max(0, Math.min(options.debounceMs ?? 10, latest)), push);
    },
    nodes: () => [...connections].map((connection) => acknowledgements.describe(connection)),
    onConnection(run) {
      listeners.add(run);
      return () => void listeners.delete(run);
    },
    waitForAck: (version, timeoutMs) =>
      new Promise((resolve) => {
        const check = (timedOut: boolean): void => {
          const result = judge(version, pending === undefined, [...connections]);
          if (result.t === 'timeout' && !timedOut) return;
          waiters.delete(run);
          deadline.cancel();
          resolve(result);
        };
        const run = (): void => check(false);
        const deadline = timers.after(timeoutMs, () => check(true));
        waiters.add(run);
        check(false);
      }),
    close() {
      timer?.cancel();
      for (const connection of [...connections]) connection.close('the control plane is going away');
    },
  };
}

function markChanged<Push>(connection: Connection, update: XdsUpdate<Push>): void {
  if (update.changed === undefined) connection.changed();
  else for (const [typeUrl, names] of update.changed) connection.changed(typeUrl, names === '*' ? undefined : names);
}
