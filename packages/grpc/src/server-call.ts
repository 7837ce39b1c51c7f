import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createDeframer, createPacedWriter } from './framing.ts';
import { encodeMessage, metadataOf, parseTimeout } from './metadata.ts';
import { Status, statusOf, type GrpcStatus } from './status.ts';
import type { GrpcLimits, GrpcMetadata } from './types.ts';

/** Who calls. */
export interface Peer {
  /** Remote IP address; empty on a Unix socket. */
  readonly address: string;
  readonly port: number;
  /** The URI SAN (SPIFFE ID) of a client certificate that verified against the trusted roots; undefined without one. */
  readonly principal: string | undefined;
  /** When that certificate ends, milliseconds since the epoch. */
  readonly certificateExpiresMs: number | undefined;
}

/** One call on the server. Every call ends exactly once, with `onClose` of its listener. */
export interface ServerCall {
  readonly path: string;
  readonly metadata: GrpcMetadata;
  readonly peer: Peer;
  /**
   * Sends one message; a list of parts is one message, sent without joining them. False: the client reads slowly; wait for `onDrain`
   * (the message is queued all the same). After the end a write is ignored and returns false.
   */
  write(message: Uint8Array | readonly Uint8Array[]): boolean;
  /** Calls `run` once, when what was written has gone out; soon when nothing waits. Never after the end. */
  onDrain(run: () => void): void;
  /** Reads no more, until `resume`: the client has to wait once its window is full. Messages that are here already may still come. */
  pause(): void;
  resume(): void;
  /** Ends the call; default status OK. Idempotent. */
  end(status?: GrpcStatus): void;
}

/** What a method does with a call's events. */
export interface CallListener {
  /** One whole message. Valid after return (not reused). A throw ends the call: MeshError as its `grpc/…` status, others as INTERNAL. */
  onMessage(message: Uint8Array): void;
  /** The client has sent all it will send. */
  onHalfClose?(): void;
  /** The call is over, whatever the reason. Called exactly once. */
  onClose?(): void;
}

/** Called once per call; may end it at once (for example as UNAUTHENTICATED). */
export type MethodHandler = (call: ServerCall) => CallListener;

/** How long a client may keep its half of an ended call open. */
const LINGER_MS = 1_000;

/** Ends a stream that never became a call. */
export function refuse(stream: ServerHttp2Stream, status: GrpcStatus): void {
  stream.on('error', () => {});
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(trailersOnly(status), { endStream: true });
  stream.resume();
  linger(stream);
}

function trailersOnly(status: GrpcStatus): Record<string, string | number> {
  return { ':status': 200, 'content-type': 'application/grpc+proto', ...statusTrailers(status) };
}

function statusTrailers(status: GrpcStatus): Record<string, string> {
  return { 'grpc-status': String(status.code), ...(status.message === undefined ? {} : { 'grpc-message': encodeMessage(status.message) }) };
}

/** Cuts a stream whose client does not finish its half. */
function linger(stream: ServerHttp2Stream): void {
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS);
  timer.unref();
  stream.once('close', () => clearTimeout(timer));
}

/** What a call is served by. */
export interface ServeOptions {
  readonly peer: Peer;
  readonly handler: MethodHandler;
  readonly limits: Required<GrpcLimits>;
}

/** Runs a handler over one HTTP/2 stream. */
export function serveCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, { peer, handler, limits }: ServeOptions): ServerCall {
  const { call, status } = createCall(stream, headers, peer);
  const deframer = createDeframer(limits.maxMessageBytes);
  let listener: CallListener | undefined;
  /** Runs a part of the handler; what it throws becomes the call's status. */
  const guard = (run: () => void): void => {
    if (status() !== undefined) return;
    try {
      run();
    } catch (error) {
      call.end(statusOf(error));
    }
  };
  const timers = startTimers(call, headers, limits, () => stream.isPaused());

  // Registered before the handler runs: nothing may be lost when it ends the call at once.
  stream.on('error', () => {});
  stream.on('wantTrailers', () => stream.sendTrailers(statusTrailers(status() ?? { code: Status.OK })));
  stream.on('close', () => {
    timers.stop();
    // Of no effect but on the call's own state: the stream is gone.
    call.end({ code: Status.CANCELLED });
    listener?.onClose?.();
    listener = undefined;
  });
  stream.on('data', (chunk: Buffer) =>
    guard(() => {
      for (const message of deframer.push(chunk)) {
        timers.firstMessage();
        if (status() === undefined) listener?.onMessage(message);
      }
    }),
  );
  stream.on('end', () =>
    guard(() => {
      timers.firstMessage();
      // Also raised when the client resets the stream: that is no half close.
      if (stream.destroyed || stream.aborted) return;
      if (deframer.atBoundary) listener?.onHalfClose?.();
      else call.end({ code: Status.INTERNAL, message: 'the last message is cut off' });
    }),
  );
  guard(() => {
    listener = handler(call);
  });
  return call;
}

