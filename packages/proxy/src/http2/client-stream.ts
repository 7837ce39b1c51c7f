import type { CompiledCluster, Host } from '@meltemi/runtime';
import { H2_ERROR, type H2Data, type H2Head, type H2Outgoing, type H2Stream } from '@meltemi/wire';
import type { HeadRead, LostCause, RequestFraming, UpstreamStream, UpstreamUser } from '../http/stream.ts';
import { CONNECT } from '../http/upgrades.ts';
import { asBuffer } from '../net/node-bytes.ts';
import type { TlsInfo } from '../types.ts';
import type { Worker } from '../core/worker.ts';
import type { H2Link } from './h2-link.ts';
import { Receipts } from './receipts.ts';
import { SendQueue } from './send-queue.ts';

/** The upstream connection of a stream. */
export interface ClientLink {
  readonly worker: Worker;
  readonly link: H2Link<ClientStream>;
  readonly cluster: CompiledCluster;
  readonly host: Host;
  readonly local: string;
  readonly tls: TlsInfo | undefined;
  readonly requests: number;
  /** The stream is over: it may serve another request. */
  streamOver(stream: ClientStream): void;
}

/**
 * A request whose end is never sent. An error, as Envoy has it: servers may take what came before NO_ERROR or CANCEL for the whole body (Node's http2
 * ends it like that).
 */
const CUT = H2_ERROR.internalError;
const NO_BYTES: Buffer = Buffer.alloc(0);
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ';

/** One request on an upstream connection speaking HTTP/2. Used again for later requests. */
export class ClientStream implements UpstreamStream {
  readonly protocol = 'http2';
  user: UpstreamUser | undefined = undefined;
  answering = false;
  readonly #client: ClientLink;
  readonly #link: H2Link<ClientStream>;
  readonly #queue: SendQueue<ClientStream>;
  readonly #receipts: Receipts<ClientStream>;
  #stream: H2Stream<ClientStream> | undefined = undefined;
  #received = 0;
  #tunnel = false;
  readonly #outgoing: H2Outgoing = { bytes: NO_BYTES, start: 0, end: 0, endStream: false, scheme: 'http', extended: false };
  readonly #read: HeadRead = { bytes: NO_BYTES, start: 0, after: 0, end: 0, ended: false };

  constructor(client: ClientLink) {
    this.#client = client;
    this.#link = client.link;
    this.#queue = new SendQueue(this.#link, () => this.user?.onUpstreamDrain());
    this.#receipts = new Receipts(this.#link.session);
  }

  get cluster(): CompiledCluster {
    return this.#client.cluster;
  }
  get host(): Host {
    return this.#client.host;
  }
  get local(): string {
    return this.#client.local;
  }
  get tls(): TlsInfo | undefined {
    return this.#client.tls;
  }
  get payloadBytes(): number {
    return this.#received;
  }
  get queuedBytes(): number {
    return this.#queue.queuedBytes;
  }
  get requests(): number {
    return this.#client.requests;
  }

  // ------------------------------------------------------------------------------------------------------- to the upstream

  begin(user: UpstreamUser): void {
    this.user = user;
    this.answering = false;
    this.#received = 0;
    this.#tunnel = false;
  }

  writeHead(bytes: Buffer, length: number, framing: RequestFraming): boolean {
    const { user } = this;
    if (user === undefined) return true;
    const outgoing = this.#outgoing;
    outgoing.bytes = bytes;
    outgoing.end = length;
    outgoing.endStream = framing === 'none' && user.upgrade === '';
    outgoing.scheme = user.scheme;
    outgoing.extended = user.upgrade !== '' && user.upgrade !== CONNECT;
    if (outgoing.extended && this.#link.session.ready && !this.#link.session.canConnect) {
      // Not within the caller's call, which counts on a stream.
      process.nextTick(() => this.user === user && this.lost('protocol', 'http2.no_extended_connect'));
      return true;
    }
    this.#stream = this.#link.session.request(this, outgoing);
    this.#queue.start(this.#stream);
    this.#receipts.start(this.#stream);
    return true;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#queue.write(bytes, start, end);
  }

  writeLast(bytes: Uint8Array, start: number, end: number): void {
    this.#queue.last(bytes, start, end);
  }

  end(trailers: Uint8Array | undefined): void {
    this.#queue.end(trailers);
  }

  endWriting(): void {
    this.#queue.end(undefined);
  }

  /** Never: raw bytes pass only between HTTP/1.1 connections. */
  takeRaw(read: HeadRead): number {
    return read.after;
  }

