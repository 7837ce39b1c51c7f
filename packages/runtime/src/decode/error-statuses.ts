import type { Reader } from './reader.ts';

/** `outlier_detection` of HTTP protocol options: a matcher of responses, of which a list of statuses is taken; undefined: none is there. */
export function decodeErrorStatuses(options: Reader | undefined): readonly number[] | undefined {
  const matcher = options?.message('outlier_detection')?.message('error_matcher');
  if (matcher === undefined) return undefined;
  const rules = matcher.message('or_match')?.messages('rules') ?? [matcher];
  return rules.flatMap(statusesOf);
}

function statusesOf(rule: Reader): readonly number[] {
  const headers = rule.message('http_response_headers_match')?.messages('headers') ?? [];
  rule.require('http_response_headers_match', headers.length === 1, 'only single statuses tell failures for this proxy');
  return headers.map((header) => {
    const match = header.message('string_match');
    const status = Number(match?.string('exact') ?? NaN);
    const known = header.string('name') === ':status' && Number.isInteger(status) && status >= 100 && status <= 599;
    header.require('', known, 'only exact values of :status tell failures for this proxy');
    return status;
  });
}