/** The call as its handler sees it, and how it ended. */
function createCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: Peer,
): { readonly call: ServerCall; readonly status: () => GrpcStatus | undefined } {
  let ended: GrpcStatus | undefined;
  const writer = createPacedWriter(stream);
  const call: ServerCall = {
    path: String(headers[':path']),
    metadata: metadataOf(headers),
    peer,
    write(message) {
      if (ended !== undefined || stream.destroyed) return false;
      if (!stream.headersSent) stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
      return writer.write(message);
    },
    onDrain(run) {
      if (ended !== undefined || stream.destroyed) return;
      const runOpen = (): unknown => ended === undefined && !stream.destroyed && run();
      if (writer.isWaiting) writer.onDrain(runOpen);
      else setImmediate(runOpen);
    },
    pause() {
      if (ended === undefined && !stream.destroyed) stream.pause();
    },
    resume() {
      if (ended === undefined && !stream.destroyed) stream.resume();
    },
    end(status = { code: Status.OK }) {
      if (ended !== undefined) return;
      ended = status;
      if (stream.destroyed) return;
      stream.resume();
      if (stream.headersSent && writer.isWaiting) writer.onDrain(() => stream.end());
      else if (stream.headersSent) stream.end();
      else stream.respond(trailersOnly(status), { endStream: true });
      linger(stream);
    },
  };
  return { call, status: () => ended };
}

/** The client's deadline, and how long it may take until its first message; while we do not read, it cannot send it. */
function startTimers(
  call: ServerCall,
  headers: IncomingHttpHeaders,
  limits: Required<GrpcLimits>,
  isPaused: () => boolean,
): { readonly firstMessage: () => void; readonly stop: () => void } {
  const after = (ms: number, message: string): NodeJS.Timeout => setTimeout(() => call.end({ code: Status.DEADLINE_EXCEEDED, message }), ms);
  const waitForFirst = (): NodeJS.Timeout =>
    setTimeout(() => {
      if (isPaused()) first = waitForFirst();
      else call.end({ code: Status.DEADLINE_EXCEEDED, message: 'no message came' });
    }, limits.firstMessageTimeoutMs);
  let first = waitForFirst();
  const timeoutMs = parseTimeout(headers['grpc-timeout']);
  const deadline = timeoutMs === undefined ? undefined : after(Math.min(timeoutMs, 2 ** 31 - 1), 'deadline exceeded');
  return {
    firstMessage: () => clearTimeout(first),
    stop() {
      clearTimeout(first);
      clearTimeout(deadline);
    },
  };
}

/** A method with one request and one response. A thrown MeshError of code `grpc/<status name in lower case>` becomes that status. */
export function unaryMethod(run: (request: Uint8Array, call: ServerCall) => Uint8Array | Promise<Uint8Array>): MethodHandler {
  return (call) => {
    let request: Uint8Array | undefined;
    let started = false;
    const answer = async (message: Uint8Array) => {
      try {
        call.write(await run(message, call));
        call.end();
      } catch (error) {
        call.end(statusOf(error));
      }
    };
    return {
      onMessage(message) {
        if (request !== undefined) return call.end({ code: Status.UNIMPLEMENTED, message: 'one request message expected' });
        request = message;
      },
      onHalfClose() {
        if (started) return;
        started = true;
        if (request === undefined) call.end({ code: Status.UNIMPLEMENTED, message: 'one request message expected' });
        else void answer(request);
      },
    };
  };
}
