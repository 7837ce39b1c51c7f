import { createNode } from '../identity.ts';
import { createEdge, edgeKey, UNKNOWN_NODE, type GraphNode, type TrafficMap } from '../types.ts';
import { nameKey, workloadsOf, type Appender, type AppenderContext } from './context.ts';

/** Marks service nodes that a ServiceEntry declares, and draws all hosts of one entry as one node. */
export const serviceEntryAppender: Appender = {
  name: 'serviceEntry',
  run(map, { mesh }) {
    const byHost = new Map(
      mesh.services.flatMap((one) => (one.serviceEntry === undefined ? [] : one.serviceEntry.hosts.map((host) => [host, one] as const))),
    );
    const first = new Map<string, GraphNode>();
    for (const node of map.nodes.values()) {
      const service = node.nodeType === 'service' ? byHost.get(node.service) : undefined;
      if (service?.serviceEntry === undefined) continue;
      const { name, hosts, location } = service.serviceEntry;
      const key = nameKey(node.cluster, service.namespace, name);
      const twin = first.get(key);
      if (twin !== undefined) {
        mergeInto(map, node, twin);
        continue;
      }
      first.set(key, node);
      node.service = name;
      node.serviceEntry = { hosts, location, namespace: service.namespace };
    }
  },
};

function addUp(into: Record<string, number>, from: Record<string, number>): void {
  for (const [name, value] of Object.entries(from)) into[name] = (into[name] ?? 0) + value;
}

function mergeInto(map: TrafficMap, node: GraphNode, twin: GraphNode): void {
  addUp(twin.rates, node.rates);
  for (const [key, edge] of map.edges) {
    if (edge.source !== node.id && edge.target !== node.id) continue;
    map.edges.delete(key);
    const source = edge.source === node.id ? twin.id : edge.source;
    const target = edge.target === node.id ? twin.id : edge.target;
    const known = map.edges.get(edgeKey(source, target, edge.protocol)) ?? createEdge(source, target, edge.protocol);
    map.edges.set(edgeKey(source, target, edge.protocol), known);
    addUp(known.rates, edge.rates);
    for (const [code, detail] of Object.entries(edge.responses)) {
      const into = (known.responses[code] ??= { flags: {}, hosts: {} });
      addUp(into.flags, detail.flags);
      addUp(into.hosts, detail.hosts);
    }
  }
  map.nodes.delete(node.id);
}

/** Removes what no longer exists and has no traffic; marks workloads that exist without an instance. */
export const deadNodeAppender: Appender = {
  name: 'deadNode',
  run(map, context) {
    for (const node of map.nodes.values()) {
      const hasTraffic = Object.values(node.rates).some((rate) => rate > 0);
      if (node.nodeType === 'unknown') {
        if (!hasTraffic) remove(map, node);
      } else if (node.nodeType === 'service') {
        const exists = node.serviceEntry !== undefined || context.services.has(nameKey(node.cluster, node.namespace, node.service));
        if (!exists && !hasTraffic) remove(map, node);
      } else {
        const workloads = workloadsOf(context, node);
        if (workloads.length === 0) {
          if (!hasTraffic) remove(map, node);
        } else node.isDead = workloads.every((one) => one.status.currentReplicas === 0);
      }
    }
  },
};

function remove(map: TrafficMap, node: GraphNode): void {
  map.nodes.delete(node.id);
  for (const [key, edge] of map.edges) if (edge.source === node.id || edge.target === node.id) map.edges.delete(key);
}

/** Adds services and workloads of the chosen namespaces that have no traffic. */
export const idleNodeAppender: Appender = {
  name: 'idleNode',
  run(map, context) {
    const { options, mesh } = context;
    const inScope = (namespace: string): boolean => options.namespaces.includes(namespace);
    const add = (node: GraphNode): void => {
      if (map.nodes.has(node.id)) return;
      node.isIdle = true;
      map.nodes.set(node.id, node);
    };
    const none = { serviceNamespace: '', service: '', workloadNamespace: UNKNOWN_NODE, workload: '', app: '', version: '' };
    if (options.graphType === 'service' || options.injectServiceNodes) {
      for (const service of mesh.services) {
        if (inScope(service.namespace))
          add(createNode({ ...none, cluster: service.cluster, serviceNamespace: service.namespace, service: service.name }, options.graphType));
      }
    }
    if (options.graphType === 'service') return;
    for (const one of mesh.workloads) {
      if (!inScope(one.namespace)) continue;
      add(
        createNode(
          { ...none, cluster: one.cluster, workloadNamespace: one.namespace, workload: one.name, app: one.app, version: one.version },
          options.graphType,
        ),
      );
    }
  },
};

/** Marks workloads without a sidecar. */
export const meshCheckAppender: Appender = {
  name: 'meshCheck',
  run(map, context) {
    for (const node of map.nodes.values()) node.isOutOfMesh = workloadsOf(context, node).some((one) => !one.hasSidecar);
  },
};

export const workloadEntryAppender: Appender = {
  name: 'workloadEntry',
  run(map, context) {
    for (const node of map.nodes.values()) node.workloadEntries = workloadsOf(context, node).flatMap((one) => one.workloadEntries ?? []);
  },
};

/** Marks nodes of namespaces that were not asked for. */
export const outsiderAppender: Appender = {
  name: 'outsider',
  run(map, { options }) {
    for (const node of map.nodes.values()) node.isOutside = node.nodeType !== 'unknown' && !options.namespaces.includes(node.namespace);
  },
};

/** Labels of the objects behind the nodes; of an application those that all its workloads share. */
export const labelerAppender: Appender = {
  name: 'labeler',
  run(map, context) {
    for (const node of map.nodes.values()) node.labels = labelsOf(context, node);
  },
};

function labelsOf(context: AppenderContext, node: GraphNode): Readonly<Record<string, string>> | undefined {
  if (node.nodeType === 'service') return context.services.get(nameKey(node.cluster, node.namespace, node.service))?.labels;
  const [first, ...rest] = workloadsOf(context, node);
  if (first === undefined) return undefined;
  return Object.fromEntries(Object.entries(first.labels).filter(([key, value]) => rest.every((one) => one.labels[key] === value)));
}

/** Marks where traffic begins. */
export const trafficGeneratorAppender: Appender = {
  name: 'trafficGenerator',
  run(map) {
    const targets = new Set([...map.edges.values()].map((edge) => edge.target));
    const sources = new Set([...map.edges.values()].map((edge) => edge.source));
    for (const node of map.nodes.values()) node.isRoot = sources.has(node.id) && !targets.has(node.id);
  },
};
