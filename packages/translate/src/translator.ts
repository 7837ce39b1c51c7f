import { visibleServices, type ProxyNode } from '@meltemi/model';
import { TYPE_URL, type Cluster } from '@meltemi/protos-types';
import { createInputsCache, type InputsCache } from './common/inputs-cache.ts';
import { createNodeScopes } from './common/node-scope.ts';
import { endpointResource } from './endpoints/index.ts';
import { grpcClusters, grpcListeners, grpcRoutes } from './grpc/index.ts';
import { nameTable } from './nds/name-table.ts';
import { clustersFor, listenersFor, routeNamesFor, routesFor, type NodeView } from './node-resources.ts';
import type { GeneratedResource, MeshState, Translator } from './types.ts';
import { workloadResource } from './wds/workload-resource.ts';

/** Name of the one name-table resource. */
export const NAME_TABLE = 'nameTable';

type Names = ReadonlySet<string> | '*';
type Resources = ReadonlyMap<string, GeneratedResource>;
type Named = readonly (readonly [string, object])[];

const NOTHING: Resources = new Map();

/** A translator that remembers about `maxCached` parts of resources (default 50,000). */
export function createTranslator(options: { readonly maxCached?: number } = {}): Translator {
  const cache = createInputsCache(options.maxCached ?? 50_000);
  const scopes = createNodeScopes(cache);
  return {
    generate(node: ProxyNode, typeUrl: string, names: Names, state: MeshState): Resources {
      const view: NodeView = { node, scope: scopes.of(node, state.push), state, cache };
      const generator = GENERATORS.get(typeUrl);
      return generator === undefined ? NOTHING : asMap(typeUrl, generator(view, names), cache);
    },
  };
}

const GENERATORS: ReadonlyMap<string, (view: NodeView, names: Names) => Named> = new Map<string, (view: NodeView, names: Names) => Named>([
  [TYPE_URL.cluster, (view, names) => byName(view.node.type === 'grpc' ? grpcClusters(view, names) : clustersFor(view), names)],
  [TYPE_URL.listener, (view, names) => byName(view.node.type === 'grpc' ? grpcListeners(view, names) : listenersFor(view), names)],
  [TYPE_URL.route, routes],
  [TYPE_URL.endpoint, endpoints],
  [TYPE_URL.nameTable, names],
  [TYPE_URL.workload, workloads],
]);

function byName(resources: readonly { readonly name: string }[], names: Names): Named {
  return resources.filter(({ name }) => names === '*' || names.has(name)).map((resource) => [resource.name, resource] as const);
}

function routes(view: NodeView, names: Names): Named {
  const make = view.node.type === 'grpc' ? grpcRoutes : routesFor;
  return existing([...(names === '*' ? routeNamesFor(view) : names)], (name) => make(view, name));
}

function endpoints(view: NodeView, names: Names): Named {
  const wanted =
    names === '*'
      ? clustersFor(view)
          .filter(isEds)
          .map((cluster) => cluster.name)
      : [...names];
  return existing(wanted, (name) => endpointResource(name, view));
}

function names(view: NodeView, wanted: Names): Named {
  if (wanted !== '*' && !wanted.has(NAME_TABLE)) return [];
  const { scope, state, cache } = view;
  return [[NAME_TABLE, cache.get('nameTable', { services: visibleServices(state.push, scope.namespace), scope, mesh: state.push.mesh }, nameTable)]];
}

function workloads(view: NodeView, wanted: Names): Named {
  if (wanted === '*') return [];
  const { state, cache } = view;
  return existing([...wanted], (address) => {
    const workload = state.endpoints.workloadAt(address);
    return workload === undefined ? undefined : cache.get('workload', { workload, trustDomain: state.push.mesh.trustDomain }, workloadResource);
  });
}

function existing(wanted: readonly string[], make: (name: string) => object | undefined): Named {
  return wanted.flatMap((name) => {
    const made = make(name);
    return made === undefined ? [] : [[name, made] as const];
  });
}

function isEds(cluster: Cluster): boolean {
  return cluster.type === 'EDS';
}

/** Equal contents give the same Map again: the server sees at once that it has nothing to send. */
function asMap(typeUrl: string, named: Named, cache: InputsCache): Resources {
  const key = { typeUrl, names: named.map(([name]) => name), resources: named.map(([, json]) => json) };
  return cache.get('resources', key, () => {
    const entry = (name: string, json: object): GeneratedResource =>
      typeUrl === TYPE_URL.cluster && isEds(json as Cluster) ? { json, endpointName: name } : { json };
    return new Map(named.map(([name, json]) => [name, entry(name, json)]));
  });
}
