import type { CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import { asBuffer, nodeBytes } from '../net/node-bytes.ts';
import { httpPool } from '../pool/host-pools.ts';
import type { PoolWaiter } from '../pool/pool-waiter.ts';
import { clean } from './headers.ts';
import type { HeadRead, LostCause, UpstreamStream, UpstreamUser } from './stream.ts';

/** A request of the proxy's own to a cluster: keys of an issuer, a question to an authorization or rate-limit service. */
export interface SideRequest {
  readonly cluster: string;
  readonly method: string;
  /** '' = the cluster's name. */
  readonly authority: string;
  readonly path: string;
  /** Names in lower case; what frames the message is written here. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** When `content-length` is told: where there is no other way (HTTP/1.1), with every body (default), or also where there is none. */
  readonly length?: 'needed' | 'with-body' | 'always';
  /** 0 = none. */
  readonly timeoutMs: number;
}

/** How it ended. `failed`: no response, or none that is whole in time; `reason` in words. */
export type SideOutcome =
  | {
      readonly t: 'response';
      readonly status: number;
      /** In the order they came; names in lower case. */
      readonly headers: readonly (readonly [name: string, value: string])[];
      readonly body: Buffer;
      readonly trailers: readonly (readonly [name: string, value: string])[];
    }
  | { readonly t: 'failed'; readonly reason: 'no cluster' | 'no host' | 'overflow' | 'connect' | 'timeout' | 'reset' | 'too large' };

/** What a service is told of a question besides: that it comes from inside, and how long its answer is waited for. */
export function questionHeaders(timeoutMs: number): readonly (readonly [name: string, value: string])[] {
  return [['x-envoy-internal', 'true'], ...(timeoutMs > 0 ? [['x-envoy-expected-rq-timeout-ms', String(Math.ceil(timeoutMs))] as const] : [])];
}

/** Responses to the proxy itself are small; what is larger is not read. */
const MAX_RESPONSE_BYTES = 1024 * 1024;
/** Kept connections that are tried one after another. */
const MAX_STALE = 8;

/**
 * Sends a request through a cluster's hosts, connections and circuit breakers. `done` is called once, never before this returns. Answers
 * what gives the request up; `done` is not called then.
 */
export function sendAside(worker: Worker, request: SideRequest, done: (outcome: SideOutcome) => void): () => void {
  const side = new SideExchange(worker, request, done);
  side.start();
  return () => side.cancel();
}

class SideExchange implements UpstreamUser, PoolWaiter {
  readonly isHead = false;
  readonly scheme: 'http' | 'https';
  readonly upgrade = '';
  readonly #worker: Worker;
  readonly #request: SideRequest;
  readonly #done: (outcome: SideOutcome) => void;
  readonly #cluster: CompiledCluster | undefined;
  readonly #deadline: Deadline;
  #host: Host | undefined = undefined;
  #stream: UpstreamStream | undefined = undefined;
  #ended = false;
  #started = false;
  #cancelled = false;
  #stale = 0;
  #status = 0;
  #headers: (readonly [string, string])[] = [];
  readonly #body: Buffer[] = [];
  #bodyBytes = 0;

  constructor(worker: Worker, request: SideRequest, done: (outcome: SideOutcome) => void) {
    this.#worker = worker;
    this.#request = request;
    this.#done = done;
    this.#cluster = worker.state.cluster(request.cluster);
    this.scheme = 'http';
    this.#deadline = createDeadline(() => this.#fail('timeout'));
  }

  start(): void {
    this.#tryStart();
    this.#started = true;
  }

  get upstreamAuthority(): string {
    const { authority, cluster } = this.#request;
    return authority === '' ? cluster : authority;
  }

  #tryStart(): void {
    const worker = this.#worker;
    const cluster = this.#cluster;
    if (cluster === undefined) return this.#fail('no cluster');
    const { usage, config } = cluster;
    if (usage.requests >= config.limits.maxRequests) return this.#fail('overflow');
    const host = cluster.pick(worker.random, worker.wheel.now());
    if (host === undefined) return this.#fail('no host');
    this.#host = host;
    usage.requests++;
    cluster.breakers.default.began(worker.wheel.recent);
    host.active++;
    if (this.#request.timeoutMs > 0) worker.wheel.set(this.#deadline, worker.wheel.recent, this.#request.timeoutMs);
    const got = httpPool(worker, host).acquire(cluster, this);
    if (got === 'overflow') this.#fail('overflow');
    else if (got !== 'queued') this.onPoolReady(got);
  }

  onPoolReady(stream: UpstreamStream): void {
    this.#stream = stream;
    stream.begin(this);
    const { scratch } = this.#worker.buffers;
    const { body } = this.#request;
    const head = this.#head(stream.protocol);
    if (head.length > scratch.length) return this.#fail('too large');
    stream.writeHead(scratch, scratch.write(head, 0, 'latin1'), body.length === 0 ? 'none' : 'raw');
    if (body.length > 0) stream.writeLast(body, 0, body.length);
  }

  #head(protocol: UpstreamStream['protocol']): string {
    const { method, path, headers, body, length = 'with-body' } = this.#request;
    let head = `${method} ${clean(path)} HTTP/1.1\r\nhost: ${clean(this.upstreamAuthority)}\r\n`;
    for (const [name, value] of headers) head += `${name}: ${clean(value)}\r\n`;
    const told = length === 'always' || (body.length > 0 && (length === 'with-body' || protocol === 'http1'));
    return told ? `${head}content-length: ${body.length}\r\n\r\n` : `${head}\r\n`;
  }

  onPoolFailure(): void {
    this.#fail('connect');
  }

  onResponse(stream: UpstreamStream, read: HeadRead): number {
    const { responseScanner: scanner } = this.#worker;
    const { bytes } = read;
    this.#status = scanner.status;
    for (let i = 0; i < scanner.count; i++) {
      const name = nodeBytes.latin1(bytes, scanner.nameStart(i), scanner.nameEnd(i)).toLowerCase();
      this.#headers.push([name, nodeBytes.latin1(bytes, scanner.valueStart(i), scanner.valueEnd(i))]);
    }
    stream.takePayload();
    return read.after;
  }

  onResponseBody(bytes: Uint8Array, start: number, end: number): void {
    this.#bodyBytes += end - start;
    if (this.#bodyBytes > MAX_RESPONSE_BYTES) this.#fail('too large');
    else this.#body.push(Buffer.from(asBuffer(bytes).subarray(start, end)));
  }

  onResponseLast(bytes: Uint8Array, start: number, end: number): void {
    this.onResponseBody(bytes, start, end);
    this.onResponseEnd(0, undefined);
  }

  onResponseEnd(_payloadBytes: number, trailers: Uint8Array | undefined): void {
    this.#stream = undefined;
    this.#finish({ t: 'response', status: this.#status, headers: this.#headers, body: Buffer.concat(this.#body), trailers: readTrailers(trailers) });
  }

  onUpstreamLost(stream: UpstreamStream, cause: LostCause): void {
    this.#stream = undefined;
    // A kept connection that was closed before a byte of the response: its idle time-out has crossed the request. Others may be as old.
    if (cause !== 'protocol' && stream.requests > 1 && this.#status === 0 && this.#stale++ < MAX_STALE) this.#again();
    else this.#fail('reset');
  }

  #again(): void {
    const host = this.#host;
    if (host === undefined || this.#cluster === undefined) return;
    const got = httpPool(this.#worker, host).acquire(this.#cluster, this);
    if (got === 'overflow') this.#fail('overflow');
    else if (got !== 'queued') this.onPoolReady(got);
  }

  onUpstreamDrain(): void {
    // The request was written whole: there is nothing to go on with.
  }
  onUpstreamSlow(): void {
    // As above.
  }
  onTunnelData(): void {
    // Nothing here asks for a tunnel.
  }
  onTunnelEnd(): void {
    // As above.
  }

  cancel(): void {
    this.#cancelled = true;
    if (!this.#ended) this.#release();
  }

  #fail(reason: (SideOutcome & { t: 'failed' })['reason']): void {
    this.#finish({ t: 'failed', reason });
  }

  #finish(outcome: SideOutcome): void {
    if (this.#ended) return;
    this.#release();
    const worker = this.#worker;
    const { status } = outcome.t === 'response' ? outcome : { status: 'local' as const };
    if (this.#host !== undefined && (outcome.t === 'response' || outcome.reason !== 'overflow'))
      this.#cluster?.report(this.#host, status, worker.wheel.now());
    if (this.#started) this.#done(outcome);
    else worker.ports.timers.after(0, () => !this.#cancelled && this.#done(outcome));
  }

  /** Lets go of everything that was taken. */
  #release(): void {
    this.#ended = true;
    this.#worker.wheel.remove(this.#deadline);
    const host = this.#host;
    const stream = this.#stream;
    this.#stream = undefined;
    if (host === undefined) return;
    host.active--;
    if (this.#cluster !== undefined) this.#cluster.usage.requests--;
    if (stream !== undefined) stream.abandon();
    else httpPool(this.#worker, host).cancel(this);
  }
}

/** Lines of `name: value`. */
function readTrailers(lines: Uint8Array | undefined): readonly (readonly [string, string])[] {
  if (lines === undefined) return [];
  return nodeBytes
    .latin1(lines, 0, lines.length)
    .split('\r\n')
    .map((line): readonly [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, Math.max(colon, 0)).toLowerCase(), line.slice(colon + 1).trim()];
    })
    .filter(([name]) => name !== '');
}
