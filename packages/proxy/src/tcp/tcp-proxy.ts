import { record, upstreamAlpn, type CompiledChain, type CompiledCluster, type CompiledTcp, type Host, type PickWish } from '@meltemi/runtime';
import { createStreamInfo } from '../core/stream-info.ts';
import { countDrained } from '../core/drain.ts';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import type { Accepted, Connection, Worker } from '../core/worker.ts';
import type { Piece } from '../http/pieces.ts';
import { hostPort } from '../net/addresses.ts';
import { connectFailure } from '../net/connect-failure.ts';
import type { DialedInfo, DialHandler } from '../net/net-port.ts';
import { dialTarget } from '../pool/dial-target.ts';
import { countClosed, countOpened } from '../stats/count-connection.ts';
import type { TcpCounts } from '../stats/http-counts.ts';
import { closeForgotten } from '../pool/host-pools.ts';
import { LastBytes } from './last-bytes.ts';
import { lookUpServerName, type NamedHost } from './named-host.ts';
import { TcpLog } from './tcp-log.ts';
import { dialTunnel } from './tunnel.ts';
import { flagBit, type ResponseFlag, type StreamInfo, type Transport } from '../types.ts';

/** Bytes of the client held while the upstream is being connected; more slows the client down. */
const MAX_HELD_BYTES = 64 * 1024;

/** Takes a connection over that goes through as bytes; with a `refusal` it ends at once, and is logged with that. */
export function openTcp(worker: Worker, tcp: CompiledTcp, accepted: Accepted, refusal?: string): Connection {
  const connection = new TcpConnection(worker, tcp, accepted);
  if (refusal === undefined)
    worker.faults.guard(
      'accept',
      () => connection.start(),
      () => connection.destroy(),
    );
  else connection.refuse(refusal);
  return connection;
}

/** One proxied TCP connection. The upstream is dialled at once, so that protocols in which the server speaks first work. */
class TcpConnection implements Connection {
  readonly chain: CompiledChain;
  readonly #worker: Worker;
  readonly #tcp: CompiledTcp;
  readonly #client: Transport;
  readonly #info: StreamInfo;
  readonly #counts: TcpCounts;
  #dialedMs = 0;
  readonly #idle: Deadline;
  readonly #connect: Deadline;
  readonly #duration: Deadline;
  readonly #log: TcpLog;
  #server: Transport | undefined = undefined;
  #connected = false;
  #cluster: CompiledCluster | undefined = undefined;
  #wish: PickWish | undefined = undefined;
  #host: Host | undefined = undefined;
  /** Where the server name leads, once it is looked up; until then, how to stop that. */
  #named: NamedHost | undefined = undefined;
  #giveUp: (() => void) | undefined = undefined;
  #counted = false;
  #held: Piece[] = [];
  #heldBytes = 0;
  #clientEnded = false;
  #serverEnded = false;
  #closed = false;
  /** Present while both sides have ended and what is queued for them is still on its way. */
  #last: LastBytes | undefined = undefined;
  #attempts = 0;

  constructor(worker: Worker, tcp: CompiledTcp, accepted: Accepted) {
    this.chain = accepted.chain;
    this.#worker = worker;
    this.#tcp = tcp;
    this.#counts = worker.stats.tcpOf(tcp.config.statPrefix);
    this.#counts.cxTotal++;
    this.#client = accepted.transport;
    this.#info = createStreamInfo('tcp', accepted, worker.ports.clock.now(), worker.wheel.now());
    const metadata = accepted.connection.told?.metadata;
    if (metadata !== undefined) this.#info.dynamicMetadata = new Map(metadata);
    const broken = (): void => this.#drop();
    this.#idle = createDeadline(() => this.#expired('idleTimeout'), broken);
    this.#connect = createDeadline(() => this.#failed('connection timeout'), broken);
    this.#duration = createDeadline(() => this.#expired('maxDuration'), broken);
    worker.connections.add(this);
    const { maxDownstreamConnectionDurationMs } = tcp.config;
    this.#log = new TcpLog(worker, tcp, this.#info);
    if (maxDownstreamConnectionDurationMs > 0) worker.wheel.set(this.#duration, this.#info.startMs, maxDownstreamConnectionDurationMs);
  }

  #expired(what: 'idleTimeout' | 'maxDuration'): void {
    this.#counts[what]++;
    if (what === 'idleTimeout') this.#end(undefined, 'idle_timeout');
    else this.#end('DT', 'max_duration_timeout');
  }

  refuse(reason: string): void {
    this.#end(undefined, reason);
  }

