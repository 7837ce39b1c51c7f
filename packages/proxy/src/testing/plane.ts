import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import {
  createRuntimeState,
  decodeCluster,
  decodeEndpoint,
  decodeListener,
  decodeRoute,
  decodeSecret,
  type Decoded,
  type RuntimeState,
} from '@meltemi/runtime';
import { createDataPlane, type DataPlaneOptions } from '../data-plane.ts';
import { systemClock, systemTimers } from '../main/ports.ts';
import { formatFlags, type DataPlane, type StreamInfo } from '../types.ts';
import { until } from './harness.ts';
import './spoil.ts';

/** Resources as a control plane sends them, by kind. */
export interface Resources {
  readonly clusters?: readonly object[];
  readonly endpoints?: readonly object[];
  readonly listeners?: readonly object[];
  readonly routes?: readonly object[];
  readonly secrets?: readonly object[];
  readonly removed?: { readonly listeners?: readonly string[]; readonly clusters?: readonly string[] };
}

/** One data plane in this process, without agent and xDS: real sockets, resources from the test. */
export interface Plane extends AsyncDisposable {
  readonly state: RuntimeState;
  readonly dataPlane: DataPlane;
  /** Every request and connection that has ended, in order. */
  readonly streams: StreamInfo[];
  /** What access logs have written. */
  log(): string;
  apply(resources: Resources): Promise<void>;
  port(listener: string): number;
  /** Waits until so many streams have ended and answers the last one. */
  ended(count: number): Promise<StreamInfo>;
}

function must<T>(decoded: Decoded<T>): T {
  if (decoded.ok) return decoded.value;
  throw new TypeError(decoded.problems.map((problem) => `${problem.path}: ${problem.message}`).join('\n'));
}

/** `random` decides weights, percentages and load balancing. */
export async function startPlane(resources: Resources, random: () => number = Math.random, options: DataPlaneOptions = {}): Promise<Plane> {
  const state = createRuntimeState(random);
  const streams: StreamInfo[] = [];
  let log = '';
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  const ports = {
    clock: systemClock,
    timers: systemTimers,
    random: { next: random },
    log: quiet,
    streams: { onTcpOpen() {}, onStreamEnd: (info: StreamInfo) => void streams.push(info) },
    accessLog: { write: (_path: string, bytes: Uint8Array) => void (log += Buffer.from(bytes).toString()) },
  };
  const dataPlane = createDataPlane(state, ports, options);
  const plane: Plane = {
    state,
    dataPlane,
    streams,
    log: () => log,
    async apply({ clusters = [], endpoints = [], listeners = [], routes = [], secrets = [], removed }) {
      const change = state.apply({
        clusters: clusters.map((json) => must(decodeCluster(json))),
        endpoints: endpoints.map((json) => must(decodeEndpoint(json))),
        listeners: listeners.map((json) => must(decodeListener(json))),
        routes: routes.map((json) => must(decodeRoute(json))),
        secrets: secrets.map((json) => must(decodeSecret(json))),
        ...(removed === undefined ? {} : { removed }),
      });
      const failures = await dataPlane.apply(change);
      if (failures.size > 0) throw new Error([...failures].join('; '));
    },
    port(listener) {
      const address = dataPlane.listeners().find(({ name }) => name === listener)?.addresses[0] ?? '';
      return Number(address.slice(address.lastIndexOf(':') + 1));
    },
    ended: (count) => until(`${count} ended streams`, () => (streams.length >= count ? streams.at(-1) : undefined)),
    [Symbol.asyncDispose]: () => dataPlane.close(),
  };
  await plane.apply(resources);
  return plane;
}

/** Response flags of a stream as an access log shows them. */
export const flagsOf = (info: StreamInfo): string => formatFlags(info.flags);

// ------------------------------------------------------------------------------------------------------------------ raw sockets

/** A TCP server whose connections the test plays by hand. */
export interface RawServer extends AsyncDisposable {
  readonly port: number;
  readonly sockets: readonly Socket[];
  /** Everything that came on all connections, latin1. */
  received(): string;
}

export async function startRawServer(serve: (socket: Socket, index: number) => void): Promise<RawServer> {
  const sockets: Socket[] = [];
  let received = '';
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')));
    serve(socket, sockets.length - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    received: () => received,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A raw client. `text` is what has come so far; `closed` resolves with all of it when the server has said FIN or RST. */
export interface RawClient {
  readonly socket: Socket;
  readonly text: () => string;
  readonly closed: Promise<string>;
  /** Waits until what came matches. */
  sees(pattern: RegExp | string): Promise<string>;
}

export async function rawClient(port: number, host = '127.0.0.1'): Promise<RawClient> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  const closed = new Promise<string>((resolve) => {
    socket.on('end', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    socket,
    text: () => text,
    closed,
    sees: (pattern) => until(String(pattern), () => ((typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text)) ? text : undefined)),
  };
}

/** Sends bytes on a new connection and answers everything up to its close. */
export async function rawCall(port: number, bytes: string): Promise<string> {
  const client = await rawClient(port);
  client.socket.write(bytes, 'latin1');
  const text = await client.closed;
  client.socket.destroy();
  return text;
}
