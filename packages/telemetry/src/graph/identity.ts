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

interface Identity {
  readonly id: string;
  readonly nodeType: NodeType;
}

function identify(facts: NodeFacts, graphType: GraphType): Identity {
  const { cluster, workload, app, service } = facts;
  const place = `${cluster}_${namespaceOf(facts)}`;
  if (!ok(workload) && !ok(app) && !ok(service))
    return { id: service === '' ? `${cluster}_unknown_source` : `svc_${place}_unknown`, nodeType: 'unknown' };
  const isAppGraph = graphType === 'app' || graphType === 'versionedApp';
  if (isAppGraph && ok(app)) return { id: appId(facts, place, graphType), nodeType: 'app' };
  return ok(workload) ? { id: `wl_${place}_${workload}`, nodeType: 'workload' } : { id: `svc_${place}_${service}`, nodeType: 'service' };
}

function appId({ workload, app, version }: NodeFacts, place: string, graphType: GraphType): string {
  if (graphType === 'app') return `app_${place}_${app}`;
  // One workload backs one version of an application; its name is safer than labels that two workloads may share.
  if (ok(workload)) return `vapp_${place}_${workload}`;
  return ok(version) ? `vapp_${place}_${app}_${version}` : `app_${place}_${app}`;
}

function namespaceOf({ workloadNamespace, serviceNamespace }: NodeFacts): string {
  return ok(workloadNamespace) ? workloadNamespace : serviceNamespace || workloadNamespace;
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
    namespace: namespaceOf(facts),
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
  const get: Getter = (name) => labels[name] || UNKNOWN_NODE;
  const source = sourceOf(get);
  const dest = destinationOf(get, source.cluster);
  const { cluster, service, serviceNamespace } = dest;
  if (isAddress(service)) return undefined;
  const requested = ok(service) ? { cluster, namespace: serviceNamespace, name: service } : undefined;
  const wanted = options.injectServiceNodes || options.graphType === 'service';
  const inject = wanted && ok(dest.workload) && ok(service) && !NO_SERVICE_NODE.includes(service);
  const between: NodeFacts = { cluster, serviceNamespace, service, workloadNamespace: UNKNOWN_NODE, workload: '', app: '', version: '' };
  return { source, service: inject ? between : undefined, dest, requested };
}

type Getter = (label: string) => string;

function sourceOf(get: Getter): NodeFacts {
  return {
    cluster: get('source_cluster'),
    serviceNamespace: '',
    service: '',
    workloadNamespace: get('source_workload_namespace'),
    workload: get('source_workload'),
    app: get('source_canonical_service'),
    version: get('source_canonical_revision'),
  };
}

function destinationOf(get: Getter, sourceCluster: string): NodeFacts {
  const host = get('destination_service');
  const namespace = get('destination_service_namespace');
  const cluster = get('destination_cluster');
  const workload = get('destination_workload');
  const ofWorkload = (name: string): string => (ok(workload) ? get(name) : UNKNOWN_NODE);
  return {
    cluster: ok(cluster) ? cluster : sourceCluster,
    serviceNamespace: ok(namespace) ? namespace : namespaceOfHost(host),
    service: serviceName(get('destination_service_name'), host),
    workloadNamespace: ofWorkload('destination_workload_namespace'),
    workload,
    app: ofWorkload('destination_canonical_service'),
    version: ofWorkload('destination_canonical_revision'),
  };
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
