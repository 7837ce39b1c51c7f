/** A gateway with its certificates, as the control plane makes it of what users write: for cases about what stands at the edge. */
import { decodeYaml } from '@meltemi/api';
import { formatProblem } from '@meltemi/base';
import {
  buildPushContext,
  createEndpointIndex,
  DEFAULT_MESH_CONFIG,
  endpointsOf,
  joinServices,
  NO_LOCALITY,
  serviceKey,
  type MeshConfig,
  type Workload,
} from '@meltemi/model';
import { TYPE_URL } from '@meltemi/protos-types';
import { createTranslator } from '@meltemi/translate';
import { gatewayNode } from './gateway-node.ts';
import type { CaseContext } from './harness/context.ts';
import { LOG_FIELDS, type Resources } from './resources.ts';

/** Names of credentials, as listeners and clusters ask for them. */
const CREDENTIAL = /(?:kubernetes|kubernetes-gateway|configmap):\/\/[^"]+/g;

/**
 * What the gateway of the case gets. Each backend is a ServiceEntry of two ports, 80 for HTTP and 81 for bytes, and a workload with its name as label `app`, for
 * Services to select. In the text `$NAME` is the host of a backend, `$at(NAME)` its port, `$id` what names of this case begin with, `$port` and `$port(NAME)` ports of its listeners; certificates are Secrets: `secret`.
 */
export function edge(c: CaseContext, write: string, mesh: Partial<MeshConfig> = {}): Resources {
  const text = [...entries(c), write].join('\n---\n');
  const named = text
    .replaceAll(/\$at\((\w+)\)/g, (_, name: string) => String(c.backend(name).port))
    .replaceAll(/\$port\((\w+)\)/g, (_, name: string) => String(c.port(name)))
    .replaceAll(/\$(port|id|address)\b/g, (_, name: string) => (name === 'port' ? String(c.port()) : name === 'id' ? c.id : c.address))
    .replaceAll(/\$([a-z]+)\b/g, (_, name: string) => `${name}.${c.id}.example`);
  const { configs, problems } = decodeYaml(named, { file: 'case', defaultNamespace: c.id });
  const wrong = problems.filter(({ severity }) => severity === 'error');
  if (wrong.length > 0) throw new Error(wrong.map(formatProblem).join('\n'));
  c.wrote?.(configs);
  const settings: MeshConfig = {
    ...DEFAULT_MESH_CONFIG,
    enableTracing: false,
    accessLogFile: c.logPath,
    accessLogEncoding: 'JSON',
    accessLogFormat: JSON.stringify({ case: c.id, ...LOG_FIELDS, cipher: '%DOWNSTREAM_TLS_CIPHER%' }),
    ...mesh,
  };
  const workloads = c.backends().map((name) => workloadOf(c, name));
  const { services } = joinServices(configs, workloads, settings);
  const endpoints = createEndpointIndex();
  for (const service of services) endpoints.update(serviceKey(service), endpointsOf(service, workloads, settings.trustDomain));
  const state = { push: buildPushContext({ mesh: settings, services, configs }), endpoints };
  const translator = createTranslator();
  const node = gatewayNode(c);
  const of = (typeUrl: string, names: '*' | ReadonlySet<string> = '*'): object[] =>
    [...translator.generate(node, typeUrl, names, state).values()].map(({ json }) => json);
  // What every node has and no case needs would be there once for each case.
  const clusters = of(TYPE_URL.cluster).filter((cluster) => (cluster as { readonly name: string }).name.includes(`.${c.id}.`));
  const listeners = of(TYPE_URL.listener);
  const credentials = new Set(JSON.stringify([clusters, listeners]).match(CREDENTIAL));
  return { clusters, endpoints: of(TYPE_URL.endpoint), listeners, routes: of(TYPE_URL.route), secrets: of(TYPE_URL.secret, credentials) };
}

/** A Secret of the case: `<id>-<name>`, with the certificate of an identity; with the roots of the run, when its clients are looked at. */
export function secret(c: CaseContext, name: string, identity: string, roots: 'with roots' | 'without roots' = 'without roots'): string {
  const { chain, key } = c.identity(identity);
  const data = { 'tls.crt': chain, 'tls.key': key, ...(roots === 'with roots' ? { 'ca.crt': c.rootPem } : {}) };
  const type = roots === 'with roots' ? 'Opaque' : 'kubernetes.io/tls';
  return `apiVersion: v1
kind: Secret
metadata: { name: ${c.id}-${name} }
type: ${type}
stringData: ${JSON.stringify(data)}`;
}

function entries(c: CaseContext): readonly string[] {
  return c.backends().map((name) => {
    const { host, port } = c.backend(name);
    return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: [$${name}]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }, { number: 81, name: tcp, protocol: TCP }]
  endpoints: [{ address: ${host}, ports: { http: ${port}, tcp: ${port} } }]`;
  });
}

function workloadOf(c: CaseContext, name: string): Workload {
  const { host, port } = c.backend(name);
  return {
    name,
    namespace: c.id,
    serviceAccount: '',
    labels: { app: name },
    address: host,
    appAddress: host,
    ports: [{ number: port, protocol: 'http' }],
    portMap: {},
    locality: NO_LOCALITY,
    weight: 1,
    tlsMode: 'disabled',
    health: 'healthy',
    dataPlane: 'none',
    cluster: 'meltemi',
    registry: 'external',
  };
}
