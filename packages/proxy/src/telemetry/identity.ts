import type { Node } from '@meltemi/protos-types';
import { workloadLabels, type TelemetryNode, type WorkloadLabels } from '@meltemi/telemetry/recording';
import type { SpanIdentity } from './spans.ts';

/** Who this proxy is, in the words of metrics, spans and batches; all of it from the node's metadata. */
export interface TelemetryIdentity {
  readonly labels: WorkloadLabels;
  readonly span: SpanIdentity;
  readonly node: TelemetryNode;
  /** The node itself, for collectors of other makes. */
  readonly self: Node;
}

export function telemetryIdentity(node: Node, address: string): TelemetryIdentity {
  const metadata = node.metadata ?? {};
  const text = (key: string): string => {
    const value = metadata[key];
    return typeof value === 'string' ? value : '';
  };
  const objectLabels = Object.fromEntries(Object.entries((metadata['LABELS'] ?? {}) as object).map(([key, value]) => [key, String(value)]));
  const labels = workloadLabels(text('WORKLOAD_NAME'), text('NAMESPACE'), objectLabels, text('CLUSTER_ID'));
  const nodeId = node.id ?? '';
  return {
    labels,
    span: {
      service: `${labels.canonicalService}.${labels.namespace}`,
      nodeId,
      canonicalService: labels.canonicalService,
      canonicalRevision: labels.canonicalRevision,
      namespace: labels.namespace,
      cluster: labels.cluster,
      meshId: text('MESH_ID'),
    },
    self: node,
    node: {
      workload: labels.workload,
      namespace: labels.namespace,
      app: labels.app,
      version: labels.version,
      instance: nodeId.split('~')[2] ?? nodeId,
      address,
      component: 'proxy',
    },
  };
}
