import type { Breaker, ClusterChoice, CompiledCluster, CompiledForward, CompiledRetry, CompiledRoute, Host } from '@meltemi/runtime';
import type { ChunkedFramer, WebSocketFrames } from '@meltemi/wire';
import type { Worker } from '../core/worker.ts';
import type { PoolWaiter } from '../pool/pool-waiter.ts';
import type { ConnectionInfo, StreamInfo, TraceContext } from '../types.ts';
import type { FilterState } from './filters/state.ts';
import type { HttpPlan } from './http-plan.ts';
import type { LocalReply } from './local-reply.ts';
import type { Deadline } from '../core/timer-wheel.ts';
import type { Aside } from './aside.ts';
import type { HostChoice } from './host-choice.ts';
import type { Mirrors } from './mirror.ts';
import type { HeadView, HopValue } from './request-view.ts';
import { NO_STAGES, type StageChain, type StageMaker } from './payload.ts';
import { NO_PIECES, type Piece } from './pieces.ts';
import { hopHeader } from './hop-headers.ts';
import { send, startAttempt } from './attempt.ts';
import { passInterim } from './interim.ts';
import { upstreamAuthority } from './upstream-authority.ts';
import { logTurn } from './log-moments.ts';
import { shed, tryIdleExpired, tryLifeExpired } from './end-exchange.ts';
import type { TapStream } from '../tap/tap-stream.ts';
import { countRequest } from '../stats/count-exchange.ts';
import {
  connectFailed,
  respond,
  responseBody,
  responseDrained,
  responseEnded,
  responseLast,
  tunnelData,
  tunnelEnded,
  upstreamDrained,
  upstreamLost,
} from './respond.ts';
import type { RequestSpan } from '../tracing/types.ts';
import type { DownstreamStream, HeadRead, LostCause, UpstreamStream, UpstreamUser } from './stream.ts';

/**
 * Where a request stands. `held`: waiting for a fault delay, a back-off or a connection; `sent`: the head is with the upstream;
 * `responding`: the response's head is with the client.
 */
export type ExchangePhase = 'held' | 'sent' | 'responding' | 'tunnel' | 'done';

/** One request and its response, over as many attempts as it takes. */
export class Exchange implements UpstreamUser, PoolWaiter {
  readonly worker: Worker;
  readonly downstream: DownstreamStream;
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
  /** What this hop adds to the head stands in it already, and what it takes away is gone. */
  hopWritten = false;
  /** The client's address as filters take it; '' = to be asked of the head. */
  clientIp = '';
  /** Its `x-envoy-…` headers are obeyed. */
  internal = false;
  /** Upgrade type asked for and allowed, '' = none. */
  upgrade = '';
  /** The client waits for `100 Continue`. */
  expectsContinue = false;
  /** An interim response of the upstream is with the client. */
  interim = false;
  /** The whole request has come. */
  requestComplete: boolean;
  route: CompiledRoute | undefined = undefined;
  forward: CompiledForward | undefined = undefined;
  choice: ClusterChoice | undefined = undefined;
  cluster: CompiledCluster | undefined = undefined;
  host: Host | undefined = undefined;
  upstream: UpstreamStream | undefined = undefined;

  /** The request's head as it came, and its body so far while it may be needed again. Bytes of accepted connections do not change. */
  head: Piece;
  body: readonly Piece[] = NO_PIECES;
  bodyBytes = 0;
  /** False once too much body has come to send it a second time. */
  replayable = true;
  /** All of the body that goes upstream is here: later than `requestComplete` when a stage holds some of it back. */
  bodyComplete: boolean;
  /** What `body` holds: payload, or a chunked body as it came. */
  bodyForm: 'payload' | 'chunked' = 'payload';
  /** Of a body that came as payload. */
  requestTrailers: Uint8Array | undefined = undefined;
  /** Filters that want the body's payload push here; see `payload.ts`. */
  payloadRequest: readonly StageMaker[] = NO_STAGES;
  payloadResponse: readonly StageMaker[] = NO_STAGES;
  requestChain: StageChain | undefined = undefined;
  responseChain: StageChain | undefined = undefined;
  /** Takes the chunk framing off for the stages, respectively for the present attempt. */
  unframe: ChunkedFramer | undefined = undefined;
  attemptUnframe: ChunkedFramer | undefined = undefined;

