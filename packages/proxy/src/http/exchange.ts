import type { CompiledCluster, CompiledForward, CompiledRoute, ClusterChoice, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { PoolWaiter } from '../pool/http-pool.ts';
import type { StreamInfo, TraceContext } from '../types.ts';
import type { DownstreamConnection } from './downstream-connection.ts';
import type { HttpPlan } from './http-plan.ts';
import type { LocalReply } from './local-reply.ts';
import type { HeadView } from './request-view.ts';
import { NO_PIECES, type Piece } from './pieces.ts';
import { send, startAttempt } from './attempt.ts';
import { connectFailed, respond, responseBody, responseEnded, tunnelData, tunnelEnded, upstreamLost } from './respond.ts';
import type { HeadRead, UpstreamConnection, UpstreamUser } from './upstream-connection.ts';

/**
 * Where a request stands. `held`: waiting for a fault delay, a back-off or a connection; `sent`: the head is with the upstream;
 * `responding`: the response's head is with the client.
 */
export type ExchangePhase = 'held' | 'sent' | 'responding' | 'tunnel' | 'done';

/** One request and its response, over as many attempts as it takes. */
export class Exchange implements UpstreamUser, PoolWaiter {
  readonly worker: Worker;
  readonly downstream: DownstreamConnection;
  readonly plan: HttpPlan;
  readonly info: StreamInfo;
  phase: ExchangePhase = 'held';

  isHead = false;
  readonly http10: boolean;
  /** The request as routing sees it: path in origin form and normalised, authority as sent. */
  viewPath = '';
  viewAuthority = '';
  /** The host line says something else than `viewAuthority` (absolute form, stripped port): it must not go on as it is. */
  hostStale = false;
  scheme: 'http' | 'https' = 'http';
  /** Set when the request is well-formed but not acceptable. */
  refusal: LocalReply | undefined = undefined;
  /** Upgrade type asked for and allowed, '' = none. */
  upgrade = '';
  /** The client waits for `100 Continue`. */
  expectsContinue = false;
  /** The whole request has come. */
  requestComplete: boolean;
  route: CompiledRoute | undefined = undefined;
  forward: CompiledForward | undefined = undefined;
  choice: ClusterChoice | undefined = undefined;
  cluster: CompiledCluster | undefined = undefined;
  host: Host | undefined = undefined;
  upstream: UpstreamConnection | undefined = undefined;

  /** The request's head as it came, and its body so far while it may be needed again. Bytes of accepted connections do not change. */
  head: Piece;
  body: readonly Piece[] = NO_PIECES;
  bodyBytes = 0;
  /** False once too much body has come to send it a second time. */
  replayable = true;

  /** What is true of every attempt: authority and path after rewriting come per attempt, these once. */
  trace: TraceContext | undefined = undefined;
  traceLines = '';
  timeoutMs = 0;
  perTryMs = 0;
  maxRetries = 0;
  retriesLeft = 0;
  tried: Host[] | undefined = undefined;
  /** Counted in the cluster's requests and the host's active ones. */
  counted = false;
  countedRetry = false;
  activeFault = false;

  /** `info.httpVersion` is known already. */
  constructor(downstream: DownstreamConnection, info: StreamInfo, head: Piece, requestComplete: boolean) {
    this.worker = downstream.worker;
    this.downstream = downstream;
    this.plan = downstream.plan;
    this.info = info;
    this.head = head;
    this.http10 = info.httpVersion === 'HTTP/1.0';
    this.requestComplete = requestComplete;
  }

  /** Shows the request to the matchers; the worker's scanner must have read `head` last. */
  show(view: HeadView): void {
    view.renew(this.head.bytes);
    view.method = this.info.method;
    view.path = this.viewPath;
    view.authority = this.viewAuthority;
    view.scheme = this.scheme;
  }

  /** Begins another attempt; the one before has been given up. */
  again(): void {
    startAttempt(this);
  }

  onPoolReady(connection: UpstreamConnection): void {
    send(this, connection, false);
  }
  onPoolFailure(reason: string): void {
    connectFailed(this, reason);
  }
  onResponse(connection: UpstreamConnection, read: HeadRead): number {
    return respond(this, connection, read);
  }
  onResponseBody(bytes: Uint8Array, start: number, end: number): void {
    responseBody(this, bytes, start, end);
  }
  onResponseEnd(payloadBytes: number): void {
    responseEnded(this, payloadBytes);
  }
  onTunnelData(bytes: Uint8Array, start: number, end: number): void {
    tunnelData(this, bytes, start, end);
  }
  onTunnelEnd(): void {
    tunnelEnded(this);
  }
  onUpstreamDrain(): void {
    this.downstream.pause(false);
  }
  onUpstreamLost(connection: UpstreamConnection, cause: 'closed' | 'protocol', reason: string): void {
    upstreamLost(this, connection, cause, reason);
  }
}
