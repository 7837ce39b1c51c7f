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
  /** No more messages from here. */
  halfClose(): void;
  /** Ends the call as CANCELLED. Idempotent. */
  cancel(): void;
}

/** A call that failed before it had a stream. `onEnd` comes in a turn of its own, as always. */
export function failedCall(listener: ClientListener, status: GrpcStatus): ClientCall {
  setImmediate(() => listener.onEnd(status, {}));
  return { write: () => false, onDrain() {}, halfClose() {}, cancel() {} };
}

/** Runs one call over a stream that was just opened. `lost` says why the connection is gone, undefined while it stands. */
export function runCall(
  stream: ClientHttp2Stream,
  listener: ClientListener,
  options: CallOptions,
  maxMessageBytes: number,
  lost: () => string | undefined,
): ClientCall {
  let status: GrpcStatus | undefined;
  let trailers: GrpcMetadata = {};
  let ended = false;
  let aborted = false;
  let timer: NodeJS.Timeout | undefined;
  const deframer = createDeframer(maxMessageBytes);

  const finish = (): void => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', cancel);
    listener.onEnd(status ?? { code: Status.UNKNOWN, message: 'the call ended without a status' }, trailers);
  };
  const abort = (with_: GrpcStatus): void => {
    aborted = true;
    status ??= with_;
    stream.close(constants.NGHTTP2_CANCEL);
    if (stream.destroyed) finish();
  };
  const cancel = (): void => abort({ code: Status.CANCELLED, message: 'cancelled' });

  const takeTrailers = (headers: IncomingHttpHeaders): void => {
    trailers = metadataOf(headers);
    const code = parseStatus(headers['grpc-status']);
    if (code === undefined) return;
    const message = headers['grpc-message'];
    status ??= typeof message === 'string' ? { code, message: decodeMessage(message) } : { code };
  };
  stream.on('response', (headers) => {
    takeTrailers(headers);
    const httpStatus = headers[':status'] ?? 0;
    const isGrpc = httpStatus === 200 && headers['content-type']?.startsWith('application/grpc') === true;
    if (!isGrpc)
      abort({ code: httpStatus === 200 ? Status.UNKNOWN : statusOfHttp(httpStatus), message: `the answer is HTTP ${httpStatus}, not gRPC` });
    const encoding = headers['grpc-encoding'];
    if (encoding !== undefined && encoding !== 'identity')
      abort({ code: Status.UNIMPLEMENTED, message: `grpc-encoding ${String(encoding)} is not supported` });
  });
  stream.on('trailers', takeTrailers);
  stream.on('data', (chunk: Buffer) => {
    // Trailers can overtake data that waits to be read: only what we aborted ourselves is over here.
    if (ended || aborted) return;
    try {
      for (const message of deframer.push(chunk)) listener.onMessage(message);
    } catch (error) {
      abort(statusOf(error));
    }
  });
  let failure = '';
  stream.on('error', (error: Error) => {
    failure = error.message;
  });
  stream.on('end', () => {
    // The server has said its last word; what we might still write goes nowhere.
    if (status !== undefined && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.on('close', () => {
    const reason = lost();
    if (status === undefined && reason !== undefined)
      status = { code: Status.UNAVAILABLE, message: failure === '' ? reason : `${reason}: ${failure}` };
    if (status === undefined && stream.rstCode !== 0)
      status = { code: statusOfReset(stream.rstCode), message: `the stream was reset by the server (${stream.rstCode})` };
    if (status?.code === Status.OK && !deframer.atBoundary) status = { code: Status.INTERNAL, message: 'the last message is cut off' };
    finish();
  });
  if (options.deadlineMs !== undefined) {
    timer = setTimeout(() => abort({ code: Status.DEADLINE_EXCEEDED, message: `no answer within ${options.deadlineMs} ms` }), options.deadlineMs);
  }
  if (options.signal?.aborted === true) setImmediate(cancel);
  else options.signal?.addEventListener('abort', cancel, { once: true });

  return {
    write: (message) => (ended || status !== undefined || stream.destroyed || stream.writableEnded ? false : writeFramed(stream, message)),
    onDrain(run) {
      if (stream.writableNeedDrain) stream.once('drain', run);
      else setImmediate(() => !ended && !stream.destroyed && run());
    },
    halfClose() {
      if (!stream.destroyed) stream.end();
    },
    cancel,
  };
}
