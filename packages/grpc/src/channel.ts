import http2, { type ClientHttp2Session } from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls';
import { MeshError } from '@meltemi/base';
import { failedCall, runCall, type CallOptions, type ClientCall, type ClientListener } from './client-call.ts';
import { keepAlive } from './keepalive.ts';
import { DEFAULT_LIMITS, KEEPALIVE_MS, KEEPALIVE_TIMEOUT_MS, SESSION_MEMORY_MB, widenWindow, WINDOW_BYTES } from './limits.ts';
import { describe } from './listen.ts';
import { formatTimeout } from './metadata.ts';
import { spiffeId } from './peer.ts';
import { Status, statusError } from './status.ts';
import type { GrpcLimits, ListenTarget, TlsClientOptions } from './types.ts';

export interface ChannelOptions {
  readonly target: ListenTarget;
  /** Absent: plain text. A function is asked at every new connection, so rotated certificates are used from then on. */
  readonly tls?: TlsClientOptions | (() => TlsClientOptions);
  /** Default 5 000. Each connection that is not there by then doubles the time for the next one, up to eightfold: a server that is busy needs it. */
  readonly connectTimeoutMs?: number;
  /** HTTP/2 PING after this silence while calls are open; unanswered for `keepaliveTimeoutMs` the connection is dropped. Default 20 000; 0: never. */
  readonly keepaliveMs?: number;
  /** Default 10 000. */
  readonly keepaliveTimeoutMs?: number;
  readonly limits?: Pick<GrpcLimits, 'maxMessageBytes' | 'maxHeaderBytes'>;
  /** `:authority`; default the target's host (`localhost` for a Unix socket). */
  readonly authority?: string;
}

export type ChannelState =
  | { readonly t: 'idle' }
  | { readonly t: 'connecting' }
  | { readonly t: 'ready' }
  | { readonly t: 'failed'; readonly reason: string }
  | { readonly t: 'closed' };

