import type { HeaderEdit } from '@meltemi/runtime';
import { HEADER } from '@meltemi/wire';
import { asBuffer } from '../../net/node-bytes.ts';
import type { Exchange } from '../exchange.ts';
import { applyEdits } from './edits.ts';
import { clean, cleanTarget, copyKept, type HeadDraft, type HeadOverrides } from '../headers.ts';
import { keptPayload } from '../request-body.ts';
import { hopLines, readHead, requestId, rescan } from '../request-head.ts';
import { clientAddress } from './context.ts';
import { headerValue } from '../request-view.ts';

/** For the request line. */
const SPARE_BYTES = 64;

/**
 * Changes the request's head for good: the changed head is written anew and takes the place of the one that came, so that matchers,
 * filters behind, logs and every attempt read one and the same. The worker's scanner must show the request. Answers false when the changed
 * head is larger than any that can be read: then there is no request to send on, and all is as it was, for logs.
 */
export function editRequest(x: Exchange, edits: readonly HeaderEdit[]): boolean {
  if (!writeHop(x)) return false;
  const { worker, info, head } = x;
  const { requestScanner: scanner } = worker;
  const bytes = asBuffer(head.bytes);
  const overrides: HeadOverrides = { authority: undefined, path: undefined };
  const draft: HeadDraft = { lines: '', overrides };
  const method = edits.findLast((edit) => edit.name === ':method')?.value;
  const before = whatIsAsked(x);
  applyEdits(edits, scanner, bytes, draft);
  if (overrides.path !== undefined) x.viewPath = info.path = cleanTarget(overrides.path);
  if (overrides.authority !== undefined) {
    x.viewAuthority = info.authority = clean(overrides.authority);
    x.hostStale = true;
  }
  if (method !== undefined && METHOD.test(method)) info.method = method;
  if (!rewriteHead(x, draft.lines)) {
    askAgain(x, before);
    return false;
  }
  const { captureRequest } = x.plan;
  if (captureRequest.length > 0) info.capturedRequest = captureRequest.map((name) => headerValue(scanner, x.head.bytes, name));
  return true;
}

type Asked = Pick<Exchange, 'viewPath' | 'viewAuthority' | 'hostStale'> & { readonly info: Pick<Exchange['info'], 'method' | 'path' | 'authority'> };

function whatIsAsked({ viewPath, viewAuthority, hostStale, info: { method, path, authority } }: Exchange): Asked {
  return { viewPath, viewAuthority, hostStale, info: { method, path, authority } };
}

/** The head is the one before already. */
function askAgain(x: Exchange, { info, ...views }: Asked): void {
  Object.assign(x, views);
  Object.assign(x.info, info);
  x.show(x.worker.view);
}

/** Is the head, as filters have made it, larger than what this listener takes from clients? The worker's scanner must show it. */
export function isOutgrown({ head, plan, worker }: Exchange): boolean {
  return head.end - head.start > plan.config.maxRequestHeadersBytes || worker.requestScanner.count > plan.config.maxHeadersCount;
}

/** Filters change what this hop says, too: it is written before them. */
function writeHop(x: Exchange): boolean {
  if (x.hopWritten) return true;
  const { requestScanner: scanner } = x.worker;
  // Who it is has been asked of the head that came.
  x.clientIp = clientAddress(x);
  if (!rewriteHead(x, hopLines(x, scanner, x.head.bytes) + requestId(x, scanner))) return false;
  x.hopWritten = true;
  return true;
}

/** The body is here, whole, and its length was not told: from now on it is one of known length. The worker's scanner must show the request. Answers as `editRequest`. */
export function setLength(x: Exchange): boolean {
  const { requestScanner: scanner } = x.worker;
  if (scanner.contentLength >= 0) return true;
  const payload = x.bodyForm === 'chunked' ? keptPayload(x) : undefined;
  scanner.dropKnown(HEADER['transfer-encoding']);
  if (!rewriteHead(x, `content-length: ${payload?.length ?? x.bodyBytes}\r\n`)) return false;
  if (payload === undefined) return true;
  x.body = [{ bytes: payload, start: 0, end: payload.length }];
  x.bodyBytes = payload.length;
  x.bodyForm = 'payload';
  return true;
}

/** The body's length will be another, or is not known. The worker's scanner must show the request. */
export function dropLength(x: Exchange): void {
  const { requestScanner: scanner } = x.worker;
  if (scanner.contentLength < 0) return;
  scanner.dropLength();
  rewriteHead(x, '');
}

/** Writes the head anew, from the lines that are kept and some more. One that cannot be read again does not take the place of the one before. */
function rewriteHead(x: Exchange, lines: string): boolean {
  const { info, head, worker } = x;
  const bytes = asBuffer(head.bytes);
  const line = `${info.method} ${info.originalPath} HTTP/1.${x.http10 ? 0 : 1}\r\n`;
  const out = Buffer.allocUnsafe(head.end - head.start + line.length + lines.length + SPARE_BYTES);
  let at = out.write(line, 0, 'latin1');
  at = copyKept(worker.requestScanner, bytes, out, at);
  at += out.write(lines, at, 'latin1');
  at += out.write('\r\n', at, 'latin1');
  x.head = { bytes: out, start: 0, end: at };
  if (readHead(x)) return true;
  x.head = head;
  rescan(x);
  return false;
}

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
