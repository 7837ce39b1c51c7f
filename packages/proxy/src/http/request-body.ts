import { ChunkedFramer } from '@meltemi/wire';
import { asBuffer } from '../net/node-bytes.ts';
import { forget } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import { bodyArrived } from './filters/hold.ts';
import { StageChain, type BodySink } from './payload.ts';
import { spread } from './hedge.ts';
import { mirrorBody, sendMirrors } from './mirror.ts';
import { touchTry } from './try-idle.ts';
import { MAX_REPLAY_BYTES, NO_PIECES, type Piece } from './pieces.ts';
import type { UpstreamStream } from './stream.ts';

/**
 * The way of a request's body: from the client through the stages that asked for it, into what is kept for another attempt, and on
 * to the upstream. Between HTTP/1.1 connections it passes as it came; chunk framing is taken off where somebody wants the payload.
 */

/** A piece has come from the client, in the form of `x.bodyForm`. */
export function bodyData(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  if (x.requestChain === undefined) takeBody(x, bytes, start, end);
  else if (x.unframe === undefined) slowIf(x, x.requestChain.write(bytes, start, end));
  else unframe(x, bytes, start, end);
}

/** The client's body is whole; `trailers` when it came with some and not as chunks. */
export function bodyEnd(x: Exchange, trailers: Uint8Array | undefined): void {
  x.requestComplete = true;
  x.info.requestEndMs = x.worker.wheel.recent;
  if (x.requestChain === undefined) endBody(x, trailers);
  else x.requestChain.end(x.unframe?.trailers ?? trailers);
}

/** The last piece and the end, for protocols that tell both at once. */
export function bodyLast(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  const { upstream } = x;
  if (x.requestChain !== undefined || x.attemptUnframe !== undefined || x.replayable || upstream === undefined || x.phase === 'held') {
    bodyData(x, bytes, start, end);
    bodyEnd(x, undefined);
    return;
  }
  x.requestComplete = true;
  x.bodyComplete = true;
  x.info.requestEndMs = x.worker.wheel.recent;
  upstream.writeLast(bytes, start, end);
  startTimes(x);
}

/** All filters have let the request pass: from here on its body goes through the stages that they asked for. */
export function openRequestChain(x: Exchange): void {
  if (x.payloadRequest.length === 0) return;
  const { body } = x;
  x.body = NO_PIECES;
  x.bodyBytes = 0;
  x.bodyComplete = false;
  if (x.bodyForm === 'chunked') x.unframe = new ChunkedFramer();
  x.bodyForm = 'payload';
  x.requestChain = new StageChain(x.payloadRequest.toReversed(), new RequestTail(x));
  for (const { bytes, start, end } of body) bodyData(x, bytes, start, end);
  if (x.requestComplete) x.requestChain.end(x.unframe?.trailers ?? x.requestTrailers);
}

/** Payload of what has come of the body so far, for filters that look at it whole while the request is held. */
export function keptPayload(x: Exchange): Buffer {
  const parts: Buffer[] = [];
  eachPayload(x, (bytes, start, end) => parts.push(asBuffer(bytes).subarray(start, end)));
  return Buffer.concat(parts);
}

/** Sends what is kept, as payload, to a stream whose head is sent; and the end, if it is known. */
export function sendKept(x: Exchange, upstream: UpstreamStream): boolean {
  let accepted = true;
  const framer = eachPayload(x, (bytes, start, end) => (accepted = upstream.write(bytes, start, end)));
  if (x.bodyComplete) upstream.end(framer?.trailers ?? x.requestTrailers);
  else if (framer !== undefined) x.attemptUnframe = framer;
  return accepted;
}

function eachPayload(x: Exchange, sink: (bytes: Uint8Array, start: number, end: number) => void): ChunkedFramer | undefined {
  if (x.bodyForm === 'payload') {
    for (const { bytes, start, end } of x.body) sink(bytes, start, end);
    return undefined;
  }
  const framer = new ChunkedFramer();
  framer.start();
  for (const { bytes, start, end } of x.body) framer.feed(bytes, start, end, sink);
  return framer;
}

