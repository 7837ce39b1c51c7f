import {
  canonicalName,
  canonicalRevision,
  effectiveMtls,
  endpointsOf,
  formatLocality,
  labelsMatch,
  parseLocality,
  type Endpoint,
  type Labels,
  type Locality,
  type PeerAuthenticationTable,
  type Service,
  type ServicePort,
} from '@meltemi/model';
import type { LoadBalancerSettings } from '@meltemi/api';
import type { ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints } from '@meltemi/protos-types';

/** Everything a load assignment depends on. */
export interface AssignmentInputs {
  readonly name: string;
  readonly endpoints: EndpointList;
  /** Labels of the subset; empty for the whole service. */
  readonly subset: Labels;
  /** What the endpoint's own side demands; DISABLE there switches mutual TLS off here. */
  readonly policies: PeerAuthenticationTable;
  /** `region/zone/subzone` of a caller that prefers near endpoints; empty: all localities are equal. */
  readonly callerLocality: string;
  readonly localityLb: LocalityLb | undefined;
  /** Endpoints known to be unhealthy are left out instead of being marked. */
  readonly onlyHealthy: boolean;
}

/** A list of endpoints that counts by identity: it may be long, and the index never changes one in place. */
export interface EndpointList {
  readonly list: readonly Endpoint[];
}

const holders = new WeakMap<readonly Endpoint[], EndpointList>();

/** The holder of a list; the same one for the same list. */
export function endpointList(list: readonly Endpoint[]): EndpointList {
  let holder = holders.get(list);
  if (holder === undefined) holders.set(list, (holder = { list }));
  return holder;
}

export type LocalityLb = NonNullable<LoadBalancerSettings['localityLbSetting']>;

/** How localities are ordered for one caller. */
interface Failover {
  readonly locality: Locality;
  /** Region → region that takes over; others come last. */
  readonly regions: Readonly<Record<string, string>>;
}

/** An EDS resource. A service without endpoints has an empty one: the difference between "none" and "not known yet" matters to proxies. */
export function loadAssignment(inputs: AssignmentInputs): ClusterLoadAssignment {
  const chosen = inputs.endpoints.list.filter(
    (endpoint) => labelsMatch(inputs.subset, endpoint.labels) && (!inputs.onlyHealthy || endpoint.health !== 'unhealthy'),
  );
  const mutual = (endpoint: Endpoint): boolean =>
    endpoint.tlsMode === 'istio' && effectiveMtls({ peerAuthentications: inputs.policies }, endpoint, endpoint.port).mode !== 'DISABLE';
  return { cluster_name: inputs.name, endpoints: localities(chosen, failoverOf(inputs), (endpoint) => lbEndpoint(endpoint, mutual(endpoint))) };
}

function failoverOf(inputs: AssignmentInputs): Failover | undefined {
  if (inputs.callerLocality === '') return undefined;
  const regions = (inputs.localityLb?.failover ?? []).flatMap(({ from, to }) => (from === undefined || to === undefined ? [] : [[from, to]]));
  return { locality: parseLocality(inputs.callerLocality), regions: Object.fromEntries(regions) };
}

/** The endpoints of a DNS cluster, by name; they stand in the cluster itself. */
export function dnsAssignment(name: string, service: Service, port: ServicePort, subset: Labels): ClusterLoadAssignment {
  const endpoints = endpointsOf(service, [], '').get(port.number) ?? [];
  const chosen = endpoints.filter((endpoint) => labelsMatch(subset, endpoint.labels));
  // A logical DNS cluster takes exactly one name.
  const taken = service.resolution === 'dns-round-robin' ? chosen.slice(0, 1) : chosen;
  return { cluster_name: name, endpoints: localities(taken, undefined, (endpoint) => lbEndpoint(endpoint, endpoint.tlsMode === 'istio')) };
}

function localities(
  endpoints: readonly Endpoint[],
  failover: Failover | undefined,
  make: (endpoint: Endpoint) => LbEndpoint,
): readonly LocalityLbEndpoints[] {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const key = formatLocality(endpoint.locality);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [endpoint]);
    else group.push(endpoint);
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  const ranks = sorted.map((group) => (failover === undefined ? 0 : rankOf(group[0]?.locality, failover)));
  // Priorities must not leave gaps: 0, 1, 2 …
  const distinct = [...new Set(ranks)].sort((a, b) => a - b);
  return sorted.map((group, index) => {
    const { region = '', zone = '', subZone = '' } = group[0]?.locality ?? {};
    const priority = distinct.indexOf(ranks[index] ?? 0);
    return {
      // Always there: gRPC refuses endpoints without one.
      locality: { ...(region === '' ? {} : { region }), ...(zone === '' ? {} : { zone }), ...(subZone === '' ? {} : { sub_zone: subZone }) },
      lb_endpoints: group.map(make),
      load_balancing_weight: group.reduce((sum, endpoint) => sum + endpoint.weight, 0),
      ...(priority === 0 ? {} : { priority }),
    };
  });
}

/** Istio's order: same sub-zone 0, zone 1, region 2, another region 3; 4 where a failover region is named and this is not it. */
function rankOf(locality: Locality | undefined, failover: Failover): number {
  const own = failover.locality;
  if (locality === undefined || locality.region !== own.region) {
    const target = failover.regions[own.region];
    return target !== undefined && target !== locality?.region ? 4 : 3;
  }
  if (locality.zone !== own.zone) return 2;
  return locality.subZone === own.subZone ? 0 : 1;
}

const HEALTH = { healthy: 'HEALTHY', unhealthy: 'UNHEALTHY', draining: 'DRAINING' } as const;

function lbEndpoint(endpoint: Endpoint, mutual: boolean): LbEndpoint {
  const revision = canonicalRevision(endpoint.labels);
  const canonical = canonicalName(endpoint.labels, endpoint.workload);
  return {
    endpoint: { address: addressOf(endpoint) },
    ...(endpoint.health === 'healthy' ? {} : { health_status: HEALTH[endpoint.health] }),
    load_balancing_weight: endpoint.weight,
    metadata: {
      filter_metadata: {
        ...(mutual ? { 'envoy.transport_socket_match': { tlsMode: 'istio' } } : {}),
        istio: { workload: [endpoint.workload, endpoint.namespace, canonical, revision, endpoint.cluster].join(';') },
        'meltemi.io': { app: endpoint.labels['app'] ?? canonical, version: endpoint.labels['version'] ?? revision, principal: endpoint.principal },
      },
    },
  };
}

function addressOf(endpoint: Endpoint) {
  const { address, port } = endpoint;
  if (address.startsWith('unix://')) return { pipe: { path: address.slice('unix://'.length) } };
  return { socket_address: { address, port_value: port } };
}
