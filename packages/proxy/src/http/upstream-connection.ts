import type { Breaker, CompiledCluster, Host } from '@meltemi/runtime';
import { BodyFramer, type BodyMode, HeadBuffer, type HeadScanner, NEED_MORE, REFUSED, type PayloadSink } from '@meltemi/wire';
import { Output } from '../core/output.ts';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import { SCAN_LIMITS, type Worker } from '../core/worker.ts';
import { hostPort } from '../net/addresses.ts';
import { connectFailure } from '../net/connect-failure.ts';
import type { DialedInfo, DialHandler } from '../net/net-port.ts';
import { nodeBytes } from '../net/node-bytes.ts';
import type { TlsInfo, Transport } from '../types.ts';
import { BodyWriter } from './body-writer.ts';
import type { HeadRead, LostCause, RequestFraming, UpstreamStream, UpstreamUser } from './stream.ts';
import { switches } from './upgrades.ts';

/** What a connection was made for. */
export interface UpstreamOrigin {
  readonly cluster: CompiledCluster;
  /** Where it is counted. */
  readonly breaker: Breaker;
  readonly host: Host;
  /** Which version of the secrets it was made with; see the pool. */
  readonly epoch: number;
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  connected(connection: UpstreamConnection): void;
  /** Free for the next request. */
  released(connection: UpstreamConnection): void;
  /** Gone. `failure` tells why it could not be made, 'timeout' when that took too long. */
  closed(connection: UpstreamConnection, failure: string | undefined): void;
}

const NO_BYTES = new Uint8Array(0);

type State = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'dead';

/** One HTTP/1.1 connection to a host: a request at a time, many in a row. */
export class UpstreamConnection implements DialHandler, UpstreamStream {
  readonly protocol = 'http1';
  state: State = 'connecting';
  user: UpstreamUser | undefined = undefined;
  readonly cluster: CompiledCluster;
  readonly breaker: Breaker;
  readonly host: Host;
  readonly body: BodyFramer = new BodyFramer();
  local = '';
  tls: TlsInfo | undefined = undefined;
  requests = 0;
  /** May it serve another request after this one? */
  reusable = true;
  readonly epoch: number;
  readonly openedMs: number;
  readonly #worker: Worker;
  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  readonly #head = new HeadBuffer(nodeBytes, SCAN_LIMITS);
  readonly #read: HeadRead = { bytes: NO_BYTES, start: 0, after: 0, end: 0, ended: false };
  readonly #deadline: Deadline;
  #paused = false;
  /** The request is not whole yet. */
  #sending = false;
  /** Takes payload without its chunk framing. */
  #payload: PayloadSink | undefined = undefined;
  #toUser: PayloadSink | undefined = undefined;
  /** Writes requests whose body comes as payload; made when the first one comes. */
  #writer: BodyWriter | undefined = undefined;
  /** The present request goes through the writer. */
  #framing = false;
  /** Its user has gone, and nothing is open: it is free once the event is over. */
  #dismissed = false;
  /** The peer ended it, not we. */
  endedByPeer = false;
  /** It was in the middle of an exchange when it ended. */
  busy = false;
  /** Has it ever stood? */
  established = false;

