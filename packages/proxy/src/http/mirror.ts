import type { MirrorPolicy } from '@meltemi/runtime';
import { ChunkedFramer } from '@meltemi/wire';
import { asBuffer, nodeBytes } from '../net/node-bytes.ts';
import { ownAddress } from '../net/own-address.ts';
import type { Exchange } from './exchange.ts';
import { rescan } from './request-head.ts';
import { sendAside, type SideRequest } from './side-request.ts';

/** Bodies beyond so much are not mirrored: the copy must not cost what the request does not. */
const MAX_MIRRORED_BYTES = 1024 * 1024;
/** Copies whose route has no time-out are given up then. */
const LONGEST_MS = 60_000;

/** Copies of a request that are still to be sent. */
export interface Mirrors {
  readonly targets: readonly { readonly cluster: string; readonly policy: MirrorPolicy }[];
  /** The head as it went to the upstream at the first attempt; '' = it has not yet. */
  head: string;
  readonly body: Buffer[];
  bytes: number;
}

/** Draws which mirrors the request goes to. Once, before the first attempt. */
export function chooseMirrors(x: Exchange): void {
  const policies = x.forward?.config.mirrors ?? [];
  if (policies.length === 0) return;
  const { worker } = x;
  if (worker.scannedFor !== x) rescan(x);
  const targets = policies.flatMap((policy) => {
    if (policy.fraction < 1 && worker.random() >= policy.fraction) return [];
    const cluster = policy.cluster.t === 'one' ? policy.cluster.name : (worker.view.header(policy.cluster.name) ?? '');
    return cluster === '' || worker.state.cluster(cluster) === undefined ? [] : [{ cluster, policy }];
  });
  x.mirrors = targets.length === 0 ? undefined : { targets, head: '', body: [], bytes: 0 };
}

/** The request's head is about to go to the upstream: it is in `bytes[0, length)`. */
export function mirrorHead(x: Exchange, bytes: Buffer, length: number): void {
  const { mirrors } = x;
  if (mirrors === undefined || mirrors.head !== '') return;
  mirrors.head = nodeBytes.latin1(bytes, 0, length);
  for (const piece of x.body) mirrorBody(x, piece.bytes, piece.start, piece.end);
}

/** A piece of the body, as it goes to the upstream. */
export function mirrorBody(x: Exchange, bytes: Uint8Array, start: number, end: number): void {
  const { mirrors } = x;
  if (mirrors === undefined || mirrors.head === '') return;
  mirrors.bytes += end - start;
  if (mirrors.bytes > MAX_MIRRORED_BYTES) {
    x.mirrors = undefined;
    x.worker.counters.add('mirror.body_too_large');
  } else mirrors.body.push(Buffer.from(asBuffer(bytes).subarray(start, end)));
}

/** The request is whole: the copies go out, and nobody waits for them. */
export function sendMirrors(x: Exchange): void {
  const { mirrors } = x;
  if (mirrors === undefined || mirrors.head === '' || !x.bodyComplete) return;
  x.mirrors = undefined;
  const copy = readCopy(x, mirrors);
  const timeoutMs = x.timeoutMs > 0 ? x.timeoutMs : LONGEST_MS;
  for (const { cluster, policy } of mirrors.targets) {
    const authority = policy.keepHost ? copy.authority : shadowHost(copy.authority);
    const headers = withSender(policy.traceSampled ? copy.headers : copy.headers.map(unsampled));
    sendAside(x.worker, { ...copy, cluster, authority, headers, timeoutMs }, () => {});
  }
}

/** The request as it went out, taken apart. */
function readCopy(x: Exchange, mirrors: Mirrors): Pick<SideRequest, 'method' | 'path' | 'authority' | 'headers'> & { readonly body: Buffer } {
  const [line = '', ...lines] = mirrors.head.split('\r\n');
  const [method = 'GET', path = '/'] = line.split(' ');
  const headers = lines.filter((text) => text !== '').map(splitLine);
  const body = x.bodyForm === 'chunked' ? unframed(mirrors.body) : Buffer.concat(mirrors.body);
  const authority = headers.find(([name]) => name === 'host')?.[1] ?? '';
  return { method, path, authority, headers: headers.filter(([name]) => !OWN.has(name)), body };
}

/** The copy is a request of the proxy's own: it says so, and where it comes from, as Envoy's do. */
function withSender(headers: SideRequest['headers']): SideRequest['headers'] {
  const before = headers.find(([name]) => name === FORWARDED)?.[1];
  const others = headers.filter(([name]) => name !== FORWARDED && name !== INTERNAL);
  return [...others, [INTERNAL, 'true'], [FORWARDED, before === undefined ? ownAddress() : `${before},${ownAddress()}`]];
}

const INTERNAL = 'x-envoy-internal';
const FORWARDED = 'x-forwarded-for';

/** What the copy's own head says, or must not say. */
const OWN: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade', 'expect']);

function splitLine(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()];
}

/** `reviews:9080` becomes `reviews-shadow:9080`. */
function shadowHost(authority: string): string {
  const port = /:\d+$/.exec(authority)?.[0] ?? '';
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}

/** The copy's trace does not count. */
function unsampled([name, value]: readonly [string, string]): readonly [string, string] {
  if (name === 'traceparent') return [name, value.replace(/-[0-9a-f]{2}$/, '-00')];
  return name === 'x-b3-sampled' ? [name, '0'] : [name, value];
}

function unframed(pieces: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  const framer = new ChunkedFramer();
  framer.start();
  for (const piece of pieces)
    framer.feed(piece, 0, piece.length, (bytes, start, end) => parts.push(Buffer.from(asBuffer(bytes).subarray(start, end))));
  return Buffer.concat(parts);
}
