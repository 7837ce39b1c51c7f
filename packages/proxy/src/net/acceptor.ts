import type { Socket } from 'node:net';
import type { CompiledListener } from '@meltemi/runtime';
import type { Accepted, OpenConnection, Worker } from '../core/worker.ts';
import type { ConnectionInfo } from '../types.ts';
import { connectionInfo, internalInfo, plainAddress, withProxied, withTls } from './addresses.ts';
import { withinLimits } from './connection-limit.ts';
import { internalPeer } from './internal-socket.ts';
import { logConnection, logUnmatched, recordConnection } from './listener-log.ts';
import { NodeTransport } from './node-transport.ts';
import type { OriginalDestination } from './original-dst.ts';
import type { Patience } from './early.ts';
import { readProxied, toldBy } from './proxy-header.ts';
import { sniff, type Sniffed } from './sniffer.ts';

/** Until the protocol's handler is there. */
const NOBODY = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
const NOT_SNIFFED: Sniffed = { transportProtocol: 'raw_buffer', serverName: '', applicationProtocols: [] };

interface Arrival {
  readonly socket: Socket;
  readonly listener: CompiledListener;
  readonly info: ConnectionInfo;
}

/**
 * Takes accepted sockets through the listener's filters (original destination, TLS and HTTP inspection), chooses the filter chain,
 * ends TLS where the chain says so, and hands the connection to its protocol.
 */
export class Acceptor {
  readonly #worker: Worker;
  readonly #open: OpenConnection;
  originalDestination: OriginalDestination | undefined = undefined;
  /** Accepted, and not yet a connection: being looked at, or in a handshake. */
  readonly #early = new Set<Socket>();

  constructor(worker: Worker, open: OpenConnection) {
    this.#worker = worker;
    this.#open = open;
  }

  /** A socket that was accepted on the listener of this name. */
  accept(socket: Socket, listenerName: string): void {
    this.#guard(socket, () => this.#accept(socket, listenerName));
  }

  /** A connection from inside; false = no listener takes it. */
  acceptInternal(socket: Socket, listenerName: string): boolean {
    const found = this.#worker.state.listener(listenerName)?.config.internal === true && this.#worker.draining !== 'all';
    if (found) this.accept(socket, listenerName);
    return found;
  }

