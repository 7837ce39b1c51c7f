import { LOWER } from './tables.ts';

/**
 * Header names that a proxy looks at on every message. The scanner notes where each stands, so that looking one up costs an
 * array read. Order gives the id; add at the end.
 */
export const KNOWN_HEADERS = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'content-type',
  'user-agent',
  'server',
  'date',
  'location',
  'retry-after',
  'x-request-id',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-client-cert',
  'forwarded',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-envoy-upstream-service-time',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-max-retries',
  'x-envoy-retry-on',
  'x-envoy-retriable-status-codes',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-attempt-count',
  'x-envoy-internal',
  'x-envoy-external-address',
  'x-envoy-original-path',
  'x-envoy-original-host',
  'x-envoy-decorator-operation',
  'x-envoy-overloaded',
  'x-envoy-immediate-health-check-fail',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-degraded',
  'grpc-status',
  'x-envoy-retry-grpc-on',
  'x-envoy-retriable-header-names',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-client-trace-id',
  'x-forwarded-port',
] as const;

/** One of the names of `KNOWN_HEADERS`. */
export type KnownHeader = (typeof KNOWN_HEADERS)[number];

/** Ids by name: `HEADER['content-length']`. */
export const HEADER = Object.fromEntries(KNOWN_HEADERS.map((name, id) => [name, id])) as Readonly<Record<KnownHeader, number>>;

/** Number of known headers. */
export const KNOWN_COUNT: number = KNOWN_HEADERS.length;

const BUCKETS = 1024;
const NAMES = KNOWN_HEADERS.map((name) => Uint8Array.from(name, (character) => character.charCodeAt(0)));
/** First id of a bucket plus one, 0 for none; then the chain through `NEXT`. */
const FIRST = new Uint8Array(BUCKETS);
const NEXT = new Uint8Array(KNOWN_HEADERS.length);

for (const [id, name] of NAMES.entries()) {
  const bucket = hash(name.length, name[0] as number, name[name.length - 1] as number, name[name.length >> 1] as number);
  NEXT[id] = FIRST[bucket] as number;
  FIRST[bucket] = id + 1;
}

function hash(length: number, first: number, last: number, middle: number): number {
  return (length * 37 + first * 11 + last * 5 + middle * 3) & (BUCKETS - 1);
}

/** Id of the header named by `bytes[start, end)` in any case, -1 when it is not a known one. `end > start`. */
export function knownHeader(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = LOWER[bytes[start] as number] as number;
  const last = LOWER[bytes[end - 1] as number] as number;
  const middle = LOWER[bytes[start + (length >> 1)] as number] as number;
  let entry = FIRST[hash(length, first, last, middle)] as number;
  while (entry !== 0) {
    const name = NAMES[entry - 1] as Uint8Array;
    if (name.length === length && sameName(bytes, start, name)) return entry - 1;
    entry = NEXT[entry - 1] as number;
  }
  return -1;
}

function sameName(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (LOWER[bytes[start + i] as number] !== name[i]) return false;
  return true;
}