  takePayload(): void {
    // There is nothing else.
  }

  startTunnel(): void {
    this.#tunnel = true;
  }

  pause(paused: boolean): void {
    this.#receipts.pause(paused);
  }

  abandon(): void {
    const stream = this.#stream;
    this.user = undefined;
    if (stream !== undefined && !stream.closed) this.#link.session.reset(stream, stream.localEnded ? H2_ERROR.cancel : CUT);
    this.#release();
  }

  dismiss(): void {
    this.abandon();
  }

  // ----------------------------------------------------------------------------------------------------- from the upstream

  onHead(head: H2Head, endStream: boolean): void {
    const { user } = this;
    if (user === undefined || (head.status < 200 && user.onInterim === undefined)) return;
    this.answering ||= head.status >= 200;
    const { responseScanner: scanner } = this.#client.worker;
    const read = this.#read;
    read.start = head.start;
    read.bytes = head.bytes;
    read.end = head.end;
    read.ended = endStream;
    if (this.#outgoing.extended && head.status === 200) this.#switched(head, user);
    else if (!head.load(scanner)) {
      this.#lose('protocol', `http2.${scanner.error}`);
      return;
    }
    read.after = read.end;
    const next = head.status < 200 ? interim(user, read) : user.onResponse(this, read);
    read.bytes = NO_BYTES;
    if (next >= 0 && endStream && this.user === user) this.#ended(user, undefined);
  }

  /** The success that switches protocols (RFC 8441 section 5), in the words of HTTP/1.1. */
  #switched(head: H2Head, user: UpstreamUser): void {
    const { responseScanner: scanner } = this.#client.worker;
    const lines = asBuffer(head.bytes).toString('latin1', head.start, head.end);
    const bytes = Buffer.from(`${SWITCHED}${user.upgrade}\r\n${lines.slice(lines.indexOf('\n') + 1)}`, 'latin1');
    scanner.response(bytes, 0, bytes.length);
    this.#read.bytes = bytes;
    this.#read.start = 0;
    this.#read.end = bytes.length;
  }

  onData({ bytes, start, end, endStream }: H2Data): void {
    const { user } = this;
    const count = end - start;
    this.#received += count;
    if (user === undefined) {
      this.#receipts.took(count);
      return;
    }
    if (this.#tunnel) {
      if (count > 0) user.onTunnelData(bytes, start, end);
      if (endStream && this.user === user) user.onTunnelEnd();
      this.#receipts.took(count);
      return;
    }
    if (!endStream) {
      user.onResponseBody(bytes, start, end);
      this.#receipts.took(count);
      return;
    }
    this.#receipts.took(count);
    this.#leave();
    user.onResponseLast(bytes, start, end, this.#received);
  }

  onTrailers(head: H2Head): void {
    if (this.user !== undefined) this.#ended(this.user, asBuffer(head.bytes).subarray(head.start, head.end));
  }

  onWritable(): void {
    this.#queue.pump();
  }

  /** The stream is over before its end. */
  lost(cause: LostCause, reason: string): void {
    const { user } = this;
    this.user = undefined;
    this.#release();
    user?.onUpstreamLost(this, cause, reason);
  }

  #lose(cause: LostCause, reason: string): void {
    if (this.#stream !== undefined) this.#link.session.reset(this.#stream, H2_ERROR.protocolError);
    this.lost(cause, reason);
  }

  /** The upstream has said all: of a tunnel that is one of its two ends. */
  #ended(user: UpstreamUser, trailers: Uint8Array | undefined): void {
    if (this.#tunnel) user.onTunnelEnd();
    else this.#finish(user, trailers);
  }

  #finish(user: UpstreamUser, trailers: Uint8Array | undefined): void {
    const received = this.#received;
    this.#leave();
    user.onResponseEnd(received, trailers);
  }

  /** The response is whole. What of the request has not gone is not wanted. */
  #leave(): void {
    const stream = this.#stream;
    this.user = undefined;
    if (stream !== undefined && !stream.closed && !stream.localEnded) this.#link.session.reset(stream, CUT);
    this.#release();
  }

  #release(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#stream = undefined;
    stream.owner = undefined;
    this.#queue.clear();
    this.#receipts.clear();
    this.#client.streamOver(this);
  }
}

/** The response is still to come: nothing ends with this head. */
function interim(user: UpstreamUser, read: HeadRead): number {
  user.onInterim?.(read);
  return -1;
}
