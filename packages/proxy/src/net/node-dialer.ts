import { connect, type NetConnectOpts, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Log } from '@meltemi/base';
import type { InternalAddress, MetadataStruct } from '@meltemi/runtime';
import type { TlsInfo, Transport } from '../types.ts';
import { internalPair } from './internal-socket.ts';
import { setProbes } from './keep-alive.ts';
import type { DialHandler, Dialer, DialTarget } from './net-port.ts';
import type { Faults } from '../core/faults.ts';
import { NodeTransport } from './node-transport.ts';
import type { SharedBuffers } from './shared-buffers.ts';
import type { ClientContext, TlsClient, VerifiedPeer } from './tls-client.ts';

/** Bun has no reads into a given buffer: it would copy into it what came in one of its own (a third more CPU for large bodies). */
const READS_SHARED = process.versions['bun'] === undefined;

/** Connections over `net.Socket` and `tls.TLSSocket`. What they read goes into one shared buffer (`onread`). */
export class NodeDialer implements Dialer {
  readonly #shared: SharedBuffers;
  readonly #log: Log;
  /** Takes connections to listeners of this process; false = there is none of that name. */
  acceptInternal: ((socket: Socket, listener: string) => boolean) | undefined = undefined;
  readonly #faults: Faults;

  constructor(shared: SharedBuffers, log: Log, faults: Faults) {
    this.#shared = shared;
    this.#faults = faults;
    this.#log = log;
  }

  dial(target: DialTarget, handler: DialHandler): Transport {
    if (target.address.t === 'internal') return this.#dialInternal(target, target.address, handler);
    if (target.tls === undefined) {
      const socket = connect({ ...this.#options(target), ...this.#reading(() => transport) });
      const transport = this.#wrap(socket, false, handler, !READS_SHARED);
      socket.once('connect', () => {
        this.#connected(socket, target);
        if (target.preface !== undefined) socket.write(target.preface);
        this.#told(socket, handler, undefined);
      });
      return transport;
    }
    const context = target.tls.context();
    if (typeof context === 'string') return refused(context, handler);
    return this.#dialTls(target, target.tls, context, handler);
  }

  // oxlint-disable-next-line max-params -- the last is for connections inside the process only
  #dialTls(target: DialTarget, tls: TlsClient, context: ClientContext, handler: DialHandler, inside?: Socket): Transport {
    const sessionKey = keyOf(target);
    const session = tls.session(context, sessionKey);
    const below = inside ?? (target.preface === undefined ? undefined : this.#begun(target, target.preface));
    const options = {
      ...(below === undefined ? { ...this.#options(target), ...this.#reading(() => transport) } : { socket: below }),
      secureContext: context.secureContext,
      servername: target.serverName,
      ALPNProtocols: [...(target.alpn ?? tls.tls.alpnProtocols)],
      rejectUnauthorized: context.verifyChain,
      // Names are checked in `TlsClient.verify`, which runs for resumed sessions too.
      checkServerIdentity: () => undefined,
      ...(session === undefined ? {} : { session: session.ticket }),
    };
    // Options of `net.connect` are allowed here too (`onread`, `localAddress`); Node's types do not say so.
    const socket: TLSSocket = connectTls(options as ConnectionOptions);
    const transport = this.#wrap(socket, true, handler, below !== undefined || !READS_SHARED);
    let peer: VerifiedPeer | undefined;
    (below ?? socket).once('connect', () => this.#connected(below ?? socket, target));
    socket.once('secureConnect', () => {
      const verified = tls.verify(socket, context, target, session);
      if (!verified.ok) {
        context.sessions.delete(sessionKey);
        socket.destroy(new Error(verified.reason));
        return;
      }
      ({ peer } = verified);
      this.#told(socket, handler, verified.info);
    });
    // Tickets come when they like, several per connection; Node holds back those that are here before the handshake is verified.
    socket.on('session', (ticket: Buffer) => {
      if (peer !== undefined) tls.remember(context, sessionKey, { ticket, peer });
    });
    return transport;
  }

  #told(socket: Socket, handler: DialHandler, tls: TlsInfo | undefined): void {
    this.#faults.guard(
      'connect',
      () => handler.onConnect({ localAddress: socket.localAddress ?? '', localPort: socket.localPort ?? 0, tls }),
      () => socket.destroy(),
    );
  }

  /** A connection to a listener of this process. */
  #dialInternal(target: DialTarget, address: InternalAddress, handler: DialHandler): Transport {
    const context = target.tls?.context();
    if (typeof context === 'string') return refused(context, handler);
    const pair = internalPair({ address: `envoy://${address.listener}/${address.id}`, metadata: target.passed ?? NOTHING_TOLD });
    if (this.acceptInternal?.(pair.server, address.listener) !== true) {
      return refused(`immediate connect error: Invalid argument|remote address:envoy://${address.listener}/${address.id}`, handler);
    }
    if (target.preface !== undefined) pair.client.write(target.preface);
    if (target.tls !== undefined && context !== undefined) return this.#dialTls(target, target.tls, context, handler, pair.client);
    const transport = this.#wrap(pair.client, false, handler, true);
    process.nextTick(() => {
      if (!pair.client.destroyed) this.#told(pair.client, handler, undefined);
    });
    return transport;
  }

  #wrap(socket: Socket, encrypted: boolean, handler: DialHandler, data = false): NodeTransport {
    const transport = new NodeTransport(socket, encrypted, this.#shared, this.#faults, handler);
    transport.attach(data);
    return transport;
  }

  #connected(socket: Socket, { keepAlive }: DialTarget): void {
    if (keepAlive !== undefined) setProbes(socket, keepAlive, this.#log);
  }

  /** A connection that begins with these bytes, for TLS to go over. */
  #begun(target: DialTarget, preface: Uint8Array): Socket {
    const socket = connect(this.#options(target));
    socket.write(preface);
    return socket;
  }

  #options(target: DialTarget): NetConnectOpts {
    const { address, bindAddress, keepAlive } = target;
    const common = {
      noDelay: true,
      allowHalfOpen: true,
      ...(keepAlive === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: keepAlive.timeMs }),
    };
    if (address.t === 'internal') return common as NetConnectOpts;
    if (address.t === 'pipe') return { ...common, path: address.path.startsWith('@') ? `\0${address.path.slice(1)}` : address.path };
    return {
      ...common,
      host: address.address,
      port: address.port,
      autoSelectFamily: false,
      ...(bindAddress === undefined ? {} : { localAddress: bindAddress }),
    };
  }

  #reading(transport: () => NodeTransport): { readonly onread?: OnReadOpts } {
    if (!READS_SHARED) return {};
    const callback: OnReadOpts['callback'] = (length, bytes) => {
      transport().received(bytes, 0, length);
      return true;
    };
    // Not as a function: Node would ask it, and look the buffer up again, after each read.
    return { onread: { buffer: this.#shared.read, callback } };
  }
}

const NOTHING_TOLD: ReadonlyMap<string, MetadataStruct> = new Map();

/** By what a server's TLS sessions are kept. */
function keyOf({ address, serverName }: DialTarget): string {
  if (address.t === 'internal') return `${address.listener}/${address.id} ${serverName}`;
  return address.t === 'pipe' ? address.path : `${address.address} ${address.port} ${serverName}`;
}

/** A connection that could not even be tried. */
function refused(reason: string, handler: DialHandler): Transport {
  let open = true;
  const close = (): void => {
    if (open) handler.onClose(reason);
    open = false;
  };
  process.nextTick(close);
  return { write: () => true, pause() {}, end: close, queuedBytes: 0, destroy: close };
}
