import type { CompiledChain } from '@meltemi/runtime';
import { BodyFramer, HeadBuffer, NEED_MORE, REFUSED } from '@meltemi/wire';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import { SCAN_LIMITS, type Connection, type Worker } from '../core/worker.ts';
import { nodeBytes } from '../net/node-bytes.ts';
import { flagBit, type ConnectionInfo, type StreamInfo, type Transport } from '../types.ts';
import { abandonAttempt, forget, settle } from './attempt.ts';
import { MAX_REPLAY_BYTES, NO_PIECES, type Exchange, type Piece } from './exchange.ts';
import type { HttpPlan } from './http-plan.ts';
import { renderLocalReply, type LocalReply } from './local-reply.ts';
import { REPLIES } from './replies.ts';
import { endAttempt } from './retry.ts';
import { routeRequest } from './router.ts';
import { acceptRequest, unreadableRequest } from './start-exchange.ts';

/**
 * `idle`: between requests. `head`: part of a head is here. `body`: the request's body is coming. `responding`: the request is whole,
 * its response is not. `lingering`: everything is said; what still comes is thrown away until the client closes.
 */
type State = 'idle' | 'head' | 'body' | 'responding' | 'tunnel' | 'lingering' | 'closed';

/** Pipelined requests that wait for a response: so many bytes are held before the client is slowed down. */
const MAX_PIPELINED_BYTES = 64 * 1024;
const LINGER_MS = 1000;
const CR = 13;
const LF = 10;

/** One client connection speaking HTTP/1.1. */
export class DownstreamConnection implements Connection {
  readonly worker: Worker;
  readonly chain: CompiledChain;
  readonly plan: HttpPlan;
  readonly connection: ConnectionInfo;
  /** Close after the present response. */
  closeAfter = false;
  readonly body: BodyFramer = new BodyFramer();
  #state: State = 'idle';
  #exchange: Exchange | undefined = undefined;
  readonly #transport: Transport;
  readonly #head = new HeadBuffer(nodeBytes, SCAN_LIMITS);
  /** Bytes behind the present request, waiting for its response. */
  #ahead: Uint8Array | undefined = undefined;
  #requests = 0;
  #reading = true;
  /** The client does not take what was written: nothing new is begun. */
  #blocked = false;
  #clientEnded = false;
  #retired = false;
  #tunnelEnds = 0;
  /** Idle, head, request and lingering time-outs, by state. */
  readonly #phase: Deadline;
  readonly #route: Deadline;
  /** Per-try time-out; or back-off and fault delay, which run when there is no try. */
  readonly #try: Deadline;
  #afterWait: (() => void) | undefined = undefined;
  readonly #stream: Deadline;
  #duration: Deadline | undefined = undefined;
  readonly #openedMs: number;
  /** Values that repeat from request to request on a connection. */
  lastAuthority = '';
  lastUserAgent = '';

  constructor(worker: Worker, chain: CompiledChain, plan: HttpPlan, transport: Transport, connection: ConnectionInfo) {
    this.worker = worker;
    this.chain = chain;
    this.plan = plan;
    this.connection = connection;
    this.#transport = transport;
    this.#phase = createDeadline(() => this.#phaseExpired());
    this.#route = createDeadline(() => this.#routeExpired());
    this.#try = createDeadline(() => this.#tryExpired());
    this.#stream = createDeadline(() => this.#streamExpired());
    this.#openedMs = worker.wheel.now();
    worker.connections.add(this);
    this.#startPhase(this.#openedMs, plan.config.idleTimeoutMs);
  }

