import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { labels, nonEmpty, opt, portNumber, req } from '../../schema/fields.ts';
import { cipherSuiteFault } from '../networking/tls-values.ts';
import { caRef, GATEWAY_GROUP, hostname, localRef, secretRef, sectionName } from './common.ts';

const selector = z.strictObject({
  matchLabels: opt(labels, 'Labels that must be there.'),
  matchExpressions: opt(
    z.array(
      z.strictObject({
        key: req(z.string(), 'Label.'),
        operator: req(z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']), 'Comparison.'),
        values: opt(z.array(z.string()), 'Values of In and NotIn.'),
      }),
    ),
    'Conditions on labels.',
  ),
});

const allowedRoutes = z.strictObject({
  namespaces: opt(
    z.strictObject({
      from: z.enum(['All', 'Selector', 'Same', 'None']).default('Same').describe('Where routes may come from.'),
      selector: opt(selector, 'Labels of the namespaces, for Selector.'),
    }),
    'Namespaces of the routes.',
  ),
  kinds: opt(
    z.array(z.strictObject({ group: z.string().default(GATEWAY_GROUP).describe('Group.'), kind: req(z.string(), 'Kind of route.') })).max(8),
    'Kinds of routes; left out: those that fit the protocol.',
  ),
});

const listenerTls = z.strictObject({
  mode: z.enum(['Terminate', 'Passthrough']).default('Terminate').describe('Whether TLS ends here.'),
  certificateRefs: opt(z.array(secretRef).max(64), 'Secrets with certificate and key.'),
  options: opt(z.record(z.string(), z.string()), 'gateway.istio.io/tls-terminate-mode and gateway.istio.io/tls-cipher-suites.'),
});

/** Listeners of Gateways and ListenerSets have one shape. */
export const listener = z.strictObject({
  name: req(sectionName, 'Name, unique in the object.'),
  hostname: opt(hostname, 'Host that is served; left out: every host.'),
  port: req(portNumber, 'Port to listen on.'),
  protocol: req(nonEmpty, 'HTTP, HTTPS, TLS or TCP.'),
  tls: opt(listenerTls, 'TLS settings, for HTTPS and TLS.'),
  allowedRoutes: opt(allowedRoutes, 'Which routes may attach; left out: those of the own namespace.'),
});

const validation = z.strictObject({
  caCertificateRefs: req(z.array(caRef).min(1).max(8), 'Certificates that client certificates are checked with.'),
  mode: z
    .enum(['AllowValidOnly', 'AllowInsecureFallback'])
    .default('AllowValidOnly')
    .describe('Whether a client without a valid certificate is served.'),
});
const frontendTls = z.strictObject({ validation: opt(validation, 'Client certificates.') });

const gatewaySchema = z.strictObject({
  gatewayClassName: req(nonEmpty, 'istio or meltemi, or a GatewayClass of ours.'),
  listeners: req(z.array(listener).min(1).max(64), 'What the gateway listens for.'),
  addresses: opt(
    z.array(z.strictObject({ type: z.string().default('IPAddress').describe('IPAddress or Hostname.'), value: opt(z.string(), 'Address.') })).max(16),
    'With type Hostname: the Service whose workloads serve this Gateway.',
  ),
  infrastructure: opt(
    z.strictObject({
      labels: opt(labels, 'Labels of what is made for the gateway.'),
      annotations: opt(z.record(z.string(), z.string()), 'Annotations of what is made for the gateway.'),
      parametersRef: opt(localRef, 'Settings of what is made.'),
    }),
    'For controllers that start gateways.',
  ),
  allowedListeners: opt(
    z.strictObject({
      namespaces: opt(
        z.strictObject({
          from: z.enum(['All', 'Selector', 'Same', 'None']).default('None').describe('Where ListenerSets may come from.'),
          selector: opt(selector, 'Labels of the namespaces, for Selector.'),
        }),
        'Namespaces of the ListenerSets.',
      ),
    }),
    'Which ListenerSets may add listeners; left out: none.',
  ),
  tls: opt(
    z.strictObject({
      backend: opt(z.strictObject({ clientCertificateRef: opt(secretRef, 'Certificate shown to backends.') }), 'Calls to backends.'),
      frontend: opt(
        z.strictObject({
          default: req(frontendTls, 'For all ports that no entry names.'),
          perPort: opt(z.array(z.strictObject({ port: req(portNumber, 'Port.'), tls: req(frontendTls, 'Settings.') })).max(64), 'By port.'),
        }),
        'Certificates of clients.',
      ),
    }),
    'TLS of the whole gateway.',
  ),
  defaultScope: opt(z.string(), 'Experimental.'),
});

/** Spec of a Gateway of the Kubernetes Gateway API. */
export type KubernetesGateway = DeepReadonly<z.output<typeof gatewaySchema>>;
export type GatewayListener = DeepReadonly<z.output<typeof listener>>;
export type NamespaceSelector = DeepReadonly<z.output<typeof selector>>;

/** The kind Gateway of the Kubernetes Gateway API; its tag keeps it apart from Istio's. */
export const kubernetesGatewayKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1', 'v1beta1'], kind: 'Gateway' },
  tag: 'KubernetesGateway',
  plural: 'gateways',
  shortNames: ['gtw'],
  schema: gatewaySchema,
  unsupported: {
    infrastructure: 'gateways are started by "meltemi proxy router", with its options',
    'tls.backend': 'gateways show their mesh identity to workloads, and no certificate to other backends',
    defaultScope: 'it is experimental in Kubernetes, and Istio does not implement it either',
  },
  validate: validateKubernetesGateway,
  columns: [{ name: 'Class', path: 'spec.gatewayClassName' }],
  docs: 'What proxies at the edge of the mesh listen for. Workloads labelled gateway.networking.k8s.io/gateway-name serve it, or those of the Service that addresses names.',
});

