import { HEADER } from '@meltemi/wire';
import { asBuffer } from '../net/node-bytes.ts';
import { copyKept } from './headers.ts';
import type { Exchange } from './exchange.ts';
import type { HeadRead } from './stream.ts';

/** Continue, Processing, Early Hints: those that a client may know what to do with. */
const PASSED: ReadonlySet<number> = new Set([100, 102, 103]);
/** An interim response has no body: what says otherwise would be believed by somebody behind this hop. */
const FRAMING = [HEADER['content-length'], HEADER['transfer-encoding']] as const;
/** For the version and line ends. */
const SPARE_BYTES = 64;

/**
 * An interim response of the upstream, which the worker's response scanner has just read: it goes to the client where the connection
 * manager says so. What has been told to the client cannot be taken back, so that no other attempt follows. HTTP/1.0 knows no interim
 * responses (RFC 9110 section 15.2).
 */
export function passInterim(x: Exchange, read: HeadRead): void {
  if (!x.plan.config.proxy100Continue || x.http10 || x.phase !== 'sent' || !PASSED.has(x.worker.responseScanner.status)) return;
  x.interim = true;
  x.retry = undefined;
  x.retriesLeft = 0;
  x.downstream.timers.touch(x);
  x.downstream.sendInterim(x, read);
}

/** Writes the interim head for the client into the scratch buffer: of what the upstream has said, or `100 Continue`. Answers the length. */
export function buildInterimHead({ worker }: Exchange, read: HeadRead | undefined): number {
  const { responseScanner: scanner, buffers } = worker;
  if (read === undefined) return buffers.scratch.write('HTTP/1.1 100 Continue\r\n\r\n', 0, 'latin1');
  const { bytes: source, start } = read;
  const bytes = asBuffer(source);
  for (const id of FRAMING) if (scanner.known[id] !== 0) scanner.dropKnown(id);
  const out = buffers.reserve(scanner.headersEnd - start + SPARE_BYTES);
  let at = out.write('HTTP/1.1', 0, 'latin1');
  at += bytes.copy(out, at, start + at, scanner.headersStart);
  at = copyKept(scanner, bytes, out, at);
  out[at++] = 13;
  out[at++] = 10;
  return at;
}
