import type { CompiledHeader, CompiledHeaders } from '@meltemi/runtime';
import { flagBit, type ResponseFlag } from '../types.ts';
import type { Exchange } from './exchange.ts';
import { filterLocalReply } from './filters/respond.ts';
import { encodeGrpcMessage, grpcStatusOf } from './grpc.ts';
import { clean, FRAMING, lineAt, lineValue, withoutLines } from './headers.ts';
import type { RuledReply } from './reply-rules.ts';
import { rescan } from './request-head.ts';
import { connectionLine, dateLine, responseLines } from './response-head.ts';
import { statusText } from './status-text.ts';

/** An answer of the proxy itself. Bodies, details and flags are Envoy's, so that what is written about it applies. */
export interface LocalReply {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  readonly flags: number;
  /** More header lines, each with its line end. */
  readonly lines: string;
  /** Set = answer in the way of gRPC. */
  readonly grpcStatus: number | undefined;
}

/** A local reply without extras. */
export function localReply(status: number, body: string, details: string, ...flags: readonly ResponseFlag[]): LocalReply {
  let bits = 0;
  for (const flag of flags) bits |= flagBit(flag);
  return { status, body, details, flags: bits, lines: '', grpcStatus: undefined };
}

/** A reply as a message: the head in the form of HTTP/1.1, and the body; undefined = none may follow. */
export interface RenderedReply {
  readonly head: string;
  readonly body: Buffer | undefined;
}

const NO_HEADERS: readonly CompiledHeader[] = [];

function asItIs({ status, body }: LocalReply): RuledReply {
  return { status, body, contentType: 'text/plain', headers: undefined };
}

/** The reply as a message. Records it in the stream's info. */
export function renderLocalReply(x: Exchange, reply: LocalReply, close: boolean): RenderedReply {
  const { info, plan } = x;
  const grpc = reply.grpcStatus !== undefined || info.grpc;
  const ruled = record(x, reply);
  if (grpc) info.responseCode = 200;
  const own = ownHeaders(x, grpc, ruled.headers);
  // A body behind one of these would be taken for the next response (RFC 9112 section 6.3).
  const body = grpc || info.responseCode === 204 || info.responseCode === 304 ? undefined : Buffer.from(ruled.body);
  const lines = (grpc ? grpcLines(x, reply, ruled) : bodyLines(x, body, ruled.contentType, reply.lines + own)) + reply.lines + own;
  const head = headOf(
    x,
    x.filters === undefined ? lines : filterLocalReply(x, info.responseCode, lines, body !== undefined && body.length > 0),
    close,
  );
  if (plan.captureResponse.length > 0) info.capturedResponse = plan.captureResponse.map((name) => lineValue(head, name));
  if (x.tap !== undefined) x.tap.onOwnReply(info.responseCode, head, body);
  return finished(x, head, body);
}

/** Puts the reply into the stream's record, and has the connection manager's rules applied to it. */
function record({ info, plan }: Exchange, reply: LocalReply): RuledReply {
  info.responseCode = reply.status;
  info.responseCodeDetails = reply.details;
  info.flags |= reply.flags;
  return plan.replyRules?.(info, reply) ?? asItIs(reply);
}

function headOf(x: Exchange, lines: string, close: boolean): string {
  const { info, plan, worker } = x;
  const start = `HTTP/1.1 ${info.responseCode} ${statusText(info.responseCode)}\r\n${lines}`;
  const server = plan.serverLine === '' ? 'server: envoy\r\n' : plan.serverLine;
  return `${start}${responseLines(x)}${dateLine(worker.ports.clock.now())}${server}${connectionLine(x, close)}\r\n`;
}

function finished(x: Exchange, head: string, body: Buffer | undefined): RenderedReply {
  x.info.responseHeadBytes = head.length;
  if (body === undefined || x.isHead || body.length === 0) return { head, body: undefined };
  x.info.bytesSent = body.length;
  return { head, body };
}

function bodyLines({ downstream }: Exchange, body: Buffer | undefined, contentType: string, own: string): string {
  if (body === undefined) return '';
  const { length } = body;
  // Over HTTP/2 the head alone says that nothing follows.
  if (length === 0 && downstream.protocol === 'http2') return '';
  const type = length > 0 && lineAt(own, 'content-type') < 0 ? `content-type: ${clean(contentType)}\r\n` : '';
  return `content-length: ${length}\r\n${type}`;
}

function grpcLines({ info, downstream }: Exchange, reply: LocalReply, { status, body }: RuledReply): string {
  info.grpcStatus = String(reply.grpcStatus ?? grpcStatusOf(status));
  const message = body === '' ? '' : `grpc-message: ${encodeGrpcMessage(body)}\r\n`;
  // Over HTTP/2 the head alone is the whole answer ("trailers-only").
  const length = downstream.protocol === 'http1' ? 'content-length: 0\r\n' : '';
  return `content-type: application/grpc\r\ngrpc-status: ${info.grpcStatus}\r\n${message}${length}`;
}

/** The route's response headers count for direct answers as well; there are no lines of an upstream to change. */
function ownHeaders(x: Exchange, grpc: boolean, rule: CompiledHeaders | undefined): string {
  const operations: CompiledHeaders | undefined = x.choice?.responseHeaders ?? x.route?.responseHeaders;
  const set = [...(operations?.set ?? NO_HEADERS), ...(rule?.set ?? NO_HEADERS)];
  if (set.length === 0) return '';
  // After a delay or a time-out the scanner may show another request by now.
  if (x.worker.scannedFor !== x) rescan(x);
  let lines = '';
  for (const header of set) if (!isFixed(header.name, grpc)) lines = withHeader(lines, header, x);
  return lines;
}

/** What frames a reply of our own, or is ours to say, is not for configuration to set. */
function isFixed(name: string, grpc: boolean): boolean {
  return name.startsWith(':') || FRAMING.has(name) || name === 'server' || name === 'date' || (grpc && name === 'content-type');
}

function withHeader(lines: string, header: CompiledHeader, { info, worker, head }: Exchange): string {
  const { name, action } = header;
  const there = lineAt(lines, name) >= 0;
  if (action === 'overwrite-if-exists' || (action === 'add-if-absent' && there)) return lines;
  const value = clean(header.constant ?? header.value(worker.format.use(info, worker.requestScanner, head.bytes, true)));
  if (value === '' && !header.keepEmptyValue) return lines;
  return `${action === 'overwrite' && there ? withoutLines(lines, name) : lines}${name}: ${value}\r\n`;
}
