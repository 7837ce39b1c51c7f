import { sessionOf, type MergedDestinationRule, type MeshConfig, type Service, type ServicePort } from '@meltemi/model';
import type { Cluster, ClusterLoadAssignment } from '@meltemi/protos-types';
import { ADS } from '../common/ads.ts';
import { wireProtocol, type WireProtocol } from '../common/capabilities.ts';
import { BY_NAME, CALLED_NAMES } from '../common/dynamic-dns.ts';
import { durationOf, protoDuration } from '../common/duration.ts';
import { outboundCluster, serviceMetadata } from '../common/names.ts';
import type { NodeScope } from '../common/node-scope.ts';
import { originMetadata, originText, refOf } from '../common/origin.ts';
import { dnsAssignment } from '../endpoints/assignment.ts';
import { localityPlan } from '../endpoints/locality-plan.ts';
import { circuitBreakers, keepaliveFields, outlierFields } from './limits.ts';
import { loadBalancing } from './load-balancing.ts';
import { commonLbFields, localityRule } from './locality.ts';
import { protocolOptions, upstreamProtocol } from './protocol-options.ts';
import { transportFields, upstreamNames, withProxyProtocol } from './tls.ts';
import { effectivePolicy, type EffectivePolicy } from './traffic-policy.ts';

/** Everything an outbound cluster depends on. */
export interface OutboundClusterInputs {
  readonly service: Service;
  readonly port: ServicePort;
  /** Empty for the whole service. */
  readonly subset: string;
  readonly rule: MergedDestinationRule | undefined;
  /** Identities of the service's endpoints. */
  readonly identities: readonly string[];
  readonly mesh: MeshConfig;
  /** Where connections leave from; empty: the system chooses. */
  readonly sourceAddress: string;
  /** An original destination exists only where connections are redirected. */
  readonly originalDestination: boolean;
  readonly nodeType: NodeScope['type'];
  /** For services by DNS, whose endpoints stand in the cluster: the order of localities is the caller's. */
  readonly caller: NodeScope | undefined;
  /** Some cluster of the mesh is zone-aware. */
  readonly zonesInUse: boolean;
}

/** The cluster of a service port or of one subset of it. Undefined when the node cannot reach such a service (resolution NONE without redirection). */
export function outboundClusterOf(inputs: OutboundClusterInputs): Cluster | undefined {
  const { service, port, subset, rule, mesh } = inputs;
  const policy = effectivePolicy(rule, subset, port.number, mesh);
  const discovery = discoveryOf(inputs, policy);
  if (discovery === undefined) return undefined;
  const protocol = upstreamProtocol(wireOf(inputs), policy.connectionPool, mesh);
  const credentials = inputs.nodeType === 'router' || Object.keys(rule?.workloadSelector ?? {}).length > 0;
  const transport = transportOf(inputs, policy, { discovery, protocol, credentials });
  return {
    name: outboundCluster(port.number, subset, service.hostname),
    ...discovery,
    ...commonLbFields(policy, localityRule(policy, service, mesh), { zonesInUse: inputs.zonesInUse, sessions: sessionOf(service) !== undefined }),
    connect_timeout: durationOf(policy.connectionPool?.tcp?.connectTimeout) ?? protoDuration(mesh.connectTimeoutMs),
    circuit_breakers: circuitBreakers(policy),
    ...outlierFields(policy.outlierDetection),
    ...keepaliveFields(policy.connectionPool, mesh),
    ...protocolOptions(protocol, policy.connectionPool, {
      names: service.dynamicDns === true ? CALLED_NAMES : upstreamNames(policy.tls, { credentials }),
      errorStatuses: policy.outlierDetection?.outlierDetectionHttpErrorCodes,
      preserveHeaderCase: mesh.preserveHeaderCase,
    }),
    ...withProxyProtocol(transport, policy.proxyProtocol),
    ...(inputs.sourceAddress === '' ? {} : { upstream_bind_config: { source_address: { address: inputs.sourceAddress, port_value: 0 } } }),
    metadata: metadataOf(service, rule, subset),
  };
}

