import type { Host } from '@meltemi/runtime';

import { httpPool } from '../pool/dial-target.ts';
import { forget } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import type { Piece } from './pieces.ts';
import { REPLIES } from './replies.ts';
import { buildRequestHead, rescan } from './request-head.ts';
import { attemptFailed } from './retry.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Bodies up to so much go out in one piece with their head. */
const JOIN_BYTES = 64 * 1024;

/** Chooses a host and a connection, and sends what has come of the request. */
export function startAttempt(x: Exchange): void {
  const { cluster, worker, info } = x;
  if (cluster === undefined) return;
  info.attempts++;
  const { usage, config } = cluster;
  if (cluster.drop(worker.random())) {
    x.downstream.reply(x, REPLIES.dropped);
    return;
  }
  if (usage.requests >= config.limits.maxRequests) {
    attemptFailed(x, { end: { t: 'overflow' }, flag: 'UO', reason: 'overflow', transport: '' });
    return;
  }
  const host = pickHost(x);
  if (host === undefined) return;
  x.host = host;
  info.host = host;
  info.upstreamRemote = host.key;
  usage.requests++;
  host.active++;
  x.counted = true;
  const got = httpPool(worker, host).acquire(cluster, x);
  if (got === 'overflow') attemptFailed(x, { end: { t: 'overflow' }, flag: 'UO', reason: 'overflow', transport: '' });
  else if (got !== 'queued') send(x, got, info.attempts === 1 && worker.scannedFor === x);
}

function pickHost(x: Exchange): Host | undefined {
  const { cluster, worker } = x;
  if (cluster === undefined) return undefined;
  const { discovery } = cluster.config;
  if (discovery.t === 'original-dst') {
    const { connection } = x.info;
    // Not redirected: the "original destination" is this very listener.
    if (
      discovery.portOverride === undefined &&
      connection.originalPort === connection.localPort &&
      connection.originalAddress === connection.localAddress
    ) {
      x.downstream.reply(x, REPLIES.loop);
      return undefined;
    }
    return cluster.originalDst({ address: connection.originalAddress, port: connection.originalPort });
  }
  const host = cluster.pick(worker.random, worker.wheel.recent, x.tried);
  if (host === undefined) x.downstream.reply(x, REPLIES.noHost);
  return host;
}

/** A connection is there: writes head and body so far, in one piece when they are small. `fresh` = the scanner still shows the head. */
export function send(x: Exchange, connection: UpstreamConnection, fresh: boolean): void {
  const { worker, info } = x;
  x.upstream = connection;
  x.phase = 'sent';
  connection.begin(x);
  info.upstreamLocal = connection.local;
  info.upstreamTls = connection.tls;
  // At the first attempt the request's own event has just asked for the time.
  info.upstreamStartMs = fresh ? worker.wheel.recent : worker.wheel.now();
  if (!fresh) rescan(x);
  const length = buildRequestHead(x);
  const { scratch } = worker.buffers;
  let accepted: boolean;
  if (x.bodyBytes <= JOIN_BYTES && length + x.bodyBytes <= scratch.length) {
    let at = length;
    for (const piece of x.body) at += copyPiece(piece, scratch, at);
    accepted = connection.write(scratch, 0, at);
  } else {
    accepted = connection.write(scratch, 0, length);
    for (const { bytes, start, end } of x.body) accepted = connection.write(bytes, start, end);
  }
  connection.sending = !x.requestComplete;
  if (!x.replayable || x.retriesLeft === 0) forget(x);
  if (!accepted && !x.requestComplete) x.downstream.pause(true);
  else x.downstream.pause(false);
  if (x.requestComplete) x.downstream.timers.startTry(x);
}

function copyPiece(piece: Piece, out: Buffer, at: number): number {
  return (piece.bytes as Buffer).copy(out, at, piece.start, piece.end);
}
