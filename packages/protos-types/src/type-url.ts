/** Type URLs of the resources that travel over ADS. */
export const TYPE_URL = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  nameTable: 'type.googleapis.com/istio.networking.nds.v1.NameTable',
  workload: 'type.googleapis.com/meltemi.workload.v1.Workload',
} as const;

/**
 * Istio's report of an agent about its application, on the same stream: a request of this type without an error means healthy, one with an
 * error unhealthy. The control plane answers each with an empty response, so that the agent knows that it was heard.
 */
export const HEALTH_TYPE_URL = 'type.googleapis.com/istio.v1.HealthInformation';

export type TypeUrl = (typeof TYPE_URL)[keyof typeof TYPE_URL];

/**
 * Make-before-break: what is pointed at goes before what points at it (xDS protocol, "eventual consistency considerations").
 * Additions and changes go in this order, removals in the opposite one.
 */
export const PUSH_ORDER: readonly TypeUrl[] = [
  TYPE_URL.cluster,
  TYPE_URL.endpoint,
  TYPE_URL.secret,
  TYPE_URL.listener,
  TYPE_URL.route,
  TYPE_URL.nameTable,
  TYPE_URL.workload,
];

const SHORT_NAMES: Readonly<Record<string, string>> = {
  [TYPE_URL.cluster]: 'CDS',
  [TYPE_URL.endpoint]: 'EDS',
  [TYPE_URL.secret]: 'SDS',
  [TYPE_URL.listener]: 'LDS',
  [TYPE_URL.route]: 'RDS',
  [TYPE_URL.nameTable]: 'NDS',
  [TYPE_URL.workload]: 'WDS',
};

/** `CDS` for the cluster type URL and so on; an unknown URL is returned as it is. */
export function shortTypeName(typeUrl: string): string {
  return SHORT_NAMES[typeUrl] ?? typeUrl;
}

/** The message name of a type URL: what stands after the last slash. */
export function messageName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

/** The cluster that a proxy is itself one of: it stands in no CDS answer; its endpoints come by this name. */
export const LOCAL_CLUSTER = 'local_cluster';
