import type { Breaker, CompiledCluster, Host } from '@meltemi/runtime';
import { H2_ERROR, type H2Data, type H2Handler, type H2Head, type H2HeadRefusal, type H2Stream } from '@meltemi/wire';
import { idleMs, type Lifetime } from '../core/idle-time.ts';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import { SCAN_LIMITS, type Worker } from '../core/worker.ts';
import type { UpstreamOrigin } from '../http/upstream-connection.ts';
import { hostPort } from '../net/addresses.ts';
import type { DialedInfo } from '../net/net-port.ts';
import type { TlsInfo, Transport, TransportHandler } from '../types.ts';
import { ClientStream, type ClientLink } from './client-stream.ts';
import { H2Link } from './h2-link.ts';
import { KeepAlive } from './keep-alive.ts';

const SPARE_STREAMS = 32;

/** What a connection tells its pool. */
export interface H2ConnectionOwner {
  /** How many streams the host has taken so far: what a connection counts with before the peer's SETTINGS are here. */
  readonly expectedStreams: number;
  /** There may be room for another stream. */
  room(connection: Http2ClientConnection): void;
  closed(connection: Http2ClientConnection): void;
}

type State = 'open' | 'leaving' | 'dead';

/** One upstream connection speaking HTTP/2: many requests at once. */
export class Http2ClientConnection implements TransportHandler, ClientLink, H2Handler<ClientStream> {
  readonly worker: Worker;
  readonly link: H2Link<ClientStream>;
  readonly cluster: CompiledCluster;
  /** Where it is counted. */
  readonly breaker: Breaker;
  readonly host: Host;
  readonly epoch: number;
  readonly openedMs: number;
  readonly local: string;
  readonly tls: TlsInfo | undefined;
  requests = 0;
  readonly #owner: H2ConnectionOwner;
  readonly #transport: Transport;
  readonly #deadline: Deadline;
  readonly #keepAlive: KeepAlive;
  readonly #spare: ClientStream[] = [];
  #state: State = 'open';
  /** The peer ended it, not we. */
  endedByPeer = false;
  #lifetime: Lifetime = { idleTimeoutMs: 0, maxConnectionDurationMs: 0 };

