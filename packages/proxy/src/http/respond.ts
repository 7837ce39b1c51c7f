import type { AttemptEnd } from '@meltemi/runtime';
import type { BodyMode, HeadScanner } from '@meltemi/wire';
import { asBuffer } from '../net/node-bytes.ts';
import { flagBit } from '../types.ts';
import { abandonAttempt, settle } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import { headerValue } from './request-view.ts';
import { buildResponseHead } from './response-head.ts';
import { attemptFailed, mayRetry, scheduleRetry, sentOnStale } from './retry.ts';
import type { HeadRead, UpstreamConnection } from './upstream-connection.ts';

/** Body bytes up to so many go out in one piece with their head. */
const JOIN_BYTES = 64 * 1024;

/** No connection could be made. */
export function connectFailed(x: Exchange, reason: string): void {
  if (reason === 'timeout') attemptFailed(x, { end: { t: 'connect-failure' }, flag: 'UF', reason: 'connection timeout', transport: '' });
  else attemptFailed(x, { end: { t: 'connect-failure' }, flag: 'UF', reason: 'remote connection failure', transport: reason });
}

/** The upstream's head is here: retry, or pass it on. Answers how far the bytes are dealt with, -1 = the connection was given up. */
export function respond(x: Exchange, connection: UpstreamConnection, read: HeadRead): number {
  const { worker, info } = x;
  const { responseScanner: scanner } = worker;
  const { status } = scanner;
  // Interim responses stay here: this proxy answers expectations itself.
  if (status < 200 && status !== 101) return read.after;
  if (status === 101 && x.upgrade === '') return nonsense(x);
  info.upstreamFirstByteMs = worker.wheel.recent;
  info.responseCode = status;
  if (x.host !== undefined) x.cluster?.report(x.host, status, info.upstreamFirstByteMs);
  if (retried(x, read.bytes)) return -1;
  if (lastOfConnection(scanner)) connection.reusable = false;
  info.responseCodeDetails = 'via_upstream';
  x.downstream.timers.stopTry();
  return status === 101 ? switchProtocols(x, connection, read) : passOn(x, connection, read);
}

function passOn(x: Exchange, connection: UpstreamConnection, read: HeadRead): number {
  const { responseScanner: scanner } = x.worker;
  const mode = bodyMode(x, scanner);
  connection.startBody(mode, scanner.contentLength);
  if (mode === 'until-close') x.downstream.closeAfter = true;
  return mode === 'chunked' && x.http10 ? passUnchunked(x, connection, read) : pass(x, connection, read);
}

/** Is the response one that the route's policy tries again after? */
function retried(x: Exchange, bytes: Uint8Array): boolean {
  if (x.forward?.retry?.onResponses !== true || x.phase !== 'sent') return false;
  const { responseScanner: scanner } = x.worker;
  const ended: AttemptEnd = { t: 'response', status: scanner.status, header: (name) => headerValue(scanner, bytes, name) };
  if (!mayRetry(x, ended)) return false;
  abandonAttempt(x, undefined);
  scheduleRetry(x);
  return true;
}

function lastOfConnection(scanner: HeadScanner): boolean {
  return scanner.close || (scanner.minor === 0 && !scanner.keepAlive);
}

/** How the response's body ends (RFC 9112 section 6.3). */
function bodyMode(x: Exchange, scanner: HeadScanner): BodyMode {
  const { status } = scanner;
  if (x.isHead || status === 204 || status === 304) return 'none';
  if (scanner.chunked) return 'chunked';
  return scanner.contentLength >= 0 ? 'length' : 'until-close';
}