  #guard(socket: Socket, run: () => void): void {
    this.#worker.faults.guard('accept', run, () => socket.destroy());
  }

  #accept(socket: Socket, listenerName: string): void {
    socket.on('error', () => {});
    this.#worker.acceptedMs = this.#worker.wheel.now();
    this.#early.add(socket);
    socket.once('close', () => this.#early.delete(socket));
    const bound = this.#worker.state.listener(listenerName);
    const inside = internalPeer(socket);
    if (bound === undefined || socket.remoteAddress === undefined || bound.config.internal !== (inside !== undefined)) {
      socket.destroy();
      return;
    }
    if (inside !== undefined) {
      this.#inspect(socket, bound, internalInfo(inside, bound.needsOriginalDst));
      return;
    }
    const original = bound.needsOriginalDst || bound.config.useOriginalDst ? this.originalDestination?.(socket) : undefined;
    const info = connectionInfo(socket, original);
    const filter = bound.config.listenerFilters.find((item) => item.t === 'proxy-protocol')?.proxyProtocol;
    if (filter === undefined) {
      this.#inspect(socket, bound, info);
      return;
    }
    const patience = this.#patience(bound);
    readProxied(socket, filter, patience, (result) =>
      this.#guard(socket, () => {
        if (result.t === 'known') {
          const { addresses, tlvs } = result;
          this.#inspect(socket, bound, addresses === undefined ? info : withProxied(info, addresses, toldBy(filter, tlvs)), patience);
        } else if (result.t === 'late') this.#choose({ socket, listener: bound, info }, NOT_SNIFFED, undefined);
        else {
          this.#worker.log.debug('a connection is refused', { listener: bound.config.name, from: info.remote, reason: result.reason });
          socket.destroy();
        }
      }),
    );
  }

  /** Looks at the first bytes, where the listener has a filter that does. */
  #inspect(socket: Socket, bound: CompiledListener, info: ConnectionInfo, begun?: Patience): void {
    const handedOver = bound.config.useOriginalDst
      ? this.#worker.state.findListener({ address: info.originalAddress, port: info.originalPort })
      : undefined;
    const listener = handedOver ?? bound;
    const wish = listener.inspects(info.originalPort);
    if (!wish.tls && !wish.http) {
      this.#choose({ socket, listener, info }, NOT_SNIFFED, undefined);
      return;
    }
    sniff(socket, wish, handedOver === undefined && begun !== undefined ? begun : this.#patience(listener), (result) => {
      if (result.t === 'closed') socket.destroy();
      else this.#guard(socket, () => this.#choose({ socket, listener, info }, result.sniffed, result.bytes));
    });
  }

  #patience({ config }: CompiledListener): Patience {
    const { wheel, stats } = this.#worker;
    const { listenerFiltersTimeoutMs, continueOnTimeout } = config;
    return {
      wheel,
      untilMs: listenerFiltersTimeoutMs > 0 ? wheel.now() + listenerFiltersTimeoutMs : Infinity,
      goesOn: continueOnTimeout,
      onLate: () => void stats.listenerOf(config).detectionTimeout++,
    };
  }

  /** Ends what has not become a connection; the others are their owners' to end. */
  abort(): void {
    for (const socket of this.#early) socket.destroy();
  }

  #choose({ socket, listener, info }: Arrival, sniffed: Sniffed, bytes: Buffer | undefined): void {
    if (socket.destroyed) return;
    const source = { address: info.remoteAddress, port: info.remotePort };
    const chain = listener.selectChain({
      destination: { address: info.originalAddress, port: info.originalPort },
      source,
      directSource: { address: info.directAddress, port: info.directPort },
      serverName: sniffed.serverName,
      transportProtocol: sniffed.transportProtocol,
      applicationProtocols: sniffed.applicationProtocols,
    });
    if (chain === undefined) {
      this.#worker.stats.listenerOf(listener.config).noChain++;
      logUnmatched(this.#worker, listener.config, withTls(info, sniffed.serverName, undefined));
      this.#worker.log.debug('no filter chain for a connection', { listener: listener.config.name, destination: info.local, from: info.remote });
      socket.destroy();
      return;
    }
    if (chain.limits !== undefined && !withinLimits(this.#worker, { chain, limits: chain.limits }, socket)) return;
    if (chain.config.tls === undefined) {
      this.#early.delete(socket);
      this.#hand(socket, false, bytes, (transport) =>
        this.#begin(socket, { chain, transport, connection: withTls(info, sniffed.serverName, undefined) }),
      );
      return;
    }
    if (bytes !== undefined) socket.unshift(bytes);
    this.#worker.tls
      .server(chain, chain.config.tls)
      .accept(socket, sniffed.serverName, sniffed === NOT_SNIFFED ? undefined : sniffed.applicationProtocols, (accepted) => {
        this.#early.delete(socket);
        const counts = this.#worker.stats.listenerOf(listener.config);
        if (accepted.ok) {
          counts.handshakes++;
          this.#guard(socket, () =>
            this.#hand(accepted.socket, true, undefined, (transport) =>
              this.#begin(accepted.socket, { chain, transport, connection: withTls(info, accepted.info.serverName, accepted.info) }),
            ),
          );
          return;
        }
        counts.handshakeErrors++;
        this.#worker.log.debug('TLS handshake failed', {
          listener: listener.config.name,
          from: plainAddress(socket.remoteAddress),
          reason: accepted.reason,
        });
        socket.destroy();
      });
  }

  /** Hands the connection to its protocol. One of bytes tells the listener's log of itself; of the others nobody else would. */
  #begin(socket: Socket, accepted: Accepted): NodeTransport['handler'] {
    const { chain, connection } = accepted;
    const info = chain.terminal.t === 'http' ? recordConnection(this.#worker, chain.listener, connection, chain) : undefined;
    const opened = this.#open(this.#worker, accepted);
    if (info !== undefined) {
      socket.once('close', () => {
        info.httpVersion = opened.protocol === 'http2' ? 'HTTP/2' : 'HTTP/1.1';
        info.bytesReceived = socket.bytesRead;
        info.bytesSent = socket.bytesWritten;
        logConnection(this.#worker, info);
      });
    }
    return opened;
  }

  #hand(socket: Socket, encrypted: boolean, bytes: Buffer | undefined, open: (transport: NodeTransport) => NodeTransport['handler']): void {
    const transport = new NodeTransport(socket, encrypted, this.#worker.buffers, this.#worker.faults, NOBODY);
    transport.handler = open(transport);
    transport.start(bytes);
  }
}