function validateKubernetesGateway(spec: KubernetesGateway): Finding[] {
  return listenerFindings(spec.listeners);
}

/** Rules across the listeners of one object. */
export function listenerFindings(listeners: readonly GatewayListener[]): Finding[] {
  const [names, places] = [new Set<string>(), new Set<string>()];
  return listeners.flatMap((item, index): Finding[] => {
    const path = ['listeners', index];
    const findings: Finding[] = [];
    const place = JSON.stringify([item.port, item.protocol, item.hostname]);
    if (names.has(item.name)) findings.push({ path: [...path, 'name'], message: `the name "${item.name}" is used twice` });
    if (places.has(place)) findings.push({ path, message: 'port, protocol and hostname together must be unique' });
    names.add(item.name);
    places.add(place);
    if (item.tls !== undefined && ['HTTP', 'TCP', 'UDP'].includes(item.protocol))
      findings.push({ path: [...path, 'tls'], message: `is not for protocol ${item.protocol}` });
    findings.push(...optionFindings(item.tls?.options ?? {}, [...path, 'tls', 'options']));
    if (item.hostname !== undefined && ['TCP', 'UDP'].includes(item.protocol))
      findings.push({ path: [...path, 'hostname'], message: `is not for protocol ${item.protocol}` });
    if (item.protocol === 'HTTPS' && item.tls?.mode === 'Passthrough')
      findings.push({ path: [...path, 'tls', 'mode'], message: 'HTTPS ends TLS at the gateway; write protocol TLS to pass it through' });
    return findings;
  });
}

const TERMINATE_MODES = ['SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'];

function optionFindings(options: Readonly<Record<string, string>>, path: readonly (string | number)[]): Finding[] {
  const mode = options['gateway.istio.io/tls-terminate-mode'] ?? 'SIMPLE';
  const fault = TERMINATE_MODES.includes(mode) ? undefined : `"${mode}" is none of ${TERMINATE_MODES.join(', ')}`;
  const suites = (options['gateway.istio.io/tls-cipher-suites'] ?? '').split(',').map((name) => name.trim());
  const unknown = suites.flatMap((name) => (name === '' ? [] : (cipherSuiteFault(name) ?? [])));
  return [
    ...(fault === undefined ? [] : [{ path: [...path, 'gateway.istio.io/tls-terminate-mode'], message: fault }]),
    ...unknown.map((message) => ({ path: [...path, 'gateway.istio.io/tls-cipher-suites'], message })),
  ];
}
