import type { HttpRetry } from '@meltemi/api';
import type { MeshConfig } from '@meltemi/model';
import type { RetryPolicy } from '@meltemi/protos-types';
import { defined, filled } from '../common/defined.ts';
import { durationOf } from '../common/duration.ts';

const DEFAULT_CONDITIONS = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';
const PREVIOUS_HOSTS = {
  name: 'envoy.retry_host_predicates.previous_hosts',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate' },
};
const PREVIOUS_PRIORITIES = {
  name: 'envoy.retry_priorities.previous_priorities',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
    update_frequency: 2,
  },
};

/** Retries of an outbound route: the route's own, or the mesh's default. Undefined: none. `hashed` clusters must not be sent elsewhere. */
export function retryPolicy(own: HttpRetry | undefined, mesh: MeshConfig, hashed: boolean): RetryPolicy | undefined {
  const retries = own ?? mesh.defaultHttpRetryPolicy;
  // As in Istio, `attempts` left out is 0, and 0 switches retries off.
  const attempts = retries === undefined ? mesh.defaultHttpRetryAttempts : (retries.attempts ?? 0);
  if (attempts <= 0) return undefined;
  const { conditions, codes } = parseRetryOn(retries?.retryOn);
  return {
    retry_on: conditions,
    num_retries: attempts,
    ...defined({ retriable_status_codes: filled(codes), ...timing(retries) }),
    ...(hashed || retries?.retryIgnorePreviousHosts === false ? {} : { retry_host_predicate: [PREVIOUS_HOSTS] }),
    host_selection_retry_max_attempts: 5,
    ...(retries?.retryRemoteLocalities === true ? { retry_priority: PREVIOUS_PRIORITIES } : {}),
  };
}

function timing(retries: HttpRetry | undefined): Pick<RetryPolicy, 'per_try_timeout' | 'retry_back_off'> {
  const backoff = durationOf(retries?.backoff);
  return defined({
    per_try_timeout: durationOf(retries?.perTryTimeout),
    retry_back_off: backoff === undefined ? undefined : { base_interval: backoff },
  });
}

/** Numbers in `retryOn` are status codes of the upstream; they need a condition of their own to count. */
function parseRetryOn(text: string | undefined): { readonly conditions: string; readonly codes: readonly number[] } {
  if (text === undefined || text === '') return { conditions: DEFAULT_CONDITIONS, codes: [] };
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const codes = parts.filter((part) => /^\d+$/.test(part)).map(Number);
  const conditions = parts.filter((part) => !/^\d+$/.test(part));
  if (codes.length > 0 && !conditions.includes('retriable-status-codes')) conditions.push('retriable-status-codes');
  return { conditions: conditions.join(), codes };
}

/** Inbound, a request that was not sent yet because the kept-alive connection to the application just closed may be sent again. Never with gRPC. */
export const INBOUND_RETRY: RetryPolicy = { retry_on: 'reset-before-request', num_retries: 2 };
