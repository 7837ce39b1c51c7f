import { METRIC } from '../metrics/standard.ts';
import type { GraphOptions } from './types.ts';

/** Labels that tell edges apart. */
export const EDGE_LABELS = [
  'source_cluster',
  'source_workload_namespace',
  'source_workload',
  'source_canonical_service',
  'source_canonical_revision',
  'destination_cluster',
  'destination_service_namespace',
  'destination_service',
  'destination_service_name',
  'destination_workload_namespace',
  'destination_workload',
  'destination_canonical_service',
  'destination_canonical_revision',
] as const;

/** A regular expression that matches exactly these texts. */
export function alternatives(texts: readonly string[]): string {
  return texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
}

/** A text as a PromQL string literal. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

export function window(options: GraphOptions): string {
  return `${Math.max(1, Math.round(options.durationMs / 1000))}s`;
}

/**
 * Selectors that together see all traffic of the namespaces: what never arrived (reported by the client side from elsewhere), what came
 * in (reported by the server side) and what went out (reported by the client side). They overlap; series are counted once.
 */
export function trafficSelectors(options: GraphOptions): readonly string[] {
  const names = quoted(alternatives(options.namespaces));
  const hosts = quoted(options.namespaces.map((one) => `.*\\.${alternatives([one])}\\..*`).join('|'));
  return [
    `reporter=~"source|waypoint",source_workload_namespace!~${names},destination_workload_namespace="unknown",destination_workload="unknown",destination_service=~${hosts}`,
    `reporter=~"destination|waypoint",destination_workload_namespace=~${names}`,
    `reporter=~"source|waypoint",source_workload_namespace=~${names}`,
  ];
}

/** `sum(rate(metric{selector}[window])) by (labels)`, rounded to a thousandth; without idle edges only what is above zero. */
export function rateQuery(metric: string, selector: string, labels: readonly string[], options: GraphOptions): string {
  const idle = options.includeIdleEdges ? '' : ' > 0';
  return `round(sum(rate(${metric}{${selector}}[${window(options)}])) by (${labels.join(',')})${idle},0.001)`;
}

/** One metric to draw, and how its series are read. */
export interface RateMetric {
  readonly metric: string;
  readonly protocol: 'http' | 'grpc' | 'tcp' | undefined;
  readonly selector: string;
  readonly labels: readonly string[];
}

/** The metrics that the options ask for. Istio names TCP bytes as the server sees them: what the caller sent is "received". */
export function rateMetrics(options: GraphOptions): readonly RateMetric[] {
  const request = [...EDGE_LABELS, 'request_protocol', 'response_code', 'grpc_response_status', 'response_flags'];
  const flow = [...EDGE_LABELS, 'response_flags'];
  const list: RateMetric[] = [];
  const protocols = [options.rateHttp === 'requests' ? 'http' : undefined, options.rateGrpc === 'requests' ? 'grpc' : undefined].filter(
    (one) => one !== undefined,
  );
  if (protocols.length > 0)
    list.push({ metric: METRIC.requests, protocol: undefined, selector: `request_protocol=~"${protocols.join('|')}"`, labels: request });
  const sent = (rate: string): boolean => rate === 'sent' || rate === 'total';
  const received = (rate: string): boolean => rate === 'received' || rate === 'total';
  if (sent(options.rateGrpc)) list.push({ metric: METRIC.requestMessages, protocol: 'grpc', selector: '', labels: flow });
  if (received(options.rateGrpc)) list.push({ metric: METRIC.responseMessages, protocol: 'grpc', selector: '', labels: flow });
  if (sent(options.rateTcp)) list.push({ metric: METRIC.tcpReceivedBytes, protocol: 'tcp', selector: '', labels: flow });
  if (received(options.rateTcp)) list.push({ metric: METRIC.tcpSentBytes, protocol: 'tcp', selector: '', labels: flow });
  return list;
}