  start(): void {
    const { random, state, wheel } = this.#worker;
    const picked = this.#tcp.pickCluster(random());
    this.#wish = this.#tcp.wish(this.#info.connection.remoteAddress, picked);
    this.#info.clusterName = picked.name;
    const named = state.cluster(picked.name);
    this.#cluster = named?.member === undefined ? named : (named.member(random, wheel.now()) ?? named);
    this.#info.cluster = this.#cluster;
    this.#giveUp = lookUpServerName(this.#worker, this.chain, this.#info.connection, (found) => {
      this.#giveUp = undefined;
      this.#named = found === 'overflow' ? undefined : found;
      if (found === 'overflow') this.#end(undefined, '');
      else this.#dial();
    });
    if (!this.#closed) this.#worker.ports.streams.onTcpOpen(this.#info);
  }

  #dial(): void {
    const cluster = this.#cluster;
    const worker = this.#worker;
    if (cluster === undefined) {
      this.#counts.cxNoRoute++;
      this.#end('NC', 'cluster_not_found');
      return;
    }
    this.#attempts++;
    const { usage, config } = cluster;
    const { tunnel } = this.#tcp.config;
    if (tunnel === undefined && usage.connections >= config.limits.maxConnections) {
      this.#end('UO', 'overflow');
      return;
    }
    const host = this.#pick(cluster);
    if (host === undefined) return;
    this.#host = host;
    this.#info.host = host;
    this.#info.upstreamRemote = host.key;
    this.#info.attempts = this.#attempts;
    // Those below tunnels are counted by their pools.
    if (tunnel === undefined) {
      usage.connections++;
      this.#dialedMs = worker.wheel.now();
      countOpened(cluster, host);
      cluster.counts.rqPending++;
    }
    host.active++;
    this.#counted = true;
    worker.wheel.set(this.#connect, worker.wheel.now(), config.connectTimeoutMs);
    const client = this.#info.connection;
    this.#server =
      tunnel === undefined
        ? worker.dialer.dial({ ...dialTarget(worker, cluster, host, { client }), alpn: upstreamAlpn(this.chain) }, this.#upstream())
        : dialTunnel(worker, { cluster, host, tunnel, client }, this.#upstream());
  }

  #pick(cluster: CompiledCluster): Host | undefined {
    const { connection } = this.#info;
    const { discovery } = cluster.config;
    if (discovery.t === 'original-dst') {
      const self =
        discovery.portOverride === undefined &&
        connection.originalPort === connection.localPort &&
        connection.originalAddress === connection.localAddress;
      if (!self) return cluster.originalDst({ address: connection.originalAddress, port: connection.originalPort });
      this.#end('UH', 'no_healthy_upstream');
      return undefined;
    }
    if (discovery.t === 'dynamic') return this.#pickNamed(cluster);
    const host = cluster.pick(this.#worker.random, this.#worker.wheel.now(), this.#wish);
    if (host === undefined) this.#end('UH', 'no_healthy_upstream');
    return host;
  }

  #pickNamed(cluster: CompiledCluster): Host | undefined {
    const host = this.#named === undefined ? undefined : cluster.originalDst(this.#named, this.#named.hostname);
    if (cluster.forgotten.length > 0) closeForgotten(cluster);
    if (host !== undefined) return host;
    // What was held for a name that is not found has reached nobody.
    this.#info.bytesReceived = 0;
    this.#end('UH', '');
    return undefined;
  }

  #upstream(): DialHandler {
    let current = true;
    return {
      onConnect: (info) => this.#established(info),
      onData: (bytes, start, end) => this.#fromServer(bytes, start, end),
      onEnd: () => {
        // In the middle of a TLS handshake: the close that follows fails the attempt, and the client may get another one.
        if (!this.#connected) return;
        this.#serverEnded = true;
        this.#client.end();
        if (this.#clientEnded) this.#end(undefined, '');
      },
      onDrain: () => this.#client.pause(false),
      onClose: (error) => {
        if (!current) return;
        current = false;
        if (this.#closed) return this.#last?.sideClosed();
        if (!this.#connected) this.#failed(connectFailure(error ?? 'the peer closed'));
        // A reset is a reset on the other side, too.
        else this.#end(error === undefined ? undefined : error === 'ECONNRESET' ? 'UR' : 'UC', error ?? '', error !== undefined);
      },
    };
  }

  #established(info: DialedInfo): void {
    const server = this.#server;
    if (server === undefined || this.#closed) return;
    const { wheel } = this.#worker;
    wheel.clear(this.#connect);
    this.#connected = true;
    this.#countConnected();
    this.#info.upstreamLocal = hostPort(info.localAddress, info.localPort);
    this.#info.upstreamTls = info.tls;
    this.#info.upstreamStartMs = wheel.now();
    if (this.#host !== undefined) this.#cluster?.report(this.#host, 'done', wheel.recent);
    this.#log.connected(this.#heldBytes);
    this.#touch();
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    let accepted = true;
    for (const { bytes, start, end } of held) accepted = server.write(bytes, start, end);
    this.#client.pause(!accepted);
    if (this.#clientEnded) server.end();
  }

  #countConnected(): void {
    const cluster = this.#cluster;
    if (cluster === undefined || this.#dialedMs === 0) return;
    record(cluster.counts.connectTime, this.#worker.wheel.recent - this.#dialedMs);
    cluster.counts.rqTotal++;
    if (this.#host !== undefined) this.#host.counts.rqTotal++;
  }

  #countEnded(failure: string | undefined): void {
    const [cluster, host] = [this.#cluster, this.#host];
    if (cluster === undefined || host === undefined || this.#dialedMs === 0) return;
    const lengthMs = this.#worker.wheel.recent - this.#dialedMs;
    countClosed(cluster, host, {
      failure: failure === 'connection timeout' ? 'timeout' : failure,
      established: this.#connected,
      remote: this.#serverEnded || failure !== undefined,
      busy: this.#connected,
      lengthMs,
    });
  }

  #failed(reason: string): void {
    this.#info.upstreamTransportFailureReason = reason;
    this.#countEnded(reason);
    this.#dialedMs = 0;
    this.#release('local');
    const dead = this.#server;
    this.#server = undefined;
    this.#worker.wheel.clear(this.#connect);
    if (this.#attempts < Math.max(1, this.#tcp.config.maxConnectAttempts)) {
      this.#dial();
      dead?.destroy();
      return;
    }
    this.#info.flags |= flagBit('URX');
    this.#end('UF', reason);
    dead?.destroy();
  }

  #fromServer(bytes: Uint8Array, start: number, end: number): void {
    if (this.#info.upstreamFirstByteMs === 0) this.#info.upstreamFirstByteMs = this.#worker.wheel.now();
    this.#info.bytesSent += end - start;
    this.#touch();
    if (!this.#client.write(bytes, start, end)) this.#server?.pause(true);
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#info.bytesReceived += end - start;
    if (this.#connected) {
      this.#touch();
      if (this.#server?.write(bytes, start, end) === false) this.#client.pause(true);
      return;
    }
    this.#held.push(this.#worker.buffers.own(bytes, start, end));
    this.#heldBytes += end - start;
    if (this.#heldBytes > MAX_HELD_BYTES) this.#client.pause(true);
  }

  onDrain(): void {
    this.#server?.pause(false);
  }

  onEnd(): void {
    this.#clientEnded = true;
    if (this.#connected) this.#server?.end();
    if (this.#serverEnded) this.#end(undefined, '');
  }

  onClose(error?: string): void {
    if (this.#closed) this.#last?.sideClosed();
    else this.#end(undefined, '', error !== undefined);
  }

  retire(): void {
    // As with `drain`.
  }

  drain(): void {
    // Bytes have no boundaries at which to stop: the connection runs until its end or the drain's deadline.
  }

  expire(): void {
    if (this.#closed) return;
    countDrained(this.#worker, 'tcp');
    this.#end(undefined, 'drain_time_expired');
  }

  destroy(): void {
    if (this.#last !== undefined) this.#drop();
    else this.#end(undefined, 'closed by the proxy');
  }

  #touch(): void {
    const { idleTimeoutMs } = this.#tcp.config;
    if (idleTimeoutMs > 0) this.#worker.wheel.set(this.#idle, this.#worker.wheel.now(), idleTimeoutMs);
  }

  #release(outcome: 'local' | undefined): void {
    if (!this.#counted) return;
    this.#counted = false;
    const host = this.#host;
    if (this.#cluster !== undefined && this.#tcp.config.tunnel === undefined) this.#cluster.usage.connections--;
    if (host === undefined) return;
    host.active--;
    if (outcome !== undefined) this.#cluster?.report(host, outcome, this.#worker.wheel.now());
  }

  /** `reset`: one side was reset, and so is the other. */
  #end(flag: ResponseFlag | undefined, details: string, reset = false): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#countEnded(undefined);
    this.#counts.cxRxBytes += this.#info.bytesReceived;
    this.#counts.cxTxBytes += this.#info.bytesSent;
    const worker = this.#worker;
    const info = this.#info;
    this.#release(undefined);
    this.#giveUp?.();
    for (const deadline of [this.#idle, this.#connect, this.#duration]) worker.wheel.remove(deadline);
    this.#log.stop();
    if (flag !== undefined) info.flags |= flagBit(flag);
    info.connectionTerminationDetails = details;
    info.endMs = worker.wheel.now();
    if (this.#clientEnded && this.#serverEnded) this.#linger();
    else this.#drop(reset);
    this.#held = [];
    worker.ports.streams.onStreamEnd(info);
    this.#log.ended();
  }

  #linger(): void {
    const sides = this.#server === undefined ? [this.#client] : [this.#client, this.#server];
    this.#last = new LastBytes(this.#worker.wheel, sides, () => this.#drop());
    this.#last.start();
  }

  /** The end of both, whatever is still queued. */
  #drop(reset = false): void {
    const last = this.#last;
    this.#last = undefined;
    last?.stop();
    this.#worker.connections.delete(this);
    this.#client.destroy(reset);
    this.#server?.destroy(reset);
  }
}
