import type { CompiledChain } from '@meltemi/runtime';
import { BodyFramer, HeadBuffer, NEED_MORE, REFUSED } from '@meltemi/wire';
import { IDLE_DRAIN_MS, countDrained } from '../core/drain.ts';
import { SCAN_LIMITS, type Connection, type Worker, type Accepted } from '../core/worker.ts';
import { nodeBytes } from '../net/node-bytes.ts';
import type { ConnectionInfo, Transport } from '../types.ts';
import { ClientOutput } from './client-output.ts';
import { abandonAttempt } from './end-attempt.ts';
import { clientGone, giveUp, recordExchange } from './end-exchange.ts';
import type { Exchange } from './exchange.ts';
import type { HttpPlan } from './http-plan.ts';
import { Linger, LINGER_MS } from './linger.ts';
import { renderLocalReply, type LocalReply } from './local-reply.ts';
import { Persistence } from './persistence.ts';
import { REPLIES, refusalOf } from './replies.ts';
import { bodyData, bodyEnd } from './request-body.ts';
import { lastFrame } from './web-socket.ts';
import type { HttpCounts } from '../stats/http-counts.ts';
import { keepHead } from './request-head.ts';
import { RequestTimers } from './request-timers.ts';
import { routeRequest } from './router.ts';
import { acceptRequest, unreadableRequest } from './start-exchange.ts';
import type { DownstreamStream, HeadRead, LastSeen, ResponseBody } from './stream.ts';
import { Tunnel } from './tunnel.ts';

/**
 * `idle`: between requests. `head`: part of a head is here. `body`: the request's body is coming. `responding`: the request is whole,
 * its response is not. `lingering`: everything is said; what still comes is thrown away until the client closes.
 */
type State = 'idle' | 'head' | 'body' | 'responding' | 'tunnel' | 'lingering' | 'closed';

/** Pipelined requests that wait for a response: so many bytes are held before the client is slowed down. */
const MAX_PIPELINED_BYTES = 64 * 1024;
const CR = 13;
const LF = 10;

/** One client connection speaking HTTP/1.1. */
export class DownstreamConnection implements Connection, DownstreamStream {
  readonly protocol = 'http1';
  readonly worker: Worker;
  readonly chain: CompiledChain;
  readonly plan: HttpPlan;
  readonly counts: HttpCounts;
  endedByPeer = false;
  handedOver = false;
  readonly connection: ConnectionInfo;
  readonly #body = new BodyFramer();
  #state: State = 'idle';
  #exchange: Exchange | undefined = undefined;
  readonly #transport: Transport;
  readonly #head = new HeadBuffer(nodeBytes, SCAN_LIMITS);
  /** Bytes behind the present request, waiting for its response. */
  #ahead: Uint8Array | undefined = undefined;
  #reading = true;
  readonly #persistence: Persistence;
  readonly #tunnel = new Tunnel();
  readonly #output: ClientOutput;
  readonly #lingering = new Linger();
  readonly timers: RequestTimers;
  readonly last: LastSeen = { authority: '', userAgent: '' };

