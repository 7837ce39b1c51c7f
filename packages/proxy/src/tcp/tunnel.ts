import type { Breaker, CompiledCluster, Host, TcpTunnel } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { clean } from '../http/headers.ts';
import type { HeadRead, LostCause, UpstreamStream, UpstreamUser } from '../http/stream.ts';
import { CONNECT } from '../http/upgrades.ts';
import type { DialHandler } from '../net/net-port.ts';
import { httpPool } from '../pool/host-pools.ts';
import type { PoolWaiter } from '../pool/pool-waiter.ts';
import type { ConnectionInfo, Transport } from '../types.ts';

/** Kept connections that are tried one after another. */
const MAX_STALE = 8;

/** Where a tunnel leads, and whose bytes it carries. */
export interface TunnelOrigin {
  readonly cluster: CompiledCluster;
  readonly host: Host;
  readonly tunnel: TcpTunnel;
  readonly client: ConnectionInfo;
}

/** Asks a host for a tunnel by HTTP. It stands once the host has agreed. */
export function dialTunnel(worker: Worker, of: TunnelOrigin, handler: DialHandler): Transport {
  const tunnel = new Tunnel(worker, of, handler);
  tunnel.start();
  return tunnel;
}

/** The body of a request and that of its response, or what follows CONNECT, as a connection. */
class Tunnel implements Transport, UpstreamUser, PoolWaiter {
  readonly isHead = false;
  readonly scheme = 'http';
  readonly upgrade: string;
  readonly client: ConnectionInfo;
  readonly upstreamAuthority: string;
  readonly #worker: Worker;
  readonly #of: TunnelOrigin;
  readonly #breaker: Breaker;
  readonly #handler: DialHandler;
  #stream: UpstreamStream | undefined = undefined;
  /** Counted among the requests of the cluster. */
  #open = false;
  #stands = false;
  #slow = false;
  #stale = 0;

  constructor(worker: Worker, of: TunnelOrigin, handler: DialHandler) {
    this.#worker = worker;
    this.#of = of;
    this.#handler = handler;
    this.#breaker = of.cluster.breakers.default;
    this.client = of.client;
    this.upgrade = of.tunnel.post ? '' : CONNECT;
    this.upstreamAuthority = of.tunnel.target;
  }

  start(): void {
    const { usage, limits } = this.#breaker;
    if (usage.requests >= limits.maxRequests) {
      // Not within the caller's call, which counts on a connection.
      process.nextTick(() => this.#handler.onClose('overflow'));
      return;
    }
    usage.requests++;
    this.#breaker.began(this.#worker.wheel.recent);
    this.#open = true;
    process.nextTick(() => this.#acquire());
  }

  #acquire(): void {
    if (!this.#open) return;
    const { cluster, host } = this.#of;
    const got = httpPool(this.#worker, host).acquire(cluster, this, this.#breaker);
    if (got === 'overflow') this.#close('overflow');
    else if (got !== 'queued') this.onPoolReady(got);
  }

  onPoolReady(stream: UpstreamStream): void {
    const { target, post, path } = this.#of.tunnel;
    this.#stream = stream;
    stream.begin(this);
    const line = post ? `POST ${clean(path)}` : `CONNECT ${clean(target)}`;
    const { scratch } = this.#worker.buffers;
    const chunked = post && stream.protocol === 'http1';
    const length = scratch.write(`${line} HTTP/1.1\r\nhost: ${clean(target)}\r\n${chunked ? 'transfer-encoding: chunked\r\n' : ''}\r\n`, 0, 'latin1');
    stream.writeHead(scratch, length, chunked ? 'chunked' : 'raw');
  }

  onPoolFailure(reason: string): void {
    this.#close(reason);
  }

  onResponse(stream: UpstreamStream, read: HeadRead): number {
    const { status } = this.#worker.responseScanner;
    const { post } = this.#of.tunnel;
    if (post ? status !== 200 : status < 200 || status > 299) {
      stream.abandon();
      this.#stream = undefined;
      this.#close(`the tunnel was refused with ${status}`);
      return -1;
    }
    if (post) stream.takePayload();
    else stream.startTunnel();
    this.#stands = true;
    const colon = stream.local.lastIndexOf(':');
    const localAddress = stream.local.slice(0, colon).replace(/^\[|\]$/g, '');
    this.#handler.onConnect({ localAddress, localPort: Number(stream.local.slice(colon + 1)), tls: stream.tls });
    return this.#stream === undefined ? -1 : read.after;
  }

  onResponseBody(bytes: Uint8Array, start: number, end: number): void {
    if (end > start) this.#handler.onData(bytes, start, end);
  }
  onResponseLast(bytes: Uint8Array, start: number, end: number): void {
    this.onResponseBody(bytes, start, end);
    this.onResponseEnd();
  }
  /** The host has said all that it will, and a request whose response is whole is read no further. */
  onResponseEnd(): void {
    this.#stream = undefined;
    this.#handler.onEnd();
  }
  onTunnelData(bytes: Uint8Array, start: number, end: number): void {
    this.#handler.onData(bytes, start, end);
  }
  onTunnelEnd(): void {
    this.#handler.onEnd();
  }
  onUpstreamSlow(): void {
    this.#slow = true;
  }
  onUpstreamDrain(): void {
    this.#slow = false;
    if (this.#stands) this.#handler.onDrain();
  }

  onUpstreamLost(stream: UpstreamStream, cause: LostCause, reason: string): void {
    this.#stream = undefined;
    // A kept connection whose idle time-out has crossed the request. Others may be as old.
    if (!this.#stands && cause !== 'protocol' && stream.requests > 1 && this.#stale++ < MAX_STALE) this.#acquire();
    else this.#close(reason === '' ? 'connection termination' : reason);
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#stream?.write(bytes, start, end) !== false && !this.#slow;
  }
  pause(paused: boolean): void {
    this.#stream?.pause(paused);
  }
  end(): void {
    if (this.upgrade === '') this.#stream?.end(undefined);
    else this.#stream?.endWriting();
  }
  get queuedBytes(): number {
    return this.#stream?.queuedBytes ?? 0;
  }

  destroy(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) stream.abandon();
    else if (!this.#stands) httpPool(this.#worker, this.#of.host).cancel(this);
    this.#leave();
  }

  #close(reason: string): void {
    if (!this.#open) return;
    this.#leave();
    this.#handler.onClose(reason);
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#breaker.usage.requests--;
  }
}
