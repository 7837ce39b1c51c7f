import { GRPC_RETRY_CONDITIONS, HTTP_RETRY_CONDITIONS } from '@meltemi/match';
import type { Reader } from '../decode/reader.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { HttpFilter } from './types.ts';

interface StrictConfig {
  readonly headers: readonly string[];
}

const isCount = (value: string): boolean => /^\d{1,18}$/.test(value);
const allOf =
  (known: readonly string[]) =>
  (value: string): boolean =>
    value.split(',').every((item) => known.includes(item.trim()));

/** The headers whose values the router can check, and what is valid. */
const CHECKS: Readonly<Record<string, (value: string) => boolean>> = {
  'x-envoy-upstream-rq-timeout-ms': isCount,
  'x-envoy-upstream-rq-per-try-timeout-ms': isCount,
  'x-envoy-max-retries': isCount,
  'x-envoy-retry-on': allOf(HTTP_RETRY_CONDITIONS),
  'x-envoy-retry-grpc-on': allOf(GRPC_RETRY_CONDITIONS),
};

/** `strict_check_headers` of the router: requests in which one of these headers has an invalid value are answered with 400, flag IH. */
export const strictHeadersFilter: FilterKind = defineFilter<StrictConfig, never>({
  t: 'strict-headers',
  // It stands in the router's own configuration.
  types: [],
  overrideTypes: [],
  decode: (reader) => decodeHeaders(reader),
  compile({ headers }) {
    return {
      decide({ request }) {
        for (const name of headers) {
          const value = request.header(name);
          if (value === undefined || CHECKS[name]?.(value) !== false) continue;
          const body = `invalid header '${name}' with value '${value}'`;
          return { reply: { status: 400, body, flag: 'IH', details: `request_headers_failed_strict_check{${name}}` } };
        }
        return undefined;
      },
    };
  },
});

function decodeHeaders(router: Reader): StrictConfig {
  const headers = router.strings('strict_check_headers').map((name) => name.toLowerCase());
  headers.forEach((name, index) =>
    router.require(`strict_check_headers[${index}]`, name in CHECKS, `"${name}" cannot be checked: ${Object.keys(CHECKS).join(', ')}`),
  );
  return { headers };
}

/** What the router checks before it does anything; undefined = nothing. */
export function routerChecks(router: Reader): HttpFilter | undefined {
  const config = decodeHeaders(router);
  return config.headers.length === 0 ? undefined : { t: strictHeadersFilter.t, name: 'envoy.filters.http.router', disabled: false, config };
}
