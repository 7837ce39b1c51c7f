import type { CompiledHeaders } from '@meltemi/runtime';
import { flagBit, type ResponseFlag } from '../types.ts';
import type { Exchange } from './exchange.ts';
import { clean } from './headers.ts';
import { dateLine, responseLines } from './response-head.ts';
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

/** The reply as text of one message. Records it in the stream's info. */
export function renderLocalReply(x: Exchange, reply: LocalReply, close: boolean): string {
  const { info, plan } = x;
  const grpc = reply.grpcStatus !== undefined || (info.grpc && reply.status >= 400);
  info.responseCode = grpc ? 200 : reply.status;
  info.responseCodeDetails = reply.details;
  info.flags |= reply.flags;
  const body = Buffer.byteLength(reply.body);
  let head = `HTTP/1.1 ${info.responseCode} ${statusText(info.responseCode)}\r\n`;
  if (grpc) {
    info.grpcStatus = String(reply.grpcStatus ?? grpcStatusOf(reply.status));
    head += `content-type: application/grpc\r\ngrpc-status: ${info.grpcStatus}\r\ngrpc-message: ${encodeURIComponent(reply.body)}\r\ncontent-length: 0\r\n`;
  } else {
    head += `content-length: ${body}\r\n`;
    if (body > 0) head += 'content-type: text/plain\r\n';
  }
  head += reply.lines + ownHeaders(x) + responseLines(x) + dateLine(x.worker.ports.clock.now());
  head += plan.serverLine === '' ? 'server: envoy\r\n' : plan.serverLine;
  if (close) head += 'connection: close\r\n';
  else if (x.http10) head += 'connection: keep-alive\r\n';
  head += '\r\n';
  info.responseHeadBytes = head.length;
  if (grpc || x.isHead) return head;
  info.bytesSent = body;
  return head + Buffer.from(reply.body).toString('latin1');
}

/** The route's response headers count for direct answers as well; there are no lines of an upstream to change. */
function ownHeaders(x: Exchange): string {
  const operations: CompiledHeaders | undefined = x.choice?.responseHeaders ?? x.route?.responseHeaders;
  if (operations === undefined || operations.empty) return '';
  let lines = '';
  for (const header of operations.set) {
    if (header.action === 'overwrite-if-exists' || header.name.startsWith(':')) continue;
    const value = clean(header.constant ?? header.value(x.worker.format.use(x.info, x.worker.requestScanner, x.head.bytes, true)));
    if (value !== '' || header.keepEmptyValue) lines += `${header.name}: ${value}\r\n`;
  }
  return lines;
}

/** gRPC's mapping of HTTP statuses. */
function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}
