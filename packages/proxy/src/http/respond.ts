import type { AttemptEnd } from '@meltemi/runtime';
import { HEADER, WebSocketFrames, type HeadScanner } from '@meltemi/wire';
import { expelHost } from '../health/health-checks.ts';
import { drainPool } from '../health/drain.ts';
import { flagBit } from '../types.ts';
import { dropAside } from './aside.ts';
import { abandonAttempt, dismissAttempt, settle } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import { httpStatusOf, statusInTrailers, trailerValue } from './grpc.ts';
import { filterResponse } from './filters/respond.ts';
import { followRedirect } from './internal-redirect.ts';
import { logTunnel } from './log-moments.ts';
import { headerValue, knownValue } from './request-view.ts';
import { StageChain } from './payload.ts';
import type { Piece } from './pieces.ts';
import { attemptFailed, mayRetry, scheduleRetry, sentInVain, sentOnStale } from './retry.ts';
import { routeAgain } from './router.ts';
import { touchTry } from './try-idle.ts';
import { switches } from './upgrades.ts';
import type { HeadRead, LostCause, UpstreamStream } from './stream.ts';

const EXHAUSTED = flagBit('URX');

/** Envoy's limit for the head of a response. */
const MAX_RESPONSE_HEADERS = 100;

/** No connection could be made. */
export function connectFailed(x: Exchange, reason: string): void {
  if (reason === 'timeout') attemptFailed(x, { end: { t: 'connect-failure' }, flag: 'UF', reason: 'connection timeout', transport: '' });
  else attemptFailed(x, { end: { t: 'connect-failure' }, flag: 'UF', reason: 'remote connection failure', transport: reason });
}

/** The upstream's head is here: retry, or pass it on. Answers how far the bytes are dealt with, -1 = the stream was given up. */
export function respond(x: Exchange, stream: UpstreamStream, read: HeadRead): number {
  const { worker, info } = x;
  const { status } = worker.responseScanner;
  const switched = switches(x.upgrade, status);
  if ((status === 101 && !switched) || worker.responseScanner.count > MAX_RESPONSE_HEADERS) return nonsense(x);
  info.upstreamFirstByteMs = worker.wheel.recent;
  info.upstreamResponseHeadBytes = read.after - read.start;
  info.responseCode = status;
  if (info.grpc) readGrpcStatus(x, read);
  judgeHost(x, status, read.ended);
  if (retried(x, read.bytes)) return -1;
  if (x.forward?.config.internalRedirect !== undefined && x.phase === 'sent' && followRedirect(x, read.bytes)) {
    routeAgain(x);
    return -1;
  }
  dropAside(x);
  touchTry(x);
  info.responseCodeDetails = 'via_upstream';
  // Of an attempt before this one.
  info.upstreamTransportFailureReason = '';
  x.downstream.timers.stopTry();
  lookOn(x, read);
  if (x.filters !== undefined) filterResponse(x, read.bytes, read.ended);
  return switched ? switchProtocols(x, stream, read) : passOn(x, stream, read);
}

/** Statistics of retries, and who taps the request. */
function lookOn(x: Exchange, read: HeadRead): void {
  const { info, cluster, tap } = x;
  if (info.attempts > 1 && (info.flags & EXHAUSTED) === 0 && cluster !== undefined) cluster.counts.rqRetrySuccess++;
  if (tap !== undefined) tap.onResponse(read.bytes, read.ended);
}

/** A response that is nothing but trailers has the status of the call in its head. */
function readGrpcStatus({ info, worker }: Exchange, { bytes }: HeadRead): void {
  const { responseScanner: scanner } = worker;
  if (scanner.known[HEADER['grpc-status']] !== 0) info.grpcStatus = knownValue(scanner, bytes, HEADER['grpc-status']);
}

/** What the response says about the host. Of a gRPC call the status that counts comes with its end. */
function judgeHost({ host, cluster, info, worker }: Exchange, status: number, ended: boolean): void {
  if (host === undefined || cluster === undefined) return;
  const nowMs = info.upstreamFirstByteMs;
  const told = info.grpc && status === 200 && info.grpcStatus !== '' ? httpStatusOf(info.grpcStatus) : status;
  if ((!info.grpc || status !== 200 || ended) && cluster.report(host, told, nowMs)) drainPool(host);
  cluster.observe(host, nowMs - info.upstreamStartMs, nowMs);
  if (worker.responseScanner.known[HEADER['x-envoy-immediate-health-check-fail']] !== 0) expelHost(host);
}

