import type { Clock, Log, Timer, Timers } from '@meltemi/base';
import { Status, type MethodHandler, type ServerCall } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import { shortTypeName, TYPE_URL } from '@meltemi/protos-types';
import { createRequestMemory, type Protocol, type Resource, type ResourceSource, type Verdict } from '@meltemi/xds';
import { createAcknowledgementLog, judge, type AcknowledgementLog } from './acknowledgements.ts';
import { createAdmission, type Admission } from './admission.ts';
import type { AckResult, ConnectedNode, ConnectionEvent } from './connected-node.ts';
import { serveCall, type Connection, type ConnectionHooks } from './connection.ts';
import type { XdsGenerator, XdsNode, XdsUpdate } from './generator.ts';
import { silentObserver, type XdsObserver } from './observer.ts';
import { mergeUpdates } from './pending-update.ts';
import { zstdCompress } from './zstd.ts';
import { createResourceCache, type ResourceCache } from './resource-cache.ts';

export interface AdsServerOptions<Push> {
  readonly generator: XdsGenerator<Push>;
  readonly codec: ProtoCodec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** Hears of what is sent, refused and acknowledged. */
  readonly observer?: XdsObserver;
  /** Quiet time before a push; updates that are urgent do not wait unless others do. Default 10. */
  readonly debounceMs?: number;
  /** A push happens at the latest after this. Default 1 000. */
  readonly debounceMaxMs?: number;
  /** Streams that get their first resources at the same time. Default 16. */
  readonly initialPushes?: number;
  /** Returns why the node's metadata is not believed, given its certificate; undefined when it is. */
  readonly verifyNode: (node: XdsNode) => string | undefined;
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
/** So long who has a place and is sent nothing keeps it. */
const COMES_BACK_MS = 100;
/** After the last client that came, until it is forgotten what clients asked for. */
const FORGET_MS = 10_000;
/**
 * Calls whose first request is read at a time: those of clients that come back say what they have of everything, and half read ones of hundreds would fill
 * the memory. One that does not come gives its place to the next.
 */
const READING = 32;
const READING_MS = 1_000;
/** So many late ones of an identity are worth a line in the log. */
const LATE_TOLD = 32;
/** After a push, what is urgent waits for quiet as everything else does: proxies that come by the hundred are as many changes of endpoints. */
const CALM_MS = 50;
/** And nothing is pushed for so many times as long as the last push took: what is left of the time is for those who come, answer and ask. */
const CALM_SHARE = 3;
/** However long that was, no change waits longer than this for it. */
const MAX_PAUSE_MS = 5_000;
/** A turn of a push. */
const TURN_MS = 20;
/** Never served in plain text. */
const CONFIDENTIAL: ReadonlySet<string> = new Set([TYPE_URL.secret, TYPE_URL.workload]);
const NOTHING: ReadonlyMap<string, Resource> = new Map();

/** A room that serves nothing until the first `update`. */
export function createAdsServer<Push>(options: AdsServerOptions<Push>): AdsServer<Push> {
  return new Room(options);
}

class Room<Push> implements AdsServer<Push> {
  readonly secureHandlers: Readonly<Record<string, MethodHandler>>;
  readonly plaintextHandlers: Readonly<Record<string, MethodHandler>>;
  readonly #options: AdsServerOptions<Push>;
  readonly #observer: XdsObserver;
  readonly #connections = new Set<Connection>();
  readonly #listeners = new Set<(event: ConnectionEvent) => void>();
  readonly #waiters = new Set<() => void>();
  readonly #acknowledgements: AcknowledgementLog;
  /** Queues of their own: what comes in plain text must not keep workloads of the mesh waiting. */
  readonly #admissions: { readonly secure: Admission; readonly plaintext: Admission };
  readonly #readings: { readonly secure: Admission; readonly plaintext: Admission };
  readonly #cache: ResourceCache;
  readonly #hooks: ConnectionHooks;
  readonly #memory = createRequestMemory({ equal: (a, b) => Buffer.compare(a, b) === 0 });
  #forgetting: Timer | undefined;
  #isNotifying = false;
  /** Since when the changes are known that a client has not acknowledged yet. */
  readonly #converging = new Map<Connection, number>();
  /** Whom the last changes were not brought to yet, first come first served; since when they are known, and since when they wait. */
  readonly #queue = new Map<Connection, { readonly sinceMs: number; readonly queuedMs: number }>();
  #turn: Timer | undefined;
  #current: XdsUpdate<Push> | undefined;
  #pending: { readonly update: XdsUpdate<Push>; readonly sinceMs: number } | undefined;
  #timer: Timer | undefined;
  /** Before that, nothing is pushed at once: many changes come, and each would go to everybody by itself. */
  #calmFromMs = 0;
  /** Before that, nothing is pushed at all but what has waited for longest. */
  #pauseToMs = 0;
  /** When the last client came. */
  #cameMs = -Infinity;
  /** Time that the turns of the push took so far. */
  #spentMs = 0;
  #ids = 0;

