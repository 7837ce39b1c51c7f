import type { RetryOn, RetryPolicy } from '../types/route.ts';
import { decodeHeaderMatch } from './route-match.ts';
import type { Reader } from './reader.ts';

const CONDITIONS: ReadonlySet<string> = new Set<RetryOn>([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

/** `RetryPolicy`. Istio allows status codes inside `retry_on` ("connect-failure,503"): they count as retriable status codes. */
export function decodeRetry(reader: Reader): RetryPolicy {
  const codes: number[] = [...reader.numbers('retriable_status_codes')];
  const on = decodeConditions(reader, codes);
  // Hosts tried before are avoided whenever another one is there, however many draws that takes.
  reader.harmless('host_selection_retry_max_attempts');
  const backOff = reader.message('retry_back_off');
  const base = backOff?.duration('base_interval', 25) ?? 25;
  reader.require('retry_back_off.base_interval', base > 0, 'must be more than 0');
  return {
    on,
    numRetries: reader.number('num_retries', 1),
    perTryTimeoutMs: reader.duration('per_try_timeout', 0),
    statusCodes: codes,
    retriableHeaders: reader.messages('retriable_headers').map(decodeHeaderMatch),
    retriableRequestHeaders: reader.messages('retriable_request_headers').map(decodeHeaderMatch),
    baseIntervalMs: base,
    maxIntervalMs: backOff?.duration('max_interval', base * 10) ?? base * 10,
    avoidPreviousHosts: decodePredicates(reader),
  };
}

function decodeConditions(reader: Reader, codes: number[]): readonly RetryOn[] {
  const on = new Set<RetryOn>();
  for (const word of reader.string('retry_on').split(',')) {
    const condition = word.trim();
    if (condition === '') continue;
    if (/^[1-5]\d\d$/.test(condition)) {
      codes.push(Number(condition));
      on.add('retriable-status-codes');
    } else if (CONDITIONS.has(condition)) on.add(condition as RetryOn);
    else reader.fail('retry_on', `condition "${condition}" is not supported by this proxy`);
  }
  return [...on];
}

const PREVIOUS_HOSTS = 'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate';

function decodePredicates(reader: Reader): boolean {
  let previous = false;
  for (const predicate of reader.messages('retry_host_predicate')) {
    const name = predicate.string('name');
    const type = predicate.message('typed_config')?.type() ?? PREVIOUS_HOSTS;
    if (name === 'envoy.retry_host_predicates.previous_hosts' || type === PREVIOUS_HOSTS) previous = true;
    else predicate.fail('', `retry host predicate "${name}" is not supported by this proxy`);
  }
  return previous;
}
