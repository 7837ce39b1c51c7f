import type { Labels } from '../../metrics/registry.ts';
import { edgesOf, pathOf } from '../identity.ts';
import { edgeKey, type GraphEdge, type GraphOptions, type Protocol, type TrafficMap } from '../types.ts';

/** The edges of the graph that a time series belongs to; none when the graph does not draw it. */
export function edgesOfSeries(map: TrafficMap, labels: Labels, protocols: readonly Protocol[], options: GraphOptions): readonly GraphEdge[] {
  const path = pathOf(labels, options);
  if (path === undefined) return [];
  return edgesOf(path, options.graphType).flatMap(([source, target]) =>
    protocols.flatMap((protocol) => map.edges.get(edgeKey(source, target, protocol)) ?? []),
  );
}

/** The protocol that a series of request metrics speaks of. */
export function requestProtocol(labels: Labels): Protocol {
  return labels['request_protocol'] === 'grpc' ? 'grpc' : 'http';
}
