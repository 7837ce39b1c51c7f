import { MeshError, type Clock, type Timer, type Timers } from '@meltemi/base';
import { Status, type CallListener, type ServerCall } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import { HEALTH_TYPE_URL, type Node } from '@meltemi/protos-types';
import {
  createServerSession,
  decodeDeltaRequest,
  decodeSotwRequest,
  DIGEST_FEATURE,
  encodeDeltaResponse,
  encodeSotwResponse,
  nodeOfRequest,
  PATCH_FEATURE,
  ZSTD_FEATURE,
  type Compress,
  type DeltaResponse,
  type Protocol,
  type RequestMemory,
  type ResourceSource,
  type ServerSession,
  type ServerSessionOptions,
  type TypeStatus,
  type Verdict,
} from '@meltemi/xds';
import type { XdsNode } from './generator.ts';

/** One ADS stream whose node has presented itself. */
export interface Connection {
  readonly id: string;
  /** Who answers for it: the identity of its certificate, or its address in plain text. */
  readonly identity: string;
  readonly node: XdsNode;
  readonly protocol: Protocol;
  readonly connectedAtMs: number;
  /** Marks what changed; `pump` sends it. */
  changed(typeUrl?: string, names?: ReadonlySet<string>): void;
  /** Sends what there is to say, as far as the client takes it. */
  pump(): void;
  statuses(): readonly TypeStatus[];
  syncedVersion(): number | undefined;
  /** Nothing waits to be sent or acknowledged. */
  isSettled(): boolean;
  close(message: string): void;
  /** The call is over: nothing is left running. */
  dispose(): void;
}

export interface ConnectionHooks {
  readonly codec: ProtoCodec;
  readonly clock: Clock;
  readonly nextId: () => string;
  /** Undefined lets the node in; a text refuses it. */
  readonly verify: (node: XdsNode) => string | undefined;
  readonly sourceFor: (node: XdsNode) => ResourceSource;
  readonly onOpen: (connection: Connection) => void;
  /** False while the stream waits for its first resources; `pump` is called when its turn has come. */
  readonly mayPump: (connection: Connection) => boolean;
  /** A response is with the transport; `tookMs` to make it, `sendMs` to hand it over. */
  readonly onSent: (typeUrl: string, bytes: number, tookMs: number, sendMs: number) => void;
  /** A request was an answer to a response that was not the last one. */
  readonly onStale: (typeUrl: string) => void;
  /** What was to be sent could not be made. The stream ends, and its client keeps what it has. */
  readonly onFault: (connection: Connection, error: unknown) => void;
  /** After what followed from the verdict was sent. */
  readonly onVerdict: (connection: Connection, verdict: Verdict) => void;
  /** After what a request without a verdict asked for was sent, if anything was: the client may have all of it already. */
  readonly onAsked: () => void;
  readonly onClose: (connection: Connection) => void;
  /** A call has begun, and is read as soon as others are through with their first request. Call what is returned when this one is. */
  readonly startReading: (call: ServerCall) => () => void;
  /** The agent reports about its application; `reason` when it cannot serve. */
  readonly onHealth: (connection: Connection, reason: string | undefined) => void;
  readonly timers: Timers;
  /** What the last requests were. */
  readonly memory: RequestMemory;
  /** For clients that take compressed resources; undefined where there is no such thing. */
  readonly compress: Compress | undefined;
}

/** Envoy's list of extensions and some labels take a tenth of it. The node is kept as long as the stream is. */
const MAX_NODE_BYTES = 1 << 20;

/** How long routes wait for the endpoints of new clusters, should the client never ask for them. */
const HOLD_BACK_MS = 2_000;

/** Clocks differ a little, and a new connection takes a moment. */
const EXPIRY_GRACE_MS = 5_000;
/** Timers take no more than 24 days. */
const LONGEST_WAIT_MS = 86_400_000;

/** What an agent says about its application; `reason` when it does not serve. */
interface HealthReport {
  readonly t: 'health';
  readonly reason: string | undefined;
}

interface Message {
  readonly typeUrl: string;
  readonly parts: readonly Uint8Array[];
}