/** What a gateway's clients speak says nothing of its backends. */
function wireOf({ port, nodeType }: OutboundClusterInputs): WireProtocol {
  const wire = wireProtocol(port.protocol);
  return wire === 'sniffed' && nodeType === 'router' ? 'http' : wire;
}

function transportOf(
  inputs: OutboundClusterInputs,
  { tls, connectionPool }: EffectivePolicy,
  use: { readonly discovery: Omit<Cluster, 'name'>; readonly protocol: WireProtocol; readonly credentials: boolean },
): ReturnType<typeof transportFields> {
  const { service, port, subset, mesh } = inputs;
  return transportFields(tls, {
    protocol: use.protocol,
    asClient: connectionPool?.http?.useClientProtocol === true,
    port: port.number,
    subset,
    hostname: service.hostname,
    identities: [...new Set([...inputs.identities, ...service.subjectAltNames])],
    serviceNames: service.subjectAltNames,
    trustDomain: mesh.trustDomain,
    autoMtls: mesh.enableAutoMtls && !service.external ? autoMtls(inputs, use.discovery) : 'none',
    credentials: use.credentials,
  });
}

/** An original destination has no metadata: there all get mutual TLS when the service's endpoints have identities. What is not listed at all has none. */
function autoMtls({ service, identities }: OutboundClusterInputs, { type }: Omit<Cluster, 'name'>): 'able' | 'all' | 'none' {
  if (service.dynamicDns === true) return 'none';
  if (type !== 'ORIGINAL_DST') return 'able';
  return service.resolution !== 'none' && identities.length > 0 ? 'all' : 'none';
}

function discoveryOf(inputs: OutboundClusterInputs, policy: EffectivePolicy): Omit<Cluster, 'name'> | undefined {
  const { service, port, subset, mesh } = inputs;
  const name = outboundCluster(port.number, subset, service.hostname);
  if (service.dynamicDns === true) return BY_NAME;
  // Without redirection the address that was called is the service's own: it says nothing of an endpoint, and one is chosen as ever.
  const passthrough = policy.loadBalancer?.simple === 'PASSTHROUGH' && inputs.originalDestination;
  // The caller of a headless service has chosen the endpoint. A gateway has no such caller.
  const chosen = service.headless && inputs.nodeType === 'sidecar' && inputs.originalDestination;
  if (service.resolution === 'none' || passthrough || chosen)
    return inputs.originalDestination ? { type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' } : undefined;
  const lb = loadBalancing(policy.loadBalancer);
  if (service.resolution === 'static') return { type: 'EDS', eds_cluster_config: { eds_config: ADS, service_name: name }, ...lb };
  const plan = localityPlan(policy, service, mesh, inputs.caller);
  const assignment: ClusterLoadAssignment = dnsAssignment({ name, service, port, subset: subsetLabels(inputs), plan });
  return {
    type: service.resolution === 'dns' ? 'STRICT_DNS' : 'LOGICAL_DNS',
    load_assignment: assignment,
    dns_refresh_rate: protoDuration(mesh.dnsRefreshRateMs),
    respect_dns_ttl: true,
    dns_lookup_family: 'V4_ONLY',
    ...lb,
  };
}

function subsetLabels(inputs: OutboundClusterInputs) {
  return inputs.rule?.subsets.find((entry) => entry.subset.name === inputs.subset)?.subset.labels ?? {};
}

/** Who is called, and the object that decided most about how. */
function metadataOf(service: Service, rule: MergedDestinationRule | undefined, subset: string) {
  const origin = rule === undefined ? originText(service.object) : ruleOrigin(rule, subset);
  return originMetadata(origin, { istio: { services: [{ ...serviceMetadata(service) }] } });
}

function ruleOrigin(rule: MergedDestinationRule, subset: string): string {
  const found = rule.subsets.find((entry) => entry.subset.name === subset);
  if (found !== undefined) return originText(refOf(found.source), `spec.subsets[${found.index}]`);
  if (rule.trafficPolicy !== undefined) return originText(refOf(rule.trafficPolicy.source), 'spec.trafficPolicy');
  const [first] = rule.sources;
  return first === undefined ? '' : originText(refOf(first));
}
