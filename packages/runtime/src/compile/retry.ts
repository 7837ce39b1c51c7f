import { pushAll } from '@meltemi/base';
import type { AttemptEnd, CompiledRetry, Host, RequestView } from '../compiled.ts';
import { criteriaMatch } from '../lb/subsets.ts';
import type { RetryOn, RetryPolicy } from '../types/route.ts';
import { compileHeader } from './predicates.ts';

/** `grpc-status` codes by condition. */
const GRPC_CONDITIONS: readonly (readonly [RetryOn, string])[] = [
  ['cancelled', '1'],
  ['deadline-exceeded', '4'],
  ['resource-exhausted', '8'],
  ['internal', '13'],
  ['unavailable', '14'],
];

/** Envoy's rules (its router's retry state): a response is judged by status and headers, a broken attempt by how it broke. */
export function compileRetry(config: RetryPolicy): CompiledRetry | undefined {
  if (config.on.length === 0) return undefined;
  const on = new Set(config.on);
  const requestTests = config.retriableRequestHeaders.map(compileHeader);
  const response = compileResponse(config, on);
  return {
    config,
    onResponses: response !== undefined,
    applies: (request) => requestTests.length === 0 || requestTests.some((test) => test(request)),
    shouldRetry: (end) => (end.t === 'response' ? response?.(end) === true : retriesBreak(on, end)),
    backOffMs: (retry, random) => backOffWindow(config, retry) * random,
    askedBackOffMs: (end, wallMs, random) => askedBackOff(config.rateLimited, end, { wallMs, random }),
    avoids: compileAvoids(config.avoid),
  };
}

/** The window doubles from try to try; where that would pass half of the limit, it is the limit. */
function backOffWindow({ baseIntervalMs, maxIntervalMs }: RetryPolicy, retry: number): number {
  let window = baseIntervalMs;
  for (let before = 1; before < retry; before++) window = window < maxIntervalMs / 2 ? window * 2 : maxIntervalMs;
  return window;
}

/** Between what the response asks for and half as much again, so that not all come back at once. */
function askedBackOff(
  limited: RetryPolicy['rateLimited'],
  end: AttemptEnd,
  { wallMs, random }: { readonly wallMs: number; readonly random: number },
): number | undefined {
  if (limited === undefined || end.t !== 'response') return undefined;
  for (const { name, format } of limited.headers) {
    const text = end.header(name);
    if (text === undefined || !/^\d{1,15}$/.test(text)) continue;
    const seconds = format === 'seconds' ? Number(text) : Number(text) - Math.floor(wallMs / 1000);
    const ms = seconds * 1000;
    if (seconds < 0 || ms > limited.maxIntervalMs) continue;
    return ms > 1 ? ms + random * (ms / 2) : undefined;
  }
  return undefined;
}

function compileAvoids({ previousHosts, canaries, metadata }: RetryPolicy['avoid']): CompiledRetry['avoids'] {
  if (!previousHosts && !canaries && metadata.length === 0) return undefined;
  return (host: Host, tried) =>
    (previousHosts && tried.includes(host)) ||
    (canaries && host.endpoint.metadata['canary'] === true) ||
    metadata.some((criteria) => criteria.length > 0 && criteriaMatch(host, criteria, false));
}

/** A broken attempt has no response: "5xx" and "gateway-error" cover every break, the others name one. */
function retriesBreak(on: ReadonlySet<RetryOn>, end: Exclude<AttemptEnd, { t: 'response' }>): boolean {
  // Our own circuit breaker refused it: another attempt would add to the overload.
  if (end.t === 'overflow') return false;
  if (on.has('5xx') || on.has('gateway-error') || on.has('reset')) return true;
  if (end.t === 'connect-failure') return on.has('connect-failure') || on.has('reset-before-request');
  if (end.t !== 'reset') return false;
  return (!end.requestSent && on.has('reset-before-request')) || (end.refused === true && on.has('refused-stream'));
}

type ResponseEnd = AttemptEnd & { t: 'response' };

function compileResponse(config: RetryPolicy, on: ReadonlySet<RetryOn>): ((end: ResponseEnd) => boolean) | undefined {
  const tests: ((end: ResponseEnd) => boolean)[] = [];
  if (on.has('5xx')) tests.push((end) => end.status >= 500);
  if (on.has('gateway-error')) tests.push((end) => end.status >= 502 && end.status <= 504);
  if (on.has('retriable-4xx')) tests.push((end) => end.status === 409);
  const codes = new Set(config.statusCodes);
  if (on.has('retriable-status-codes') && codes.size > 0) tests.push((end) => codes.has(end.status));
  const grpc = new Set(GRPC_CONDITIONS.filter(([condition]) => on.has(condition)).map(([, code]) => code));
  if (grpc.size > 0) tests.push((end) => grpc.has(end.header('grpc-status') ?? ''));
  if (on.has('retriable-headers')) pushAll(tests, config.retriableHeaders.map(headerTest));
  const limited = on.has('envoy-ratelimited');
  if (tests.length === 0 && !limited) return undefined;
  // A rate-limited answer is retried only when that is asked for by its own name.
  return (end) => (end.header('x-envoy-ratelimited') === undefined ? tests.some((test) => test(end)) : limited);
}

function headerTest(match: RetryPolicy['retriableHeaders'][number]): (end: ResponseEnd) => boolean {
  if (match.name === ':status') {
    const status = compileHeader({ ...match, name: STATUS_NAME });
    return (end) => status({ ...responseView(end), header: () => String(end.status) });
  }
  const test = compileHeader(match);
  return (end) => test(responseView(end));
}

/** The matchers know the pseudo names of requests only. */
const STATUS_NAME = 'status';

/** The header matchers are written for requests; a response has a status where those have a request line. */
function responseView(end: ResponseEnd): RequestView {
  return { method: '', path: '', authority: '', scheme: 'http', header: (name) => end.header(name) };
}
