import { normalizeAuthority, normalizeTarget } from '@meltemi/runtime';
import { HEADER, matches, ascii, type HeadScanner } from '@meltemi/wire';
import { createStreamInfo } from '../core/stream-info.ts';
import type { Worker } from '../core/worker.ts';
import { nodeBytes } from '../net/node-bytes.ts';
import { isAuthority } from './authority.ts';
import { Exchange } from './exchange.ts';
import type { Piece } from './pieces.ts';
import { isInternalRequest, schemeOf } from './forwarded.ts';
import { dropUnderscored } from './headers.ts';
import type { LocalReply } from './local-reply.ts';
import { localReply } from './local-reply.ts';
import { REPLIES } from './replies.ts';
import { headerValue, knownValue, repeatedValue } from './request-view.ts';
import type { DownstreamStream } from './stream.ts';
import { CONNECT } from './upgrades.ts';

const CONTINUE = ascii('100-continue');
const SHED = { memory: 'overload.meltemi.shed_requests.memory', lag: 'overload.meltemi.shed_requests.lag' } as const;
const GRPC = /^application\/grpc(?:$|[+;])/;
const SLASH = 47;

/** A request whose head the worker's scanner has just read. `refusal` is set when it is well-formed but not acceptable. */
export function acceptRequest(downstream: DownstreamStream, now: number, head: Piece, complete: boolean): Exchange {
  const { worker, plan } = downstream;
  const { requestScanner: scanner } = worker;
  const { bytes } = head;
  const info = createStreamInfo('http', downstream, worker.ports.clock.now(), now);
  info.httpVersion = scanner.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
  const x = new Exchange(downstream, info, head, complete);
  info.method = methodText(bytes, scanner.methodStart, scanner.methodEnd);
  x.isHead = info.method === 'HEAD';
  info.requestHeadBytes = head.end - head.start;
  x.viewAuthority = downstream.last.authority = repeatedValue(scanner, bytes, HEADER.host, downstream.last.authority);
  info.originalPath = nodeBytes.latin1(bytes, scanner.targetStart, scanner.targetEnd);
  info.requestId = knownValue(scanner, bytes, HEADER['x-request-id']);
  info.userAgent = downstream.last.userAgent = repeatedValue(scanner, bytes, HEADER['user-agent'], downstream.last.userAgent);
  if (plan.config.generateRequestId && (info.requestId === '' || (plan.edge && !plan.config.preserveExternalRequestId)))
    info.requestId = worker.ids.uuid();
  if (plan.captureRequest.length > 0) info.capturedRequest = plan.captureRequest.map((name) => headerValue(scanner, bytes, name));
  if (scanner.known[HEADER['content-type']] !== 0) info.grpc = GRPC.test(knownValue(scanner, bytes, HEADER['content-type']));
  x.scheme = schemeOf(x, scanner, bytes);
  x.internal = isInternalRequest(x, scanner, bytes);
  x.viewPath = info.originalPath;
  const refusal = examineTarget(x, scanner, bytes) ?? examineRest(x, scanner, bytes);
  x.refusal = sheds(worker, now) ? REPLIES.overload : refusal;
  info.path = x.viewPath;
  info.authority = x.viewAuthority;
  x.hostStale = x.viewAuthority !== downstream.last.authority;
  if (complete) info.requestEndMs = now;
  x.show(worker.view);
  return x;
}

function sheds({ overload, counters }: Worker, nowMs: number): boolean {
  const shortage = overload.sheds(nowMs);
  if (shortage !== undefined) counters.add(SHED[shortage]);
  return shortage !== undefined;
}

/** The usual methods without making a string. */
function methodText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  const first = bytes[start];
  if (length === 3 && first === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84) return 'GET';
  if (length === 4 && first === 80 && bytes[start + 1] === 79 && bytes[start + 2] === 83 && bytes[start + 3] === 84) return 'POST';
  return nodeBytes.latin1(bytes, start, end);
}

/** Brings the target into origin form (RFC 9112 section 3.2) and normalises it. */
function examineTarget(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): LocalReply | undefined {
  const { config } = x.plan;
  const { info } = x;
  if (info.method === 'CONNECT') return takeAuthority(x, scanner);
  if (bytes[scanner.targetStart] !== SLASH) {
    if (info.originalPath === '*') return info.method === 'OPTIONS' ? REPLIES.noPath : REPLIES.badRequest;
    if (!config.http1.allowAbsoluteUrl || !takeAbsolute(x)) return REPLIES.badRequest;
  }
  const normal = normalizeTarget(x.viewPath, config);
  if (normal.t === 'reject') return REPLIES.pathRejected;
  x.viewPath = normal.path;
  return normal.t === 'redirect' ? { ...localReply(307, '', 'path_normalization_failed'), lines: `location: ${normal.path}\r\n` } : undefined;
}

