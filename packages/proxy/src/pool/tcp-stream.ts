import type { Breaker, CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { HeadRead, UpstreamStream, UpstreamUser } from '../http/stream.ts';
import { hostPort } from '../net/addresses.ts';
import type { DialedInfo } from '../net/net-port.ts';
import type { TlsInfo, Transport, TransportHandler } from '../types.ts';
import { dialTarget } from './dial-target.ts';
import { Dialing } from './dialing.ts';
import type { PoolWaiter } from './pool-waiter.ts';

/** What the client hears once the connection stands. */
const ESTABLISHED = Buffer.from('HTTP/1.1 200 OK\r\n\r\n');

/** Where the bytes of a CONNECT request go. */
interface TcpOrigin {
  readonly cluster: CompiledCluster;
  readonly host: Host;
  readonly breaker: Breaker;
}

/** Makes a plain connection for a CONNECT request that ends here. `isWanted`: the waiter has not gone meanwhile. */
export function dialTcpStream(worker: Worker, of: TcpOrigin, waiter: PoolWaiter, isWanted: () => boolean): void {
  const { cluster, host, breaker } = of;
  breaker.usage.connections++;
  host.connections++;
  const gone = (): void => {
    breaker.usage.connections--;
    host.connections--;
  };
  new Dialing(
    worker,
    {
      dialed(transport, info) {
        if (!isWanted()) {
          gone();
          return undefined;
        }
        const stream = new TcpStream(worker, of, { transport, info, gone });
        waiter.onPoolReady(stream);
        return stream;
      },
      dialFailed(reason) {
        gone();
        if (isWanted()) waiter.onPoolFailure(reason);
      },
    },
    dialTarget(worker, cluster, host),
    cluster.config.connectTimeoutMs,
  );
}

/** A connection that carries nothing but the bytes of one tunnel. */
class TcpStream implements UpstreamStream, TransportHandler {
  readonly protocol = 'http1';
  readonly requests = 1;
  readonly payloadBytes = 0;
  readonly answering = false;
  readonly cluster: CompiledCluster;
  readonly host: Host;
  readonly local: string;
  readonly tls: TlsInfo | undefined;
  user: UpstreamUser | undefined = undefined;
  readonly #worker: Worker;
  readonly #transport: Transport;
  readonly #gone: () => void;
  #open = true;
  #early: Buffer[] = [];
  #earlyEnd = false;
  #tunnel = false;

  constructor(worker: Worker, of: TcpOrigin, on: { readonly transport: Transport; readonly info: DialedInfo; readonly gone: () => void }) {
    this.#worker = worker;
    this.cluster = of.cluster;
    this.host = of.host;
    this.local = hostPort(on.info.localAddress, on.info.localPort);
    this.tls = on.info.tls;
    this.#transport = on.transport;
    this.#gone = on.gone;
  }

  get queuedBytes(): number {
    return this.#transport.queuedBytes;
  }

  begin(user: UpstreamUser): void {
    this.user = user;
  }

  /** Nobody is told the head: the answer is ours. */
  writeHead(): boolean {
    // Not within the caller's call, which counts on a stream.
    process.nextTick(() => this.#agree());
    return true;
  }

  #agree(): void {
    const { user } = this;
    if (user === undefined) return;
    const read: HeadRead = { bytes: ESTABLISHED, start: 0, after: ESTABLISHED.length, end: ESTABLISHED.length, ended: false };
    this.#worker.responseScanner.response(ESTABLISHED, 0, ESTABLISHED.length);
    this.#worker.wheel.now();
    if (user.onResponse(this, read) < 0) return;
    for (const bytes of this.#early.splice(0)) this.user?.onTunnelData(bytes, 0, bytes.length);
    if (this.#earlyEnd) this.user?.onTunnelEnd();
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#transport.write(bytes, start, end);
  }

  writeLast(bytes: Uint8Array, start: number, end: number): void {
    this.write(bytes, start, end);
  }

  /** The request is whole; its tunnel is not. */
  end(): void {
    // See `endWriting`.
  }

  takeRaw(read: HeadRead): number {
    return read.after;
  }

  takePayload(): void {
    // There is none before the tunnel.
  }

  startTunnel(): void {
    this.#tunnel = true;
  }

  endWriting(): void {
    this.#transport.end();
  }

  pause(paused: boolean): void {
    if (this.#open) this.#transport.pause(paused);
  }

  abandon(): void {
    this.user = undefined;
    this.#close();
    this.#transport.destroy();
  }

  dismiss(): void {
    this.abandon();
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#worker.wheel.now();
    if (this.#tunnel) this.user?.onTunnelData(bytes, start, end);
    else this.#early.push(Buffer.from(bytes.subarray(start, end)));
  }

  onDrain(): void {
    this.user?.onUpstreamDrain();
  }

  onEnd(): void {
    this.#worker.wheel.now();
    if (this.#tunnel) this.user?.onTunnelEnd();
    else this.#earlyEnd = true;
  }

  onClose(error?: string): void {
    this.#worker.wheel.now();
    const { user } = this;
    this.user = undefined;
    this.#close();
    user?.onUpstreamLost(this, 'closed', error ?? '');
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#gone();
  }
}
