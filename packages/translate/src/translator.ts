import { LayeredMap } from '@meltemi/base';
import { sidecarScope, type ProxyNode } from '@meltemi/model';
import { LOCAL_CLUSTER, TYPE_URL, type Cluster } from '@meltemi/protos-types';
import { createInputsCache } from './common/inputs-cache.ts';
import { headlessPorts } from './common/headless.ts';
import { createNodeScopes } from './common/node-scope.ts';
import { createPatcher, type ResourceCheck } from './envoy-filter/index.ts';
import { endpointResource, localEndpoints } from './endpoints/index.ts';
import { grpcClusters, grpcListeners, grpcRoutes } from './grpc/index.ts';
import { nameTable } from './nds/name-table.ts';
import {
  clustersFor,
  generatedClusters,
  generatedListeners,
  listenersFor,
  routeNamesFor,
  routesFor,
  type NodeResources,
  type NodeView,
} from './node-resources.ts';
import type { GeneratedResource, MeshState, Translator } from './types.ts';
import { secretNames, secretResource } from './secrets/index.ts';
import { workloadResource } from './wds/workload-resource.ts';

/** Name of the one name-table resource. */
export const NAME_TABLE = 'nameTable';

type Names = ReadonlySet<string> | '*';
type Resources = ReadonlyMap<string, GeneratedResource>;
type Named = readonly (readonly [string, object])[];
type Generator = (view: NodeView, names: Names) => Resources;

const NOTHING: Resources = new Map();

/** A service takes about 8 kB. */
const CACHE_BYTES = 64 << 20;

/** A translator that remembers parts of resources, of about `maxCachedBytes` at most (default 64 MB). */
export function createTranslator(options: { readonly maxCachedBytes?: number; readonly check?: ResourceCheck } = {}): Translator {
  const cache = createInputsCache(options.maxCachedBytes ?? CACHE_BYTES);
  const scopes = createNodeScopes(cache);
  const patcher = createPatcher(options.check);
  return {
    problems: (push) => patcher.problems(push),
    generate(node: ProxyNode, typeUrl: string, names: Names, state: MeshState): Resources {
      const view: NodeView = { node, scope: scopes.of(node, state.push), state, cache, patcher };
      return GENERATORS.get(typeUrl)?.(view, names) ?? NOTHING;
    },
  };
}

const GENERATORS: ReadonlyMap<string, Generator> = new Map<string, Generator>([
  [
    TYPE_URL.cluster,
    (view, names) =>
      view.node.type === 'grpc' ? fresh(byName(grpcClusters(view, names), names)) : layers('clusters', view, clustersFor(view), names),
  ],
  [
    TYPE_URL.listener,
    (view, names) =>
      view.node.type === 'grpc' ? fresh(byName(grpcListeners(view, names), names)) : layers('listeners', view, listenersFor(view), names),
  ],
  [TYPE_URL.route, routes],
  [TYPE_URL.endpoint, endpoints],
  [TYPE_URL.nameTable, nameTables],
  [TYPE_URL.workload, workloads],
  [TYPE_URL.secret, secrets],
]);

/** What nodes of a scope share is one map for all of them; each has its own over it. The same map again while nothing in it changes. */
function layers<T extends { readonly name: string }>(kind: string, view: NodeView, resources: NodeResources<T>, names: Names): Resources {
  const { node, scope, cache } = view;
  // Most scopes have the same: then they share the map too, and all that is made of it.
  const below = cache.latest(`${kind} shared`, scope, { list: resources.shared }, (key) => cache.get(kind, key, ({ list }) => mapOf(list)));
  const above = cache.latest(`${kind} own`, node, { list: resources.own }, ({ list }) => mapOf(list));
  const all = cache.latest(`${kind} all`, node, { below, above }, () => (above.size === 0 ? below : new LayeredMap(below, above)));
  return names === '*' ? all : pick(all, names);
}

function mapOf(list: readonly { readonly name: string }[]): Resources {
  return new Map(list.map((json) => [json.name, entryOf(json)]));
}

function entryOf(json: { readonly name: string }): GeneratedResource {
  return isEds(json) ? { json, endpointName: json.name } : { json };
}

function pick(all: Resources, names: ReadonlySet<string>): Resources {
  const picked = new Map<string, GeneratedResource>();
  for (const name of names) {
    const resource = all.get(name);
    if (resource !== undefined) picked.set(name, resource);
  }
  return picked;
}