  // ------------------------------------------------------------------------------------------------------ bytes of the client

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.worker.wheel.now();
    let at = start;
    while (at >= 0 && at < end) {
      switch (this.#state) {
        case 'idle':
        case 'head':
          at = this.#blocked ? this.#hold(bytes, at, end) : this.#readHead(bytes, at, end);
          break;
        case 'body':
          at = this.#readBody(bytes, at, end);
          break;
        case 'responding':
          at = this.#hold(bytes, at, end);
          break;
        case 'tunnel':
          at = this.#tunnelData(bytes, at, end);
          break;
        default:
          return;
      }
    }
  }

  #readHead(bytes: Uint8Array, start: number, end: number): number {
    const { worker } = this;
    let at = start;
    if (this.#state === 'idle') {
      // Empty lines before a request are tolerated (RFC 9112 section 2.2).
      while (at < end && (bytes[at] === CR || bytes[at] === LF)) at++;
      if (at === end) return end;
      worker.scannedFor = undefined;
      const after = worker.requestScanner.request(bytes, at, end);
      if (after !== NEED_MORE) return this.#begin(bytes, at, after, end);
      this.#state = 'head';
      this.#head.add(bytes, at, end);
      this.#startPhase(worker.wheel.now(), this.plan.config.requestHeadersTimeoutMs);
      return -1;
    }
    if (!this.#head.add(bytes, at, end)) return -1;
    worker.scannedFor = undefined;
    const { bytes: gathered, length } = this.#head;
    const after = worker.requestScanner.request(gathered, 0, length);
    if (after === NEED_MORE) return -1;
    this.#head.clear();
    const next = this.#begin(gathered, 0, after, length);
    if (next >= 0 && next < length) this.onData(gathered, next, length);
    return -1;
  }

  /** A whole head (or a refused one) lies in `bytes[start, after)`. */
  #begin(bytes: Uint8Array, start: number, after: number, end: number): number {
    const { worker } = this;
    const now = worker.wheel.recent;
    worker.wheel.clear(this.#phase);
    this.#requests++;
    if (after === REFUSED) {
      this.#refuse(
        unreadableRequest(this, now, worker.requestScanner.error),
        worker.requestScanner.error.endsWith('large') || worker.requestScanner.error === 'too-many-headers'
          ? REPLIES.headTooLarge
          : REPLIES.badRequest,
      );
      return -1;
    }
    const { requestScanner: scanner } = worker;
    this.body.start(scanner.chunked ? 'chunked' : scanner.contentLength > 0 ? 'length' : 'none', scanner.contentLength);
    const next = this.body.feed(bytes, after, end);
    const x = acceptRequest(this, now, { bytes, start, end: after }, this.body.done);
    this.#exchange = x;
    worker.requests++;
    worker.scannedFor = x;
    this.closeAfter = this.#mustClose(scanner.close, scanner.keepAlive, scanner.minor, now);
    this.#state = this.body.done ? 'responding' : 'body';
    if (next < 0) {
      this.#refuse(x, REPLIES.badRequest);
      return -1;
    }
    if (next > after) this.#keepBody(x, bytes, after, next);
    this.#startStream(x, now);
    const refusal = x.refusal;
    if (refusal === undefined) routeRequest(x);
    else {
      // Whoever sends what nobody may send is not asked what else it has.
      if (refusal.status >= 400) this.closeAfter = true;
      this.reply(x, refusal);
    }
    return this.#over() ? -1 : next;
  }

  #over(): boolean {
    return this.#state === 'closed' || this.#state === 'lingering';
  }

  #mustClose(close: boolean, keepAlive: boolean, minor: number, now: number): boolean {
    const { maxRequestsPerConnection, maxConnectionDurationMs } = this.plan.config;
    if (close || (minor === 0 && !keepAlive) || this.worker.draining || this.#clientEnded || this.#retired) return true;
    if (maxRequestsPerConnection > 0 && this.#requests >= maxRequestsPerConnection) return true;
    return maxConnectionDurationMs > 0 && now - this.#openedMs >= maxConnectionDurationMs;
  }

  #readBody(bytes: Uint8Array, start: number, end: number): number {
    const x = this.#exchange;
    if (x === undefined) return -1;
    const next = this.body.feed(bytes, start, end);
    if (next < 0) {
      if (x.phase === 'responding') this.cut(x);
      else this.#refuse(x, REPLIES.badRequest);
      return -1;
    }
    this.touch(x);
    if (this.body.done) {
      this.#state = 'responding';
      x.requestComplete = true;
      x.info.requestEndMs = this.worker.wheel.now();
      this.worker.wheel.clear(this.#phase);
    }
    const sent = x.phase === 'sent' || x.phase === 'responding';
    if (x.replayable || !sent) this.#keepBody(x, bytes, start, next);
    if (sent) this.#passBody(x, bytes, start, next);
    return next;
  }

  #passBody(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
    const { upstream } = x;
    if (upstream === undefined) return;
    const accepted = upstream.write(bytes, start, end);
    if (!x.requestComplete) {
      if (!accepted) this.pause(true);
      return;
    }
    upstream.sending = false;
    this.startTimeout(x);
    if (x.phase === 'sent') this.startTryTimeout(x);
  }

  /** Keeps body bytes for the first or another attempt; what is too much for a second one makes the request unrepeatable. */
  #keepBody(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
    if (x.body === NO_PIECES) x.body = [{ bytes, start, end }];
    else (x.body as Piece[]).push({ bytes, start, end });
    x.bodyBytes += end - start;
    if (x.bodyBytes <= MAX_REPLAY_BYTES) return;
    if (x.phase === 'sent' || x.phase === 'responding') forget(x);
    else {
      x.replayable = false;
      this.pause(true);
    }
  }

  /** Bytes that cannot be dealt with yet. */
  #hold(bytes: Uint8Array, start: number, end: number): number {
    const piece = bytes.subarray(start, end);
    this.#ahead = this.#ahead === undefined ? piece : Buffer.concat([this.#ahead, piece]);
    if (this.#ahead.length > MAX_PIPELINED_BYTES) this.pause(true);
    return -1;
  }

  onEnd(): void {
    this.worker.wheel.now();
    this.#clientEnded = true;
    const x = this.#exchange;
    switch (this.#state) {
      case 'responding':
        // Half-closed: the client still wants its response.
        this.closeAfter = true;
        return;
      case 'tunnel':
        x?.upstream?.endWriting();
        this.#tunnelEnds++;
        if (x !== undefined && this.#tunnelEnds === 2) this.closeTunnel(x);
        return;
      case 'body':
        if (x !== undefined) this.#disconnected(x);
        return;
      case 'closed':
        return;
      default:
        if (this.#ahead === undefined) this.#close();
    }
  }

  onDrain(): void {
    this.#blocked = false;
    this.#exchange?.upstream?.pause(false);
    if (this.#state === 'idle') this.#next();
  }

  onClose(): void {
    this.worker.wheel.now();
    const x = this.#exchange;
    if (x === undefined) this.#forgetConnection();
    else this.#disconnected(x);
  }

  // ------------------------------------------------------------------------------------------------------ bytes for the client

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const accepted = this.#transport.write(bytes, start, end);
    if (!accepted) this.#blocked = true;
    return accepted;
  }

  /** Ends the exchange with an answer of our own. */
  reply(x: Exchange, reply: LocalReply): void {
    if (x.phase === 'done') return;
    if (x.phase === 'responding' || x.phase === 'tunnel') {
      x.info.flags |= reply.flags;
      x.info.responseCodeDetails = reply.details;
      this.cut(x);
      return;
    }
    x.phase = 'responding';
    this.writeText(renderLocalReply(x, reply, this.closesAfter(x)));
    this.finish(x);
  }

  /** `100 Continue`. */
  sendContinue(): void {
    this.writeText('HTTP/1.1 100 Continue\r\n\r\n');
  }

  writeText(text: string): void {
    const { scratch } = this.worker.buffers;
    const bytes = text.length > scratch.length ? Buffer.from(text, 'latin1') : scratch;
    const length = bytes === scratch ? scratch.write(text, 0, 'latin1') : bytes.length;
    this.write(bytes, 0, length);
  }

  /** Does the connection end with this response? Known when its head is written; an answer before the end of its request ends it. */
  closesAfter(x: Exchange): boolean {
    if (this.worker.draining || this.#clientEnded || this.#retired || !x.requestComplete) this.closeAfter = true;
    return this.closeAfter;
  }

  #refuse(x: Exchange, reply: LocalReply): void {
    this.closeAfter = true;
    x.requestComplete = false;
    this.#exchange = x;
    abandonAttempt(x, undefined);
    this.reply(x, reply);
  }

  // ------------------------------------------------------------------------------------------------------------ end of exchange

  /** The response is with the client, whole. */
  finish(x: Exchange): void {
    if (x.phase === 'done') return;
    const early = !x.requestComplete;
    this.#record(x);
    if (early || this.closeAfter) {
      this.#linger(early);
      return;
    }
    this.#state = 'idle';
    this.#startPhase(x.info.endMs, this.plan.config.idleTimeoutMs);
    if (this.#ahead === undefined) {
      if (!this.#reading) this.pause(false);
    } else if (!this.#blocked) this.#next();
  }

  /** The response cannot be completed: the client must see that. */
  cut(x: Exchange): void {
    abandonAttempt(x, undefined);
    this.#record(x);
    this.destroy();
  }

  #disconnected(x: Exchange): void {
    if (x.phase !== 'tunnel' && x.phase !== 'done') {
      x.info.flags |= flagBit('DC');
      x.info.responseCodeDetails = 'downstream_remote_disconnect';
      if (x.phase !== 'responding') x.info.responseCode = 0;
    }
    abandonAttempt(x, undefined);
    this.#record(x);
    this.destroy();
  }

  #record(x: Exchange): void {
    if (x.phase === 'done') return;
    const { worker, plan } = this;
    const { info } = x;
    settle(x);
    x.phase = 'done';
    this.#exchange = undefined;
    if (x.countedRetry && x.cluster !== undefined) x.cluster.usage.retries--;
    if (x.activeFault) worker.activeFaults--;
    this.#afterWait = undefined;
    const { wheel } = worker;
    wheel.clear(this.#route);
    wheel.clear(this.#try);
    wheel.clear(this.#stream);
    if (this.#duration !== undefined) worker.wheel.clear(this.#duration);
    worker.requests--;
    info.endMs = wheel.recent;
    if (x.upgrade === '') info.bytesReceived = this.body.payloadBytes;
    worker.ports.streams.onStreamEnd(info as StreamInfo);
    if (plan.logs.length > 0) worker.accessLog.log(plan.logs, info);
  }

  /** Goes on with what was pipelined. */
  #next(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    this.pause(false);
    if (ahead !== undefined) this.onData(ahead, 0, ahead.length);
    else if (this.#clientEnded) this.#close();
  }

  /**
   * Says FIN. If the client may still be sending, its bytes are read and dropped for a while: closing on them would make its kernel
   * throw the response away.
   */
  #linger(early: boolean): void {
    this.#state = 'lingering';
    this.#ahead = undefined;
    this.#transport.end();
    this.pause(false);
    if (this.#clientEnded && !early) this.worker.wheel.set(this.#phase, this.worker.wheel.now(), 10 * LINGER_MS);
    else this.worker.wheel.set(this.#phase, this.worker.wheel.now(), LINGER_MS);
  }

  #close(): void {
    this.#state = 'lingering';
    this.#transport.end();
    this.worker.wheel.set(this.#phase, this.worker.wheel.now(), LINGER_MS);
  }

  // An idle one stays: its client may be sending just now, and a response that says "close" harms nobody.
  retire(): void {
    this.#retired = true;
  }

  drain(): void {
    if (this.#state === 'idle' && this.#ahead === undefined) this.#close();
    else this.closeAfter = true;
  }

  destroy(): void {
    this.#forgetConnection();
    this.#transport.destroy();
  }

  #forgetConnection(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#ahead = undefined;
    this.#head.clear();
    const { wheel, connections } = this.worker;
    connections.delete(this);
    for (const deadline of [this.#phase, this.#route, this.#try, this.#stream, this.#duration]) if (deadline !== undefined) wheel.remove(deadline);
  }

  /** Stops (true) or resumes reading from the client. */
  pause(paused: boolean): void {
    if (this.#reading === !paused || this.#state === 'closed') return;
    this.#reading = !paused;
    this.#transport.pause(paused);
  }

  // --------------------------------------------------------------------------------------------------------------------- tunnel

  startTunnel(x: Exchange): void {
    this.#state = 'tunnel';
    for (const deadline of [this.#route, this.#try]) this.worker.wheel.clear(deadline);
    const ahead = this.#ahead;
    this.#ahead = undefined;
    this.pause(false);
    if (ahead !== undefined) this.#tunnelData(ahead, 0, ahead.length);
    if (this.#clientEnded) {
      this.#tunnelEnds++;
      x.upstream?.endWriting();
    }
  }

  #tunnelData(bytes: Uint8Array, start: number, end: number): number {
    const x = this.#exchange;
    if (x === undefined) return -1;
    x.info.bytesReceived += end - start;
    this.touch(x);
    if (x.upstream !== undefined && !x.upstream.write(bytes, start, end)) this.pause(true);
    return -1;
  }

  /** The upstream said FIN. */
  tunnelHalfClosed(x: Exchange): void {
    this.#transport.end();
    this.#tunnelEnds++;
    if (this.#tunnelEnds === 2) this.closeTunnel(x);
  }

  closeTunnel(x: Exchange): void {
    abandonAttempt(x, undefined);
    this.#record(x);
    this.#close();
  }

  // ------------------------------------------------------------------------------------------------------------------ time-outs

  #startPhase(now: number, ms: number): void {
    if (ms > 0) this.worker.wheel.set(this.#phase, now, ms);
    else this.worker.wheel.clear(this.#phase);
  }

  #startStream(x: Exchange, now: number): void {
    const { streamIdleTimeoutMs, maxStreamDurationMs, requestTimeoutMs } = this.plan.config;
    if (streamIdleTimeoutMs > 0) this.worker.wheel.set(this.#stream, now, streamIdleTimeoutMs);
    if (!x.requestComplete) this.#startPhase(now, requestTimeoutMs);
    if (maxStreamDurationMs > 0) this.#startDuration(x, now, maxStreamDurationMs);
  }

  #startDuration(x: Exchange, now: number, ms: number): void {
    this.#duration ??= createDeadline(() => {
      if (this.#exchange !== undefined) this.#giveUp(this.#exchange, REPLIES.maxDuration);
    });
    if (x.phase !== 'done') this.worker.wheel.set(this.#duration, now, ms);
  }

  /** Bytes have moved: the stream is not idle. */
  touch(x: Exchange): void {
    const idleMs = x.forward?.idleTimeoutMs ?? this.plan.config.streamIdleTimeoutMs;
    if (idleMs > 0) this.worker.wheel.set(this.#stream, this.worker.wheel.recent, idleMs);
  }

  /** The route's time-out counts from the end of the request. */
  startTimeout(x: Exchange): void {
    const now = this.worker.wheel.recent;
    if (x.info.requestEndMs === 0) x.info.requestEndMs = now;
    if (x.timeoutMs > 0) this.worker.wheel.set(this.#route, now, x.timeoutMs);
    const maxMs = x.forward?.config.maxStreamDurationMs;
    if (maxMs !== undefined && maxMs > 0) this.#startDuration(x, now, maxMs);
    if (x.forward?.idleTimeoutMs !== undefined) this.touch(x);
  }

  startTryTimeout(x: Exchange): void {
    if (x.perTryMs > 0) this.worker.wheel.set(this.#try, this.worker.wheel.recent, x.perTryMs);
  }

  stopTryTimeout(): void {
    this.worker.wheel.clear(this.#try);
  }

  /** Goes on after a while, if the exchange still lives then. */
  wait(x: Exchange, ms: number, next: () => void): void {
    this.stopTryTimeout();
    if (ms <= 0) {
      next();
      return;
    }
    this.#afterWait = () => {
      if (x.phase !== 'done') next();
    };
    this.worker.wheel.set(this.#try, this.worker.wheel.now(), ms);
  }

  #tryExpired(): void {
    const next = this.#afterWait;
    this.#afterWait = undefined;
    const x = this.#exchange;
    if (next !== undefined) next();
    else if (x?.phase === 'sent') endAttempt(x, { t: 'per-try-timeout' }, REPLIES.perTryTimeout);
  }

  #routeExpired(): void {
    if (this.#exchange !== undefined) this.#giveUp(this.#exchange, REPLIES.routeTimeout);
  }

  #streamExpired(): void {
    const x = this.#exchange;
    if (x !== undefined) this.#giveUp(x, x.requestComplete ? REPLIES.idleResponse : REPLIES.idleRequest);
  }

  #giveUp(x: Exchange, reply: LocalReply): void {
    abandonAttempt(x, x.phase === 'sent' ? 'local' : undefined);
    this.reply(x, reply);
  }

  #phaseExpired(): void {
    const x = this.#exchange;
    if (this.#state === 'body' && x !== undefined) this.#giveUp(x, REPLIES.requestTimeout);
    else if (this.#state === 'head') this.#refuse(unreadableRequest(this, this.worker.wheel.now(), 'head-too-large'), REPLIES.headTimeout);
    else if (this.#state === 'idle') this.#close();
    else this.destroy();
  }
}
