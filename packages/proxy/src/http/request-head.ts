import type { ClusterChoice } from '@meltemi/runtime';
import { HEADER, type HeadScanner } from '@meltemi/wire';
import { asBuffer } from '../net/node-bytes.ts';
import type { Exchange } from './exchange.ts';
import { clientCertLine, forwardedLines } from './forwarded.ts';
import { deadlineLine } from './deadlines.ts';
import { isRequestIdOurs } from './hop-headers.ts';
import {
  applyHeaders,
  clean,
  cleanTarget,
  copyKept,
  dropUnderscored,
  sentValue,
  type HeadDraft,
  type HeadOverrides,
  EDGE_HEADERS,
  INTERNAL_HEADERS,
} from './headers.ts';
import { headerValue } from './request-view.ts';
import type { RequestFraming } from './stream.ts';
import { startAttemptSpan } from './spans.ts';
import { cutTrace } from './tracing.ts';
import { CONNECT } from './upgrades.ts';

const HOST = HEADER.host;
const REQUEST_ID = HEADER['x-request-id'];
const { expect: EXPECT, upgrade: UPGRADE } = HEADER;
const FORWARDED_HOST = HEADER['x-forwarded-host'];
const ATTEMPT_COUNT = HEADER['x-envoy-attempt-count'];
const ORIGINAL_PATH = HEADER['x-envoy-original-path'];
const ORIGINAL_HOST = HEADER['x-envoy-original-host'];
const DECORATOR = HEADER['x-envoy-decorator-operation'];
/** For the version and line ends. */
const SPARE_BYTES = 64;
/** What the router reads from a request and does not pass on. */
const ROUTER_HEADERS = [
  HEADER['x-envoy-upstream-rq-timeout-ms'],
  HEADER['x-envoy-upstream-rq-per-try-timeout-ms'],
  HEADER['x-envoy-max-retries'],
  HEADER['x-envoy-retry-on'],
  HEADER['x-envoy-retriable-status-codes'],
  HEADER['x-envoy-hedge-on-per-try-timeout'],
  HEADER['x-envoy-retry-grpc-on'],
  HEADER['x-envoy-retriable-header-names'],
] as const;

/**
 * Writes the upstream's request head into the scratch buffer, from the head that the worker's scanner has just read: kept lines are
 * copied in runs, everything else is one string. Answers the length.
 */
export function buildRequestHead(x: Exchange, framing: RequestFraming): number {
  const { requestScanner: scanner, buffers } = x.worker;
  const bytes = asBuffer(x.head.bytes);
  // What differs with every request comes last: an HTTP/2 encoder remembers heads by how they begin.
  let lines = hopLines(x, scanner, bytes) + routerLines(x, scanner) + requestId(x, scanner) + traceLines(x, scanner);
  lines = rewrittenLines(x, scanner, lines);
  if (x.plan.config.via !== '') lines += `via: ${clean(x.plan.config.via)}\r\n`;
  if (x.plan.captureRequest.length > 0 && x.choice?.requestHeaders.empty === false)
    x.info.capturedRequest = x.plan.captureRequest.map((name) => sentValue(scanner, bytes, lines, name));
  lines += connectionLines(x, scanner, framing);
  const out = buffers.reserve(x.head.end - x.head.start + x.info.path.length + lines.length + SPARE_BYTES);
  let at = startLine(x, scanner, bytes, out);
  at = copyKept(scanner, bytes, out, at);
  at += out.write(lines, at, 'latin1');
  out[at++] = 13;
  out[at++] = 10;
  return at;
}

/**
 * What this hop adds whatever becomes of the request, but for its id, as lines; what they replace, and what the client may not say, is
 * cut. '' when that has been done.
 */
export function hopLines(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): string {
  if (x.hopWritten) return '';
  if (!x.internal) dropHeaders(scanner, INTERNAL_HEADERS);
  if (x.plan.edge && !x.internal) dropHeaders(scanner, EDGE_HEADERS);
  const lines = forwardedLines(x, scanner, bytes) + clientCertLine(x, scanner, bytes);
  return x.internal ? lines + internalLine(scanner) : lines;
}