  /** `dial` makes the connection, or hands over one that stands: then `onConnect` follows at once. */
  constructor(worker: Worker, owner: ConnectionOwner, dial: (handler: DialHandler) => Transport, of: UpstreamOrigin) {
    this.#worker = worker;
    this.#owner = owner;
    this.cluster = of.cluster;
    this.breaker = of.breaker;
    this.host = of.host;
    this.epoch = of.epoch;
    this.openedMs = worker.wheel.now();
    this.#deadline = createDeadline(() => this.#expired());
    this.#transport = dial(this);
    worker.wheel.set(this.#deadline, this.openedMs, of.cluster.config.connectTimeoutMs);
  }

  begin(user: UpstreamUser): void {
    this.user = user;
    this.state = 'head';
    this.requests++;
    // What comes behind an upgrade that is refused would be anybody's guess.
    this.reusable = user.upgrade === '';
    this.#sending = true;
    this.#framing = false;
    this.#payload = undefined;
    this.#worker.wheel.clear(this.#deadline);
  }

  writeHead(bytes: Buffer, length: number, framing: RequestFraming): boolean {
    if (framing === 'none') this.#sending = false;
    if (framing !== 'chunked') return this.#transport.write(bytes, 0, length);
    this.#framing = true;
    this.#writer ??= new BodyWriter(new Output(this.#worker.outputs, this.#transport, this));
    this.#writer.begin(bytes, length, true);
    return true;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#framing && this.#writer !== undefined) return this.#writer.write(bytes, start, end);
    return this.#transport.write(bytes, start, end);
  }

  end(trailers: Uint8Array | undefined): void {
    this.#sending = false;
    if (this.#framing) this.#writer?.end(trailers);
  }

  writeLast(bytes: Uint8Array, start: number, end: number): void {
    this.write(bytes, start, end);
    this.end(undefined);
  }

  onFlushed(accepted: boolean): void {
    const waits = this.#writer?.resume() === true;
    if (!accepted) this.user?.onUpstreamSlow();
    else if (waits) this.user?.onUpstreamDrain();
  }

  /** Stops or resumes reading, as the client takes the response. */
  pause(paused: boolean): void {
    if (paused === this.#paused || this.state === 'dead') return;
    this.#paused = paused;
    this.#transport.pause(paused);
  }

  endWriting(): void {
    this.#transport.end();
  }

  takeRaw(read: HeadRead): number {
    return this.body.feed(read.bytes, read.after, read.end);
  }

  takePayload(): void {
    this.#payload = this.#toUser ??= (bytes, start, end) => this.user?.onResponseBody(bytes, start, end);
  }

  /** The response was `101`: bytes go through untouched from here on. */
  startTunnel(): void {
    this.state = 'tunnel';
    this.reusable = false;
  }

  /** A connection in the middle of an exchange is of no further use. */
  abandon(): void {
    this.destroy();
  }

  dismiss(): void {
    const { bytes, after, end } = this.#read;
    const whole = this.state === 'body' && (this.body.done ? after : this.body.feed(bytes, after, end)) === end && this.body.done;
    if (!whole || this.#sending || !this.reusable) {
      this.destroy();
      return;
    }
    this.user = undefined;
    this.#dismissed = true;
  }

  /** Waits in the pool; after `idleMs` (0 = never) it closes itself. */
  idle(idleMs: number): void {
    this.state = 'idle';
    this.user = undefined;
    if (idleMs > 0) this.#worker.wheel.set(this.#deadline, this.#worker.wheel.recent, idleMs);
  }

  get payloadBytes(): number {
    return this.body.payloadBytes;
  }

  get queuedBytes(): number {
    return this.#transport.queuedBytes;
  }

  /** Has part of a response's head come? */
  get answering(): boolean {
    return this.#head.length > 0;
  }

  /** Drops the connection without a word to its user. */
  destroy(): void {
    this.user = undefined;
    this.#writer?.output.drop();
    this.#close(undefined);
    this.#transport.destroy();
  }

  onConnect(info: DialedInfo): void {
    this.local = hostPort(info.localAddress, info.localPort);
    this.tls = info.tls;
    this.established = true;
    this.#worker.wheel.clear(this.#deadline);
    this.#owner.connected(this);
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    this.#worker.wheel.now();
    while (at < end && at >= 0) {
      const { user } = this;
      if (user === undefined || this.state === 'idle') {
        // Nobody asked: the peer is confused, or closes with a last word (408).
        this.destroy();
        return;
      }
      if (this.state === 'head') at = this.#readHead(user, bytes, at, end);
      else if (this.state === 'body') at = this.#readBody(user, bytes, at, end);
      else if (this.state === 'tunnel') {
        user.onTunnelData(bytes, at, end);
        return;
      } else return;
    }
  }

  onDrain(): void {
    this.user?.onUpstreamDrain();
  }

  onEnd(): void {
    // In the middle of a TLS handshake: the close that follows knows the reason.
    if (this.state === 'connecting') return;
    this.endedByPeer = true;
    if (this.state === 'tunnel') this.user?.onTunnelEnd();
    else if (this.state === 'body' && this.body.mode === 'until-close') {
      this.body.finish();
      this.reusable = false;
      this.#finish();
    } else this.#lost('closed', '');
  }

  onClose(error?: string): void {
    this.endedByPeer = true;
    if (this.state === 'connecting') {
      this.#close(connectFailure(error ?? 'the peer closed'));
    } else this.#lost('closed', error ?? '');
  }

  #readHead(user: UpstreamUser, bytes: Uint8Array, at: number, end: number): number {
    let from = at;
    let source = bytes;
    let until = end;
    const buffered = this.#head.length > 0;
    if (buffered) {
      if (!this.#head.add(bytes, at, end)) return -1;
      source = this.#head.bytes;
      from = 0;
      until = this.#head.length;
    }
    const after = this.#worker.responseScanner.response(source, from, until);
    if (after === NEED_MORE) {
      if (!buffered) this.#head.add(bytes, at, end);
      return -1;
    }
    if (buffered) this.#head.clear();
    if (after === REFUSED) {
      this.#lost('protocol', `http1.${this.#worker.responseScanner.error}`);
      return -1;
    }
    const next = this.#respond(user, source, { from, after, until });
    if (next < 0) return -1;
    if (!buffered) return next;
    if (next < until) this.onData(source, next, until);
    return -1;
  }

  /** A head is whole. Answers where to go on, -1 = the exchange is over or given up. */
  #respond(
    user: UpstreamUser,
    source: Uint8Array,
    { from, after, until }: { readonly from: number; readonly after: number; readonly until: number },
  ): number {
    const { responseScanner: scanner } = this.#worker;
    const { status } = scanner;
    const interim = isInterim(status);
    const switched = interim || status === 101 || switches(user.upgrade, status);
    if (!switched) this.#startBody(user, scanner);
    const read = this.#read;
    read.bytes = source;
    read.start = from;
    read.after = after;
    read.end = until;
    read.ended = !switched && this.body.done;
    if (interim) return this.#interim(user, read);
    const next = user.onResponse(this, read);
    read.bytes = NO_BYTES;
    if (this.#dismissed) this.#free();
    if (next < 0 || this.user !== user) return -1;
    if (this.state !== 'body' || !this.body.done) return next;
    if (next < until) this.reusable = false;
    this.#finish();
    return -1;
  }

  /** The response is still to come. */
  #interim(user: UpstreamUser, read: HeadRead): number {
    user.onInterim?.(read);
    read.bytes = NO_BYTES;
    return this.user === user ? read.after : -1;
  }

  #startBody(user: UpstreamUser, scanner: HeadScanner): void {
    if (scanner.close || (scanner.minor === 0 && !scanner.keepAlive)) this.reusable = false;
    this.state = 'body';
    this.body.start(bodyMode(user.isHead, scanner), scanner.contentLength);
  }

  #readBody(user: UpstreamUser, bytes: Uint8Array, at: number, end: number): number {
    const after = this.body.feed(bytes, at, end, this.#payload);
    if (after < 0) {
      this.#lost('protocol', `http1.${this.body.error}`);
      return -1;
    }
    if (after > at && this.#payload === undefined) user.onResponseBody(bytes, at, after);
    if (this.user !== user) return -1;
    if (this.body.done) {
      if (after < end) this.reusable = false;
      this.#finish();
      return -1;
    }
    return after;
  }

  #finish(): void {
    const { user } = this;
    if (user === undefined) return;
    const { payloadBytes, trailers } = this.body;
    this.user = undefined;
    this.pause(false);
    if (this.reusable && !this.#sending) this.#owner.released(this);
    else {
      // The exchange is over.
      this.state = 'idle';
      this.destroy();
    }
    user.onResponseEnd(payloadBytes, trailers);
  }

  #free(): void {
    this.#dismissed = false;
    this.pause(false);
    this.#owner.released(this);
  }

  #lost(cause: LostCause, reason: string): void {
    if (this.state === 'dead') return;
    const { user } = this;
    this.destroy();
    user?.onUpstreamLost(this, cause, reason);
  }

  #expired(): void {
    if (this.state === 'connecting') this.#close('timeout');
    this.destroy();
  }

  #close(failure: string | undefined): void {
    if (this.state === 'dead') return;
    this.busy = this.state === 'head' || this.state === 'body' || this.state === 'tunnel';
    this.state = 'dead';
    this.#worker.wheel.remove(this.#deadline);
    this.#owner.closed(this, failure);
  }
}

function isInterim(status: number): boolean {
  return status < 200 && status !== 101;
}

/** How a response's body ends (RFC 9112 section 6.3). */
function bodyMode(isHead: boolean, scanner: HeadScanner): BodyMode {
  const { status } = scanner;
  if (isHead || status === 204 || status === 304) return 'none';
  if (scanner.chunked) return 'chunked';
  return scanner.contentLength >= 0 ? 'length' : 'until-close';
}
