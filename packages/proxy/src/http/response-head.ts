import { HEADER, type HeadScanner } from '@meltemi/wire';
import { upstreamServiceMs } from '../core/stream-info.ts';
import { asBuffer } from '../net/node-bytes.ts';
import type { Exchange } from './exchange.ts';
import { applyEdits } from './filters/edits.ts';
import { applyHeaders, clean, copyKept, sentValue, type HeadDraft } from './headers.ts';
import { rescan } from './request-head.ts';
import { headerValue } from './request-view.ts';
import { operationLine, readOperation } from './spans.ts';
import type { HeadRead } from './stream.ts';
import { CONNECT } from './upgrades.ts';

const { server: SERVER, date: DATE } = HEADER;
const SERVICE_TIME = HEADER['x-envoy-upstream-service-time'];
const TRANSFER_ENCODING = HEADER['transfer-encoding'];
const DECORATOR = HEADER['x-envoy-decorator-operation'];

/** For the version and line ends. */
const SPARE_BYTES = 64;

let dateSecond = -1;
let dateText = '';

/** `date: …\r\n` of this second. */
export function dateLine(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}

/** What becomes of the connection and of the body's framing. */
export interface ResponseFraming {
  /** The client's connection ends with the response. */
  readonly close: boolean;
  /** `kept`: as the upstream has it; `chunked`: in chunks of our own; `bare`: ended by the connection's end or by HTTP/2's framing; `empty`: no body, length 0. */
  readonly framing: 'kept' | 'chunked' | 'bare' | 'empty';
}

/**
 * Writes the client's response head into the scratch buffer from the head that the worker's response scanner has just read. Answers
 * the length.
 */
export function buildResponseHead(x: Exchange, { bytes: source, start }: HeadRead, { close, framing }: ResponseFraming): number {
  const { responseScanner: scanner, buffers } = x.worker;
  const { captureResponse } = x.plan;
  const bytes = asBuffer(source);
  if (captureResponse.length > 0) x.info.capturedResponse = captureResponse.map((name) => headerValue(scanner, bytes, name));
  if (scanner.known[SERVICE_TIME] !== 0) scanner.dropKnown(SERVICE_TIME);
  if (x.span !== undefined) readOperation(x, bytes);
  // For the proxy that made the request, not for who is behind it.
  if (scanner.known[DECORATOR] !== 0) scanner.dropKnown(DECORATOR);
  const lines = addedLines(x, scanner, bytes) + connectionLine(x, close) + framingLine(scanner, framing);
  const out = buffers.reserve(scanner.headersEnd - start + lines.length + SPARE_BYTES);
  // The status line is the upstream's own but for its version.
  let at =
    scanner.minor === 1
      ? bytes.copy(out, 0, start, scanner.headersStart)
      : out.write('HTTP/1.1', 0, 'latin1') + bytes.copy(out, 8, start + 8, scanner.headersStart);
  at = copyKept(scanner, bytes, out, at);
  at += out.write(lines, at, 'latin1');
  out[at++] = 13;
  out[at++] = 10;
  return at;
}

function framingLine(scanner: HeadScanner, framing: ResponseFraming['framing']): string {
  if (framing === 'kept') return '';
  if (framing === 'empty') return 'content-length: 0\r\n';
  if (framing === 'bare') scanner.dropKnown(TRANSFER_ENCODING);
  return framing === 'chunked' && !scanner.chunked ? 'transfer-encoding: chunked\r\n' : '';
}

function addedLines(x: Exchange, scanner: HeadScanner, bytes: Buffer): string {
  const { config, serverLine } = x.plan;
  const { info, worker } = x;
  // Counted from the end of the request: before that there is nothing to count.
  let lines = x.requestComplete && x.upgrade === '' ? `x-envoy-upstream-service-time: ${upstreamServiceMs(info)}\r\n` : '';
  if (x.hostChoice !== undefined) for (const cookie of x.hostChoice.setCookies) lines += `set-cookie: ${clean(cookie)}\r\n`;
  lines = configuredLines(x, scanner, bytes, lines);
  if (serverLine !== '' && !(config.serverHeader === 'append-if-absent' && scanner.known[SERVER] !== 0)) {
    scanner.dropKnown(SERVER);
    lines += serverLine;
  }
  if (scanner.known[DATE] === 0) lines += dateLine(worker.ports.clock.now());
  return lines + responseLines(x);
}

/** What route and filters do to the head; logs tell what the client gets. */
function configuredLines(x: Exchange, scanner: HeadScanner, bytes: Buffer, before: string): string {
  const { info, choice, worker, plan, filters } = x;
  const draft: HeadDraft = { lines: before, overrides: undefined };
  const routed = choice !== undefined && !choice.responseHeaders.empty;
  const edited = filters !== undefined && filters.responseEdits.length > 0;
  if (!routed && !edited) return before;
  if (routed) {
    const format = worker.format.use(info, scanner, bytes, false);
    format.requestHeader = (name) => requestHeaderOf(x, name);
    applyHeaders(choice.responseHeaders, scanner, format, draft);
  }
  if (edited) applyEdits(filters.responseEdits, scanner, bytes, draft);
  if (plan.captureResponse.length > 0) info.capturedResponse = plan.captureResponse.map((name) => sentValue(scanner, bytes, draft.lines, name));
  return draft.lines;
}

/** A header of the request; its head is read again if need be. */
function requestHeaderOf(x: Exchange, name: string): string | undefined {
  if (x.worker.scannedFor !== x) rescan(x);
  return x.worker.view.header(name);
}

/** What the client is told of its connection. */
export function connectionLine(x: Exchange, close: boolean): string {
  if (x.phase === 'tunnel') return x.upgrade === CONNECT ? '' : 'connection: Upgrade\r\n';
  if (close) return 'connection: close\r\n';
  return x.http10 ? 'connection: keep-alive\r\n' : '';
}

/** What this hop adds to every response, its own or an upstream's. */
export function responseLines(x: Exchange): string {
  const { config } = x.plan;
  let lines = x.span === undefined ? '' : operationLine(x);
  if (x.route?.virtualHost.includeAttemptCountInResponse === true && x.info.attempts > 0) lines += `x-envoy-attempt-count: ${x.info.attempts}\r\n`;
  if ((config.alwaysSetRequestIdInResponse || x.tellsRequestId) && x.info.requestId !== '') lines += `x-request-id: ${x.info.requestId}\r\n`;
  if (config.via !== '') lines += `via: ${clean(config.via)}\r\n`;
  return lines;
}
