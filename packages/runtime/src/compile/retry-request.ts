import { GRPC_RETRY_CONDITIONS, HTTP_RETRY_CONDITIONS } from '@meltemi/match';
import type { CompiledRetry, RequestView } from '../compiled.ts';
import type { HeaderMatch, RetryOn, RetryPolicy } from '../types/route.ts';
import { compileRetry } from './retry.ts';

/** The headers by which a caller adds to the route's retries. Their names and values are bounded, so that a client cannot fill the memory. */
const HEADERS = [
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
] as const;
const MAX_KNOWN = 64;

const HTTP: ReadonlySet<string> = new Set(HTTP_RETRY_CONDITIONS);
const GRPC: ReadonlySet<string> = new Set(GRPC_RETRY_CONDITIONS);

/** What a policy is where a request asks for retries and the route says nothing. */
const NOTHING: RetryPolicy = {
  on: [],
  numRetries: 1,
  perTryTimeoutMs: 0,
  statusCodes: [],
  retriableHeaders: [],
  retriableRequestHeaders: [],
  baseIntervalMs: 25,
  maxIntervalMs: 250,
  perTryIdleTimeoutMs: 0,
  avoid: { previousHosts: false, canaries: false, metadata: [] },
  hostAttempts: 1,
  avoidPrioritiesAfter: 0,
};

/** The policy of a route for one request. */
export function compileRetryFor(route: RetryPolicy | undefined): (request: RequestView, obey: boolean) => CompiledRetry | undefined {
  const own = route === undefined ? undefined : compileRetry(route);
  const known = new Map<string, CompiledRetry | undefined>();
  const merged = (request: RequestView): CompiledRetry | undefined => {
    const values = HEADERS.map((name) => request.header(name));
    const key = JSON.stringify(values);
    if (!known.has(key)) {
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(key, compileRetry(merge(route ?? NOTHING, values)));
    }
    return known.get(key);
  };
  return (request, obey) => {
    const asks = obey && HEADERS.some((name) => request.header(name) !== undefined);
    const retry = asks ? merged(request) : own;
    return retry?.applies(request) === true ? retry : undefined;
  };
}

function merge(route: RetryPolicy, values: readonly (string | undefined)[]): RetryPolicy {
  const [on, grpcOn, max, codes, names] = values;
  const added = [...words(on).filter((word) => HTTP.has(word)), ...words(grpcOn).filter((word) => GRPC.has(word))] as readonly RetryOn[];
  return {
    ...route,
    on: [...new Set([...route.on, ...added])],
    numRetries: max !== undefined && /^\d{1,9}$/.test(max) ? Number(max) : route.numRetries,
    statusCodes: [
      ...route.statusCodes,
      ...words(codes)
        .filter((word) => /^\d{1,4}$/.test(word))
        .map(Number),
    ],
    retriableHeaders: [...route.retriableHeaders, ...words(names).map(presence)],
  };
}

function words(text: string | undefined): readonly string[] {
  return text === undefined
    ? []
    : text
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== '');
}

function presence(name: string): HeaderMatch {
  return { name: name.toLowerCase(), match: { t: 'present', present: true }, invert: false, missingIsEmpty: false };
}
