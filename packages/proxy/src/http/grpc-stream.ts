import type { CompiledCluster, GrpcService, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { httpPool } from '../pool/host-pools.ts';
import type { PoolWaiter } from '../pool/pool-waiter.ts';
import { clean } from './headers.ts';
import type { HeadRead, LostCause, UpstreamStream, UpstreamUser } from './stream.ts';

/** What the owner of a stream hears. */
export interface GrpcStreamOwner {
  /** There is room again for what `write` refused more of. */
  onRoom(): void;
  /** Once: the service has ended it, it was lost, or it could not be begun. Never before `openGrpcStream` returns. */
  onClosed(reason: string): void;
}

/** Messages of the proxy's own to a service, on one stream; answers are not looked at. */
export interface GrpcStream {
  /** One message with its prefix; never changed afterwards. False: the service takes it slowly, wait for `onRoom`. */
  write(frame: Uint8Array): boolean;
  /** Ends it properly; `onClosed` is not called. */
  end(): void;
}

const PREFIX_BYTES = 5;

/** A message as gRPC frames it. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** Opens a stream of requests through a cluster's hosts, connections and circuit breakers. */
export function openGrpcStream(
  worker: Worker,
  { service, path }: { readonly service: GrpcService; readonly path: string },
  owner: GrpcStreamOwner,
): GrpcStream {
  const stream = new ServiceStream(worker, service, owner);
  stream.open(path);
  return stream;
}

class ServiceStream implements GrpcStream, UpstreamUser, PoolWaiter {
  readonly isHead = false;
  readonly scheme = 'http';
  readonly upgrade = '';
  readonly #worker: Worker;
  readonly #service: GrpcService;
  readonly #owner: GrpcStreamOwner;
  readonly #cluster: CompiledCluster | undefined;
  #path = '';
  #host: Host | undefined = undefined;
  #stream: UpstreamStream | undefined = undefined;
  #waiting: Uint8Array[] = [];
  #ended = false;
  #opening = true;
  #halfClosed = false;

  constructor(worker: Worker, service: GrpcService, owner: GrpcStreamOwner) {
    this.#worker = worker;
    this.#service = service;
    this.#owner = owner;
    this.#cluster = worker.state.cluster(service.cluster);
  }

  get upstreamAuthority(): string {
    const { authority, cluster } = this.#service;
    return authority === '' ? cluster : authority;
  }

  open(path: string): void {
    this.#path = path;
    this.#acquire();
    this.#opening = false;
  }

  #acquire(): void {
    const worker = this.#worker;
    const cluster = this.#cluster;
    if (cluster === undefined) return this.#close('no cluster');
    if (cluster.usage.requests >= cluster.config.limits.maxRequests) return this.#close('overflow');
    const host = cluster.pick(worker.random, worker.wheel.now());
    if (host === undefined) return this.#close('no host');
    this.#host = host;
    cluster.usage.requests++;
    host.active++;
    const got = httpPool(worker, host).acquire(cluster, this, undefined, 'http2');
    if (got === 'overflow') this.#close('overflow');
    else if (got !== 'queued') this.onPoolReady(got);
  }

  write(frame: Uint8Array): boolean {
    if (this.#ended) return false;
    if (this.#stream !== undefined) return this.#stream.write(frame, 0, frame.length);
    this.#waiting.push(frame);
    return false;
  }

  end(): void {
    if (this.#ended) return;
    this.#halfClosed = true;
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.end(undefined);
  }

  onPoolReady(stream: UpstreamStream): void {
    this.#stream = stream;
    if (stream.protocol !== 'http2') return this.#close('the cluster does not speak HTTP/2');
    stream.begin(this);
    const { scratch } = this.#worker.buffers;
    let head = `POST ${this.#path} HTTP/1.1\r\nhost: ${clean(this.upstreamAuthority)}\r\nte: trailers\r\ncontent-type: application/grpc\r\nx-envoy-internal: true\r\n`;
    for (const { name, value } of this.#service.metadata) head += `${name}: ${clean(value)}\r\n`;
    if (head.length + 2 > scratch.length) return this.#close('too large');
    stream.writeHead(scratch, scratch.write(`${head}\r\n`, 0, 'latin1'), 'raw');
    const waiting = this.#waiting;
    this.#waiting = [];
    let room = true;
    for (const frame of waiting) room = stream.write(frame, 0, frame.length);
    if (this.#halfClosed) stream.end(undefined);
    else if (room && !this.#opening) this.#owner.onRoom();
  }

  onPoolFailure(reason: string): void {
    this.#close(reason);
  }

  onResponse(stream: UpstreamStream, read: HeadRead): number {
    stream.takePayload();
    return read.after;
  }
  onResponseBody(): void {
    // Answers say nothing that is needed.
  }
  onResponseLast(): void {
    this.onResponseEnd();
  }
  onResponseEnd(): void {
    this.#stream = undefined;
    this.#close('the service has ended the stream');
  }
  onUpstreamLost(_stream: UpstreamStream, cause: LostCause): void {
    this.#stream = undefined;
    this.#close(cause);
  }
  onUpstreamDrain(): void {
    this.#owner.onRoom();
  }
  onUpstreamSlow(): void {
    // `write` has said so.
  }
  onTunnelData(): void {
    // Nothing here asks for a tunnel.
  }
  onTunnelEnd(): void {
    // As above.
  }

  #close(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    if (this.#halfClosed) return;
    if (this.#opening) this.#worker.ports.timers.after(0, () => this.#owner.onClosed(reason));
    else this.#owner.onClosed(reason);
  }

  #release(): void {
    const host = this.#host;
    const stream = this.#stream;
    this.#stream = undefined;
    this.#waiting = [];
    if (host === undefined) return;
    host.active--;
    if (this.#cluster !== undefined) this.#cluster.usage.requests--;
    if (stream !== undefined) stream.abandon();
    else httpPool(this.#worker, host).cancel(this);
  }
}