/** Both protocols behind one face: bytes in, bytes out. */
interface Stream {
  receive(message: Uint8Array): Verdict | HealthReport | undefined;
  /** What the client waits for before it says anything else: it goes without a turn. */
  greeting(): Message | undefined;
  next(): Message | undefined;
  readonly session: Pick<ServerSession<unknown, unknown>, 'changed' | 'statuses' | 'syncedVersion' | 'holdsBack' | 'stopHoldingBack'>;
}

/** Serves one call; the connection exists from the first request on, which carries the node. */
export function serveCall(call: ServerCall, protocol: Protocol, hooks: ConnectionHooks): CallListener {
  let connection: Connection | undefined;
  let stream: Stream | undefined;
  const stopExpiry = endWithCertificate(call, hooks);
  const stopReading = hooks.startReading(call);
  return {
    onMessage(message) {
      if (connection === undefined || stream === undefined) {
        const node = readNode(message, protocol, hooks, call);
        const refusal = hooks.verify(node);
        if (refusal !== undefined) return call.end({ code: Status.PERMISSION_DENIED, message: refusal });
        // What our own clients have besides is for delta: the other protocol has no words for it, whatever a client of it claims.
        const takes = (feature: string): boolean => protocol === 'delta' && node.clientFeatures?.includes(feature) === true;
        const options = {
          source: hooks.sourceFor(node),
          noncePrefix: `${hooks.nextId()}-`,
          onStale: hooks.onStale,
          takesPatches: takes(PATCH_FEATURE),
          saysDigests: takes(DIGEST_FEATURE),
        };
        stream = createStream(protocol, options, { memory: hooks.memory, compress: takes(ZSTD_FEATURE) ? hooks.compress : undefined });
        connection = createConnection({ call, protocol, stream, node }, hooks);
        stream.receive(message);
        hooks.onOpen(connection);
        connection.pump();
        return stopReading();
      }
      const verdict = stream.receive(message);
      if (verdict?.t === 'health') return takeHealth(call, connection, verdict, hooks);
      connection.pump();
      if (verdict === undefined) hooks.onAsked();
      else hooks.onVerdict(connection, verdict);
    },
    onHalfClose() {
      call.end();
    },
    onClose() {
      stopExpiry();
      stopReading();
      connection?.dispose();
      if (connection !== undefined) hooks.onClose(connection);
    },
  };
}

/** A stream does not outlive the certificate it came with: agents open a new one with each certificate, so this ends only what was left behind. */
function endWithCertificate(call: ServerCall, { clock, timers }: ConnectionHooks): () => void {
  const expiresMs = call.peer.certificateExpiresMs;
  if (expiresMs === undefined) return () => undefined;
  let timer: Timer | undefined;
  const check = (): void => {
    const leftMs = expiresMs + EXPIRY_GRACE_MS - clock.now();
    if (leftMs > 0) timer = timers.after(Math.min(leftMs, LONGEST_WAIT_MS), check);
    else call.end({ code: Status.UNAVAILABLE, message: 'the certificate of this connection has expired; connect again with the current one' });
  };
  check();
  return () => timer?.cancel();
}

function takeHealth(call: ServerCall, connection: Connection, report: HealthReport, hooks: ConnectionHooks): void {
  hooks.onHealth(connection, report.reason);
  call.write(encodeDeltaResponse({ typeUrl: HEALTH_TYPE_URL, nonce: '', systemVersion: '', resources: [], removed: [] }));
}

function readNode(message: Uint8Array, protocol: Protocol, hooks: ConnectionHooks, call: ServerCall): XdsNode {
  const bytes = nodeOfRequest(protocol, message);
  if (bytes === undefined) throw new MeshError('grpc/invalid-argument', 'the first request of an ADS stream must carry the node');
  if (bytes.length > MAX_NODE_BYTES)
    throw new MeshError('grpc/invalid-argument', `the node has ${bytes.length} bytes; at most ${MAX_NODE_BYTES} are read`);
  const node = hooks.codec.decode('envoy.config.core.v3.Node', bytes) as Node;
  if (node.id === undefined || node.id === '') throw new MeshError('grpc/invalid-argument', 'the node of the first ADS request has no id');
  return {
    id: node.id,
    cluster: node.cluster ?? '',
    metadata: node.metadata ?? {},
    locality: node.locality ?? {},
    ...(node.user_agent_name === undefined ? {} : { userAgentName: node.user_agent_name }),
    ...(node.client_features === undefined ? {} : { clientFeatures: node.client_features }),
    principal: call.peer.principal,
    remoteAddress: call.peer.address,
  };
}