/** A connection to one server, made when the first call needs it and again when it was lost. It does not back off: callers do. */
export interface Channel extends AsyncDisposable {
  readonly state: ChannelState;
  /** Called at each change of state; returns what stops that. */
  onState(run: (state: ChannelState) => void): () => void;
  /** One request, one response. Throws MeshError `grpc/<status in lower case>` (`grpc/unavailable`) for any status but OK. */
  unary(path: string, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  readonly stream: (path: string, listener: ClientListener, options?: CallOptions) => ClientCall;
  /** The next call opens a new connection; calls on the present one go on. For rotated certificates. */
  refresh(): void;
  /** Cancels open calls and closes the connection. */
  close(): Promise<void>;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const MAX_DOUBLINGS = 3;
const DEFAULT_UNARY_DEADLINE_MS = 10_000;

/** A channel in state idle. */
export function createChannel(options: ChannelOptions): Channel {
  const connections = createConnections(options);
  const maxMessageBytes = options.limits?.maxMessageBytes ?? DEFAULT_LIMITS.maxMessageBytes;
  const stream = (path: string, listener: ClientListener, callOptions: CallOptions = {}): ClientCall => {
    if (connections.state.t === 'closed') return failedCall(listener, { code: Status.CANCELLED, message: 'the channel is closed' });
    try {
      const session = connections.session();
      const request = session.request({
        ':method': 'POST',
        ':path': path,
        ':scheme': options.tls === undefined ? 'http' : 'https',
        te: 'trailers',
        'content-type': 'application/grpc+proto',
        ...(callOptions.deadlineMs === undefined ? {} : { 'grpc-timeout': formatTimeout(callOptions.deadlineMs) }),
        ...callOptions.metadata,
      });
      connections.count(session, 1);
      request.once('close', () => connections.count(session, -1));
      return runCall(request, listener, { options: callOptions, maxMessageBytes, lost: () => connections.lost(session) });
    } catch (error) {
      const { message } = MeshError.from(error, 'grpc/connect');
      connections.failed(message);
      return failedCall(listener, { code: Status.UNAVAILABLE, message });
    }
  };
  return {
    get state() {
      return connections.state;
    },
    onState: (run) => connections.onState(run),
    unary: (path, request, callOptions = {}) => unaryCall(stream, path, request, callOptions),
    stream,
    refresh: () => connections.refresh(),
    close: () => connections.close(),
    [Symbol.asyncDispose]: () => connections.close(),
  };
}

/** The connections of a channel: the one that new calls take, and those before it whose calls go on. */
interface Connections {
  readonly state: ChannelState;
  onState(run: (state: ChannelState) => void): () => void;
  /** The present one, or a new one. */
  session(): ClientHttp2Session;
  /** Calls that were opened (1) or have ended (-1). */
  count(session: ClientHttp2Session, by: 1 | -1): void;
  /** Why a connection is gone; undefined while it stands. */
  lost(session: ClientHttp2Session): string | undefined;
  failed(reason: string): void;
  refresh(): void;
  close(): Promise<void>;
}

function createConnections(options: ChannelOptions): Connections {
  const listeners = new Set<(state: ChannelState) => void>();
  const sessions = new Set<ClientHttp2Session>();
  const openCalls = new WeakMap<ClientHttp2Session, number>();
  let state: ChannelState = { t: 'idle' };
  let current: ClientHttp2Session | undefined;
  let lastFailure = '';
  const patience = createPatience(options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS);

  const enter = (next: ChannelState): void => {
    if (state.t === 'closed' || (state.t === next.t && next.t !== 'failed')) return;
    state = next;
    for (const run of listeners) run(next);
  };
  const open = (): ClientHttp2Session => {
    enter({ t: 'connecting' });
    lastFailure = '';
    const session: ClientHttp2Session = openSession(options, patience, {
      onReady: () => current === session && enter({ t: 'ready' }),
      onFailure: (reason) => (lastFailure ||= reason),
      onDrop(connected) {
        if (current !== session) return;
        current = undefined;
        if (connected && lastFailure === '') enter({ t: 'idle' });
        else enter({ t: 'failed', reason: lastFailure === '' ? `the connection to ${describe(options.target)} was closed` : lastFailure });
      },
    });
    const { keepaliveMs = KEEPALIVE_MS, keepaliveTimeoutMs = KEEPALIVE_TIMEOUT_MS } = options;
    keepAlive(session, keepaliveMs, keepaliveTimeoutMs, () => (openCalls.get(session) ?? 0) > 0);
    session.once('close', () => sessions.delete(session));
    sessions.add(session);
    return (current = session);
  };
  return {
    get state() {
      return state;
    },
    onState(run) {
      listeners.add(run);
      return () => listeners.delete(run);
    },
    session: () => (current !== undefined && !current.closed && !current.destroyed ? current : open()),
    count: (session, by) => openCalls.set(session, (openCalls.get(session) ?? 0) + by),
    lost: (session) => (session.destroyed ? lastFailure || `connection to ${describe(options.target)} lost` : undefined),
    failed: (reason) => enter({ t: 'failed', reason: (lastFailure = reason) }),
    refresh() {
      const old = current;
      current = undefined;
      // Closes when its last call has ended.
      old?.close();
      if (old !== undefined) enter({ t: 'idle' });
    },
    async close() {
      enter({ t: 'closed' });
      const gone = [...sessions].map((session) => new Promise<void>((resolve) => (session.destroyed ? resolve() : session.once('close', resolve))));
      for (const session of sessions) session.destroy();
      await Promise.all(gone);
    },
  };
}

/** How long a connection may take. */
interface Patience {
  readonly timeoutMs: number;
  late(): void;
  inTime(): void;
}

function createPatience(firstMs: number): Patience {
  let doublings = 0;
  return {
    get timeoutMs() {
      return firstMs * 2 ** doublings;
    },
    late: () => void (doublings = Math.min(doublings + 1, MAX_DOUBLINGS)),
    inTime: () => void (doublings = 0),
  };
}

interface SessionEvents {
  onReady(): void;
  onFailure(reason: string): void;
  /** No new call goes over it; `connected`: it once stood. Possibly told twice. */
  onDrop(connected: boolean): void;
}

function openSession(options: ChannelOptions, patience: Patience, events: SessionEvents): ClientHttp2Session {
  const { timeoutMs } = patience;
  let socket: Socket | undefined;
  const session = http2.connect(`http://${options.authority ?? authorityOf(options.target)}`, {
    createConnection: () => (socket = openSocket(options)),
    maxSessionMemory: SESSION_MEMORY_MB,
    settings: {
      enablePush: false,
      initialWindowSize: WINDOW_BYTES,
      maxHeaderListSize: options.limits?.maxHeaderBytes ?? DEFAULT_LIMITS.maxHeaderBytes,
    },
  });
  let connected = false;
  const timer = setTimeout(() => {
    patience.late();
    events.onFailure(`no connection to ${describe(options.target)} within ${timeoutMs} ms`);
    session.destroy();
    socket?.destroy();
  }, timeoutMs);
  const drop = (): void => {
    clearTimeout(timer);
    events.onDrop(connected);
  };
  session.on('error', (error: Error) => events.onFailure(`connection to ${describe(options.target)} lost: ${error.message}`));
  session.once('connect', () => {
    clearTimeout(timer);
    // The event comes a turn late: the channel may be closed by now.
    if (session.destroyed) return;
    connected = true;
    patience.inTime();
    widenWindow(session);
    events.onReady();
  });
  session.once('goaway', drop);
  session.once('close', drop);
  return session;
}

function unaryCall(stream: Channel['stream'], path: string, request: Uint8Array, callOptions: CallOptions): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  let response: Uint8Array | undefined;
  const listener: ClientListener = {
    onMessage(message) {
      if (response !== undefined) throw new MeshError('grpc/unimplemented', 'more than one response message came');
      response = message;
    },
    onEnd(status) {
      if (status.code !== Status.OK) reject(statusError(status));
      else if (response === undefined) reject(statusError({ code: Status.INTERNAL, message: 'no response message came' }));
      else resolve(response);
    },
  };
  const call = stream(path, listener, { deadlineMs: DEFAULT_UNARY_DEADLINE_MS, ...callOptions });
  call.write(request);
  call.halfClose();
  return promise;
}

function authorityOf(target: ListenTarget): string {
  return 'socketPath' in target ? 'localhost' : describe(target);
}

function openSocket({ target, tls }: ChannelOptions): Socket {
  const place = 'socketPath' in target ? { path: target.socketPath } : { host: target.host, port: target.port };
  if (tls === undefined) return connectTcp({ ...place, noDelay: true });
  const given = typeof tls === 'function' ? tls() : tls;
  const host = 'socketPath' in target ? 'localhost' : target.host;
  const serverName = given.serverName ?? (isIP(host) === 0 ? host : undefined);
  return connectTls({
    ...place,
    ca: given.trustedCa,
    ...(given.certificateChain === undefined ? {} : { cert: given.certificateChain }),
    ...(given.privateKey === undefined ? {} : { key: given.privateKey }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    checkServerIdentity: (name, certificate) => checkIdentity(given, name, certificate),
  });
}

function checkIdentity(tls: TlsClientOptions, host: string, certificate: PeerCertificate): Error | undefined {
  if (tls.expectedPrincipals === undefined) return checkServerIdentity(host, certificate);
  const principal = spiffeId(certificate);
  if (principal !== undefined && tls.expectedPrincipals.includes(principal)) return undefined;
  return new MeshError('grpc/identity', `the server is ${principal ?? 'without a SPIFFE ID'}, expected ${tls.expectedPrincipals.join(' or ')}`);
}
