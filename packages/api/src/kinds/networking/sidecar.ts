import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { dnsLabel, opt, portNumber, req, text, uint32, workloadSelectorLabels } from '../../schema/fields.ts';
import { dnsLabelFault, hostFault } from '../../schema/formats.ts';
import { unsupportedAt } from '../../unsupported.ts';
import { oldVersions, serverTls } from './gateway.ts';
import { validateSidecar } from './sidecar-rules.ts';
import { connectionPool } from './traffic-policy.ts';

// namespace/host; ~ before the namespace takes out again.
const egressHost = text((value) => {
  const bare = value.startsWith('~') && value !== '~/*' ? value.slice(1) : value;
  const slash = bare.indexOf('/');
  if (slash < 0) return `"${value}" has no namespace: write namespace/host, ./host or */host`;
  const namespace = bare.slice(0, slash);
  if (!['*', '.', '~'].includes(namespace) && dnsLabelFault(namespace) !== undefined)
    return `"${value}": "${namespace}" is not a namespace, ".", "*" or "~"`;
  return hostFault(bare.slice(slash + 1), { wildcard: true, ip: false });
});
const PROTOCOLS = ['HTTP', 'HTTPS', 'GRPC', 'GRPC-WEB', 'HTTP2', 'MONGO', 'TCP', 'TLS'];
const protocol = text((value) =>
  PROTOCOLS.includes(value.toUpperCase()) ? undefined : `"${value}" is not a protocol; known are ${PROTOCOLS.join(', ')}`,
);
const port = z.strictObject({
  number: opt(z.int().min(0).max(65_535), 'Port; 0 with a Unix socket.'),
  protocol: opt(protocol, 'Protocol of the port.'),
  name: opt(z.string(), 'Name of the port.'),
  targetPort: opt(uint32, 'Ignored by Istio.'),
});
const captureMode = z.enum(['DEFAULT', 'IPTABLES', 'NONE']);
const ingressTls = serverTls.extend({ mode: req(z.enum(['SIMPLE', 'MUTUAL']), 'How TLS is terminated.') });

const sidecarSchema = z.strictObject({
  workloadSelector: opt(workloadSelectorLabels, 'Workloads this is for; left out: all of the namespace, or of the mesh in the root namespace.'),
  ingress: opt(
    z.array(
      z.strictObject({
        port: req(port, 'Port on which connections come in.'),
        bind: opt(z.string(), 'Address to listen on where nothing redirects connections.'),
        captureMode: opt(captureMode, 'How connections come to the proxy.'),
        defaultEndpoint: opt(z.string(), 'Where the application listens: 127.0.0.1:PORT, 0.0.0.0:PORT or unix:///path.'),
        tls: opt(
          ingressTls,
          'TLS of callers outside of the mesh, with files beside the workload; in force where a PeerAuthentication disables mutual TLS of the port.',
        ),
        connectionPool: opt(connectionPool, 'Limits towards the application.'),
      }),
    ),
    'Ports of the workload; they replace those that services and the workload itself declare.',
  ),
  egress: opt(
    z.array(
      z.strictObject({
        port: opt(port, 'Port for which the hosts are; left out: all others.'),
        bind: opt(z.string(), 'Address to listen on.'),
        captureMode: opt(captureMode, 'How connections come to the proxy.'),
        hosts: req(z.array(egressHost).min(1), 'Hosts that are called: namespace/host; ~namespace/host takes out.'),
      }),
    ),
    'Hosts that the workload calls; what is not among them is not known to its proxy.',
  ),
  inboundConnectionPool: opt(connectionPool, 'Limits towards the application, for every port.'),
  outboundTrafficPolicy: opt(
    z.strictObject({
      mode: z.enum(['REGISTRY_ONLY', 'ALLOW_ANY']).default('REGISTRY_ONLY').describe('Of a policy without a mode: REGISTRY_ONLY.'),
      egressProxy: opt(
        z.strictObject({
          host: req(z.string(), 'Service.'),
          subset: opt(dnsLabel, 'Subset of it.'),
          port: opt(z.strictObject({ number: req(portNumber, 'Port.') }), 'Port of it.'),
        }),
        'Calls of unknown hosts go there.',
      ),
    }),
    'Calls of unknown hosts; left out: as the mesh says.',
  ),
});

/** Spec of a Sidecar: what the proxies of some workloads know and listen for. */
export type Sidecar = DeepReadonly<z.output<typeof sidecarSchema>>;
export type SidecarIngress = NonNullable<Sidecar['ingress']>[number];
export type SidecarEgress = NonNullable<Sidecar['egress']>[number];

const POOL: Readonly<Record<string, string>> = {
  'tcp.tcpKeepalive': 'the application is on the same machine',
  'http.h2UpgradePolicy': 'the port says what the application speaks',
  'http.useClientProtocol': 'the port says what the application speaks',
  'http.maxConcurrentStreams': 'it is a limit of the application itself',
  'http.http2KeepAlive': 'the application is on the same machine',
};
const pools = Object.fromEntries(
  ['inboundConnectionPool', 'ingress[].connectionPool'].flatMap((at) => Object.entries(POOL).map(([key, reason]) => [`${at}.${key}`, reason])),
);

const NO_SECRETS = 'certificates of sidecars are files beside the workload; write serverCertificate, privateKey and caCertificates';
const INGRESS_TLS: Readonly<Record<string, string>> = {
  httpsRedirect: 'Istio refuses it too; write it at a Gateway',
  credentialName: NO_SECRETS,
  credentialNames: NO_SECRETS,
  caCertCredentialName: NO_SECRETS,
  tlsCertificates: NO_SECRETS,
  subjectAltNames: 'Istio refuses it too; write caCertificates, verifyCertificateSpki or verifyCertificateHash',
  insecureSkipVerify: 'a client without a check is SIMPLE',
};

/** The kind Sidecar. */
export const sidecarKind = defineKind({
  gvk: { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'], kind: 'Sidecar' },
  plural: 'sidecars',
  schema: sidecarSchema,
  unsupported: {
    ...oldVersions('ingress[].tls'),
    ...unsupportedAt(['ingress[].tls'], INGRESS_TLS),
    'ingress[].port.targetPort': 'Istio ignores it too; write defaultEndpoint',
    'egress[].port.targetPort': 'Istio ignores it too; leave it out',
    ...pools,
  },
  validate: validateSidecar,
  docs: 'What the proxies of some workloads know: the hosts they call, the ports they listen on, and what happens to calls of unknown hosts. Less known is less to send.',
});