/** Head and what has come of the body, in one write when small. */
function pass(x: Exchange, connection: UpstreamConnection, read: HeadRead): number {
  const { downstream, worker } = x;
  const { bytes, after } = read;
  const next = connection.body.done ? after : connection.body.feed(bytes, after, read.end);
  if (next < 0) return nonsense(x);
  x.phase = 'responding';
  const length = buildResponseHead(x, read, downstream.closesAfter(x), false);
  x.info.responseHeadBytes = length;
  const { scratch } = worker.buffers;
  let accepted: boolean;
  if (next - after <= JOIN_BYTES && length + next - after <= scratch.length) {
    const joined = length + (next > after ? asBuffer(bytes).copy(scratch, length, after, next) : 0);
    accepted = downstream.write(scratch, 0, joined);
  } else {
    downstream.write(scratch, 0, length);
    accepted = downstream.write(bytes, after, next);
  }
  if (!accepted && !connection.body.done) connection.pause(true);
  return next;
}

/** HTTP/1.0 clients get the bare payload, ended by the end of the connection. */
function passUnchunked(x: Exchange, connection: UpstreamConnection, read: HeadRead): number {
  const { downstream, worker } = x;
  downstream.closeAfter = true;
  x.phase = 'responding';
  const length = buildResponseHead(x, read, true, true);
  x.info.responseHeadBytes = length;
  downstream.write(worker.buffers.scratch, 0, length);
  connection.payload = (data, from, to) => responseBody(x, data, from, to);
  const next = connection.body.feed(read.bytes, read.after, read.end, connection.payload);
  if (next >= 0) return next;
  upstreamLost(x, connection, 'protocol', connection.body.error);
  return -1;
}

function switchProtocols(x: Exchange, connection: UpstreamConnection, read: HeadRead): number {
  x.phase = 'tunnel';
  connection.startTunnel();
  const length = buildResponseHead(x, read, false, false);
  x.info.responseHeadBytes = length;
  x.downstream.write(x.worker.buffers.scratch, 0, length);
  x.downstream.startTunnel(x);
  return read.after;
}

function nonsense(x: Exchange): number {
  attemptFailed(x, { end: { t: 'reset', requestSent: true }, flag: 'UPE', reason: 'protocol error', transport: '' });
  return -1;
}

export function responseBody(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  x.downstream.timers.touch(x);
  if (!x.downstream.write(bytes, start, end)) x.upstream?.pause(true);
}

/** The response is whole. */
export function responseEnded(x: Exchange, payloadBytes: number): void {
  x.info.upstreamEndMs = x.worker.wheel.recent;
  x.info.bytesSent = payloadBytes;
  settle(x);
  x.upstream = undefined;
  x.downstream.finish(x);
}

export function tunnelData(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  x.info.bytesSent += end - start;
  x.downstream.timers.touch(x);
  if (!x.downstream.write(bytes, start, end)) x.upstream?.pause(true);
}

export function tunnelEnded(x: Exchange): void {
  x.downstream.tunnelHalfClosed(x);
}

/** The upstream connection broke, or spoke nonsense. */
export function upstreamLost(x: Exchange, connection: UpstreamConnection, cause: 'closed' | 'protocol', reason: string): void {
  const { info } = x;
  if (x.phase === 'sent') {
    if (cause === 'closed' && sentOnStale(x, connection)) return;
    if (cause === 'protocol') nonsense(x);
    else attemptFailed(x, { end: { t: 'reset', requestSent: true }, flag: 'UC', reason: 'connection termination', transport: '' });
    return;
  }
  if (x.phase === 'done') return;
  info.upstreamEndMs = x.worker.wheel.now();
  if (x.phase === 'responding') {
    info.flags |= flagBit(cause === 'protocol' ? 'UPE' : 'UC');
    info.responseCodeDetails = `upstream_reset_after_response_started{${cause === 'protocol' ? 'protocol_error' : 'connection_termination'}}`;
    if (reason !== '') info.upstreamTransportFailureReason = reason;
  }
  abandonAttempt(x, x.phase === 'responding' ? 'local' : undefined);
  // A response that is cut must look cut: the client's connection goes with it.
  if (x.phase === 'tunnel') x.downstream.closeTunnel(x);
  else x.downstream.cut(x);
}
