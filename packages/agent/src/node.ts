import { hostname } from 'node:os';
import type { AgentConfig, XdsNode } from './types.ts';

/** In a namespace the application is reached over loopback: from its proxy, which the rules leave alone there. */
const NAMESPACE_APP_ADDRESS = '127.0.0.1';

/** Where agent and proxy reach the application. */
export function applicationAddress(config: Pick<AgentConfig, 'interception' | 'join'>): string {
  return config.interception === 'netns' ? NAMESPACE_APP_ADDRESS : config.join.appAddress;
}

/** There is a port to look at, or a probe. A program that only calls others is never called. */
export function watchesApplication(config: Pick<AgentConfig, 'type' | 'appPorts' | 'join'>): boolean {
  return config.type === 'sidecar' && (config.appPorts.length > 0 || config.join.probe !== undefined);
}

/** The node that agent and proxy present to the control plane (S6): identity, labels, and how traffic gets to it. */
export function xdsNode(config: AgentConfig): XdsNode {
  const { identity, join } = config;
  const { namespace, workload } = identity;
  return {
    id: `${config.type}~${join.address}~${workload}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${identity.app}.${namespace}`,
    ...(join.locality === undefined ? {} : { locality: join.locality }),
    metadata: {
      NAMESPACE: namespace,
      SERVICE_ACCOUNT: identity.serviceAccount,
      WORKLOAD_NAME: workload,
      LABELS: workloadLabels(config),
      CLUSTER_ID: 'meltemi',
      MESH_ID: join.trustDomain,
      INSTANCE_IPS: join.address,
      NODE_NAME: nodeName(),
      INTERCEPTION_MODE: config.interception === 'netns' ? 'REDIRECT' : 'NONE',
      MELTEMI_APP_ADDRESS: applicationAddress(config),
      MELTEMI_PORTS: config.appPorts.map(({ number, protocol, name }) => ({ number, protocol, ...(name === undefined ? {} : { name }) })),
      // The control plane sends no traffic before the first report.
      ...(watchesApplication(config) ? { MELTEMI_REPORTS_HEALTH: true } : {}),
      MELTEMI_DATA_PLANE: config.dataPlane.t,
      ...(config.dataPlane.t === 'envoy' && config.dataPlane.version !== undefined ? { MELTEMI_ENVOY_VERSION: config.dataPlane.version } : {}),
      ...(config.bindAddress === undefined ? {} : { MELTEMI_BIND_ADDRESS: config.bindAddress }),
    },
  };
}

/** Labels with `app` and `version` filled in, as selectors expect them. */
export function workloadLabels(config: Pick<AgentConfig, 'identity'>): Readonly<Record<string, string>> {
  const { app, version, labels } = config.identity;
  return { ...(app === '' ? {} : { app }), ...(version === '' ? {} : { version }), ...labels };
}

/** The machine, for services that are reached on the same one only. Agents of one machine say the same, whatever their network. */
function nodeName(): string {
  return process.env['NODE_NAME'] ?? hostname();
}

/**
 * Who this workload is, for collectors of other makes: OpenTelemetry's environment variable. What the agent was given in it goes on
 * behind, where it counts more.
 */
export function resourceAttributes(config: Pick<AgentConfig, 'identity' | 'join'>): string {
  const { app, version, namespace, workload } = config.identity;
  const service = app === '' ? workload : app;
  const own = {
    'service.name': `${service}.${namespace}`,
    'istio.canonical_service': service,
    'istio.canonical_revision': version === '' ? 'latest' : version,
    'istio.namespace': namespace,
    'istio.cluster_id': 'meltemi',
    'istio.mesh_id': config.join.trustDomain,
  };
  const pairs = Object.entries(own).map(([key, value]) => `${key}=${value}`);
  return [...pairs, ...(process.env['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',')].filter((pair) => pair !== '').join(',');
}