/** `CONNECT host:port` (RFC 9110 section 9.3.6): a request for a tunnel, without path. */
function takeAuthority(x: Exchange, scanner: HeadScanner): LocalReply | undefined {
  if (scanner.chunked) return TUNNEL_ENCODING;
  if (scanner.contentLength > 0) return TUNNEL_LENGTH;
  if (!x.requestComplete || !isAuthority(x.info.originalPath)) return REPLIES.badRequest;
  x.upgrade = CONNECT;
  x.viewAuthority = x.info.originalPath;
  x.viewPath = '';
  return undefined;
}

/** What follows is the tunnel's. A body would be one to some servers behind this hop and the next request to others. */
const TUNNEL_LENGTH = localReply(400, 'Bad Request', 'http1.body_disallowed', 'DPE');
const TUNNEL_ENCODING = localReply(501, 'Not Implemented', 'http1.invalid_transfer_encoding', 'DPE');

/** `GET http://host/path`: the authority is the target's, whatever `host` says (RFC 9112 section 3.2.2). */
function takeAbsolute(x: Exchange): boolean {
  const absolute = /^https?:\/\/([^/?]*)(.*)$/i.exec(x.info.originalPath);
  if (absolute === null) return false;
  const [, authority = '', rest = ''] = absolute;
  if (!isAuthority(authority)) return false;
  x.viewAuthority = authority;
  x.viewPath = rest.startsWith('/') ? rest : `/${rest}`;
  return true;
}

function examineRest(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): LocalReply | undefined {
  const { config } = x.plan;
  const tooOld = x.http10 ? examineHttp10(x) : undefined;
  if (tooOld !== undefined) return tooOld;
  stripAuthority(x);
  if (x.head.end - x.head.start > config.maxRequestHeadersBytes) return REPLIES.headTooLarge;
  if (scanner.count > config.maxHeadersCount) return REPLIES.tooManyHeaders;
  if (config.headersWithUnderscores !== 'allow' && dropUnderscored(scanner, bytes) && config.headersWithUnderscores === 'reject')
    return REPLIES.underscore;
  if (x.http10) {
    // No protocol is changed with HTTP/1.0 (RFC 9110 section 7.8).
    scanner.dropKnown(HEADER.upgrade);
    return undefined;
  }
  if (scanner.known[HEADER.expect] !== 0) {
    const header = (scanner.known[HEADER.expect] as number) - 1;
    x.expectsContinue = matches(bytes, scanner.valueStart(header), scanner.valueEnd(header), CONTINUE);
  }
  return scanner.upgrade && x.upgrade === '' ? examineUpgrade(x, scanner, bytes) : undefined;
}

function stripAuthority(x: Exchange): void {
  const { config } = x.plan;
  // A tunnel goes to a port, whatever it is.
  if (x.upgrade === CONNECT || (!config.stripTrailingHostDot && config.stripPort === 'none')) return;
  x.viewAuthority = normalizeAuthority(x.viewAuthority, config, x.info.connection.originalPort);
}

function examineHttp10(x: Exchange): LocalReply | undefined {
  const { acceptHttp10, defaultHostForHttp10 } = x.plan.config.http1;
  if (!acceptHttp10) return REPLIES.lowVersion;
  if (x.viewAuthority === '') x.viewAuthority = defaultHostForHttp10;
  return x.viewAuthority === '' ? REPLIES.noHostName : undefined;
}

/** Whether it is allowed is known with the route. */
function examineUpgrade(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): LocalReply | undefined {
  // All lines together: behind a first one that is allowed, a second one would offer the application another protocol (h2c smuggling).
  const wanted = (headerValue(scanner, bytes, 'upgrade') ?? '').toLowerCase();
  // A method, and no protocol: it must not be taken for that.
  if (wanted === CONNECT) return REPLIES.upgradeFailed;
  if (x.downstream.protocol === 'http2') {
    // Extended CONNECT: whatever it asks for, its DATA is no body of an ordinary request.
    x.upgrade = wanted;
    return scanner.contentLength > 0 ? TUNNEL_LENGTH : undefined;
  }
  // An offer to change to HTTP/2 may be ignored (RFC 9110 section 7.8), other ones are meant.
  if (wanted === 'h2c' || !x.requestComplete || x.downstream.receivedBytes > 0) {
    scanner.dropKnown(HEADER.upgrade);
  } else x.upgrade = wanted;
  return undefined;
}

/** Stands for a request that could not be read, so that it is logged and counted like others. */
export function unreadableRequest(downstream: DownstreamStream, now: number, reason: string): Exchange {
  const { worker } = downstream;
  const info = createStreamInfo('http', downstream, worker.ports.clock.now(), now);
  info.httpVersion = 'HTTP/1.1';
  info.connectionTerminationDetails = reason;
  worker.requests++;
  return new Exchange(downstream, info, NO_HEAD, false);
}

/** Stands for what could not be read: whoever looks finds nothing in it. */
const NOTHING = ascii('- - HTTP/1.0\r\n\r\n');
const NO_HEAD: Piece = { bytes: NOTHING, start: 0, end: NOTHING.length };
