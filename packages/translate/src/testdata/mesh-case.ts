import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeMeshConfig, decodeYaml, isKind, MESH_CONFIG_MAP, ofKind, type Config } from '@meltemi/api';
import { formatProblem } from '@meltemi/base';
import {
  buildPushContext, createEndpointIndex, DEFAULT_MESH_CONFIG, endpointsOf, joinServices, meshConfigFrom, NO_LOCALITY, parseLocality, parseProtocol, parseProxyNode, serviceKey, workloadFromEntry,
  type Endpoint, type JoinedServices, type MeshConfig, type ProxyNode, type Workload,
} from '@meltemi/model';
import { LOCAL_CLUSTER, TYPE_URL, type ClusterLoadAssignment } from '@meltemi/protos-types';
import { createTranslator, type MeshState, type Translator } from '../index.ts';

/** What the `# mesh` document of a case says (JSON). */
interface CaseSettings {
  /** A mesh to begin with: `golden/base/<name>.yaml`. */
  readonly base?: string;
  readonly mesh?: Partial<MeshConfig>;
  readonly workloads?: readonly CaseWorkload[];
  /** Keys of issuers that were fetched, by source. */
  readonly keySets?: Readonly<Record<string, string>>;
  /** Names of the workloads to show, beside those that say `show` themselves. */
  readonly show?: readonly string[];
  /** What of the resources goes into the golden, by short type: a regular expression for names. Left out: everything. */
  readonly only?: Only;
}

/** Short type name → which names. */
export type Only = Readonly<Partial<Record<keyof NodeResources, string>>>;

interface CaseWorkload {
  readonly name: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly address: string;
  readonly appAddress?: string;
  /** The machine. */
  readonly node?: string;
  readonly ports?: readonly { readonly number: number; readonly protocol: string }[];
  readonly type?: 'sidecar' | 'router';
  readonly interception?: 'REDIRECT' | 'NONE';
  readonly dataPlane?: 'embedded' | 'envoy';
  readonly envoyVersion?: string;
  readonly locality?: string;
  readonly health?: Endpoint['health'];
  /** Take a snapshot of what this workload's proxy gets. */
  readonly show?: boolean;
}

export interface MeshCase {
  readonly state: MeshState;
  readonly configs: readonly Config[];
  readonly workloads: readonly Workload[];
  /** The mesh with these objects instead, built upon a state before it. */
  readonly rebuild: (configs: readonly Config[], previous: MeshState) => MeshState;
  /** Nodes to show, by workload name. */
  readonly nodes: ReadonlyMap<string, ProxyNode>;
  readonly only: Only | undefined;
}

const BASES = join(import.meta.dirname, 'golden', 'base');

interface CaseText {
  readonly settings: CaseSettings;
  readonly documents: readonly string[];
}

function splitCase(text: string): CaseText {
  const all = text.split(/^---$/m);
  const head = all.find((document) => document.trimStart().startsWith('# mesh'));
  const settings = JSON.parse(head?.trimStart().slice('# mesh'.length) ?? '{}') as CaseSettings;
  const documents = all.filter((document) => document !== head);
  if (settings.base === undefined) return { settings, documents };
  const base = splitCase(readFileSync(join(BASES, `${settings.base}.yaml`), 'utf8'));
  const workloads = [...(base.settings.workloads ?? []), ...(settings.workloads ?? [])];
  return { settings: { ...base.settings, ...settings, workloads }, documents: [...base.documents, ...documents] };
}

/** A mesh from one text: Istio YAML, after a document `# mesh` that holds workloads and mesh settings as JSON. */
export function readMeshCase(text: string, file: string): MeshCase {
  const { settings, documents } = splitCase(text);
  // The translation is ahead of the data planes; what one of them cannot do yet has its golden all the same.
  const decoded = decodeYaml(documents.join('\n---\n'), { file, takeUnsupported: true });
  if (decoded.problems.some((problem) => problem.severity === 'error')) throw new Error(decoded.problems.map(formatProblem).join('\n'));
  const { configs } = decoded;
  const mesh = meshOf(configs, { ...DEFAULT_MESH_CONFIG, ...settings.mesh });
  const connected = (settings.workloads ?? []).map(workloadOf);
  const entries = configs.flatMap((config) => (isKind(config, 'WorkloadEntry') ? (workloadFromEntry(config) ?? []) : []));
  const workloads = [...connected, ...entries];
  const keys = settings.keySets === undefined ? {} : { keySets: new Map(Object.entries(settings.keySets).map(([id, jwks]) => [id, { jwks, fault: undefined }])) };
  const build = (objects: readonly Config[], previous?: MeshState): MeshState => {
    const joined = joinServices(objects, workloads, mesh, previous === undefined ? undefined : joins.get(previous));
    const endpoints = createEndpointIndex();
    endpoints.updateWorkloads(workloads);
    for (const service of joined.services) endpoints.update(serviceKey(service), endpointsOf(service, workloads, mesh.trustDomain));
    const state = { push: buildPushContext({ mesh, services: joined.services, configs: objects, ...keys }, previous?.push), endpoints };
    joins.set(state, joined);
    return state;
  };
  const shown = (settings.workloads ?? []).filter((workload) => workload.show === true || settings.show?.includes(workload.name) === true);
  const nodes = new Map(shown.map((workload) => [workload.name, nodeOf(workload)]));
  return { state: build(configs), configs, workloads, rebuild: build, nodes, only: settings.only };
}

