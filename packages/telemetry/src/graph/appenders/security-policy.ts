import { METRIC } from '../../metrics/standard.ts';
import { EDGE_LABELS, quoted, alternatives, window } from '../queries.ts';
import type { GraphEdge, TrafficMap } from '../types.ts';
import type { Appender, AppenderContext } from './context.ts';
import { edgesOfSeries, requestProtocol } from './series.ts';

/** Share of traffic under mutual TLS and the identities at both ends, as servers report them. */
export const securityPolicyAppender: Appender = {
  name: 'securityPolicy',
  async run(map, context) {
    const totals = new Map<GraphEdge, { mtls: number; all: number }>();
    await collect(map, context, METRIC.requests, totals);
    await collect(map, context, METRIC.tcpSentBytes, totals);
    for (const [edge, { mtls, all }] of totals) edge.mtlsPercent = all === 0 ? undefined : (mtls / all) * 100;
  },
};

async function collect(
  map: TrafficMap,
  { options, query }: AppenderContext,
  metric: string,
  totals: Map<GraphEdge, { mtls: number; all: number }>,
): Promise<void> {
  const names = quoted(alternatives(options.namespaces));
  const labels = [...EDGE_LABELS, 'request_protocol', 'source_principal', 'destination_principal', 'connection_security_policy'].join(',');
  for (const side of [`destination_workload_namespace=~${names}`, `source_workload_namespace=~${names},destination_workload_namespace!~${names}`]) {
    const promql = `sum(rate(${metric}{reporter=~"destination|waypoint",${side}}[${window(options)}])) by (${labels}) > 0`;
    for (const sample of await query(promql, options.queryTimeMs)) {
      const protocol = metric === METRIC.requests ? requestProtocol(sample.labels) : 'tcp';
      const edges = edgesOfSeries(map, sample.labels, [protocol], options);
      for (const edge of edges) {
        const total = totals.get(edge) ?? { mtls: 0, all: 0 };
        total.all += sample.value;
        if (sample.labels['connection_security_policy'] === 'mutual_tls') total.mtls += sample.value;
        totals.set(edge, total);
        edge.sourcePrincipal ??= principal(sample.labels['source_principal']);
        edge.destPrincipal ??= principal(sample.labels['destination_principal']);
      }
    }
  }
}

function principal(value: string | undefined): string | undefined {
  return value === undefined || value === '' || value === 'unknown' ? undefined : value;
}
