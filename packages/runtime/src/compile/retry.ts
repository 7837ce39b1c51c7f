import type { AttemptEnd, CompiledRetry, RequestView } from '../compiled.ts';
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
  if (config.on.length === 0 || config.numRetries === 0) return undefined;
  const on = new Set(config.on);
  const requestTests = config.retriableRequestHeaders.map(compileHeader);
  const response = compileResponse(config, on);
  return {
    config,
    onResponses: response !== undefined,
    applies: (request) => requestTests.length === 0 || requestTests.some((test) => test(request)),
    shouldRetry: (end) => (end.t === 'response' ? response?.(end) === true : retriesBreak(on, end)),
    backOffMs(retry, random) {
      const window = Math.min(config.baseIntervalMs * (2 ** retry - 1), config.maxIntervalMs);
      return window * random;
    },
  };
}

/** A broken attempt has no response: "5xx" and "gateway-error" cover every break, the others name one. */
function retriesBreak(on: ReadonlySet<RetryOn>, end: Exclude<AttemptEnd, { t: 'response' }>): boolean {
  // Our own circuit breaker refused it: another attempt would add to the overload.
  if (end.t === 'overflow') return false;
  if (on.has('5xx') || on.has('gateway-error') || on.has('reset')) return true;
  if (end.t === 'connect-failure') return on.has('connect-failure') || on.has('reset-before-request');
  return end.t === 'reset' && !end.requestSent && on.has('reset-before-request');
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
  if (on.has('retriable-headers')) tests.push(...config.retriableHeaders.map(headerTest));
  const limited = on.has('envoy-ratelimited');
  if (tests.length === 0 && !limited) return undefined;
  // A rate-limited answer is retried only when that is asked for by its own name.
  return (end) => (end.header('x-envoy-ratelimited') === undefined ? tests.some((test) => test(end)) : limited);
}

function headerTest(match: RetryPolicy['retriableHeaders'][number]): (end: ResponseEnd) => boolean {
  const test = compileHeader(match);
  return (end) => test(responseView(end));
}

/** The header matchers are written for requests; a response has a status where those have a request line. */
function responseView(end: ResponseEnd): RequestView {
  return { method: '', path: '', authority: '', scheme: 'http', header: (name) => end.header(name) };
}