/** The end of the stages. */
class RequestTail implements BodySink {
  readonly #x: Exchange;

  constructor(x: Exchange) {
    this.#x = x;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const x = this.#x;
    if (x.phase === 'done') return true;
    // A stage may hand on bytes of its own: what is kept must not change.
    const keeps = x.replayable || (x.phase !== 'sent' && x.phase !== 'responding');
    if (!keeps) return takeBody(x, bytes, start, end);
    const own = Buffer.from(asBuffer(bytes).subarray(start, end));
    return takeBody(x, own, 0, own.length);
  }

  end(trailers: Uint8Array | undefined): void {
    if (this.#x.phase !== 'done') endBody(this.#x, trailers);
  }
}

function unframe(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  x.unframe?.feed(bytes, start, end, (data, from, to) => slowIf(x, x.requestChain?.write(data, from, to) ?? true));
}

function slowIf(x: Exchange, accepted: boolean): void {
  if (!accepted) x.downstream.pause(true);
}

/** Keeps a piece while it may be needed (again), and passes it on when the head is with the upstream. */
function takeBody(x: Exchange, bytes: Uint8Array, start: number, end: number): boolean {
  const sent = x.phase === 'sent' || x.phase === 'responding';
  if (x.replayable || !sent) keepBody(x, bytes, start, end);
  if (x.mirrors !== undefined) mirrorBody(x, bytes, start, end);
  return sent ? passBody(x, bytes, start, end) : x.bodyBytes <= MAX_REPLAY_BYTES;
}

function passBody(x: Exchange, bytes: Uint8Array, start: number, end: number): boolean {
  const { upstream, attemptUnframe } = x;
  if (upstream === undefined) return true;
  let accepted = true;
  if (attemptUnframe === undefined) accepted = upstream.write(bytes, start, end);
  else attemptUnframe.feed(bytes, start, end, (data, from, to) => (accepted = upstream.write(data, from, to)));
  if (!accepted) x.downstream.pause(true);
  return accepted;
}

/** What is too much for a second attempt makes the request unrepeatable. */
function keepBody(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  const piece = x.worker.buffers.own(bytes, start, end);
  if (x.body === NO_PIECES) x.body = [piece];
  else (x.body as Piece[]).push(piece);
  x.bodyBytes += end - start;
  if (x.filters !== undefined && x.phase === 'held') bodyArrived(x);
  if (x.bodyBytes <= MAX_REPLAY_BYTES) return;
  if (x.phase === 'sent' || x.phase === 'responding') forget(x);
  else if (x.filters === undefined || x.bodyBytes > x.filters.holdBytes) {
    x.replayable = false;
    x.downstream.pause(true);
  }
}

/** Everything that goes upstream is here. */
function endBody(x: Exchange, trailers: Uint8Array | undefined): void {
  x.bodyComplete = true;
  x.requestTrailers = trailers;
  if (x.phase === 'sent' || x.phase === 'responding') {
    x.upstream?.end(x.attemptUnframe?.trailers ?? trailers);
    x.attemptUnframe = undefined;
    if (x.mirrors !== undefined) sendMirrors(x);
    startTimes(x);
  } else if (x.info.attempts > 0) {
    // It waits for a connection: the time of the route runs all the same. (A fault's delay comes before the route's time.)
    x.downstream.timers.startRoute(x);
  } else if (x.filters !== undefined) bodyArrived(x);
}

/** The request is with the upstream, whole. */
function startTimes(x: Exchange): void {
  const { timers } = x.downstream;
  timers.startRoute(x);
  if (x.phase === 'sent') {
    timers.startTry(x);
    touchTry(x);
    if (x.extraAttempts > 0) spread(x);
  }
}
