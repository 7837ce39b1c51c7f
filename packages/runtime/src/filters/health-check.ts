import { compileHeader } from '../compile/predicates.ts';
import { decodeHeaderMatch } from '../decode/route-match.ts';
import type { HeaderMatch } from '../types/route.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { FilterReply } from './types.ts';

/** Health checks are told by their headers, all of which must match. */
interface HealthConfig {
  readonly headers: readonly HeaderMatch[];
}

const OK: FilterReply = { status: 200, body: '', flag: '', details: 'health_check_ok' };

/** Answers health checks itself (`envoy.filters.http.health_check`); passing them through and looking at clusters are refused. */
export const healthCheckFilter: FilterKind = defineFilter<HealthConfig, never>({
  t: 'health-check',
  types: ['envoy.extensions.filters.http.health_check.v3.HealthCheck'],
  overrideTypes: [],
  decode(reader) {
    reader.require('pass_through_mode', !reader.bool('pass_through_mode'), 'passing health checks through is not supported by this proxy');
    reader.require(
      'cluster_min_healthy_percentages',
      !reader.has('cluster_min_healthy_percentages'),
      'answering by the health of clusters is not supported by this proxy',
    );
    // The cache is of answers that were passed through.
    reader.harmless('cluster_min_healthy_percentages', 'cache_time');
    return { headers: reader.messages('headers').map(decodeHeaderMatch) };
  },
  compile({ headers }) {
    const tests = headers.map(compileHeader);
    return { decide: ({ request }) => (tests.every((test) => test(request)) ? { reply: OK } : undefined) };
  },
});
