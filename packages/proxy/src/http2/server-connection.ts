import type { CompiledChain } from '@meltemi/runtime';
import { H2_ERROR, type H2Data, type H2Handler, type H2Head, type H2HeadRefusal, type H2Stream } from '@meltemi/wire';
import { endsWithResponse } from '../core/drain.ts';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import type { Accepted, Connection, Worker } from '../core/worker.ts';
import type { HttpPlan } from '../http/http-plan.ts';
import { Linger, LINGER_MS } from '../http/linger.ts';
import type { LastSeen } from '../http/stream.ts';
import type { HttpCounts } from '../stats/http-counts.ts';
import type { ConnectionInfo, Transport } from '../types.ts';
import { H2Link } from './h2-link.ts';
import { KeepAlive } from './keep-alive.ts';
import { ServerStream, type ServerLink } from './server-stream.ts';

/** Finished streams that a connection keeps for its next requests. */
const SPARE_STREAMS = 32;

/**
 * `open`: takes requests. `draining`: the client has been told to go, requests under way are still taken. `leaving`: no further request;
 * it ends with its last stream. `lingering`: everything is said. `closed`: gone.
 */
type State = 'open' | 'draining' | 'leaving' | 'lingering' | 'closed';

/** One client connection speaking HTTP/2. */
export class Http2ServerConnection implements Connection, ServerLink, H2Handler<ServerStream> {
  readonly protocol = 'http2';
  readonly worker: Worker;
  readonly chain: CompiledChain;
  readonly plan: HttpPlan;
  readonly counts: HttpCounts;
  endedByPeer = false;
  readonly connection: ConnectionInfo;
  readonly last: LastSeen = { authority: '', userAgent: '' };
  readonly link: H2Link<ServerStream>;
  readonly #transport: Transport;
  readonly #spare: ServerStream[] = [];
  readonly #lingering = new Linger();
  readonly #phase: Deadline;
  readonly #life: Deadline;
  readonly #keepAlive: KeepAlive;
  #state: State = 'open';
  #requests = 0;

