import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { filePath, labels, nonEmpty, opt, portNumber, req, secretName, text } from '../../schema/fields.ts';
import { dnsLabelFault, hostFault } from '../../schema/formats.ts';
import { certificateHashFault, cipherSuiteFault, keyHashFault } from './tls-values.ts';
import { validateGateway } from './gateway-rules.ts';

// host, namespace/host, ./host or */host
const gatewayHost = text((value) => {
  const slash = value.indexOf('/');
  const namespace = slash < 0 ? '*' : value.slice(0, slash);
  if (namespace !== '*' && namespace !== '.' && dnsLabelFault(namespace) !== undefined)
    return `"${value}": "${namespace}" is not a namespace, "." or "*"`;
  return hostFault(value.slice(slash + 1), { wildcard: true, ip: false });
});

const GATEWAY_PROTOCOLS = ['HTTP', 'HTTPS', 'GRPC', 'GRPC-WEB', 'HTTP2', 'MONGO', 'TCP', 'TLS'] as const;
const protocol = text((value) =>
  (GATEWAY_PROTOCOLS as readonly string[]).includes(value.toUpperCase())
    ? undefined
    : `"${value}" is not a protocol; known are ${GATEWAY_PROTOCOLS.join(', ')}`,
);

const tlsVersion = z.enum(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']);
/** TLS that ends at a proxy, for callers outside of the mesh. */
export const serverTls = z.strictObject({
  httpsRedirect: opt(z.boolean(), 'Answer plain HTTP with a redirect to https.'),
  mode: opt(z.enum(['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL']), 'How TLS is terminated.'),
  serverCertificate: opt(filePath, 'Path of a certificate.'),
  privateKey: opt(filePath, 'Path of its key.'),
  caCertificates: opt(filePath, 'Path of the certificates to trust.'),
  caCrl: opt(filePath, 'Path of a revocation list.'),
  credentialName: opt(secretName, 'Secret that holds certificate and key.'),
  credentialNames: opt(z.array(secretName).max(2), 'Secrets, at most two.'),
  caCertCredentialName: opt(secretName, 'Secret that holds the certificates to trust.'),
  tlsCertificates: opt(
    z
      .array(
        z.strictObject({
          serverCertificate: opt(filePath, 'Path.'),
          privateKey: opt(filePath, 'Path.'),
          caCertificates: opt(filePath, 'Path of the certificates to trust; write it beside tlsCertificates.'),
        }),
      )
      .max(2),
    'Certificates, at most two.',
  ),
  subjectAltNames: opt(z.array(z.string()), 'Names that clients may have.'),
  verifyCertificateSpki: opt(z.array(text(keyHashFault)), 'Keys that clients may have.'),
  verifyCertificateHash: opt(z.array(text(certificateHashFault)), 'Certificates that clients may have.'),
  minProtocolVersion: opt(tlsVersion, 'Default TLSV1_2.'),
  maxProtocolVersion: opt(tlsVersion, 'Default TLSV1_3.'),
  cipherSuites: opt(z.array(text(cipherSuiteFault)), 'Cipher suites of TLS 1.2.'),
  insecureSkipVerify: opt(z.boolean(), 'Do not check the client.'),
});

const gatewaySchema = z.strictObject({
  servers: req(
    z
      .array(
        z.strictObject({
          name: opt(z.string(), 'Name of the server, unique.'),
          port: req(
            z.strictObject({
              number: req(portNumber, 'Port to listen on.'),
              protocol: req(protocol, 'HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS.'),
              name: req(nonEmpty, 'Name of the port, unique.'),
              targetPort: opt(z.int(), 'Ignored by Istio.'),
            }),
            'Where to listen.',
          ),
          bind: opt(z.string(), 'Address to listen on.'),
          hosts: req(z.array(gatewayHost).min(1), 'Hosts served: host or namespace/host.'),
          tls: opt(serverTls, 'TLS settings.'),
          defaultEndpoint: opt(z.string(), 'Not implemented by Istio either.'),
        }),
      )
      .min(1),
    'What the gateway listens for.',
  ),
  selector: opt(labels, 'Labels of the gateway workloads, in all namespaces.'),
});

/** Spec of a Gateway: what a proxy at the edge listens for. */
export type Gateway = DeepReadonly<z.output<typeof gatewaySchema>>;
export type GatewayServer = Gateway['servers'][number];

const OLD = 'only TLS 1.2 and 1.3 are spoken';
/** Versions of TLS that are refused. */
export function oldVersions(tls: string): Readonly<Record<string, string>> {
  const fields = ['minProtocolVersion', 'maxProtocolVersion'];
  return Object.fromEntries(fields.flatMap((field) => ['TLSV1_0', 'TLSV1_1'].map((version) => [`${tls}.${field}=${version}`, OLD])));
}

/** The kind Gateway of Istio. */
export const gatewayKind = defineKind({
  gvk: { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'], kind: 'Gateway' },
  plural: 'gateways',
  shortNames: ['gw'],
  schema: gatewaySchema,
  unsupported: {
    'servers[].tls.mode=AUTO_PASSTHROUGH': 'gateways between networks are not built yet',
    'servers[].tls.tlsCertificates[].caCertificates': 'write tls.caCertificates',
    ...oldVersions('servers[].tls'),
    'servers[].port.targetPort': 'Istio ignores it too; leave it out',
    'servers[].defaultEndpoint': 'Istio does not implement it either',
  },
  validate: validateGateway,
  docs: 'What proxies at the edge of the mesh listen for: ports, protocols and hosts. VirtualServices that name the gateway say where requests go.',
});
