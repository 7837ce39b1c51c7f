/** Resources as the control plane makes them of what Istio's users write: for cases about fields of that API. */
import { decodeYaml } from '@meltemi/api';
import { formatProblem } from '@meltemi/base';
import {
  buildPushContext,
  createEndpointIndex,
  DEFAULT_MESH_CONFIG,
  endpointsOf,
  joinServices,
  serviceKey,
  type KeySets,
  type MeshConfig,
  type ProxyNode,
} from '@meltemi/model';
import { TYPE_URL } from '@meltemi/protos-types';
import { createTranslator } from '@meltemi/translate';
import { gatewayNode } from './gateway-node.ts';
import type { CaseContext } from './harness/context.ts';
import { PROXY_LOCALITY } from './harness/local-cluster.ts';
import { LOG_FIELDS, type Resources } from './resources.ts';

/** Settings of the mesh, and keys of issuers that were fetched. */
export type CaseMesh = Partial<MeshConfig> & { readonly keySets?: KeySets };

/** Backend → `region/zone`; the proxies themselves are in `PROXY_LOCALITY`. */
type Localities = Readonly<Record<string, string>>;

/** The host of a backend of this case, as VirtualServices name it. */
function hostOf(c: CaseContext, backend: string): string {
  return `${backend}.${c.id}.example`;
}

/**
 * A gateway on the case's port with what `write` says of it. Each backend is a ServiceEntry of one HTTP port, 80; those of one name up to a dash are endpoints
 * of one host, with the rest as label `version`: `web-v1` and `web-v2` are the subsets of `web`. `$NAME` in the text is the host of a backend.
 */
export function istio(c: CaseContext, write: string, mesh: CaseMesh = {}, localities: Localities = {}): Resources {
  const text = write.replaceAll(/\$([a-z]+)\b/g, (_, name: string) => hostOf(c, name));
  return resourcesOf(c, [gatewayOf(c), ...serviceEntries(c, localities), text].join('\n---\n'), mesh, gatewayNode(c, PROXY_LOCALITY));
}

/** What a node gets of these objects, in the namespace `c.id`. */
export function resourcesOf(c: CaseContext, text: string, { keySets, ...mesh }: CaseMesh, node: ProxyNode): Resources {
  const decoded = decodeYaml(text, { file: 'case', defaultNamespace: c.id });
  const wrong = decoded.problems.filter(({ severity }) => severity === 'error');
  if (wrong.length > 0) throw new Error(wrong.map(formatProblem).join('\n'));
  c.wrote?.(decoded.configs);
  const settings: MeshConfig = {
    ...DEFAULT_MESH_CONFIG,
    enableTracing: false,
    accessLogFile: c.logPath,
    accessLogEncoding: 'JSON',
    accessLogFormat: JSON.stringify({ case: c.id, ...LOG_FIELDS }),
    ...mesh,
  };
  const joined = joinServices(decoded.configs, [], settings);
  const endpoints = createEndpointIndex();
  for (const service of joined.services) endpoints.update(serviceKey(service), endpointsOf(service, [], settings.trustDomain));
  const state = {
    push: buildPushContext({ mesh: settings, services: joined.services, configs: decoded.configs, ...(keySets === undefined ? {} : { keySets }) }),
    endpoints,
  };
  const translator = createTranslator();
  const all = (typeUrl: string): object[] => [...translator.generate(node, typeUrl, '*', state).values()].map(({ json }) => json);
  // What every node has and no case needs would be there once for each case.
  const clusters = all(TYPE_URL.cluster).filter((cluster) => belongsTo(c, (cluster as { readonly name: string }).name));
  return { clusters, endpoints: all(TYPE_URL.endpoint), listeners: all(TYPE_URL.listener), routes: all(TYPE_URL.route) };
}

/** Collectors at an address have names of their own: one case may have each. */
function belongsTo(c: CaseContext, name: string): boolean {
  return name.includes(`.${c.id}.`) || name.startsWith('inbound|') || name === 'zipkin' || name === 'envoy_accesslog_service';
}

/** A VirtualService of the gateway for every host, with these HTTP rules. */
export function http(rules: string, hosts = "['*']"): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all }
spec:
  hosts: ${hosts}
  gateways: [front]
  http:
${rules.replaceAll(/^/gm, '    ')}
`;
}

/** A Gateway `bytes` at the case's port `tcp`. */
export function bytesGateway(c: CaseContext): string {
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: bytes }
spec:
  selector: { case: ${c.id} }
  servers: [{ port: { number: ${c.port('tcp')}, name: tcp, protocol: TCP }, hosts: ['*'] }]
`;
}

/** A DestinationRule of a backend's host with this traffic policy, and subsets by version. */
export function rule(backend: string, policy: string, subsets: readonly string[] = []): string {
  return `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${backend} }
spec:
  host: $${backend}${
    policy === ''
      ? ''
      : `
  trafficPolicy: ${policy}`
  }
  subsets: [${subsets.map((version) => `{ name: ${version}, labels: { version: ${version} } }`).join(', ')}]
`;
}

function gatewayOf(c: CaseContext): string {
  return `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: front }
spec:
  selector: { case: ${c.id} }
  servers: [{ port: { number: ${c.port()}, name: http, protocol: HTTP }, hosts: ['*'] }]`;
}

function serviceEntries(c: CaseContext, localities: Localities): readonly string[] {
  const groups = Map.groupBy(c.backends(), (name) => name.split('-')[0] ?? name);
  return [...groups].map(([host, names]) => {
    const endpoints = names.map((name) => {
      const { host: at, port } = c.backend(name);
      const version = name.slice(host.length + 1);
      return `{ address: ${at}, ports: { http: ${port} }, labels: { ${version === '' ? '' : `version: ${version}`} }${localities[name] === undefined ? '' : `, locality: ${localities[name]}`} }`;
    });
    return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${host} }
spec:
  hosts: [${hostOf(c, host)}]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [${endpoints.join(', ')}]`;
  });
}