/** What is said of this connection and of the body. */
function connectionLines(x: Exchange, scanner: HeadScanner, framing: RequestFraming): string {
  if (x.upgrade !== '') return x.upgrade === CONNECT ? '' : 'connection: Upgrade\r\n';
  if (framing === 'chunked' && !scanner.chunked) return 'transfer-encoding: chunked\r\n';
  return framing === 'empty' ? 'content-length: 0\r\n' : '';
}

function dropHeaders(scanner: HeadScanner, ids: readonly number[]): void {
  for (const id of ids) if (scanner.known[id] !== 0) scanner.dropKnown(id);
}

/** What the route does to path, authority and headers; answers the lines to append. */
function rewrittenLines(x: Exchange, scanner: HeadScanner, before: string): string {
  const { info, choice, forward, worker } = x;
  const { view } = worker;
  let lines = before;
  info.path = view.path;
  info.authority = view.authority;
  if (choice !== undefined && (forward?.rewrites === true || !choice.requestHeaders.empty)) {
    const overrides: HeadOverrides = { authority: undefined, path: undefined };
    const draft: HeadDraft = { lines, overrides };
    applyRoute(x, choice, scanner, { draft, overrides });
    ({ lines } = draft);
    info.path = overrides.path === undefined ? view.path : cleanTarget(overrides.path);
    info.authority = overrides.authority === undefined ? view.authority : clean(overrides.authority);
  }
  return x.hostStale || info.authority !== view.authority || scanner.known[HOST] === 0 ? hostLines(x, scanner, lines) : lines;
}

function applyRoute(
  x: Exchange,
  choice: ClusterChoice,
  scanner: HeadScanner,
  { draft, overrides }: { readonly draft: HeadDraft; readonly overrides: HeadOverrides },
): void {
  const { info, forward, worker } = x;
  const { view, format } = worker;
  if (forward?.rewrites === true) {
    overrides.path = forward.rewritePath(view);
    overrides.authority = forward.rewriteHost(view, choice, x.host?.endpoint.hostname ?? '');
    // Envoy notes the path also when a pattern has changed nothing.
    if (overrides.path !== view.path || forward.config.path?.t === 'regex') {
      scanner.dropKnown(ORIGINAL_PATH);
      info.rewrittenFrom = view.path;
      draft.lines += `x-envoy-original-path: ${view.path}\r\n`;
    }
  }
  if (!choice.requestHeaders.empty) applyHeaders(choice.requestHeaders, scanner, format.use(info, scanner, x.head.bytes, true), draft);
}

/** The upstream is told another authority than the client's `host` line says. */
function hostLines(x: Exchange, scanner: HeadScanner, lines: string): string {
  const { authority } = x.info;
  const before = x.worker.view.authority;
  scanner.dropKnown(HOST);
  const host = `host: ${authority}\r\n`;
  if (authority === before || x.forward?.config.host === undefined) return host + lines;
  scanner.dropKnown(ORIGINAL_HOST);
  const original = `${host}${lines}x-envoy-original-host: ${before}\r\n`;
  if (!x.forward.config.appendXForwardedHost) return original;
  const told = headerValue(scanner, x.head.bytes, 'x-forwarded-host');
  scanner.dropKnown(FORWARDED_HOST);
  return `${original}x-forwarded-host: ${told === undefined || told === '' ? '' : `${told},`}${before}\r\n`;
}

/** The request line: the client's own bytes when nothing in it changes. */
function startLine(x: Exchange, scanner: HeadScanner, bytes: Buffer, out: Buffer): number {
  const { info } = x;
  if (x.upgrade === CONNECT) return out.write(`CONNECT ${info.authority} HTTP/1.1\r\n`, 0, 'latin1');
  if (!x.http10 && info.path === info.originalPath) return bytes.copy(out, 0, scanner.methodStart, scanner.headersStart);
  return out.write(`${info.method} ${info.path} HTTP/1.1\r\n`, 0, 'latin1');
}

