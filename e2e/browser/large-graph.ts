import type { EdgeJson, GraphJson, NodeJson } from '@meltemi/console-api';

/** Names that somebody could give to do harm, or that break a layout. */
export const HOSTILE: readonly string[] = [
  '<img src=x onerror="window.harmed=true">',
  '"><script>window.harmed=true</script>',
  `${'very-long-name-'.repeat(16)}end`,
  '‮desrever',
  '${window.harmed=true}',
];

/** A mesh of many workloads in several namespaces, with calls between them; some with hostile names and labels. */
export function largeGraph(nodeCount: number): GraphJson {
  const nodes: NodeJson[] = [];
  const edges: EdgeJson[] = [];
  for (let index = 0; index < nodeCount; index += 1) {
    const app = HOSTILE[index] ?? `app-${index}`;
    nodes.push({
      id: `n${index}`,
      nodeType: 'app',
      cluster: 'meltemi',
      namespace: `team-${index % 8}`,
      workload: `${app}-v1`,
      app,
      version: 'v1',
      labels: { app, [app]: app },
      healthData: null,
      healthStatus: index % 37 === 0 ? 'Failure' : 'Healthy',
    });
    // A tree with some shortcuts: every workload is called by one or two before it.
    for (const caller of index === 0 ? [] : new Set([Math.floor((index - 1) / 3), Math.floor(index / 2)])) {
      edges.push({
        id: `e${caller}-${index}`,
        source: `n${caller}`,
        target: `n${index}`,
        isMTLS: '100',
        responseTime: '12',
        healthStatus: 'Healthy',
        traffic: { protocol: 'http', rates: { http: '2.50', httpPercentReq: '50.0' } },
      });
    }
  }
  return {
    timestamp: Math.floor(Date.now() / 1000),
    duration: 60,
    graphType: 'versionedApp',
    elements: { nodes: nodes.map((data) => ({ data })), edges: edges.map((data) => ({ data })) },
  };
}
