import { HEADER, type HeadScanner } from '@meltemi/wire';
import type { Exchange } from './exchange.ts';
import { clientCert, externalAddress, forwardedFor, isPortOurs, isSchemeOurs } from './forwarded.ts';
import { EDGE_HEADERS, INTERNAL_HEADERS } from './headers.ts';
import type { HopValue } from './request-view.ts';

const XFF = HEADER['x-forwarded-for'];
const XFP = HEADER['x-forwarded-proto'];
const PORT = HEADER['x-forwarded-port'];
const XFCC = HEADER['x-forwarded-client-cert'];
const REQUEST_ID = HEADER['x-request-id'];
const MARK = HEADER['x-envoy-internal'];
const ADDRESS = HEADER['x-envoy-external-address'];
const INTERNAL: ReadonlySet<number> = new Set(INTERNAL_HEADERS);
const EDGE: ReadonlySet<number> = new Set(EDGE_HEADERS);
const HIDDEN: HopValue = { value: undefined };
const MARKED: HopValue = { value: 'true' };

/** Headers that this hop adds, in the connection manager's order. */
export const HOP_HEADERS = [
  'x-envoy-external-address',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-envoy-internal',
  'x-request-id',
  'x-forwarded-client-cert',
] as const;

/**
 * What routes and filters see of a known header: not what a client says where it is not believed, but what the upstream will get of this
 * hop. The worker's scanner must show the request.
 */
export function hopHeader(x: Exchange, id: number): HopValue {
  if (x.hopWritten) return 'as-came';
  const { internal } = x;
  const { requestScanner: scanner } = x.worker;
  const { bytes } = x.head;
  switch (id) {
    case XFF:
      return client(x, scanner, bytes);
    case XFP:
      return isSchemeOurs(x, scanner) ? { value: x.info.connection.tls === undefined ? 'http' : 'https' } : 'as-came';
    case PORT:
      return port(x, scanner);
    case XFCC:
      return clientCert(x, scanner, bytes);
    case REQUEST_ID:
      return isRequestIdOurs(x, scanner) ? { value: x.info.requestId } : 'as-came';
    default:
      return internal ? fromInside(id) : fromOutside(x, id);
  }
}

function client(x: Exchange, scanner: HeadScanner, bytes: Uint8Array): HopValue {
  return x.plan.edge && !x.plan.config.skipXffAppend ? { value: forwardedFor(x, scanner, bytes) } : 'as-came';
}

function port(x: Exchange, scanner: HeadScanner): HopValue {
  return isPortOurs(x, scanner) ? { value: String(x.info.connection.originalPort) } : 'as-came';
}

function fromInside(id: number): HopValue {
  return id === MARK ? MARKED : 'as-came';
}

function fromOutside(x: Exchange, id: number): HopValue {
  if (INTERNAL.has(id)) return HIDDEN;
  if (!x.plan.edge || !EDGE.has(id)) return 'as-came';
  return id === ADDRESS ? { value: externalAddress(x, x.worker.requestScanner, x.head.bytes) } : HIDDEN;
}

/** Is the request's id made here, whatever came? */
export function isRequestIdOurs({ plan: { config, edge }, requestIdMarked }: Exchange, scanner: HeadScanner): boolean {
  if (requestIdMarked) return true;
  const keep = scanner.known[REQUEST_ID] !== 0 && !(edge && !config.preserveExternalRequestId);
  return !keep && config.generateRequestId;
}
