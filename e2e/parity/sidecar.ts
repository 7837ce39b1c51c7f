/** A sidecar whose ports say nothing of their protocol: one that it calls, one that it serves, and both one behind the other. */
import { parseProxyNode, type MeshConfig, type ProxyNode } from '@meltemi/model';
import type { BackendAddress, CaseContext } from './harness/context.ts';
import { resourcesOf } from './istio.ts';
import { address, LOG_FIELDS, type Resources } from './resources.ts';

/** Without names that bear the number of a listener's port, which each proxy has its own of. */
const { cluster: _cluster, sni: _sni, ...LOGGED } = LOG_FIELDS;

/**
 * Listeners: `main` calls the backend `main`; `in` serves it, by mutual TLS and plainly; `hop` calls `in` by mutual TLS. `$host` in the text is the host behind
 * `main`, `$hop` that behind `hop`.
 */
export function sidecar(c: CaseContext, write = '', mesh: Partial<MeshConfig> = {}): Resources {
  const inside = { host: c.address, port: c.port('in') };
  const objects = [entry('host', c.port(), c.backend('main')), entry('hop', c.port('hop'), inside), BY_TLS, write];
  const text = objects.join('\n---\n').replaceAll(/\$(host|hop)\b/g, (_, name: string) => `${name}.${c.id}.example`);
  const settings = {
    trustDomain: 'parity.test',
    accessLogFormat: JSON.stringify({ case: c.id, ...LOGGED }),
    ...mesh,
  };
  const made = resourcesOf(c, text, settings, nodeOf(c));
  const { chain, key } = c.identity('server');
  return {
    ...ownSecrets(c, {
      ...made,
      listeners: (made.listeners ?? []).map((listener) => onOwnAddress(c, listener as Bound)),
      clusters: (made.clusters ?? []).map((cluster) => toBackend(c, cluster as Named)),
    }),
    secrets: [
      { name: c.name('own'), tls_certificate: { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } } },
      { name: c.name('roots'), validation_context: { trusted_ca: { inline_string: c.rootPem } } },
    ],
  };
}

function entry(name: string, port: number, to: BackendAddress): string {
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [$${name}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: ${port}, name: some }]
  endpoints: [{ address: ${to.host}, ports: { some: ${to.port} } }]`;
}

const BY_TLS = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: hop }
spec: { host: $hop, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }`;

/** Secrets of all cases of a topic are there at once. */
function ownSecrets(c: CaseContext, made: Resources): Resources {
  const text = JSON.stringify(made).replaceAll('"name":"default","sds_config"', `"name":"${c.name('own')}","sds_config"`);
  return JSON.parse(text.replaceAll('"name":"ROOTCA"', `"name":"${c.name('roots')}"`)) as Resources;
}

interface Bound {
  readonly address: { readonly socket_address: { readonly port_value: number } };
}

/** Addresses that the mesh gives are not there to listen on. */
function onOwnAddress(c: CaseContext, listener: Bound): object {
  return { ...listener, address: address(c.address, listener.address.socket_address.port_value) };
}

interface Named {
  readonly name: string;
}

/** The application's port is the one that its sidecar serves; here it is the backend's. */
function toBackend(c: CaseContext, cluster: Named): object {
  if (cluster.name !== `inbound|${c.port('in')}||`) return cluster;
  const { host, port } = c.backend('main');
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(host, port) } }] }];
  return { ...cluster, load_assignment: { cluster_name: cluster.name, endpoints } };
}

function nodeOf(c: CaseContext): ProxyNode {
  const parsed = parseProxyNode({
    id: `sidecar~${c.address}~some.${c.id}~${c.id}.svc.cluster.local`,
    metadata: {
      NAMESPACE: c.id,
      SERVICE_ACCOUNT: 'some',
      WORKLOAD_NAME: 'some',
      INTERCEPTION_MODE: 'NONE',
      MELTEMI_DATA_PLANE: 'embedded',
      MELTEMI_PORTS: [{ number: c.port('in') }],
    },
  });
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return parsed.node;
}