  constructor(options: AdsServerOptions<Push>) {
    this.#options = options;
    this.#observer = options.observer ?? silentObserver;
    this.#acknowledgements = createAcknowledgementLog(options.clock);
    const { timers, initialPushes = 16 } = options;
    const onLate = (identity: string, times: number): void => this.#onLate(identity, times);
    const admission = (): Admission => createAdmission({ places: initialPushes, timers, patienceMs: ADMISSION_MS, onLate });
    this.#admissions = { secure: admission(), plaintext: admission() };
    const reading = (): Admission => createAdmission({ places: READING, timers, patienceMs: READING_MS, onLate });
    this.#readings = { secure: reading(), plaintext: reading() };
    this.#cache = createResourceCache(options.codec, (typeUrl, name, error) => this.#onFault(typeUrl, name, error));
    this.#hooks = this.#makeHooks();
    this.secureHandlers = { [DELTA]: this.#serveSecure('delta'), [SOTW]: this.#serveSecure('sotw') };
    this.plaintextHandlers = { [DELTA]: this.#serve('delta'), [SOTW]: this.#serve('sotw') };
  }

  update(update: XdsUpdate<Push>): void {
    const { clock, timers, debounceMs = 10, debounceMaxMs = 1_000 } = this.#options;
    const nowMs = clock.monotonic();
    const sinceMs = this.#pending?.sinceMs ?? nowMs;
    const isUrgent = update.isUrgent === true && this.#pending === undefined && nowMs >= this.#calmFromMs && this.#queue.size === 0;
    this.#pending = { update: mergeUpdates(this.#pending?.update, update), sinceMs };
    this.#timer?.cancel();
    if (isUrgent) return this.#push('at once');
    const quietMs = Math.min(debounceMs, sinceMs + debounceMaxMs - nowMs);
    this.#timer = timers.after(Math.max(0, quietMs, this.#pauseToMs - nowMs), () => this.#push());
  }

  nodes(): readonly ConnectedNode[] {
    return [...this.#connections].map((connection) => this.#acknowledgements.describe(connection));
  }

  onConnection(run: (event: ConnectionEvent) => void): () => void {
    this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  waitForAck(version: number, timeoutMs: number): Promise<AckResult> {
    return new Promise((resolve) => {
      const check = (timedOut: boolean): void => {
        const result = judge(version, this.#pending === undefined, [...this.#connections]);
        if (result.t === 'timeout' && !timedOut) return;
        this.#waiters.delete(run);
        deadline.cancel();
        resolve(result);
      };
      const run = (): void => check(false);
      const deadline = this.#options.timers.after(timeoutMs, () => check(true));
      this.#waiters.add(run);
      check(false);
    });
  }

  close(): void {
    this.#timer?.cancel();
    this.#turn?.cancel();
    this.#forgetting?.cancel();
    // Closing takes them out of the set.
    for (const connection of Array.from(this.#connections)) connection.close('the control plane is going away');
  }

  #push(when: 'at once' | 'when quiet' = 'when quiet'): void {
    this.#timer = undefined;
    if (this.#pending === undefined) return;
    const { update, sinceMs } = this.#pending;
    const { clock, timers } = this.#options;
    const nowMs = clock.monotonic();
    if (when === 'when quiet' && this.#isBusy(nowMs, sinceMs)) {
      this.#timer = timers.after(CALM_MS, () => this.#push());
      return;
    }
    this.#pending = undefined;
    this.#current = update;
    this.#calmFromMs = nowMs + CALM_MS;
    this.#observer.debounced(nowMs - sinceMs);
    for (const connection of this.#connections) {
      markChanged(connection, update);
      if (!this.#queue.has(connection)) this.#queue.set(connection, { sinceMs, queuedMs: nowMs });
    }
    this.#spentMs = 0;
    if (this.#turn === undefined) this.#serveQueue();
  }

  /** The last push is under way, or clients are coming, as each will bring a change of its own: changes are put together until they are through. */
  #isBusy(nowMs: number, sinceMs: number): boolean {
    const { debounceMaxMs = 1_000 } = this.#options;
    if (nowMs < sinceMs + MAX_PAUSE_MS && (this.#queue.size > 0 || nowMs < this.#pauseToMs)) return true;
    const areComing = nowMs < this.#cameMs + COMES_BACK_MS || this.#admissions.secure.isCrowded;
    return nowMs < sinceMs + debounceMaxMs && areComing;
  }

  /** In turns, so that a push to many does not keep those waiting who come or answer meanwhile. */
  #serveQueue(): void {
    this.#turn = undefined;
    const { clock, timers } = this.#options;
    const begunMs = clock.monotonic();
    for (const [connection, { sinceMs, queuedMs }] of this.#queue) {
      const nowMs = clock.monotonic();
      if (nowMs - begunMs > TURN_MS) {
        this.#turn = timers.after(0, () => this.#serveQueue());
        break;
      }
      this.#queue.delete(connection);
      this.#observer.queued(nowMs - queuedMs);
      connection.pump();
      if (!connection.isSettled() && !this.#converging.has(connection)) this.#converging.set(connection, sinceMs);
    }
    const endedMs = clock.monotonic();
    this.#spentMs += endedMs - begunMs;
    this.#pauseToMs = endedMs + Math.min(MAX_PAUSE_MS, CALM_SHARE * this.#spentMs);
    this.#calmFromMs = Math.max(this.#calmFromMs, this.#pauseToMs);
    this.#notify();
  }

  /** Once for all that came in together: who waits looks at every client. */
  #notify(): void {
    if (this.#waiters.size === 0 || this.#isNotifying) return;
    this.#isNotifying = true;
    this.#options.timers.after(0, () => {
      this.#isNotifying = false;
      // A waiter that is done takes itself out of the set.
      for (const run of Array.from(this.#waiters)) run();
    });
  }

  #sourceFor(node: XdsNode): ResourceSource {
    const version = (): number | undefined => this.#current?.version;
    return {
      get version() {
        return version();
      },
      resources: (typeUrl, names) => {
        if (this.#current === undefined || (node.principal === undefined && CONFIDENTIAL.has(typeUrl))) return NOTHING;
        return this.#cache.encode(typeUrl, this.#options.generator.generate(node, typeUrl, names, this.#current.push));
      },
    };
  }

  #makeHooks(): ConnectionHooks {
    const { clock, codec, timers, verifyNode } = this.#options;
    return {
      codec,
      timers,
      clock,
      memory: this.#memory,
      compress: zstdCompress,
      nextId: () => String(++this.#ids),
      verify: verifyNode,
      sourceFor: (node) => this.#sourceFor(node),
      onOpen: (connection) => {
        this.#connections.add(connection);
        this.#cameMs = clock.monotonic();
        this.#forgetting?.cancel();
        this.#forgetting = timers.after(FORGET_MS, () => this.#memory.clear());
        this.#tell('connected', connection);
        this.#admissionOf(connection).enter(connection);
        // Its request is answered by then: who comes back and has all of it already gets nothing, answers nothing, and needs no place.
        this.#options.timers.after(COMES_BACK_MS, () => this.#passOn(connection));
      },
      startReading: (call) => this.#startReading(call),
      mayPump: (connection) => this.#admissionOf(connection).isAdmitted(connection),
      onSent: (...sent) => this.#observer.sent(...sent),
      onFault: (connection, error) =>
        this.#options.log.error('configuration for a node could not be made; its stream ends', {
          node: connection.node.id,
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
      onStale: (typeUrl) => this.#observer.stale(typeUrl),
      onVerdict: (connection, verdict) => this.#onVerdict(connection, verdict),
      onAsked: () => this.#notify(),
      onHealth: (connection, reason) => this.#options.onHealth?.(connection.id, reason),
      onClose: (connection) => {
        this.#connections.delete(connection);
        this.#converging.delete(connection);
        this.#queue.delete(connection);
        this.#admissionOf(connection).leave(connection);
        this.#tell('disconnected', connection);
        this.#notify();
      },
    };
  }

  #startReading(call: ServerCall): () => void {
    const readings = call.peer.principal === undefined ? this.#readings.plaintext : this.#readings.secure;
    const reader = { identity: call.peer.principal ?? call.peer.address, pump: () => call.resume() };
    readings.enter(reader);
    if (!readings.isAdmitted(reader)) call.pause();
    return () => readings.leave(reader);
  }

  #admissionOf({ node }: Connection): Admission {
    return node.principal === undefined ? this.#admissions.plaintext : this.#admissions.secure;
  }

  /** Gives the place of a connection on that nothing is sent to; while it waits for one itself, or has not said what it asks for, looks again. */
  #passOn(connection: Connection, looks = 0): void {
    if (!this.#connections.has(connection)) return;
    const admission = this.#admissionOf(connection);
    const isAdmitted = admission.isAdmitted(connection);
    const isSilent = isAdmitted && connection.statuses().length === 0 && looks * COMES_BACK_MS < ADMISSION_MS;
    if (!isAdmitted || isSilent) this.#options.timers.after(COMES_BACK_MS, () => this.#passOn(connection, isAdmitted ? looks + 1 : 0));
    else if (connection.syncedVersion() !== undefined && connection.isSettled()) admission.leave(connection);
  }

  #tell(t: ConnectionEvent['t'], { node, id }: Connection): void {
    for (const run of this.#listeners) run({ t, node, connectionId: id });
  }

  #onVerdict(connection: Connection, verdict: Verdict): void {
    this.#acknowledgements.note(connection, verdict);
    if (verdict.t === 'nack') {
      const { typeUrl, message } = verdict;
      this.#observer.rejected(typeUrl);
      this.#options.log.warn('a proxy refused configuration', { node: connection.node.id, type: shortTypeName(typeUrl), message });
    }
    if (connection.isSettled()) {
      this.#admissionOf(connection).leave(connection);
      const sinceMs = this.#converging.get(connection);
      if (sinceMs !== undefined) this.#observer.converged(this.#options.clock.monotonic() - sinceMs);
      this.#converging.delete(connection);
    }
    this.#notify();
  }

  /** A client has kept a place and did nothing with it. One may be slow; an identity whose clients all are is told of. */
  #onLate(identity: string, times: number): void {
    this.#observer.late();
    if (times % LATE_TOLD !== 0) return;
    this.#options.log.warn('clients of an identity take their turn and say nothing: they get less time from now on, and others go before them', {
      identity,
      times,
    });
  }

  #onFault(typeUrl: string, name: string, error: unknown): void {
    this.#observer.failed(typeUrl);
    this.#options.log.error('a resource could not be encoded and is held back', {
      typeUrl,
      name,
      error: error instanceof Error ? error.message : String(error),
    });
  }

  #serve(protocol: Protocol): MethodHandler {
    return (call) => serveCall(call, protocol, this.#hooks);
  }

  #serveSecure(protocol: Protocol): MethodHandler {
    return (call) => {
      if (call.peer.principal !== undefined) return serveCall(call, protocol, this.#hooks);
      call.end({
        code: Status.UNAUTHENTICATED,
        message: 'this port serves workloads with a certificate of the mesh; the call brought none that verifies',
      });
      return { onMessage() {} };
    };
  }
}

function markChanged<Push>(connection: Connection, update: XdsUpdate<Push>): void {
  if (update.changed === undefined) return connection.changed();
  for (const [typeUrl, names] of update.changed) connection.changed(typeUrl, names === '*' ? undefined : names);
  for (const [typeUrl, names] of update.changedFor?.(connection.node) ?? []) connection.changed(typeUrl, names === '*' ? undefined : names);
}
