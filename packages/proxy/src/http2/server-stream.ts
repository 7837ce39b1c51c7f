import type { CompiledChain } from '@meltemi/runtime';
import { H2_ERROR, type H2Data, type H2Head, type H2HeadRefusal, type H2Outgoing, type H2Stream } from '@meltemi/wire';
import { countDrained } from '../core/drain.ts';
import type { Worker } from '../core/worker.ts';
import { abandonAttempt } from '../http/end-attempt.ts';
import { clientGone, giveUp, recordExchange } from '../http/end-exchange.ts';
import type { Exchange } from '../http/exchange.ts';
import type { HttpPlan } from '../http/http-plan.ts';
import { buildInterimHead } from '../http/interim.ts';
import { renderLocalReply, type LocalReply } from '../http/local-reply.ts';
import { REPLIES } from '../http/replies.ts';
import { bodyData, bodyEnd, bodyLast } from '../http/request-body.ts';
import { keepHead } from '../http/request-head.ts';
import { RequestTimers } from '../http/request-timers.ts';
import { buildResponseHead, type ResponseFraming } from '../http/response-head.ts';
import { routeRequest } from '../http/router.ts';
import { acceptRequest, unreadableRequest } from '../http/start-exchange.ts';
import type { DownstreamStream, HeadRead, LastSeen, ResponseBody } from '../http/stream.ts';
import { Tunnel } from '../http/tunnel.ts';
import { lastFrame } from '../http/web-socket.ts';
import { asBuffer } from '../net/node-bytes.ts';
import type { ConnectionInfo } from '../types.ts';
import type { H2Link } from './h2-link.ts';
import { Receipts } from './receipts.ts';
import { SendQueue } from './send-queue.ts';

/** The client connection of a stream. */
export interface ServerLink {
  readonly worker: Worker;
  readonly chain: CompiledChain;
  readonly plan: HttpPlan;
  readonly connection: ConnectionInfo;
  readonly last: LastSeen;
  readonly link: H2Link<ServerStream>;
  /** The stream is over: it may serve another request. */
  streamOver(stream: ServerStream): void;
  /** The head of a response is about to be written. */
  responds(): void;
}

const NO_FRAMING: ResponseFraming = { close: false, framing: 'bare' };

/** One request of a client connection speaking HTTP/2. Used again for later requests: its timers and queues cost more than a request. */
export class ServerStream implements DownstreamStream {
  readonly protocol = 'http2';
  readonly worker: Worker;
  readonly chain: CompiledChain;
  readonly plan: HttpPlan;
  readonly connection: ConnectionInfo;
  readonly timers: RequestTimers;
  readonly last: LastSeen;
  hasBody = false;
  receivedBytes = 0;
  readonly #server: ServerLink;
  readonly #link: H2Link<ServerStream>;
  readonly #queue: SendQueue<ServerStream>;
  readonly #receipts: Receipts<ServerStream>;
  #stream: H2Stream<ServerStream> | undefined = undefined;
  #x: Exchange | undefined = undefined;
  #tunnel: Tunnel | undefined = undefined;
  /** Tunnel bytes that came before the upstream has agreed. */
  #ahead: Buffer[] | undefined = undefined;
  #aheadEnd = false;
  readonly #outgoing: H2Outgoing = { bytes: Buffer.alloc(0), start: 0, end: 0, endStream: false, scheme: 'http', extended: false };

  constructor(server: ServerLink) {
    this.#server = server;
    this.worker = server.worker;
    this.chain = server.chain;
    this.plan = server.plan;
    this.connection = server.connection;
    this.last = server.last;
    this.#link = server.link;
    this.timers = new RequestTimers(
      this.worker.wheel,
      this.plan.config,
      () => this.#phaseExpired(),
      () => this.shed(),
    );
    this.#queue = new SendQueue(this.#link, () => this.#x?.onDownstreamDrain());
    this.#receipts = new Receipts(this.#link.session);
  }

  // ------------------------------------------------------------------------------------------------------------ from the client

  /** A request's head is here. */
  open(stream: H2Stream<ServerStream>, head: H2Head, endStream: boolean): void {
    const { worker } = this;
    this.#begin(stream, endStream);
    worker.scannedFor = undefined;
    if (!head.load(worker.requestScanner)) {
      this.#refuse(worker.requestScanner.error, REPLIES.badRequest);
      return;
    }
    const now = worker.wheel.recent;
    const x = acceptRequest(this, now, { bytes: head.bytes, start: head.start, end: head.end }, endStream || head.extended || isConnect(head));
    x.info.httpVersion = 'HTTP/2';
    this.#x = x;
    worker.requests++;
    worker.scannedFor = x;
    this.timers.startStream(x, now);
    try {
      if (x.refusal === undefined) routeRequest(x);
      else this.reply(x, x.refusal);
    } finally {
      // What the request's head lies in is filled again by the next one.
      if (this.#x === x) keepHead(x);
    }
  }

  #begin(stream: H2Stream<ServerStream>, endStream: boolean): void {
    stream.owner = this;
    this.#stream = stream;
    this.#queue.start(stream);
    this.#receipts.start(stream);
    this.hasBody = !endStream;
    this.receivedBytes = 0;
    this.#tunnel = undefined;
    this.#ahead = undefined;
    this.#aheadEnd = endStream;
  }

