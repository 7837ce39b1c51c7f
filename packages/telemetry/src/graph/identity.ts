import type { Labels } from '../metrics/registry.ts';
import { UNKNOWN_NODE, type GraphNode, type GraphOptions, type GraphType, type NodeType, type ServiceName } from './types.ts';

/** Everything that identifies a node before the type of graph decides what of it counts. */
export interface NodeFacts {
  readonly cluster: string;
  readonly serviceNamespace: string;
  readonly service: string;
  readonly workloadNamespace: string;
  readonly workload: string;
  readonly app: string;
  readonly version: string;
}

const ok = (value: string): boolean => value !== '' && value !== UNKNOWN_NODE;

function identify(facts: NodeFacts, graphType: GraphType): { readonly id: string; readonly nodeType: NodeType } {
  const { cluster, workload, app, version, service } = facts;
  const namespace = ok(facts.workloadNamespace) ? facts.workloadNamespace : facts.serviceNamespace || facts.workloadNamespace;
  if (!ok(workload) && !ok(app) && service === '') return { id: `${cluster}_unknown_source`, nodeType: 'unknown' };
  if (!ok(workload) && !ok(app) && !ok(service)) return { id: `svc_${cluster}_${namespace}_unknown`, nodeType: 'unknown' };
  const byWorkload = { id: `wl_${cluster}_${namespace}_${workload}`, nodeType: 'workload' as const };
  const byService = { id: `svc_${cluster}_${namespace}_${service}`, nodeType: 'service' as const };
  if (graphType === 'workload' || graphType === 'service') return ok(workload) ? byWorkload : byService;
  if (ok(app)) {
    // One workload backs one version of an application; its name is safer than labels that two workloads may share.
    if (graphType === 'versionedApp' && ok(workload)) return { id: `vapp_${cluster}_${namespace}_${workload}`, nodeType: 'app' };
    if (graphType === 'versionedApp' && ok(version)) return { id: `vapp_${cluster}_${namespace}_${app}_${version}`, nodeType: 'app' };
    return { id: `app_${cluster}_${namespace}_${app}`, nodeType: 'app' };
  }
  return ok(workload) ? byWorkload : byService;
}

/** A node without traffic yet; fields that its type has no use for are empty. */
export function createNode(facts: NodeFacts, graphType: GraphType): GraphNode {
  const { id, nodeType } = identify(facts, graphType);
  const keepsWorkload = nodeType === 'workload' || (nodeType === 'app' && graphType === 'versionedApp');
  const clean = (value: string): string => (ok(value) ? value : '');
  return {
    id,
    nodeType,
    cluster: facts.cluster,
    namespace: ok(facts.workloadNamespace) ? facts.workloadNamespace : facts.serviceNamespace || facts.workloadNamespace,
    workload: keepsWorkload ? clean(facts.workload) : '',
    app: nodeType === 'service' || nodeType === 'unknown' ? '' : clean(facts.app),
    version: keepsWorkload ? clean(facts.version) : '',
    service: nodeType === 'service' ? facts.service : '',
    rates: {},
    destServices: new Map(),
    labels: undefined,
    badges: {},
    gateway: undefined,
    serviceEntry: undefined,
    workloadEntries: [],
    isDead: false,
    isIdle: false,
    isOutOfMesh: false,
    isOutside: false,
    isRoot: false,
    health: undefined,
  };
}

/** The nodes that one time series runs through: source, perhaps the service in between, destination. */
export interface Path {
  readonly source: NodeFacts;
  readonly service: NodeFacts | undefined;
  readonly dest: NodeFacts;
  readonly requested: ServiceName | undefined;
}

const NO_SERVICE_NODE = ['PassthroughCluster', 'BlackHoleCluster', 'InboundPassthroughCluster'];

/** Reads the path off the labels of a series; undefined for telemetry that makes no sense (a known cluster with nothing else known). */
export function pathOf(labels: Labels, options: Pick<GraphOptions, 'injectServiceNodes' | 'graphType'>): Path | undefined {
  const get = (name: string): string => labels[name] || UNKNOWN_NODE;
  const source: NodeFacts = {
    cluster: get('source_cluster'),
    serviceNamespace: '',
    service: '',
    workloadNamespace: get('source_workload_namespace'),
    workload: get('source_workload'),
    app: get('source_canonical_service'),
    version: get('source_canonical_revision'),
  };
  const workload = get('destination_workload');
  const service = serviceName(get('destination_service_name'), get('destination_service'));
  const known = ok(workload);
  const cluster = ok(get('destination_cluster')) ? get('destination_cluster') : source.cluster;
  const serviceNamespace = ok(get('destination_service_namespace'))
    ? get('destination_service_namespace')
    : namespaceOfHost(get('destination_service'));
  const dest: NodeFacts = {
    cluster,
    serviceNamespace,
    service,
    workloadNamespace: known ? get('destination_workload_namespace') : UNKNOWN_NODE,
    workload,
    app: known ? get('destination_canonical_service') : UNKNOWN_NODE,
    version: known ? get('destination_canonical_revision') : UNKNOWN_NODE,
  };
  if (isAddress(service)) return undefined;
  const requested = ok(service) ? { cluster, namespace: serviceNamespace, name: service } : undefined;
  const inject = (options.injectServiceNodes || options.graphType === 'service') && known && ok(service) && !NO_SERVICE_NODE.includes(service);
  const serviceFacts: NodeFacts = { cluster, serviceNamespace, service, workloadNamespace: UNKNOWN_NODE, workload: '', app: '', version: '' };
  return { source, service: inject ? serviceFacts : undefined, dest, requested };
}

/** `destination_service_name` is short for mesh services; a full host of the mesh is cut to its first part. */
function serviceName(name: string, host: string): string {
  const full = ok(name) ? name : host;
  const match = /^([^.]+)\.[^.]+\.svc(\.|$)/.exec(full);
  return match?.[1] ?? full;
}

function namespaceOfHost(host: string): string {
  return /^[^.]+\.([^.]+)\.svc(\.|$)/.exec(host)?.[1] ?? UNKNOWN_NODE;
}

/** A service that is only an address is a sign of missing data, not a service. */
function isAddress(name: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}(:\d+)?$/.test(name);
}

/** Ids of the edges of a path: one, or two with the service in between. */
export function edgesOf(path: Path, graphType: GraphType): readonly (readonly [source: string, target: string])[] {
  const source = identify(path.source, graphType).id;
  const dest = identify(path.dest, graphType).id;
  if (path.service === undefined) return [[source, dest]];
  const service = identify(path.service, graphType).id;
  return [
    [source, service],
    [service, dest],
  ];
}