export function requestId(x: Exchange, scanner: HeadScanner): string {
  if (x.hopWritten || !isRequestIdOurs(x, scanner)) return '';
  scanner.dropKnown(REQUEST_ID);
  return `x-request-id: ${x.info.requestId}\r\n`;
}

function traceLines(x: Exchange, scanner: HeadScanner): string {
  const { tracing } = x.plan;
  const inbound = tracing === undefined ? x.info.chain.listener.direction === 'inbound' : !tracing.egress;
  const operation = x.route?.config.propagateOperation === true ? x.route.config.operation : undefined;
  // The caller's proxy tells it to the server's, and there it ends: the application never sees it.
  if (scanner.known[DECORATOR] !== 0 && (inbound || operation !== undefined)) scanner.dropKnown(DECORATOR);
  if (x.trace === undefined) return '';
  if (x.span !== undefined) startAttemptSpan(x);
  cutTrace(x, scanner);
  return inbound || operation === undefined ? x.traceLines : `${x.traceLines}x-envoy-decorator-operation: ${clean(operation)}\r\n`;
}

function routerLines(x: Exchange, scanner: HeadScanner): string {
  for (const id of ROUTER_HEADERS) if (scanner.known[id] !== 0) scanner.dropKnown(id);
  if (x.expectsContinue && !x.plan.config.proxy100Continue) scanner.dropKnown(EXPECT);
  let lines = '';
  if (x.route?.virtualHost.includeRequestAttemptCount === true) {
    scanner.dropKnown(ATTEMPT_COUNT);
    lines += `x-envoy-attempt-count: ${x.info.attempts}\r\n`;
  }
  const expected = expectedMs(x);
  if (x.info.grpc) lines += deadlineLine(x, scanner, expected);
  if (expected === 0) return lines;
  scanner.dropKnown(HEADER['x-envoy-expected-rq-timeout-ms']);
  return `${lines}x-envoy-expected-rq-timeout-ms: ${expected}\r\n`;
}

function internalLine(scanner: HeadScanner): string {
  scanner.dropKnown(HEADER['x-envoy-internal']);
  return 'x-envoy-internal: true\r\n';
}

/** How long the upstream has: the time of the try, or what is left of the whole; 0 = as long as it likes. */
function expectedMs({ perTryMs, timeoutMs, hedgeOnTimeout, info }: Exchange): number {
  const expected = perTryMs === 0 || hedgeOnTimeout ? timeoutMs : perTryMs;
  if (expected === 0 || timeoutMs === 0) return expected;
  const elapsed = info.attempts === 1 || info.requestEndMs === 0 ? 0 : Math.floor(info.upstreamStartMs - info.requestEndMs);
  // Out of time: 0 would be without end.
  return elapsed >= timeoutMs ? 1 : Math.min(expected, timeoutMs - elapsed);
}

/** Moves the head out of a buffer that is about to be filled again. */
export function keepHead(x: Exchange): void {
  const { worker } = x;
  x.head = worker.heads.keep(x.head);
  if (worker.scannedFor === x) worker.scannedFor = undefined;
}

/** Reads the kept head again for another attempt, so that scanner and view speak of it. What is kept was read before: that it cannot be again is a fault of ours. */
export function rescan(x: Exchange): void {
  if (!readHead(x)) throw new Error('a kept head cannot be read again');
}

/** As `rescan`, for a head that was made just now. false: it is none, and scanner and view speak of nobody. */
export function readHead(x: Exchange): boolean {
  const { requestScanner, view } = x.worker;
  x.worker.scannedFor = undefined;
  if (requestScanner.request(x.head.bytes, x.head.start, x.head.end) <= 0) return false;
  // What was cut when the request came is whole again after a scan.
  if (x.plan.config.headersWithUnderscores === 'drop') dropUnderscored(requestScanner, x.head.bytes);
  if (x.upgrade === '') requestScanner.dropKnown(UPGRADE);
  x.worker.scannedFor = x;
  x.show(view);
  return true;
}