/** With what the ConfigMap of the mesh says, as the control plane takes it. */
function meshOf(configs: readonly Config[], start: MeshConfig): MeshConfig {
  const map = ofKind(configs, 'ConfigMap').find(({ meta }) => meta.name === MESH_CONFIG_MAP && meta.namespace === start.rootNamespace);
  const { settings } = decodeMeshConfig(map?.spec.data?.['mesh'] ?? '');
  return settings === undefined ? start : meshConfigFrom(start, settings);
}

const joins = new WeakMap<MeshState, JoinedServices>();

function workloadOf(entry: CaseWorkload): Workload {
  return {
    name: entry.name,
    namespace: entry.namespace ?? 'default',
    serviceAccount: entry.serviceAccount ?? 'default',
    labels: entry.labels ?? {},
    address: entry.address,
    appAddress: entry.appAddress ?? entry.address,
    ports: entry.type === 'router' ? [] : (entry.ports ?? []).map((port) => ({ number: port.number, protocol: parseProtocol(port.protocol) ?? 'unknown' })),
    portMap: {},
    locality: entry.locality === undefined ? NO_LOCALITY : parseLocality(entry.locality),
    weight: 1,
    tlsMode: 'istio',
    health: entry.health ?? 'healthy',
    dataPlane: entry.dataPlane ?? 'envoy',
    cluster: 'meltemi',
    ...(entry.node === undefined ? {} : { nodeName: entry.node }),
    registry: 'connected',
  };
}

function nodeOf(entry: CaseWorkload): ProxyNode {
  const namespace = entry.namespace ?? 'default';
  const [region = '', zone = '', sub_zone = ''] = (entry.locality ?? '').split('/');
  const parsed = parseProxyNode({
    id: `${entry.type ?? 'sidecar'}~${entry.address}~${entry.name}.${namespace}~${namespace}.svc.cluster.local`,
    locality: { region, zone, sub_zone },
    metadata: {
      NAMESPACE: namespace,
      SERVICE_ACCOUNT: entry.serviceAccount ?? 'default',
      WORKLOAD_NAME: entry.name,
      LABELS: entry.labels ?? {},
      INTERCEPTION_MODE: entry.interception ?? 'REDIRECT',
      NODE_NAME: entry.node ?? '',
      MELTEMI_APP_ADDRESS: entry.appAddress ?? entry.address,
      MELTEMI_PORTS: entry.ports ?? [],
      MELTEMI_DATA_PLANE: entry.dataPlane ?? 'envoy',
      ...(entry.envoyVersion === undefined ? {} : { MELTEMI_ENVOY_VERSION: entry.envoyVersion }),
    },
  });
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return parsed.node;
}

/** All resources of a node, by short type name. */
export interface NodeResources {
  readonly clusters: readonly object[];
  readonly endpoints: readonly object[];
  readonly listeners: readonly object[];
  readonly routes: readonly object[];
  readonly names: object | undefined;
}

/** Everything that a node gets. */
export function resourcesOf(node: ProxyNode, state: MeshState, translator: Translator = createTranslator()): NodeResources {
  const all = (typeUrl: string): readonly object[] => [...translator.generate(node, typeUrl, '*', state).values()].map((resource) => resource.json);
  const local = translator.generate(node, TYPE_URL.endpoint, new Set([LOCAL_CLUSTER]), state).get(LOCAL_CLUSTER)?.json as ClusterLoadAssignment | undefined;
  const endpoints = [...all(TYPE_URL.endpoint), ...((local?.endpoints ?? []).length === 0 || local === undefined ? [] : [local])];
  return { clusters: all(TYPE_URL.cluster), endpoints, listeners: all(TYPE_URL.listener), routes: all(TYPE_URL.route), names: all(TYPE_URL.nameTable)[0] };
}

/** The part of the resources that a case is about. */
export function selected(resources: NodeResources, only: Only | undefined): Partial<NodeResources> {
  if (only === undefined) return resources;
  return Object.fromEntries(
    Object.entries(only).map(([type, pattern]) => {
      const found = resources[type as keyof NodeResources];
      return [type, Array.isArray(found) ? found.filter((resource: object) => new RegExp(pattern).test(nameOf(resource))) : found];
    }),
  );
}

function nameOf(resource: { readonly name?: string; readonly cluster_name?: string }): string {
  return resource.name ?? resource.cluster_name ?? '';
}
