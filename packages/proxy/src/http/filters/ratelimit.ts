import { countEvent, type FilterVerdict, type HeaderEdit, type MetadataStruct, type RateLimitConfig, type RateLimitQuestion } from '@meltemi/runtime';
import { callGrpc, type GrpcMethod } from './grpc-unary.ts';
import { defineHalf, type AskCall, type FilterHalf } from './half.ts';

const METHOD: GrpcMethod = {
  path: '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
  request: 'envoy.service.ratelimit.v3.RateLimitRequest',
  response: 'envoy.service.ratelimit.v3.RateLimitResponse',
};
const NAMESPACE = 'envoy.filters.http.ratelimit';
const RESOURCE_EXHAUSTED = 8;

/** Asks a rate-limit service. */
export const rateLimitHalf: FilterHalf = defineHalf<RateLimitQuestion>({
  t: 'ratelimit',
  ask(question, call) {
    const { config, domain, descriptors } = question;
    const message = { domain, descriptors: descriptors.map((entries) => ({ entries })), hits_addend: 0 };
    return callGrpc(call.x.worker, config.service, { method: METHOD, message }, (answer) =>
      answered(question, call, answer.t === 'failed' ? undefined : (answer.message as RateLimitResponse)),
    );
  },
});

/** `answer`: undefined = there is none. Envoy counts it of the cluster that the request goes to. */
function answered(question: RateLimitQuestion, call: AskCall, answer: RateLimitResponse | undefined): void {
  const { config } = question;
  const counts = call.x.cluster?.counts;
  if (counts !== undefined) {
    countEvent(counts, answer === undefined ? 'ratelimit.error' : answer.overall_code === 'OVER_LIMIT' ? 'ratelimit.over_limit' : 'ratelimit.ok');
    if (answer === undefined && !config.denyOnFailure) countEvent(counts, 'ratelimit.failure_mode_allowed');
  }
  call.done(answer === undefined ? failure(config) : verdictOf(question, answer));
}

/** The members that are read; ProtoJSON leaves out what has its default value. */
interface RateLimitResponse {
  readonly overall_code?: string;
  readonly statuses?: readonly DescriptorStatus[];
  readonly response_headers_to_add?: readonly HeaderValue[];
  readonly request_headers_to_add?: readonly HeaderValue[];
  readonly raw_body?: string;
  readonly dynamic_metadata?: MetadataStruct;
}
interface HeaderValue {
  readonly key?: string;
  readonly value?: string;
}
interface DescriptorStatus {
  readonly current_limit?: { readonly name?: string; readonly requests_per_unit?: number; readonly unit?: string };
  readonly limit_remaining?: number;
  readonly duration_until_reset?: string;
}

function failure({ denyOnFailure, statusOnError }: RateLimitConfig): FilterVerdict | undefined {
  return denyOnFailure ? { reply: { status: statusOnError, body: '', flag: 'RLSE', details: 'rate_limiter_error' } } : undefined;
}

function verdictOf({ config, headers }: RateLimitQuestion, answer: RateLimitResponse): FilterVerdict | undefined {
  const told = [...(answer.response_headers_to_add ?? []).map(asEdit), ...(config.rateLimitHeaders ? limitHeaders(answer.statuses ?? []) : [])];
  const metadata = answer.dynamic_metadata === undefined ? {} : { metadata: { [NAMESPACE]: answer.dynamic_metadata } };
  if (answer.overall_code !== 'OVER_LIMIT') {
    const request = (answer.request_headers_to_add ?? []).map(asEdit);
    return { ...metadata, request, ...(told.length === 0 ? {} : { response: { onResponse: () => ({ edits: told }) } }) };
  }
  const limited: readonly HeaderEdit[] = config.limitedHeader ? [{ name: 'x-envoy-ratelimited', action: 'overwrite', value: 'true' }] : [];
  return {
    ...metadata,
    reply: {
      status: config.status,
      body: answer.raw_body === undefined ? '' : Buffer.from(answer.raw_body, 'base64').toString('utf8'),
      flag: 'RL',
      details: 'request_rate_limited',
      headers: [...limited, ...told, ...headers],
      ...(config.grpcExhausted ? { grpcOnlyStatus: RESOURCE_EXHAUSTED } : {}),
    },
  };
}

function asEdit({ key = '', value = '' }: HeaderValue): HeaderEdit {
  return { name: key.toLowerCase(), action: 'append', value };
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { SECOND: 1, MINUTE: 60, HOUR: 3_600, DAY: 86_400, MONTH: 2_592_000, YEAR: 31_536_000 };

/** `x-ratelimit-…` (draft 03): of the limit that has the least left, with all of them as policies. */
function limitHeaders(statuses: readonly DescriptorStatus[]): readonly HeaderEdit[] {
  const limited = statuses.filter((status) => status.current_limit !== undefined);
  const [first] = limited.toSorted((a, b) => (a.limit_remaining ?? 0) - (b.limit_remaining ?? 0));
  if (first === undefined) return [];
  const policies = limited.map(({ current_limit: limit }) => {
    const name = limit?.name === undefined ? '' : `;name="${limit.name.replaceAll('"', '')}"`;
    return `, ${limit?.requests_per_unit ?? 0};w=${UNIT_SECONDS[limit?.unit ?? ''] ?? 0}${name}`;
  });
  const reset = Math.floor(Number.parseFloat(first.duration_until_reset ?? '0'));
  const values = { limit: `${first.current_limit?.requests_per_unit ?? 0}${policies.join('')}`, remaining: first.limit_remaining ?? 0, reset };
  return Object.entries(values).map(([name, value]) => ({ name: `x-ratelimit-${name}`, action: 'overwrite', value: String(value) }));
}