  /** What is true of every attempt: authority and path after rewriting come per attempt, these once. */
  trace: TraceContext | undefined = undefined;
  traceLines = '';
  /** This hop's span for a collector; undefined = none takes it. */
  span: RequestSpan | undefined = undefined;
  /** The caller has named the operation. */
  operationTold = false;
  /** The request's id tells now whether it is traced. */
  requestIdMarked = false;
  /** Who forces a trace is told by which id to find it. */
  tellsRequestId = false;
  timeoutMs = 0;
  perTryMs = 0;
  /** The policy for this request; undefined = it is never tried again. */
  retry: CompiledRetry | undefined = undefined;
  retriesLeft = 0;
  /** The cluster's limits for this request's priority. */
  breaker: Breaker | undefined = undefined;
  /** What the choice of a host takes into account; undefined = nothing special. */
  hostChoice: HostChoice | undefined = undefined;
  /** Copies that are still to go to mirrors. */
  mirrors: Mirrors | undefined = undefined;
  /** Attempts that go on beside the present one, and the answer when none of them has one. */
  aside: Set<Aside> | undefined = undefined;
  lastReply: LocalReply | undefined = undefined;
  hedgeOnTimeout = false;
  /** Attempts that are to begin at once, besides the first. */
  extraAttempts = 0;
  /** Redirects of upstreams that were followed, and the steps from route to route that may not be taken again. */
  redirects = 0;
  redirectSteps: Set<string> | undefined = undefined;
  /** No byte of the response for so long ends a try; undefined = it may take its time. */
  tryIdle: Deadline | undefined = undefined;
  /** Ends the exchange with an upstream that limits its life; undefined = none does. */
  tryLife: Deadline | undefined = undefined;
  /** The next line about an exchange that goes on; undefined = there is only the last one. */
  logTurn: Deadline | undefined = undefined;
  /** Counted in the cluster's requests and the host's active ones. */
  counted = false;
  countedRetry = false;
  activeFault = false;
  /** Somebody looks on. */
  tap: TapStream | undefined = undefined;
  /** What the upstream sends through a tunnel that is a WebSocket. */
  frames: WebSocketFrames | undefined = undefined;
  /** What filters have left with the request; see `filters/`. */
  filters: FilterState | undefined = undefined;

  /** `info.httpVersion` is known already. */
  constructor(downstream: DownstreamStream, info: StreamInfo, head: Piece, requestComplete: boolean) {
    this.worker = downstream.worker;
    this.downstream = downstream;
    this.plan = downstream.plan;
    this.info = info;
    this.head = head;
    this.http10 = info.httpVersion === 'HTTP/1.0';
    this.requestComplete = requestComplete;
    this.bodyComplete = requestComplete;
    countRequest(this);
  }

  /** Shows the request to the matchers; the worker's scanner must have read `head` last. */
  show(view: HeadView): void {
    view.renew(this.head.bytes);
    view.method = this.info.method;
    view.path = this.viewPath;
    view.authority = this.viewAuthority;
    view.info = this.info;
    view.owner = this;
    view.scheme = this.scheme;
  }

  /** What this hop makes of a known header. */
  hopHeader(id: number): HopValue {
    return hopHeader(this, id);
  }

  /** Begins another attempt; the one before has been given up. */
  again(): void {
    startAttempt(this);
  }

  /** Wants a stage in the way of the request's body; to be said before the request's head is sent. */
  stageRequest(make: StageMaker): void {
    this.payloadRequest = [...this.payloadRequest, make];
  }

  /** Wants a stage in the way of the response's body; to be said before the response's head is passed on. */
  stageResponse(make: StageMaker): void {
    this.payloadResponse = [...this.payloadResponse, make];
  }

  get client(): ConnectionInfo {
    return this.info.connection;
  }
  get upstreamAuthority(): string {
    return upstreamAuthority(this);
  }
  /** The present try has been idle for too long. */
  onTryIdle(): void {
    tryIdleExpired(this);
  }
  /** The present exchange with the upstream is as old as it may get. */
  onTryLife(): void {
    tryLifeExpired(this);
  }
  onLogTurn(): void {
    logTurn(this);
  }

  onPoolReady(stream: UpstreamStream): void {
    try {
      send(this, stream, false);
    } catch (error) {
      shed(this, error);
    }
  }
  onPoolFailure(reason: string): void {
    try {
      connectFailed(this, reason);
    } catch (error) {
      shed(this, error);
    }
  }
  onInterim(read: HeadRead): void {
    try {
      passInterim(this, read);
    } catch (error) {
      shed(this, error);
    }
  }
  onResponse(stream: UpstreamStream, read: HeadRead): number {
    try {
      return respond(this, stream, read);
    } catch (error) {
      shed(this, error);
      return -1;
    }
  }
  onResponseBody(bytes: Uint8Array, start: number, end: number): void {
    try {
      responseBody(this, bytes, start, end);
    } catch (error) {
      shed(this, error);
    }
  }
  onResponseLast(bytes: Uint8Array, start: number, end: number, payloadBytes: number): void {
    try {
      responseLast(this, { bytes, start, end }, payloadBytes);
    } catch (error) {
      shed(this, error);
    }
  }
  onResponseEnd(payloadBytes: number, trailers: Uint8Array | undefined): void {
    try {
      responseEnded(this, payloadBytes, trailers);
    } catch (error) {
      shed(this, error);
    }
  }
  onTunnelData(bytes: Uint8Array, start: number, end: number): void {
    try {
      tunnelData(this, bytes, start, end);
    } catch (error) {
      shed(this, error);
    }
  }
  onTunnelEnd(): void {
    try {
      tunnelEnded(this);
    } catch (error) {
      shed(this, error);
    }
  }
  onUpstreamSlow(): void {
    if (!this.requestComplete) this.downstream.pause(true);
  }
  onUpstreamDrain(): void {
    try {
      upstreamDrained(this);
    } catch (error) {
      shed(this, error);
    }
  }
  /** The client takes more of the response. */
  onDownstreamDrain(): void {
    try {
      responseDrained(this);
    } catch (error) {
      shed(this, error);
    }
  }
  onUpstreamLost(stream: UpstreamStream, cause: LostCause, reason: string): void {
    try {
      upstreamLost(this, stream, cause, reason);
    } catch (error) {
      shed(this, error);
    }
  }
}
