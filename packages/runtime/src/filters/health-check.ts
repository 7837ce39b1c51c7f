import { compileHeader } from '../compile/predicates.ts';
import { decodeHeaderMatch } from '../decode/route-match.ts';
import type { HeaderMatch } from '../types/route.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { FilterReply, FilterThread, FilterVerdict, ResponseVerdict } from './types.ts';

/** Health checks are told by their headers, all of which must match. */
interface HealthConfig {
  readonly headers: readonly HeaderMatch[];
  /** The answer is good while each of these clusters has at least this share of hosts that may get traffic. */
  readonly clusters: readonly (readonly [name: string, minPercent: number])[];
}

const answer = (status: number, flag: '' | 'LH', details: string): FilterReply => ({ status, body: '', flag, details });
const OK = answer(200, '', 'health_check_ok');
const FAILING = answer(503, 'LH', 'health_check_failed');
const CLUSTERS_OK = answer(200, '', 'health_check_ok_cluster_healthy');
const NO_CLUSTER = answer(503, 'LH', 'health_check_failed_no_cluster_found');
const UNHEALTHY = answer(503, 'LH', 'health_check_failed_cluster_unhealthy');

/** Callers that would choose this host again are told not to. */
const UNFIT: ResponseVerdict = { edits: [{ name: 'x-envoy-immediate-health-check-fail', action: 'overwrite', value: 'true' }] };

/** Answers health checks itself (`envoy.filters.http.health_check`); passing them through is refused. */
export const healthCheckFilter: FilterKind = defineFilter<HealthConfig, never>({
  t: 'health-check',
  types: ['envoy.extensions.filters.http.health_check.v3.HealthCheck'],
  overrideTypes: [],
  decode(reader) {
    reader.require('pass_through_mode', !reader.bool('pass_through_mode'), 'passing health checks through is not supported by this proxy');
    // The cache is of answers that were passed through.
    reader.harmless('cache_time');
    const clusters = reader.entries('cluster_min_healthy_percentages').map(([name, percent]) => [name, percent.number('value', 0)] as const);
    return { headers: reader.messages('headers').map(decodeHeaderMatch), clusters };
  },
  compile({ headers, clusters }) {
    const tests = headers.map(compileHeader);
    let watch: Watch | undefined;
    return {
      decide({ request, thread }) {
        if (tests.every((test) => test(request))) return { reply: named(judge(clusters, thread), thread) };
        // One for all requests: there is one action per thread.
        if (watch?.thread !== thread) watch = watchOf(thread);
        return watch.verdict;
      },
    };
  },
});

/** What every request but a health check leaves. */
interface Watch {
  readonly thread: FilterThread;
  readonly verdict: FilterVerdict;
}

function watchOf(thread: FilterThread): Watch {
  return { thread, verdict: { response: { idle: () => !thread.failing, onResponse: () => (thread.failing ? UNFIT : undefined) } } };
}

/** Who is checked may want to know that it is who it thinks it is. */
function named(reply: FilterReply, { serviceCluster }: FilterThread): FilterReply {
  if (serviceCluster === '') return reply;
  return { ...reply, headers: [{ name: 'x-envoy-upstream-healthchecked-cluster', action: 'overwrite', value: serviceCluster }] };
}

function judge(clusters: HealthConfig['clusters'], thread: FilterThread): FilterReply {
  if (thread.failing) return FAILING;
  for (const [name, minPercent] of clusters) {
    const hosts = thread.hosts(name);
    if (hosts === undefined) return NO_CLUSTER;
    if (hosts.total === 0 ? minPercent > 0 : hosts.fit * 100 < hosts.total * minPercent) return UNHEALTHY;
  }
  return clusters.length === 0 ? OK : CLUSTERS_OK;
}