  constructor(worker: Worker, plan: HttpPlan, accepted: Accepted) {
    this.worker = worker;
    this.chain = accepted.chain;
    this.plan = plan;
    this.counts = plan.counts;
    this.connection = accepted.connection;
    this.#transport = accepted.transport;
    this.#persistence = new Persistence(worker, accepted.chain, plan.config);
    this.#output = new ClientOutput(worker, accepted.transport, this.#persistence, this);
    this.timers = new RequestTimers(
      worker.wheel,
      plan.config,
      () => this.#phaseExpired(),
      () => this.shed(),
    );
    worker.connections.add(this);
    const openedMs = worker.wheel.recent;
    this.timers.startPhase(openedMs, this.#persistence.idleMs(openedMs));
  }

  get hasBody(): boolean {
    return this.#body.mode !== 'none';
  }

  get receivedBytes(): number {
    return this.#body.payloadBytes;
  }

  // ------------------------------------------------------------------------------------------------------ bytes of the client

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.worker.wheel.now();
    let at = start;
    while (at >= 0 && at < end) {
      switch (this.#state) {
        case 'idle':
        case 'head':
          at = this.#output.blocked ? this.#hold(bytes, at, end) : this.#readHead(bytes, at, end);
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
        case 'lingering':
        case 'closed':
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
      // As Envoy: without a limit of its own a head may take as long as a stream may be idle.
      const { requestHeadersTimeoutMs, streamIdleTimeoutMs } = this.plan.config;
      this.timers.startPhase(worker.wheel.now(), requestHeadersTimeoutMs > 0 ? requestHeadersTimeoutMs : streamIdleTimeoutMs);
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
    this.timers.clearPhase();
    this.#persistence.count();
    if (after === REFUSED) return this.#unreadable(now);
    const { requestScanner: scanner } = worker;
    this.#body.start(scanner.chunked ? 'chunked' : scanner.contentLength > 0 ? 'length' : 'none', scanner.contentLength);
    const next = this.#body.feed(bytes, after, end);
    const x = acceptRequest(this, now, { bytes, start, end: after }, this.#body.done);
    this.#exchange = x;
    worker.requests++;
    worker.scannedFor = x;
    this.#persistence.decide(scanner, now);
    this.#state = this.#body.done ? 'responding' : 'body';
    try {
      if (next < 0) this.#refuse(x, REPLIES.badRequest);
      else this.#goOn(x, bytes, after, next);
    } finally {
      // What was read is gone when this returns.
      if (this.#exchange === x && bytes === worker.buffers.read) keepHead(x);
    }
    return next < 0 || this.#over() ? -1 : next;
  }

  /** A request and what has come of its body. */
  #goOn(x: Exchange, bytes: Uint8Array, after: number, next: number): void {
    if (this.worker.requestScanner.chunked) x.bodyForm = 'chunked';
    if (next > after) bodyData(x, bytes, after, next);
    this.timers.startStream(x, this.worker.wheel.recent);
    const { refusal } = x;
    if (refusal === undefined) routeRequest(x);
    else {
      // Whoever sends what nobody may send is not asked what else it has.
      if (refusal.status >= 400 && refusal !== REPLIES.noPath) this.#persistence.closeAfter = true;
      this.reply(x, refusal);
    }
  }

  #unreadable(now: number): number {
    const { error } = this.worker.requestScanner;
    this.#refuse(unreadableRequest(this, now, `http1.${error}`), refusalOf(error));
    return -1;
  }

  #over(): boolean {
    return this.#state === 'closed' || this.#state === 'lingering';
  }

  #readBody(bytes: Uint8Array, start: number, end: number): number {
    const x = this.#exchange;
    if (x === undefined) return -1;
    const next = this.#body.feed(bytes, start, end);
    if (next < 0) {
      if (x.phase === 'responding') this.cut(x);
      else this.#refuse(x, REPLIES.badRequest);
      return -1;
    }
    this.timers.touch(x);
    bodyData(x, bytes, start, next);
    if (!this.#body.done) return next;
    this.#state = 'responding';
    this.timers.clearPhase();
    bodyEnd(x, undefined);
    return next;
  }

  /** Bytes that cannot be dealt with yet. */
  #hold(bytes: Uint8Array, start: number, end: number): number {
    const piece = bytes.subarray(start, end);
    this.#ahead = Buffer.concat(this.#ahead === undefined ? [piece] : [this.#ahead, piece]);
    if (this.#ahead.length > MAX_PIPELINED_BYTES) this.pause(true);
    return -1;
  }

  onEnd(): void {
    this.endedByPeer ||= this.#state !== 'lingering';
    this.worker.wheel.now();
    this.#persistence.clientEnded = true;
    const x = this.#exchange;
    switch (this.#state) {
      case 'responding':
        // Half-closed: the client still wants its response.
        this.#persistence.closeAfter = true;
        return;
      case 'tunnel':
        if (x !== undefined) this.#endTunnel(x);
        return;
      case 'body':
        if (x !== undefined) this.#disconnected(x);
        return;
      case 'closed':
        return;
      case 'idle':
      case 'head':
      case 'lingering':
        if (this.#ahead === undefined) this.#close();
    }
  }

  onDrain(): void {
    this.#output.blocked = false;
    this.#exchange?.onDownstreamDrain();
    if (this.#state === 'idle') this.#next();
  }

  onClose(): void {
    this.endedByPeer ||= this.#state !== 'lingering';
    this.worker.wheel.now();
    const x = this.#exchange;
    if (x === undefined) this.#forgetConnection();
    else this.#disconnected(x);
  }

  // ------------------------------------------------------------------------------------------------------ bytes for the client

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#output.body(this.#exchange, bytes, start, end);
  }

  writeHead(x: Exchange, read: HeadRead, body: ResponseBody): void {
    this.#output.head(x, read, body);
  }

  writeRaw(x: Exchange, read: HeadRead, next: number): boolean {
    return this.#output.joined(x, read, next);
  }

  writeLast(bytes: Uint8Array, start: number, end: number): void {
    this.write(bytes, start, end);
    this.end(undefined);
  }

  slow(): void {
    this.#exchange?.upstream?.pause(true);
  }

  ready(): void {
    this.#exchange?.onDownstreamDrain();
  }

  end(trailers: Uint8Array | undefined): void {
    const x = this.#exchange;
    this.#output.endBody(trailers);
    if (x !== undefined) this.finish(x);
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
    // As Envoy: 400 says that something about the message is wrong.
    if (reply.status === 400) this.#persistence.closeAfter = true;
    const { head, body } = renderLocalReply(x, reply, this.#persistence.closesAfter(x));
    this.#output.text(body === undefined ? head : head + body.toString('latin1'));
    this.finish(x);
  }

  sendInterim(x: Exchange, read: HeadRead | undefined): void {
    this.#output.interim(x, read);
  }

  #refuse(x: Exchange, reply: LocalReply): void {
    this.#persistence.closeAfter = true;
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
    if (early || this.#persistence.closeAfter) {
      this.#linger(early);
      return;
    }
    this.#state = 'idle';
    this.timers.startPhase(x.info.endMs, this.#persistence.idleMs(x.info.endMs));
    if (this.#ahead === undefined) {
      if (!this.#reading) this.pause(false);
    } else if (!this.#output.blocked) this.#next();
  }

  /** The response cannot be completed: the client must see that. */
  cut(x: Exchange): void {
    abandonAttempt(x, undefined);
    // What has come of it is the client's all the same.
    this.#output.flush();
    this.#record(x);
    this.destroy();
  }

  #disconnected(x: Exchange): void {
    clientGone(x);
    this.#exchange = undefined;
    this.destroy();
  }

  #record(x: Exchange): void {
    recordExchange(x);
    this.#exchange = undefined;
  }

  /** Goes on with what was pipelined. */
  #next(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    this.pause(false);
    if (ahead !== undefined) this.onData(ahead, 0, ahead.length);
    else if (this.#persistence.clientEnded) this.#close();
  }

  /**
   * Says FIN. If the client may still be sending, its bytes are read and dropped for a while: closing on them would make its kernel
   * throw the response away.
   */
  #linger(early: boolean): void {
    this.#ahead = undefined;
    this.#close(this.#persistence.clientEnded && !early ? 10 * this.plan.closeMs : undefined);
    this.pause(false);
  }

  #close(ms: number = this.plan.closeMs): void {
    this.#state = 'lingering';
    this.#output.flush();
    this.#transport.end();
    this.timers.startPhase(this.worker.wheel.now(), ms);
  }

  // An idle one stays: its client may be sending just now, and a response that says "close" harms nobody.
  retire(): void {
    this.#persistence.retired = true;
  }

  drain(): void {
    this.#persistence.closeAfter = true;
    if (this.#state === 'idle' && this.#ahead === undefined) this.timers.startPhase(this.worker.wheel.now(), IDLE_DRAIN_MS);
  }

  expire(): void {
    const x = this.#exchange;
    if (x === undefined) return this.#over() ? undefined : this.#close();
    const tunnel = this.#state === 'tunnel';
    countDrained(this.worker, tunnel ? 'tunnels' : 'requests');
    if (!tunnel) return giveUp(x, REPLIES.shuttingDown);
    lastFrame(x);
    this.closeTunnel(x);
  }

  /** Something else is spoken: its transport goes to somebody else. Nothing has come yet. */
  handOver(): void {
    this.handedOver = true;
    this.#forgetConnection();
  }

  shed(): void {
    this.#exchange = undefined;
    this.destroy();
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
    this.#output.drop();
    this.worker.connections.delete(this);
    this.timers.remove();
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
    this.timers.stopRequest();
    const ahead = this.#ahead;
    this.#ahead = undefined;
    this.pause(false);
    if (ahead !== undefined) this.#tunnelData(ahead, 0, ahead.length);
    if (this.#persistence.clientEnded) this.#endTunnel(x);
  }

  #tunnelData(bytes: Uint8Array, start: number, end: number): number {
    const x = this.#exchange;
    if (x === undefined) return -1;
    this.timers.touch(x);
    if (!this.#tunnel.fromClient(x, bytes, start, end)) this.pause(true);
    return -1;
  }

  /** The client said FIN. */
  #endTunnel(x: Exchange): void {
    x.upstream?.endWriting();
    if (this.#tunnel.sideEnded()) this.closeTunnel(x);
  }

  tunnelHalfClosed(x: Exchange): void {
    this.#transport.end();
    if (this.#tunnel.sideEnded()) this.closeTunnel(x);
  }

  closeTunnel(x: Exchange): void {
    abandonAttempt(x, undefined);
    this.#record(x);
    this.#close();
  }

  // ------------------------------------------------------------------------------------------------------------------ time-outs

  #phaseExpired(): void {
    const x = this.#exchange;
    if (this.#state === 'body' && x !== undefined) giveUp(x, REPLIES.requestTimeout);
    else if (this.#state === 'head') this.#refuse(unreadableRequest(this, this.worker.wheel.now(), ''), REPLIES.headTimeout);
    else if (this.#state === 'idle') this.#close();
    else if (!this.#lingering.mayClose(this.#transport.queuedBytes)) this.timers.startPhase(this.worker.wheel.now(), LINGER_MS);
    else this.destroy();
  }
}