  constructor(worker: Worker, plan: HttpPlan, accepted: Accepted) {
    this.worker = worker;
    this.chain = accepted.chain;
    this.plan = plan;
    this.counts = plan.counts;
    this.connection = accepted.connection;
    this.#transport = accepted.transport;
    const { config } = plan;
    this.link = new H2Link(worker, accepted.transport, {
      handler: this,
      role: 'server',
      options: config.http2,
      bounds: { maxHeadBytes: config.maxRequestHeadersBytes, maxHeaders: config.maxHeadersCount },
    });
    this.#phase = createDeadline(
      () => this.#phaseExpired(),
      () => this.destroy(),
    );
    this.#life = createDeadline(
      () => this.drain(),
      () => this.destroy(),
    );
    this.#keepAlive = new KeepAlive(worker, config.http2.keepalive, this.link.session, () => this.destroy());
    worker.connections.add(this);
    const now = worker.wheel.now();
    this.#startIdle(now);
    if (config.maxConnectionDurationMs > 0) worker.wheel.set(this.#life, now, config.maxConnectionDurationMs);
    this.#keepAlive.start();
  }

  // ------------------------------------------------------------------------------------------------------ socket

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.worker.wheel.now();
    if (this.#state === 'lingering' || this.#state === 'closed') return;
    this.#keepAlive.heard();
    if (this.link.session.receive(bytes, start, end)) this.#settle();
  }

  onDrain(): void {
    this.worker.wheel.now();
    this.link.drained();
    this.#settle();
  }

  // A client that has ended its side hears nothing of streams that it would have to credit.
  onEnd(): void {
    this.endedByPeer ||= this.#state !== 'lingering';
    this.worker.wheel.now();
    if (this.#state === 'lingering') this.destroy();
    else if (this.link.session.openStreams === 0) this.#close();
    else this.#leave();
  }

  onClose(): void {
    this.endedByPeer ||= this.#state !== 'lingering';
    this.worker.wheel.now();
    this.#forget();
  }

  // ------------------------------------------------------------------------------------------------------ session

  head(stream: H2Stream<ServerStream>, head: H2Head, endStream: boolean): void {
    this.#opened();
    (this.#spare.pop() ?? new ServerStream(this)).open(stream, head, endStream);
  }

  headRefused(stream: H2Stream<ServerStream>, reason: H2HeadRefusal, endStream: boolean): void {
    if (stream.owner === undefined) {
      this.#opened();
      (this.#spare.pop() ?? new ServerStream(this)).tooLarge(stream, reason, endStream);
      return;
    }
    this.link.session.reset(stream, H2_ERROR.enhanceYourCalm);
    stream.owner.onReset('violation');
  }

  data(stream: H2Stream<ServerStream>, data: H2Data): void {
    if (stream.owner === undefined) this.link.session.consumed(stream, data.end - data.start);
    else stream.owner.data(data);
  }

  trailers(stream: H2Stream<ServerStream>, head: H2Head): void {
    stream.owner?.trailers(head);
  }

  reset(stream: H2Stream<ServerStream>, _code: number, by: 'peer' | 'goaway' | 'session'): void {
    stream.owner?.onReset(this.#state === 'closed' ? 'gone' : by === 'peer' ? 'remote-reset' : 'violation');
  }

  writable(stream: H2Stream<ServerStream>): void {
    stream.owner?.onWritable();
  }

  settings(): void {}

  goaway(): void {
    // The client opens no further stream; those that are open go on.
    if (this.#state === 'open' || this.#state === 'draining') this.#state = 'leaving';
  }

  pong(): void {
    this.#keepAlive.answered();
    if (this.#state === 'draining') this.#leave();
  }

  failed(_code: number, reason: string): void {
    this.worker.log.debug('an HTTP/2 connection was ended for what its client sent', { from: this.connection.remote, reason: `http2.${reason}` });
    this.#close();
  }

  #opened(): void {
    const { maxRequestsPerConnection } = this.plan.config;
    this.#requests++;
    this.worker.wheel.clear(this.#phase);
    if (maxRequestsPerConnection > 0 && this.#requests === maxRequestsPerConnection) this.drain();
  }

  streamOver(stream: ServerStream): void {
    if (this.#state !== 'closed' && this.#spare.length < SPARE_STREAMS) this.#spare.push(stream);
    else stream.drop();
    this.#settle();
  }

  // ------------------------------------------------------------------------------------------------------ end

  /** After an event: is there nothing left to do? */
  #settle(): void {
    if (this.link.session.openStreams > 0) return;
    if (this.#state === 'leaving') this.#close();
    else if (this.#state === 'open' && this.#phase.at === Infinity) this.#startIdle(this.worker.wheel.recent);
  }

  #startIdle(now: number): void {
    const { idleTimeoutMs } = this.plan.config;
    if (idleTimeoutMs > 0) this.worker.wheel.set(this.#phase, now, idleTimeoutMs);
  }

  // Its requests end; new ones are told to come on another connection, and lose nothing by that.
  retire(): void {
    this.drain();
  }

  responds(): void {
    if (endsWithResponse(this.worker, this.chain)) this.drain();
  }

  drain(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.link.session.drain();
    // What was sent before the client has heard of it comes before the answer to this; one that does not answer is waited for a while.
    this.link.session.ping();
    this.worker.wheel.set(this.#phase, this.worker.wheel.now(), this.plan.config.drainTimeoutMs);
  }

  expire(): void {
    for (const stream of this.link.session.owners()) stream.expire();
    if (this.#state === 'open' || this.#state === 'draining') this.#leave();
    else this.#settle();
  }

  #leave(): void {
    if (this.#state !== 'open' && this.#state !== 'draining') return;
    this.#state = 'leaving';
    this.worker.wheel.clear(this.#phase);
    this.link.session.goaway(H2_ERROR.noError);
    this.#settle();
  }

  #phaseExpired(): void {
    if (this.#state === 'open') this.drain();
    else if (this.#state === 'draining') this.#leave();
    else if (this.#state === 'lingering') {
      if (this.#lingering.mayClose(this.#transport.queuedBytes)) this.destroy();
      else this.worker.wheel.set(this.#phase, this.worker.wheel.now(), LINGER_MS);
    }
  }

  #close(): void {
    if (this.#state === 'lingering' || this.#state === 'closed') return;
    this.#state = 'lingering';
    this.link.output.flush();
    this.#transport.end();
    this.worker.wheel.set(this.#phase, this.worker.wheel.now(), this.plan.closeMs);
  }

  destroy(): void {
    this.#forget();
    this.#transport.destroy();
  }

  #forget(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.link.session.disconnected();
    this.link.output.drop();
    this.worker.connections.delete(this);
    this.#keepAlive.stop();
    for (const deadline of [this.#phase, this.#life]) this.worker.wheel.remove(deadline);
    for (const stream of this.#spare) stream.drop();
  }
}