  /** Over a connection that stands. */
  constructor(worker: Worker, owner: H2ConnectionOwner, on: { readonly transport: Transport; readonly info: DialedInfo }, of: UpstreamOrigin) {
    this.worker = worker;
    this.#owner = owner;
    this.cluster = of.cluster;
    this.breaker = of.breaker;
    this.host = of.host;
    this.epoch = of.epoch;
    this.openedMs = worker.wheel.now();
    this.local = hostPort(on.info.localAddress, on.info.localPort);
    this.tls = on.info.tls;
    this.#deadline = createDeadline(() => this.#expired());
    const { http2 } = of.cluster.config.http;
    this.#transport = on.transport;
    this.link = new H2Link(worker, this.#transport, {
      handler: this,
      role: 'client',
      options: http2,
      bounds: { maxHeadBytes: SCAN_LIMITS.maxHeadBytes, maxHeaders: SCAN_LIMITS.maxHeaders },
    });
    this.#keepAlive = new KeepAlive(worker, http2.keepalive, this.link.session, () => this.destroy());
    this.#keepAlive.start();
  }

  /** How many more streams it takes. */
  get free(): number {
    if (this.#state !== 'open') return 0;
    const { session } = this.link;
    const { maxConcurrentStreams } = this.cluster.config.http.http2;
    const limit = session.ready ? maxConcurrentStreams : Math.min(maxConcurrentStreams, this.#owner.expectedStreams);
    return Math.min(session.canOpen, limit - session.openStreams);
  }

  /** The peer's own limit of streams; undefined = it has not told yet. */
  get peerLimit(): number | undefined {
    const { session } = this.link;
    return session.ready ? session.canOpen + session.openStreams : undefined;
  }

  get openStreams(): number {
    return this.link.session.openStreams;
  }

  /** A stream for one request, which begins at once. There must be room. */
  stream(): ClientStream {
    this.requests++;
    this.worker.wheel.clear(this.#deadline);
    this.#keepAlive.beforeRequest();
    return this.#spare.pop() ?? new ClientStream(this);
  }

  /** After so long without a stream, or when it is too old and without one, it closes itself. */
  idleAfter(lifetime: Lifetime): void {
    this.#lifetime = lifetime;
    this.#restIfIdle();
  }

  #restIfIdle(): void {
    if (this.#state !== 'open' || this.openStreams > 0 || this.#deadline.at !== Infinity) return;
    const now = this.worker.wheel.recent;
    const restMs = idleMs(this.#lifetime, this.openedMs, now);
    if (restMs > 0) this.worker.wheel.set(this.#deadline, now, restMs);
  }

  /** No further stream; closes with its last one. */
  leave(): void {
    if (this.#state !== 'open') return;
    this.#state = 'leaving';
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#state !== 'leaving' || this.openStreams > 0) return;
    this.link.session.goaway(H2_ERROR.noError);
    this.link.output.flush();
    this.#transport.end();
    this.destroy();
  }

  destroy(): void {
    this.#close();
    this.#transport.destroy();
  }

  streamOver(stream: ClientStream): void {
    if (this.#state === 'dead') return;
    if (this.#spare.length < SPARE_STREAMS) this.#spare.push(stream);
    this.#settle();
  }

  /** (A stream that ends during an event is counted until the event is over.) */
  #settle(): void {
    this.#restIfIdle();
    this.#endIfDone();
    if (this.#state === 'open') this.#owner.room(this);
  }

  // ------------------------------------------------------------------------------------------------------ socket

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.worker.wheel.now();
    if (this.#state === 'dead') return;
    this.#keepAlive.heard();
    this.link.session.receive(bytes, start, end);
    this.#settle();
  }

  onDrain(): void {
    this.worker.wheel.now();
    this.link.drained();
  }

  onEnd(): void {
    this.endedByPeer = true;
    this.worker.wheel.now();
    this.destroy();
  }

  onClose(): void {
    this.endedByPeer = true;
    this.worker.wheel.now();
    this.#close();
  }

  #expired(): void {
    if (this.openStreams === 0) this.leave();
  }

  #close(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.worker.wheel.remove(this.#deadline);
    this.#keepAlive.stop();
    this.#owner.closed(this);
    this.link.session.disconnected();
    this.link.output.drop();
  }

  // ------------------------------------------------------------------------------------------------------ session

  head(stream: H2Stream<ClientStream>, head: H2Head, endStream: boolean): void {
    stream.owner?.onHead(head, endStream);
  }

  headRefused(stream: H2Stream<ClientStream>, reason: H2HeadRefusal): void {
    this.link.session.reset(stream, H2_ERROR.protocolError);
    stream.owner?.lost('protocol', `http2.${reason}`);
  }

  data(stream: H2Stream<ClientStream>, data: H2Data): void {
    if (stream.owner === undefined) this.link.session.consumed(stream, data.end - data.start);
    else stream.owner.onData(data);
  }

  trailers(stream: H2Stream<ClientStream>, head: H2Head): void {
    stream.owner?.onTrailers(head);
  }

  reset(stream: H2Stream<ClientStream>, code: number, by: 'peer' | 'goaway' | 'session'): void {
    if (by === 'goaway') stream.owner?.lost('unprocessed', '');
    else if (by === 'peer' && code === H2_ERROR.refusedStream) stream.owner?.lost('refused', '');
    else if (by === 'peer') stream.owner?.lost('reset', '');
    else stream.owner?.lost(this.#state === 'dead' ? 'closed' : 'protocol', '');
  }

  writable(stream: H2Stream<ClientStream>): void {
    stream.owner?.onWritable();
  }

  settings(): void {
    this.#owner.room(this);
  }

  goaway(): void {
    this.leave();
  }

  pong(): void {
    this.#keepAlive.answered();
  }

  failed(_code: number, reason: string): void {
    this.worker.log.debug('an HTTP/2 connection was ended for what the upstream sent', { host: this.host.key, reason: `http2.${reason}` });
    this.link.output.flush();
    this.destroy();
  }
}
