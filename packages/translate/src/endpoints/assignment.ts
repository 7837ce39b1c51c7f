import {
  canonicalName,
  canonicalRevision,
  effectiveMtls,
  endpointsOf,
  labelsMatch,
  parseLocality,
  type Endpoint,
  type Labels,
  type PeerAuthenticationTable,
  type Service,
  type ServicePort,
} from '@meltemi/model';
import { LOCAL_CLUSTER, type ClusterLoadAssignment, type LbEndpoint, type LocalityLbEndpoints } from '@meltemi/protos-types';
import type { LocalityLb } from '../clusters/locality.ts';
import { groupByLocality, type LocalityPlan } from './locality.ts';

/** Everything a load assignment depends on. */
export interface AssignmentInputs {
  readonly name: string;
  readonly endpoints: EndpointList;
  /** Labels of the subset; empty for the whole service. */
  readonly subset: Labels;
  /** What the endpoint's own side demands; DISABLE there switches mutual TLS off here. */
  readonly policies: PeerAuthenticationTable;
  /** Order and shares of localities, for the caller. */
  readonly setting: LocalityLb | undefined;
  readonly failover: boolean;
  readonly regionsOnly: boolean;
  /** `region/zone/subzone` of the caller, where it matters; else empty. */
  readonly callerLocality: string;
  /** Its values of the labels of `failoverPriority`. */
  readonly callerValues: readonly (string | undefined)[];
  /** Only endpoints of this machine; empty: of all. */
  readonly onNode: string;
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

/** An EDS resource. A service without endpoints has an empty one: the difference between "none" and "not known yet" matters to proxies. */
export function loadAssignment(inputs: AssignmentInputs): ClusterLoadAssignment {
  const chosen = inputs.endpoints.list.filter((endpoint) => isChosen(endpoint, inputs));
  const mutual = (endpoint: Endpoint): boolean =>
    endpoint.tlsMode === 'istio' && effectiveMtls({ peerAuthentications: inputs.policies }, endpoint, endpoint.port).mode !== 'DISABLE';
  return { cluster_name: inputs.name, endpoints: localities(chosen, planOf(inputs), (endpoint) => lbEndpoint(endpoint, mutual(endpoint))) };
}

function isChosen(endpoint: Endpoint, { subset, onNode, onlyHealthy }: AssignmentInputs): boolean {
  return labelsMatch(subset, endpoint.labels) && (onNode === '' || endpoint.nodeName === onNode) && (!onlyHealthy || endpoint.health !== 'unhealthy');
}

/** The proxy's own cluster, which is counted and never called. */
export function localAssignment({ endpoints }: Pick<AssignmentInputs, 'endpoints'>): ClusterLoadAssignment {
  return { cluster_name: LOCAL_CLUSTER, endpoints: localities(endpoints.list, undefined, (endpoint) => bareEndpoint(endpoint)) };
}

function planOf({ setting, failover, regionsOnly, callerLocality, callerValues }: AssignmentInputs): LocalityPlan | undefined {
  if (setting === undefined) return undefined;
  return { setting, failover, regionsOnly, caller: { locality: parseLocality(callerLocality), priorityValues: callerValues } };
}

/** What the endpoints of a DNS cluster depend on. */
interface DnsInputs {
  readonly name: string;
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: Labels;
  readonly plan: LocalityPlan | undefined;
}

/** The endpoints of a DNS cluster, by name; they stand in the cluster itself. */
export function dnsAssignment({ name, service, port, subset, plan }: DnsInputs): ClusterLoadAssignment {
  const endpoints = endpointsOf(service, [], '').get(port.number) ?? [];
  const chosen = endpoints.filter((endpoint) => labelsMatch(subset, endpoint.labels));
  // A logical DNS cluster takes exactly one name.
  const taken = service.resolution === 'dns-round-robin' ? chosen.slice(0, 1) : chosen;
  return { cluster_name: name, endpoints: localities(taken, plan, (endpoint) => lbEndpoint(endpoint, endpoint.tlsMode === 'istio')) };
}

function localities(
  endpoints: readonly Endpoint[],
  plan: LocalityPlan | undefined,
  make: (endpoint: Endpoint) => LbEndpoint,
): readonly LocalityLbEndpoints[] {
  return groupByLocality(endpoints, plan).map(({ locality: { region, zone, subZone }, endpoints: members, weight, priority }) => ({
    // Always there: gRPC refuses endpoints without one.
    locality: { ...(region === '' ? {} : { region }), ...(zone === '' ? {} : { zone }), ...(subZone === '' ? {} : { sub_zone: subZone }) },
    lb_endpoints: members.map(make),
    load_balancing_weight: weight,
    ...(priority === 0 ? {} : { priority }),
  }));
}

const HEALTH = { healthy: 'HEALTHY', unhealthy: 'UNHEALTHY', draining: 'DRAINING' } as const;

function lbEndpoint(endpoint: Endpoint, mutual: boolean): LbEndpoint {
  const revision = canonicalRevision(endpoint.labels);
  const canonical = canonicalName(endpoint.labels, endpoint.workload);
  return {
    ...bareEndpoint(endpoint),
    metadata: {
      filter_metadata: {
        ...(mutual ? { 'envoy.transport_socket_match': { tlsMode: 'istio' } } : {}),
        istio: { workload: [endpoint.workload, endpoint.namespace, canonical, revision, endpoint.cluster].join(';') },
        'meltemi.io': { app: endpoint.labels['app'] ?? canonical, version: endpoint.labels['version'] ?? revision, principal: endpoint.principal },
      },
    },
  };
}

function bareEndpoint(endpoint: Endpoint): LbEndpoint {
  return {
    endpoint: { address: addressOf(endpoint) },
    ...(endpoint.health === 'healthy' ? {} : { health_status: HEALTH[endpoint.health] }),
    load_balancing_weight: endpoint.weight,
  };
}

function addressOf(endpoint: Endpoint) {
  const { address, port } = endpoint;
  if (address.startsWith('unix://')) return { pipe: { path: address.slice('unix://'.length) } };
  return { socket_address: { address, port_value: port } };
}