  /** A head over the limits. */
  tooLarge(stream: H2Stream<ServerStream>, reason: H2HeadRefusal, endStream: boolean): void {
    this.#begin(stream, endStream);
    this.#refuse(reason, REPLIES.headTooLarge);
  }

  #refuse(error: Parameters<typeof unreadableRequest>[2], reply: LocalReply): void {
    const x = unreadableRequest(this, this.worker.wheel.recent, error);
    x.info.httpVersion = 'HTTP/2';
    x.info.connectionTerminationDetails = '';
    this.#x = x;
    this.reply(x, { ...reply, details: error === 'head-too-large' ? 'http2.header_list_size_too_large' : `http2.${error.replaceAll('-', '_')}` });
  }

  data({ bytes, start, end, endStream }: H2Data): void {
    const x = this.#x;
    const count = end - start;
    if (x === undefined) {
      this.#receipts.took(count);
      return;
    }
    this.receivedBytes += count;
    this.timers.touch(x);
    if (x.upgrade !== '') this.#tunnelData(x, bytes, { start, end, endStream });
    else if (endStream) {
      this.timers.clearPhase();
      bodyLast(x, bytes, start, end);
    } else bodyData(x, bytes, start, end);
    this.#receipts.took(count);
  }

  trailers(head: H2Head): void {
    const x = this.#x;
    if (x === undefined) return;
    this.timers.clearPhase();
    // They may be kept until an upstream is there.
    bodyEnd(x, Buffer.from(asBuffer(head.bytes).subarray(head.start, head.end)));
  }

  /** The stream has been reset: by the client, for a rule that it broke, or because its connection has gone. */
  onReset(cause: 'remote-reset' | 'violation' | 'gone'): void {
    const x = this.#x;
    this.#x = undefined;
    if (x !== undefined) {
      if (cause === 'remote-reset') clientGone(x, 'http2.remote_reset', 'DR');
      else if (cause === 'violation') clientGone(x, 'http2.violation.of.messaging.rule', 'DPE');
      else clientGone(x);
    }
    this.#release();
  }

  onWritable(): void {
    this.#queue.pump();
    this.#settle();
  }

  // -------------------------------------------------------------------------------------------------------------- to the client

  writeHead(x: Exchange, read: HeadRead, body: ResponseBody): void {
    const length = buildResponseHead(x, read, NO_FRAMING);
    const { scratch } = this.worker.buffers;
    x.info.responseHeadBytes = length;
    this.#server.responds();
    // Protocols are switched by an ordinary success here (RFC 8441 section 5).
    if (this.worker.responseScanner.status === 101) scratch.write('200', 9, 'latin1');
    this.#sendHead(scratch, length, body === 'none' && x.phase !== 'tunnel');
  }

  #sendHead(bytes: Buffer, length: number, endStream: boolean): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const outgoing = this.#outgoing;
    outgoing.bytes = bytes;
    outgoing.end = length;
    outgoing.endStream = endStream;
    this.#link.session.respond(stream, outgoing);
  }

  /** Never: raw bytes pass only between HTTP/1.1 connections. */
  writeRaw(): boolean {
    return true;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    // A tunnel's bytes are counted where they come from.
    if (this.#x?.phase === 'responding') this.#x.info.bytesSent += end - start;
    return this.#queue.write(bytes, start, end);
  }

  writeLast(bytes: Uint8Array, start: number, end: number): void {
    const x = this.#x;
    if (x === undefined) return;
    x.info.bytesSent += end - start;
    this.#queue.last(bytes, start, end);
    this.#finish(x);
  }

  end(trailers: Uint8Array | undefined): void {
    const x = this.#x;
    if (x === undefined) return;
    if (this.#stream?.localEnded === false) this.#queue.end(trailers);
    this.#finish(x);
  }

  reply(x: Exchange, reply: LocalReply): void {
    if (x.phase === 'done') return;
    if (x.phase === 'responding' || x.phase === 'tunnel') {
      x.info.flags |= reply.flags;
      x.info.responseCodeDetails = reply.details;
      this.cut(x);
      return;
    }
    x.phase = 'responding';
    const { head, body } = renderLocalReply(x, reply, false);
    const { scratch } = this.worker.buffers;
    const bytes = head.length > scratch.length ? Buffer.from(head, 'latin1') : scratch;
    const length = bytes === scratch ? scratch.write(head, 0, 'latin1') : bytes.length;
    this.#server.responds();
    this.#sendHead(bytes, length, body === undefined);
    if (body !== undefined) this.#queue.last(body, 0, body.length);
    this.#finish(x);
  }

  sendInterim(x: Exchange, read: HeadRead | undefined): void {
    const length = buildInterimHead(x, read);
    this.#sendHead(this.worker.buffers.scratch, length, false);
  }

  /** The response is handed over, whole. */
  #finish(x: Exchange): void {
    recordExchange(x);
    this.#x = undefined;
    // A client that does not read the rest is not waited for longer than one that does nothing else.
    if (!this.#queue.done) this.timers.startPhase(this.worker.wheel.recent, this.plan.config.streamIdleTimeoutMs);
    this.#settle();
  }

  /** Once everything is sent: what the client still sends is not wanted (RFC 9113 section 8.1). */
  #settle(): void {
    const stream = this.#stream;
    if (this.#x !== undefined || stream === undefined || !this.#queue.done) return;
    if (!stream.closed && !stream.remoteEnded) this.#link.session.reset(stream, H2_ERROR.noError);
    this.#release();
  }

  cut(x: Exchange): void {
    abandonAttempt(x, undefined);
    recordExchange(x);
    this.#x = undefined;
    if (this.#stream !== undefined) this.#link.session.reset(this.#stream, H2_ERROR.internalError);
    this.#release();
  }

  /** The time of a drain is up. */
  expire(): void {
    const x = this.#x;
    if (x === undefined) return;
    countDrained(this.worker, this.#tunnel === undefined ? 'requests' : 'tunnels');
    if (this.#tunnel === undefined) giveUp(x, REPLIES.shuttingDown);
    else {
      lastFrame(x);
      this.closeTunnel(x);
    }
  }

  shed(): void {
    if (this.#stream === undefined) return;
    this.#x = undefined;
    this.#link.session.reset(this.#stream, H2_ERROR.internalError);
    this.#release();
  }

  pause(paused: boolean): void {
    this.#receipts.pause(paused);
  }

  #release(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    stream.owner = undefined;
    this.timers.clearPhase();
    this.#queue.clear();
    this.#receipts.clear();
    this.#ahead = undefined;
    this.#server.streamOver(this);
  }

  /** The connection has gone for good. */
  drop(): void {
    this.timers.remove();
  }

  // --------------------------------------------------------------------------------------------------------------------- tunnel

  #tunnelData(
    x: Exchange,
    bytes: Uint8Array,
    { start, end, endStream }: { readonly start: number; readonly end: number; readonly endStream: boolean },
  ): void {
    if (this.#tunnel === undefined) {
      (this.#ahead ??= []).push(Buffer.from(asBuffer(bytes).subarray(start, end)));
      this.#aheadEnd = endStream;
      // The peer may fill the stream's window and no more.
      this.#receipts.pause(true);
      return;
    }
    if (end > start && !this.#tunnel.fromClient(x, bytes, start, end)) this.#receipts.pause(true);
    if (endStream) this.#clientEnded(x);
  }

  #clientEnded(x: Exchange): void {
    x.upstream?.endWriting();
    if (this.#tunnel?.sideEnded() === true) this.closeTunnel(x);
  }

  startTunnel(x: Exchange): void {
    this.#tunnel = new Tunnel();
    this.timers.stopRequest();
    this.#receipts.pause(false);
    const ahead = this.#ahead ?? [];
    this.#ahead = undefined;
    for (const part of ahead) if (!this.#tunnel.fromClient(x, part, 0, part.length)) this.#receipts.pause(true);
    if (this.#aheadEnd) this.#clientEnded(x);
  }

  tunnelHalfClosed(x: Exchange): void {
    this.#queue.end(undefined);
    if (this.#tunnel?.sideEnded() === true) this.closeTunnel(x);
  }

  closeTunnel(x: Exchange): void {
    abandonAttempt(x, undefined);
    if (this.#stream?.localEnded === false) this.#queue.end(undefined);
    this.#finish(x);
  }

  #phaseExpired(): void {
    if (this.#x !== undefined) giveUp(this.#x, REPLIES.requestTimeout);
    else if (this.#stream !== undefined) {
      this.#link.session.reset(this.#stream, H2_ERROR.internalError);
      this.#release();
    }
  }
}

/** (No other method begins so; the scanner has checked it.) */
function isConnect({ bytes, start }: H2Head): boolean {
  return bytes[start] === 67 && bytes[start + 6] === 84 && bytes[start + 7] === 32;
}
