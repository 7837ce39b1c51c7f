import { GRPC_RETRY_CONDITIONS, HTTP_RETRY_CONDITIONS } from '@meltemi/match';
import { criteriaOf } from '../lb/subsets.ts';
import type { Criteria } from '../types/balancing.ts';
import type { RetryOn, RetryPolicy } from '../types/route.ts';
import { filterMetadata } from './common.ts';
import { decodeHeaderMatch } from './route-match.ts';
import type { Reader } from './reader.ts';

const CONDITIONS: ReadonlySet<string> = new Set([...HTTP_RETRY_CONDITIONS, ...GRPC_RETRY_CONDITIONS]);

/** `RetryPolicy`. Istio allows status codes inside `retry_on` ("connect-failure,503"): they count as retriable status codes. */
export function decodeRetry(reader: Reader): RetryPolicy {
  const codes: number[] = [...reader.numbers('retriable_status_codes')];
  const on = decodeConditions(reader, codes);
  const limited = reader.message('rate_limited_retry_back_off');
  reader.require('retry_options_predicates', reader.messages('retry_options_predicates').length === 0, 'not supported by this proxy');
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
    maxIntervalMs: maxInterval(backOff, base),
    ...(limited === undefined ? {} : { rateLimited: decodeRateLimited(limited) }),
    perTryIdleTimeoutMs: reader.duration('per_try_idle_timeout', 0),
    avoid: decodeAvoided(reader),
    hostAttempts: Math.max(1, reader.number('host_selection_retry_max_attempts', 1)),
    avoidPrioritiesAfter: decodeRetryPriority(reader.message('retry_priority')),
  };
}

function maxInterval(backOff: Reader | undefined, base: number): number {
  const max = backOff?.duration('max_interval', base * 10) ?? base * 10;
  backOff?.require('max_interval', max >= base, 'is less than base_interval');
  return max;
}

function decodeRateLimited(reader: Reader): NonNullable<RetryPolicy['rateLimited']> {
  const headers = reader.messages('reset_headers').map((header) => ({
    name: header.string('name').toLowerCase(),
    format: header.oneOf<'seconds' | 'unix-timestamp'>('format', { SECONDS: 'seconds', UNIX_TIMESTAMP: 'unix-timestamp' }, 'seconds'),
  }));
  reader.require('reset_headers', headers.length > 0, 'at least one header is needed');
  return { headers, maxIntervalMs: reader.duration('max_interval', 300_000) };
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

const PREDICATES = 'envoy.extensions.retry.host.';

/** By the type of the configuration, or by the older spelling: the name alone. */
function decodeAvoided(reader: Reader): RetryPolicy['avoid'] {
  let previousHosts = false;
  let canaries = false;
  const metadata: Criteria[] = [];
  for (const predicate of reader.messages('retry_host_predicate')) {
    const name = predicate.string('name');
    const config = predicate.message('typed_config');
    const type = config === undefined ? name.slice(name.lastIndexOf('.') + 1) : config.type();
    if (type === 'previous_hosts' || type === `${PREDICATES}previous_hosts.v3.PreviousHostsPredicate`) previousHosts = true;
    else if (type === 'omit_canary_hosts' || type === `${PREDICATES}omit_canary_hosts.v3.OmitCanaryHostsPredicate`) canaries = true;
    else if (config !== undefined && type === `${PREDICATES}omit_host_metadata.v3.OmitHostMetadataConfig`)
      metadata.push(criteriaOf(filterMetadata(config.raw('metadata_match'), 'envoy.lb')));
    else {
      config?.ignoreRest();
      predicate.fail('', `retry host predicate "${name}" is not supported by this proxy`);
    }
  }
  return { previousHosts, canaries, metadata };
}

function decodeRetryPriority(reader: Reader | undefined): number {
  if (reader === undefined) return 0;
  const name = reader.string('name');
  const config = reader.message('typed_config');
  if (config?.type() === 'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig') {
    const frequency = config.number('update_frequency', 0);
    config.require('update_frequency', frequency > 0, 'must be more than 0');
    return frequency;
  }
  config?.ignoreRest();
  reader.fail('', `retry priority "${name}" is not supported by this proxy`);
  return 0;
}