function byName(resources: readonly { readonly name: string }[], names: Names): Named {
  return resources.filter(({ name }) => names === '*' || names.has(name)).map((resource) => [resource.name, resource] as const);
}

function fresh(named: Named): Resources {
  return new Map(named.map(([name, json]) => [name, 'name' in json ? entryOf(json as { readonly name: string }) : { json }]));
}

function routes(view: NodeView, names: Names): Resources {
  const make = view.node.type === 'grpc' ? grpcRoutes : routesFor;
  const made = existing([...(names === '*' ? routeNamesFor(view) : names)], (name) => make(view, name));
  return steady('routes', view, made);
}

/** The same map as for the last asker of the scope when its contents are the same. */
function steady(kind: string, { scope, cache }: NodeView, named: Named): Resources {
  return cache.latest(kind, scope, { names: named.map(([name]) => name), list: named.map(([, json]) => json) }, () => fresh(named));
}

/** The node's own cluster is its own; the rest is shared within the scope. */
function endpoints(view: NodeView, names: Names): Resources {
  if (names === '*' || !names.has(LOCAL_CLUSTER)) return servedEndpoints(view, names);
  let others = othersOf.get(names);
  if (others === undefined) othersOf.set(names, (others = new Set([...names].filter((name) => name !== LOCAL_CLUSTER))));
  const own = fresh([[LOCAL_CLUSTER, localEndpoints(view.node, view.state, view.cache)]]);
  return others.size === 0 ? own : new LayeredMap(servedEndpoints(view, others), own);
}

const othersOf = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();

function servedEndpoints(view: NodeView, names: Names): Resources {
  const wanted =
    names === '*'
      ? clustersFor(view)
          .shared.concat(clustersFor(view).own)
          .filter(isEds)
          .map(({ name }) => name)
      : [...names];
  const make = (): Named => existing(wanted, (name) => endpointResource(name, view));
  if (names === '*' || names.size < MANY_NAMES) return fresh(make());
  // Clients of a scope that ask for the same share one set of names.
  const { scope, state, cache } = view;
  return cache.latest('assignments', scope, { names, push: state.push, endpoints: state.endpoints, version: state.endpoints.version }, () => {
    const named = make();
    return cache.get('assignments', { list: named.map(([, json]) => json) }, () => fresh(named));
  });
}

/** So many load assignments at a time are those of a client that has just come. */
const MANY_NAMES = 16;

function nameTables(view: NodeView, wanted: Names): Resources {
  if (wanted !== '*' && !wanted.has(NAME_TABLE)) return NOTHING;
  const { scope, state, cache } = view;
  const { services } = sidecarScope(state.push, scope);
  const key = { services, scope, mesh: state.push.mesh, headless: headlessPorts(services, state.endpoints, scope) };
  return cache.latest('nameTable', scope, key, () => new Map([[NAME_TABLE, { json: nameTable(key) }]]));
}

function workloads(view: NodeView, wanted: Names): Resources {
  if (wanted === '*') return NOTHING;
  const { state, cache } = view;
  const made = existing([...wanted], (address) => {
    const workload = state.endpoints.workloadAt(address);
    return workload === undefined ? undefined : cache.get('workload', { workload, trustDomain: state.push.mesh.trustDomain }, workloadResource);
  });
  return fresh(made);
}

/** By name only, and only those that the node's own clusters and listeners name. */
function secrets(view: NodeView, wanted: Names): Resources {
  if (wanted === '*' || wanted.size === 0 || view.node.type === 'grpc') return NOTHING;
  const all = (...resources: readonly NodeResources<object>[]): readonly object[] => resources.flatMap(({ shared, own }) => [...shared, ...own]);
  const named = new Set(secretNames(all(generatedClusters(view), generatedListeners(view))));
  // A patch may name credentials of the node's own namespace; others only the control plane itself names.
  for (const name of secretNames(all(clustersFor(view), listenersFor(view)))) if (name.startsWith('kubernetes://')) named.add(name);
  const { node, state, cache } = view;
  const allowed = [...wanted].filter((name) => named.has(name));
  return fresh(existing(allowed, (name) => secretResource(name, node.namespace, state.push, cache)));
}

function existing(wanted: readonly string[], make: (name: string) => object | undefined): Named {
  return wanted.flatMap((name) => {
    const made = make(name);
    return made === undefined ? [] : [[name, made] as const];
  });
}

function isEds(resource: object): boolean {
  return (resource as Cluster).type === 'EDS';
}
