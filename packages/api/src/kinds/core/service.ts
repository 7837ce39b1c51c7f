import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { dnsLabel, labels, opt, portNumber, req, text } from '../../schema/fields.ts';
import { hostFault } from '../../schema/formats.ts';

const servicePort = z.strictObject({
  name: opt(dnsLabel, 'Name, unique; its prefix tells the protocol (http-web).'),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP').describe('Transport protocol.'),
  appProtocol: opt(z.string(), 'Application protocol; wins over the name.'),
  port: req(portNumber, 'Port that callers use.'),
  targetPort: opt(z.union([portNumber, dnsLabel]), 'Port of the workload, by number or name; default the port.'),
  nodePort: opt(z.int(), 'For Kubernetes.'),
});

const serviceSchema = z.strictObject({
  type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']).default('ClusterIP').describe('Kind of service.'),
  ports: opt(z.array(servicePort), 'Ports of the service.'),
  selector: opt(labels, 'Labels of the workloads behind the service.'),
  clusterIP: opt(z.string(), 'Made by Kubernetes; the mesh gives every service an address of its own.'),
  clusterIPs: opt(z.array(z.string()), 'Made by Kubernetes.'),
  externalName: opt(
    text((value) => hostFault(value, { wildcard: false, ip: false })),
    'DNS name the service stands for; of the mesh, or of anywhere.',
  ),
  externalIPs: opt(z.array(z.string()), 'For Kubernetes.'),
  externalTrafficPolicy: opt(z.enum(['Cluster', 'Local']), 'For Kubernetes.'),
  internalTrafficPolicy: opt(
    z.enum(['Cluster', 'Local']),
    'Local: callers use endpoints of their own machine only; where none is, there is no answer.',
  ),
  ipFamilies: opt(z.array(z.enum(['IPv4', 'IPv6'])), 'Made by Kubernetes.'),
  ipFamilyPolicy: opt(z.enum(['SingleStack', 'PreferDualStack', 'RequireDualStack']), 'For Kubernetes.'),
  sessionAffinity: opt(z.enum(['None', 'ClientIP']), 'Same client, same endpoint.'),
  sessionAffinityConfig: opt(
    z.strictObject({ clientIP: opt(z.strictObject({ timeoutSeconds: opt(z.int(), 'Seconds.') }), 'By address.') }),
    'Settings of sessionAffinity.',
  ),
  publishNotReadyAddresses: opt(z.boolean(), 'Whether endpoints that are not ready count.'),
  loadBalancerIP: opt(z.string(), 'For Kubernetes.'),
  loadBalancerSourceRanges: opt(z.array(z.string()), 'For Kubernetes.'),
  loadBalancerClass: opt(z.string(), 'For Kubernetes.'),
  allocateLoadBalancerNodePorts: opt(z.boolean(), 'For Kubernetes.'),
  healthCheckNodePort: opt(z.int(), 'For Kubernetes.'),
  trafficDistribution: opt(z.enum(['PreferClose', 'PreferSameZone', 'PreferSameNode']), 'Nearest endpoints first: of the zone, or of the machine.'),
});

/** Spec of a Kubernetes Service. */
export type Service = DeepReadonly<z.output<typeof serviceSchema>>;
export type ServicePort = NonNullable<Service['ports']>[number];

const KUBERNETES = 'it needs Kubernetes';
const OUTSIDE = 'stand-alone, a gateway opens the mesh to the outside; write type: ClusterIP';
const AFFINITY =
  'it tells clients apart by their address, and with interception "ports" all clients of a machine share one; write a DestinationRule for the host with trafficPolicy: { loadBalancer: { consistentHash: { httpCookie: { name: session, ttl: 1h } } } }, or httpHeaderName: x-user, or, where every client has its own address ("netns"), useSourceIp: true';

/** The kind Service. */
export const serviceKind = defineKind({
  gvk: { group: '', versions: ['v1'], kind: 'Service' },
  plural: 'services',
  shortNames: ['svc'],
  schema: serviceSchema,
  names: 'label',
  unsupported: {
    'type=NodePort': OUTSIDE,
    'type=LoadBalancer': OUTSIDE,
    'ports[].protocol!=TCP': 'only TCP is proxied',
    'ports[].nodePort': KUBERNETES,
    externalIPs: KUBERNETES,
    'externalTrafficPolicy!=Cluster': KUBERNETES,
    'sessionAffinity!=None': AFFINITY,
    sessionAffinityConfig: AFFINITY,
    loadBalancerIP: KUBERNETES,
    loadBalancerSourceRanges: KUBERNETES,
    loadBalancerClass: KUBERNETES,
    'allocateLoadBalancerNodePorts!=false': KUBERNETES,
    healthCheckNodePort: KUBERNETES,
  },
  validate: validateService,
  columns: [
    { name: 'Type', path: 'spec.type' },
    { name: 'Ports', path: 'spec.ports' },
  ],
  docs: 'A name and ports for the workloads that carry certain labels.',
});

function validateService(spec: Service): Finding[] {
  const ports = spec.ports ?? [];
  const findings: Finding[] = [];
  if (ports.length === 0 && spec.type !== 'ExternalName' && spec.clusterIP !== 'None')
    findings.push({ path: [], message: 'a Service needs at least one port' });
  findings.push(...externalNameRules(spec));
  ports.forEach((port, index) => {
    const path = ['ports', index];
    if (port.name === undefined && ports.length > 1) findings.push({ path, message: 'with several ports, each needs a name' });
    if (port.name !== undefined && ports.findIndex((other) => other.name === port.name) < index)
      findings.push({ path: [...path, 'name'], message: `the port name "${port.name}" is used twice` });
    if (ports.findIndex((other) => other.port === port.port && other.protocol === port.protocol) < index)
      findings.push({ path: [...path, 'port'], message: `port ${port.port}/${port.protocol} is listed twice` });
  });
  return findings;
}

function externalNameRules(spec: Service): Finding[] {
  if (spec.type !== 'ExternalName') {
    if (spec.externalName === undefined) return [];
    return [{ path: ['externalName'], message: 'externalName has no effect without type: ExternalName', severity: 'warning' }];
  }
  const findings: Finding[] = [];
  if (spec.externalName === undefined) findings.push({ path: [], message: 'type: ExternalName needs externalName' });
  if (spec.selector !== undefined)
    findings.push({ path: ['selector'], message: 'a service that stands for a name selects nothing', severity: 'warning' });
  if ((spec.ports ?? []).length === 0) {
    findings.push({
      path: [],
      message: 'without ports, externalName can only be a host of the mesh: proxies listen for nothing else',
      fix: 'Add the ports that are called.',
      severity: 'warning',
    });
  }
  return findings;
}
