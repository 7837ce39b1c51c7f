import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { createDeframer, writeFramed } from './framing.ts';
import { decodeMessage, metadataOf } from './metadata.ts';
import { parseStatus, Status, statusOf, statusOfHttp, statusOfReset, type GrpcStatus } from './status.ts';
import type { GrpcMetadata } from './types.ts';

export interface CallOptions {
  readonly metadata?: GrpcMetadata;
  /** Also sent as `grpc-timeout`. Default none for streams, 10 000 for unary. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** Events of one call on the client. */
export interface ClientListener {
  /** A throw cancels the call, and becomes its status. */
  onMessage(message: Uint8Array): void;
  /** The call is over; called exactly once, also when the connection failed (UNAVAILABLE). */
  onEnd(status: GrpcStatus, trailers: GrpcMetadata): void;
}

export interface ClientCall {
  /** One message, or parts of one. False: wait for `onDrain`. Ignored after the end. */
  write(message: Uint8Array | readonly Uint8Array[]): boolean;
  /** Calls `run` once, when what was written has gone out; soon when nothing waits. Never after the end. */
  onDrain(run: () => void): void;
  /** Reads no more, until `resume`: the server has to wait once its window is full. Messages that are here already may still come. */
  pause(): void;
  resume(): void;
  /** No more messages from here. */
  halfClose(): void;
  /** Ends the call as CANCELLED. Idempotent. */
  cancel(): void;
}

/** A call that failed before it had a stream. `onEnd` comes in a turn of its own, as always. */
export function failedCall(listener: ClientListener, status: GrpcStatus): ClientCall {
  setImmediate(() => listener.onEnd(status, {}));
  return { write: () => false, onDrain() {}, pause() {}, resume() {}, halfClose() {}, cancel() {} };
}

/** What a call over a stream goes by. */
export interface CallTerms {
  readonly options: CallOptions;
  readonly maxMessageBytes: number;
  /** Why the connection is gone; undefined while it stands. */
  readonly lost: () => string | undefined;
}

/** Runs one call over a stream that was just opened. */
export function runCall(stream: ClientHttp2Stream, listener: ClientListener, terms: CallTerms): ClientCall {
  const { options } = terms;
  const outcome = createOutcome(stream, listener);
  const cancel = (): void => outcome.abort({ code: Status.CANCELLED, message: 'cancelled' });
  readAnswer(stream, listener, terms, outcome);
  const timer =
    options.deadlineMs === undefined
      ? undefined
      : setTimeout(() => outcome.abort({ code: Status.DEADLINE_EXCEEDED, message: `no answer within ${options.deadlineMs} ms` }), options.deadlineMs);
  if (options.signal?.aborted === true) setImmediate(cancel);
  else options.signal?.addEventListener('abort', cancel, { once: true });
  outcome.onFinish(() => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', cancel);
  });
  return {
    write: (message) =>
      outcome.ended || outcome.status !== undefined || stream.destroyed || stream.writableEnded ? false : writeFramed(stream, message),
    onDrain(run) {
      if (stream.writableNeedDrain) stream.once('drain', run);
      else setImmediate(() => !outcome.ended && !stream.destroyed && run());
    },
    pause() {
      if (!outcome.ended && !stream.destroyed) stream.pause();
    },
    resume() {
      if (!outcome.ended && !stream.destroyed) stream.resume();
    },
    halfClose() {
      if (!stream.destroyed) stream.end();
    },
    cancel,
  };
}

/** How a call stands; it ends once. */
interface Outcome {
  /** Known before the end: by trailers, or because we gave up. The first one counts. */
  readonly status: GrpcStatus | undefined;
  readonly ended: boolean;
  /** We gave up; what still comes is not read. */
  readonly aborted: boolean;
  settle(status: GrpcStatus): void;
  trailers(headers: IncomingHttpHeaders): void;
  abort(status: GrpcStatus): void;
  /** Overrules a status of OK. */
  spoil(status: GrpcStatus): void;
  finish(): void;
  onFinish(run: () => void): void;
}

function createOutcome(stream: ClientHttp2Stream, listener: ClientListener): Outcome {
  let status: GrpcStatus | undefined;
  let trailers: GrpcMetadata = {};
  let ended = false;
  let aborted = false;
  let release = (): void => undefined;
  const finish = (): void => {
    if (ended) return;
    ended = true;
    release();
    listener.onEnd(status ?? { code: Status.UNKNOWN, message: 'the call ended without a status' }, trailers);
  };
  return {
    get status() {
      return status;
    },
    get ended() {
      return ended;
    },
    get aborted() {
      return aborted;
    },
    settle(next) {
      status ??= next;
    },
    trailers(headers) {
      trailers = metadataOf(headers);
      const code = parseStatus(headers['grpc-status']);
      if (code === undefined) return;
      const message = headers['grpc-message'];
      status ??= typeof message === 'string' ? { code, message: decodeMessage(message) } : { code };
    },
    abort(with_) {
      aborted = true;
      status ??= with_;
      stream.close(constants.NGHTTP2_CANCEL);
      if (stream.destroyed) finish();
    },
    spoil(next) {
      if (status?.code === Status.OK) status = next;
    },
    finish,
    onFinish(run) {
      release = run;
    },
  };
}

/** Reads the response: what comes goes to the listener, how it ends to the outcome. */
function readAnswer(stream: ClientHttp2Stream, listener: ClientListener, { maxMessageBytes, lost }: CallTerms, outcome: Outcome): void {
  const deframer = createDeframer(maxMessageBytes);
  let failure = '';
  stream.on('response', (headers) => {
    outcome.trailers(headers);
    const refusal = notGrpc(headers);
    if (refusal !== undefined) outcome.abort(refusal);
  });
  stream.on('trailers', (headers) => outcome.trailers(headers));
  stream.on('data', (chunk: Buffer) => {
    // Trailers can overtake data that waits to be read: only what we aborted ourselves is over here.
    if (outcome.ended || outcome.aborted) return;
    try {
      for (const message of deframer.push(chunk)) listener.onMessage(message);
    } catch (error) {
      outcome.abort(statusOf(error));
    }
  });
  stream.on('error', (error: Error) => {
    failure = error.message;
  });
  stream.on('end', () => {
    // The server has said its last word; what we might still write goes nowhere.
    if (outcome.status !== undefined && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.on('close', () => {
    const reason = lost();
    if (reason !== undefined) outcome.settle({ code: Status.UNAVAILABLE, message: failure === '' ? reason : `${reason}: ${failure}` });
    if (stream.rstCode !== 0)
      outcome.settle({ code: statusOfReset(stream.rstCode), message: `the stream was reset by the server (${stream.rstCode})` });
    if (!deframer.atBoundary) outcome.spoil({ code: Status.INTERNAL, message: 'the last message is cut off' });
    outcome.finish();
  });
}

/** Why a response is not one that we can read. */
function notGrpc(headers: IncomingHttpHeaders & { readonly ':status'?: number | undefined }): GrpcStatus | undefined {
  const httpStatus = headers[':status'] ?? 0;
  const isGrpc = httpStatus === 200 && headers['content-type']?.startsWith('application/grpc') === true;
  if (!isGrpc) return { code: httpStatus === 200 ? Status.UNKNOWN : statusOfHttp(httpStatus), message: `the answer is HTTP ${httpStatus}, not gRPC` };
  const encoding = headers['grpc-encoding'];
  if (encoding === undefined || encoding === 'identity') return undefined;
  return { code: Status.UNIMPLEMENTED, message: `grpc-encoding ${String(encoding)} is not supported` };
}