function createStream(protocol: Protocol, options: ServerSessionOptions, { memory, compress }: Pick<ConnectionHooks, 'memory' | 'compress'>): Stream {
  if (protocol === 'delta') {
    const session = createServerSession('delta', options);
    const encoded = (response: DeltaResponse | undefined): Message | undefined =>
      response === undefined ? undefined : { typeUrl: response.typeUrl, parts: encodeDeltaResponse(response, compress) };
    return {
      session,
      greeting: () => encoded(session.greeting()),
      next: () => encoded(session.next()),
      receive(message) {
        const request = decodeDeltaRequest(message, memory);
        if (request.typeUrl !== HEALTH_TYPE_URL) return session.receive(request);
        return { t: 'health', reason: request.error === undefined ? undefined : (request.error.message ?? 'not healthy') };
      },
    };
  }
  const session = createServerSession('sotw', options);
  return {
    session,
    greeting: () => undefined,
    receive: (message) => session.receive(decodeSotwRequest(message)),
    next() {
      const response = session.next();
      return response === undefined ? undefined : { typeUrl: response.typeUrl, parts: encodeSotwResponse(response) };
    },
  };
}

interface Served {
  readonly call: ServerCall;
  readonly protocol: Protocol;
  readonly stream: Stream;
  readonly node: XdsNode;
}

function createConnection({ call, protocol, stream, node }: Served, hooks: ConnectionHooks): Connection {
  const { clock } = hooks;
  let waitingForDrain = false;
  let holding: Timer | undefined;

  /** Routes wait for the endpoints of new clusters, but not for ever. */
  const watchHoldBack = (): void => {
    if (!stream.session.holdsBack) {
      holding?.cancel();
      holding = undefined;
      return;
    }
    holding ??= hooks.timers.after(HOLD_BACK_MS, () => {
      holding = undefined;
      stream.session.stopHoldingBack();
      connection.pump();
    });
  };

  const send = (): void => {
    while (!waitingForDrain) {
      const begunMs = clock.monotonic();
      const greeting = stream.greeting();
      if (greeting === undefined && !hooks.mayPump(connection)) return;
      const response = greeting ?? stream.next();
      if (response === undefined) return watchHoldBack();
      const madeMs = clock.monotonic();
      const isOpen = call.write(response.parts);
      hooks.onSent(response.typeUrl, sizeOf(response.parts), madeMs - begunMs, clock.monotonic() - madeMs);
      if (isOpen) continue;
      waitingForDrain = true;
      call.onDrain(() => {
        waitingForDrain = false;
        connection.pump();
      });
    }
  };

  const connection: Connection = {
    id: hooks.nextId(),
    identity: node.principal ?? node.remoteAddress,
    node,
    protocol,
    connectedAtMs: clock.now(),
    changed: (typeUrl, names) => stream.session.changed(typeUrl, names),
    pump() {
      try {
        send();
      } catch (error) {
        // One client's mesh cannot be translated: our own mistake, and neither the end of the process nor of the others' pushes.
        hooks.onFault(connection, error);
        call.end({ code: Status.INTERNAL, message: 'the configuration could not be made; the log of the control plane says why' });
      }
    },
    statuses: () => stream.session.statuses(),
    syncedVersion: () => stream.session.syncedVersion(),
    isSettled: () => !waitingForDrain && stream.session.statuses().every((status) => !status.outstanding),
    close: (message) => call.end({ code: Status.UNAVAILABLE, message }),
    dispose: () => holding?.cancel(),
  };
  return connection;
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