function passOn(x: Exchange, stream: UpstreamStream, read: HeadRead): number {
  const { downstream, worker } = x;
  const { chunked } = worker.responseScanner;
  if (read.ended || stream.protocol !== downstream.protocol || stream.protocol !== 'http1') return passPayload(x, stream, read);
  // HTTP/1.0 clients do not know chunks.
  if (x.payloadResponse.length > 0 || (chunked && (x.http10 || x.plan.captureTrailers.length > 0))) return passPayload(x, stream, read);
  const next = stream.takeRaw(read);
  if (next < 0) return nonsense(x);
  x.phase = 'responding';
  if (!downstream.writeRaw(x, read, next)) stream.pause(true);
  return next;
}

/** Head now, the payload as it comes: the client's side frames it. */
function passPayload(x: Exchange, stream: UpstreamStream, read: HeadRead): number {
  x.phase = 'responding';
  if (read.ended) x.downstream.writeHead(x, read, 'none');
  else {
    if (x.payloadResponse.length > 0) x.responseChain = new StageChain(x.payloadResponse, x.downstream);
    stream.takePayload();
    x.downstream.writeHead(x, read, 'payload');
  }
  return read.after;
}

/** Is the response one that the route's policy tries again after? */
function retried(x: Exchange, bytes: Uint8Array): boolean {
  if (x.retry?.onResponses !== true || x.phase !== 'sent') return false;
  const { responseScanner: scanner } = x.worker;
  const ended: AttemptEnd = { t: 'response', status: scanner.status, header: (name) => headerValue(scanner, bytes, name) };
  if (!mayRetry(x, ended)) return false;
  dismissAttempt(x);
  scheduleRetry(x, ended);
  return true;
}

function switchProtocols(x: Exchange, stream: UpstreamStream, read: HeadRead): number {
  x.phase = 'tunnel';
  if (x.upgrade === 'websocket') x.frames = new WebSocketFrames();
  // What follows is no body (RFC 9110 sections 8.6 and 9.3.6).
  dropFraming(x.worker.responseScanner);
  stream.startTunnel();
  x.downstream.writeHead(x, read, 'none');
  x.downstream.startTunnel(x);
  logTunnel(x);
  return read.after;
}

function dropFraming(scanner: HeadScanner): void {
  scanner.dropLength();
  scanner.dropKnown(HEADER['transfer-encoding']);
}

function nonsense(x: Exchange): number {
  if (x.cluster !== undefined) x.cluster.counts.cxProtocolError++;
  attemptFailed(x, { end: { t: 'reset', requestSent: true }, flag: 'UPE', reason: 'protocol error', transport: '' });
  return -1;
}

export function responseBody(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  x.downstream.timers.touch(x);
  if (x.tryIdle !== undefined) touchTry(x);
  if (!(x.responseChain ?? x.downstream).write(bytes, start, end)) x.upstream?.pause(true);
}

/** The response is whole. */
export function responseEnded(x: Exchange, payloadBytes: number, trailers: Uint8Array | undefined): void {
  x.info.upstreamEndMs = x.worker.wheel.recent;
  if (trailers !== undefined) trailersCame(x, trailers);
  // A writer of payload counts what it writes; what stages hold back comes later.
  if (x.info.bytesSent === 0 && x.responseChain === undefined) x.info.bytesSent = payloadBytes;
  settle(x);
  x.upstream = undefined;
  // Stages keep them for later; the memory that they came in is filled again by the next ones of the connection.
  if (x.responseChain !== undefined) x.responseChain.end(trailers === undefined ? undefined : Buffer.from(trailers));
  else x.downstream.end(trailers);
}

function trailersCame(x: Exchange, trailers: Uint8Array): void {
  const { captureTrailers } = x.plan;
  if (captureTrailers.length > 0) x.info.capturedTrailers = captureTrailers.map((name) => trailerValue(trailers, name));
  if (x.info.grpc) grpcEnded(x, trailers);
}

