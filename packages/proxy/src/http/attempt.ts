import type { Breaker, CompiledCluster, Host } from '@meltemi/runtime';
import { httpPool } from '../pool/host-pools.ts';
import { dialTcpStream } from '../pool/tcp-stream.ts';
import { forget } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import { spread } from './hedge.ts';
import { pickHost } from './host-choice.ts';
import type { Piece } from './pieces.ts';
import { REPLIES } from './replies.ts';
import { mirrorHead, sendMirrors } from './mirror.ts';
import { sendKept } from './request-body.ts';
import { buildRequestHead, rescan } from './request-head.ts';
import { attemptFailed } from './retry.ts';
import { countAttempt } from '../stats/count-exchange.ts';
import { touchTry } from './try-idle.ts';
import { startLife } from './try-life.ts';
import type { RequestFraming, UpstreamStream } from './stream.ts';
import { endsHere } from './upgrades.ts';

/** Bodies up to so much go out in one piece with their head. */
const JOIN_BYTES = 64 * 1024;

/** Chooses a host and a connection, and sends what has come of the request. */
export function startAttempt(x: Exchange): void {
  const { cluster, breaker, worker, info } = x;
  if (cluster === undefined || breaker === undefined) return;
  const dropped = info.attempts === 0 ? cluster.drop(worker.random()) : undefined;
  if (dropped !== undefined) {
    x.downstream.reply(x, REPLIES[dropped]);
    return;
  }
  noteAttempt(info, worker.wheel.recent);
  const host = pickHost(x);
  if (host === undefined) return;
  x.host = host;
  info.host = host;
  info.upstreamRemote = host.key;
  if (!takePlace(x, cluster, breaker, host)) return;
  if (endsHere(x)) {
    dialTcpStream(worker, { cluster, host, breaker }, x, () => x.phase === 'held' && x.host === host);
    return;
  }
  const got = httpPool(worker, host).acquire(cluster, x, breaker, x.downstream.protocol);
  if (got === 'overflow') noPlace(x);
  else if (got !== 'queued') send(x, got, info.attempts === 1 && worker.scannedFor === x);
}

function noteAttempt(info: Exchange['info'], now: number): void {
  if (info.attempts > 0 && info.upstreamRemote !== '') (info.hostsBefore ??= []).push(info.upstreamRemote);
  info.attempts++;
  info.attemptStartMs = now;
}

/** Counts the attempt in, unless there are as many requests as there may be. */
function takePlace(x: Exchange, { counts }: CompiledCluster, breaker: Breaker, host: Host): boolean {
  const { usage, limits } = breaker;
  if (usage.requests >= limits.maxRequests) {
    counts.rqActiveOverflow++;
    attemptFailed(x, { end: { t: 'overflow' }, flag: 'UO', reason: 'overflow', transport: '' });
    return false;
  }
  usage.requests++;
  breaker.began(x.worker.wheel.recent);
  host.active++;
  x.counted = true;
  return true;
}

/** There is no connection, and no place to wait for one: the request has not got as far as to a host. */
function noPlace(x: Exchange): void {
  const { info } = x;
  info.host = undefined;
  info.upstreamRemote = '';
  attemptFailed(x, { end: { t: 'overflow' }, flag: 'UO', reason: 'overflow', transport: '' });
}

/** A connection is there: writes head and body so far, in one piece when they are small. `fresh` = the scanner still shows the head. */
export function send(x: Exchange, stream: UpstreamStream, fresh: boolean): void {
  const { worker, info, downstream } = x;
  x.upstream = stream;
  x.phase = 'sent';
  x.attemptUnframe = undefined;
  stream.begin(x);
  info.upstreamLocal = stream.local;
  info.upstreamTls = stream.tls;
  info.upstreamProtocol = stream.protocol === 'http2' ? 'HTTP/2' : 'HTTP/1.1';
  // At the first attempt the request's own event has just asked for the time.
  info.upstreamStartMs = fresh ? worker.wheel.recent : worker.wheel.now();
  countAttempt(x);
  startLife(x);
  tellConnected(x);
  if (!fresh) rescan(x);
  const framing = requestFraming(x, stream);
  const length = buildRequestHead(x, framing);
  info.upstreamHeadBytes = length;
  mirrorHead(x, worker.buffers.scratch, length);
  const accepted =
    stream.protocol === 'http1' && (framing === 'raw' || framing === 'empty')
      ? sendRaw(x, stream, length)
      : sendFramed(x, stream, { framing, length });
  sendMirrors(x);
  if (!mayGoAgain(x)) forget(x);
  downstream.pause(!accepted && !x.requestComplete);
  if (x.bodyComplete) startTry(x);
}

/** Where failures of our side are counted apart, its successes are as well. */
function tellConnected({ cluster, host, worker }: Exchange): void {
  if (host !== undefined && cluster?.config.outlier?.splitLocalOrigin === true) cluster.report(host, 'connected', worker.wheel.recent);
}

/** Is there any reason to keep what was sent? */
function mayGoAgain(x: Exchange): boolean {
  return x.replayable && (x.retriesLeft > 0 || x.extraAttempts > 0 || x.forward?.config.internalRedirect !== undefined);
}

/** The request is with the upstream, whole: the time of the try runs, and another one may begin beside it. */
function startTry(x: Exchange): void {
  x.downstream.timers.startTry(x);
  touchTry(x);
  if (x.extraAttempts > 0) spread(x);
}

function isEmpty(x: Exchange): boolean {
  return x.bodyComplete && x.bodyBytes === 0 && x.requestTrailers === undefined && x.upgrade === '';
}

/** Methods whose requests need no word about a body that is not there. */
const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'TRACE', 'CONNECT']);

/** How the body goes: as it is where its length or its chunks say where it ends. */
function requestFraming(x: Exchange, stream: UpstreamStream): RequestFraming {
  const { requestScanner: scanner } = x.worker;
  const empty = isEmpty(x);
  if (stream.protocol === 'http2') return empty ? 'none' : 'raw';
  if (empty && x.downstream.protocol === 'http2' && scanner.contentLength < 0 && !BODILESS.has(x.info.method)) return 'empty';
  if (x.bodyForm === 'chunked' || scanner.contentLength >= 0 || empty || x.upgrade !== '') return 'raw';
  return 'chunked';
}

function sendRaw(x: Exchange, stream: UpstreamStream, length: number): boolean {
  const { scratch } = x.worker.buffers;
  let accepted: boolean;
  if (x.bodyBytes <= JOIN_BYTES && length + x.bodyBytes <= scratch.length) {
    let at = length;
    for (const piece of x.body) at += copyPiece(piece, scratch, at);
    accepted = stream.writeHead(scratch, at, 'raw');
  } else {
    accepted = stream.writeHead(scratch, length, 'raw');
    for (const { bytes, start, end } of x.body) accepted = stream.write(bytes, start, end);
  }
  if (x.bodyComplete) stream.end(undefined);
  return accepted;
}

function sendFramed(x: Exchange, stream: UpstreamStream, head: { readonly framing: RequestFraming; readonly length: number }): boolean {
  const accepted = stream.writeHead(x.worker.buffers.scratch, head.length, head.framing);
  return head.framing === 'none' || x.upgrade !== '' ? accepted : sendKept(x, stream) && accepted;
}

function copyPiece(piece: Piece, out: Buffer, at: number): number {
  return (piece.bytes as Buffer).copy(out, at, piece.start, piece.end);
}
