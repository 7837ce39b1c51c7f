import type { VectorSample } from '../../promql/query.ts';
import type { GraphMesh, GraphService, GraphWorkload } from '../mesh.ts';
import type { AppenderName, GraphOptions, TrafficMap } from '../types.ts';

/** Answers an instant query; the control plane's own store, or a Prometheus. */
export type GraphQuery = (promql: string, timeMs: number) => Promise<readonly VectorSample[]>;

/** What appenders work with. Lookups are by `cluster namespace name`. */
export interface AppenderContext {
  readonly options: GraphOptions;
  readonly query: GraphQuery;
  readonly mesh: GraphMesh;
  readonly services: ReadonlyMap<string, GraphService>;
  readonly workloads: ReadonlyMap<string, GraphWorkload>;
  /** By `cluster namespace app`. */
  readonly apps: ReadonlyMap<string, readonly GraphWorkload[]>;
}

/** Adds to or corrects a graph: one concern each. */
export interface Appender {
  readonly name: AppenderName;
  run(map: TrafficMap, context: AppenderContext): Promise<void> | void;
}

export function nameKey(cluster: string, namespace: string, name: string): string {
  return `${cluster} ${namespace} ${name}`;
}

export function createContext(options: GraphOptions, query: GraphQuery, mesh: GraphMesh): AppenderContext {
  return {
    options,
    query,
    mesh,
    services: new Map(mesh.services.map((one) => [nameKey(one.cluster, one.namespace, one.name), one])),
    workloads: new Map(mesh.workloads.map((one) => [nameKey(one.cluster, one.namespace, one.name), one])),
    apps: Map.groupBy(mesh.workloads, (one) => nameKey(one.cluster, one.namespace, one.app)),
  };
}

/** The workloads behind a node: one for a workload or a version, all versions for an application, none for a service. */
export function workloadsOf(
  context: AppenderContext,
  node: { readonly nodeType: string; readonly cluster: string; readonly namespace: string; readonly workload: string; readonly app: string },
): readonly GraphWorkload[] {
  if (node.nodeType === 'service' || node.nodeType === 'unknown') return [];
  if (node.workload !== '') {
    const one = context.workloads.get(nameKey(node.cluster, node.namespace, node.workload));
    return one === undefined ? [] : [one];
  }
  return context.apps.get(nameKey(node.cluster, node.namespace, node.app)) ?? [];
}