function grpcEnded({ info, host, cluster, worker }: Exchange, trailers: Uint8Array): void {
  info.grpcStatus = statusInTrailers(trailers);
  if (info.grpcStatus === '' || host === undefined || cluster === undefined) return;
  if (cluster.report(host, httpStatusOf(info.grpcStatus), worker.wheel.recent)) drainPool(host);
}

/** The last piece of a body with its end. */
export function responseLast(x: Exchange, { bytes, start, end }: Piece, payloadBytes: number): void {
  if (x.responseChain !== undefined) {
    x.responseChain.write(bytes, start, end);
    responseEnded(x, payloadBytes, undefined);
    return;
  }
  x.info.upstreamEndMs = x.worker.wheel.recent;
  settle(x);
  x.upstream = undefined;
  x.downstream.writeLast(bytes, start, end);
}

/** The client's side has room again. */
export function responseDrained(x: Exchange): void {
  if (x.responseChain === undefined || x.responseChain.drained()) x.upstream?.pause(false);
}

/** The upstream's side has room again. */
export function upstreamDrained(x: Exchange): void {
  if (x.requestChain === undefined || x.requestChain.drained()) x.downstream.pause(false);
}

export function tunnelData(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  x.info.bytesSent += end - start;
  x.frames?.feed(bytes, start, end);
  x.downstream.timers.touch(x);
  if (!x.downstream.write(bytes, start, end)) x.upstream?.pause(true);
}

export function tunnelEnded(x: Exchange): void {
  x.downstream.tunnelHalfClosed(x);
}

const LOST_FLAGS = { closed: 'UC', protocol: 'UPE', reset: 'UR', refused: 'UR', unprocessed: 'UR' } as const;
/** Envoy's names of the reset reasons. */
const LOST_REASONS = {
  closed: 'connection termination',
  protocol: 'protocol error',
  reset: 'remote reset',
  refused: 'remote refused stream reset',
  unprocessed: 'remote refused stream reset',
} as const;

/** The upstream connection broke, or spoke nonsense, or the stream was reset. */
export function upstreamLost(x: Exchange, stream: UpstreamStream, cause: LostCause, reason: string): void {
  const { info } = x;
  if (x.phase === 'sent') {
    lostBeforeAnswer(x, stream, cause);
    return;
  }
  if (x.phase === 'done') return;
  info.upstreamEndMs = x.worker.wheel.now();
  if (x.phase === 'responding') {
    // A message of HTTP/1.1 that ends before its end is a broken message.
    const told = cause === 'closed' && stream.protocol === 'http1' ? 'protocol' : cause;
    if (told === 'protocol' && x.cluster !== undefined) x.cluster.counts.cxProtocolError++;
    info.flags |= flagBit(LOST_FLAGS[told]);
    info.responseCodeDetails = `upstream_reset_after_response_started{${LOST_REASONS[told].replaceAll(' ', '_')}}`;
    // In plain words of the system or the codec; what is not TLS' says no more than the flag.
    if (reason !== '' && stream.tls !== undefined) info.upstreamTransportFailureReason = reason;
  }
  abandonAttempt(x, x.phase === 'responding' ? 'local' : undefined);
  // A response that is cut must look cut: over HTTP/1.1 the client's connection goes with it.
  if (x.phase === 'tunnel') x.downstream.closeTunnel(x);
  else x.downstream.cut(x);
}

function lostBeforeAnswer(x: Exchange, stream: UpstreamStream, cause: LostCause): void {
  if ((cause === 'closed' && sentOnStale(x, stream)) || (cause === 'unprocessed' && sentInVain(x))) return;
  if (cause === 'protocol') nonsense(x);
  else attemptFailed(x, { end: lostEnd(cause), flag: LOST_FLAGS[cause], reason: LOST_REASONS[cause], transport: '' });
}

function lostEnd(cause: LostCause): AttemptEnd {
  return cause === 'unprocessed' || cause === 'refused' ? { t: 'reset', requestSent: true, refused: true } : { t: 'reset', requestSent: true };
}
