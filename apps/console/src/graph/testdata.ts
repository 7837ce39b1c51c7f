import type { EdgeData, GraphResponse, NodeData } from '../api/kiali.ts';

/** Nodes and edges for tests, written short. */
export function node(id: string, data: Partial<NodeData> = {}): NodeData {
  return { id, nodeType: 'app', namespace: 'bookinfo', app: id, version: 'v1', workload: `${id}-v1`, ...data };
}

export function edge(
  source: string,
  target: string,
  rates: Readonly<Record<string, string>> = { http: '1.00' },
  data: Partial<EdgeData> = {},
): EdgeData {
  const protocol = Object.keys(rates)[0]?.startsWith('tcp') === true ? 'tcp' : Object.keys(rates)[0]?.startsWith('grpc') === true ? 'grpc' : 'http';
  return { id: `${source}>${target}`, source, target, traffic: { protocol, rates }, ...data };
}

export function graph(nodes: readonly NodeData[], edges: readonly EdgeData[]): GraphResponse {
  return {
    timestamp: 1_700_000_000,
    duration: 60,
    graphType: 'versionedApp',
    elements: { nodes: nodes.map((data) => ({ data })), edges: edges.map((data) => ({ data })) },
  };
}

/** Gateway, a service between, two versions in a box, and a database. */
export function small(): GraphResponse {
  return graph(
    [
      node('box', { nodeType: 'box', isBox: 'app', app: 'reviews' }),
      node('gateway', { isRoot: true, namespace: 'istio-system' }),
      node('svc', { nodeType: 'service', service: 'reviews', app: 'reviews' }),
      node('reviews-v1', { app: 'reviews', parent: 'box', healthStatus: 'Healthy' }),
      node('reviews-v2', { app: 'reviews', version: 'v2', parent: 'box', healthStatus: 'Degraded', hasVS: { hostnames: ['reviews'] } }),
      node('db', { app: 'db', healthStatus: 'NA' }),
    ],
    [
      edge('gateway', 'svc', { http: '4.00', http5xx: '1.00', httpPercentErr: '25.0' }, { isMTLS: '100' }),
      edge('svc', 'reviews-v1', { http: '3.00' }, { responseTime: '12' }),
      edge('svc', 'reviews-v2', { http: '1.00', http5xx: '1.00' }, { responseTime: '1500', healthStatus: 'Failure' }),
      edge('reviews-v2', 'db', { tcp: '200.00' }),
      edge('reviews-v1', 'nowhere'),
    ],
  );
}
