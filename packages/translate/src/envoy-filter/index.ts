import type { Config, EnvoyFilter } from '@meltemi/api';
import type { Problem } from '@meltemi/base';
import { envoyFiltersFor, versionMatches, type ProxyNode, type PushContext } from '@meltemi/model';
import { TYPE_URL, type Cluster, type Listener, type RouteConfiguration } from '@meltemi/protos-types';
import type { InputsCache } from '../common/inputs-cache.ts';
import { patchCluster } from './clusters.ts';
import { patchListener } from './listeners.ts';
import { asMap, textAt, type JsonMap } from './merge.ts';
import { patchesOf, type Patch } from './patch.ts';
import { patchRouteTable } from './routes.ts';
import { shapeFault } from './shape.ts';

/** What a proxy would say against a resource; undefined when it takes it. */
export type ResourceCheck = (dataPlane: ProxyNode['dataPlane'], typeUrl: string, resource: object) => string | undefined;

/** Whose resources are changed, and what is remembered. */
export interface PatchView {
  readonly node: ProxyNode;
  readonly state: { readonly push: PushContext };
  readonly cache: InputsCache;
}

/** Applies EnvoyFilters to what was generated. A change that a proxy would refuse is left out, and told. */
export interface Patcher {
  clusters(view: PatchView, clusters: readonly Cluster[]): readonly Cluster[];
  listeners(view: PatchView, listeners: readonly Listener[]): readonly Listener[];
  /** `gateways`: `namespace/name` of the Gateways whose table it is. */
  routes(view: PatchView, table: RouteConfiguration, gateways: readonly string[]): RouteConfiguration;
  /** Whether anything is changed for a node at all. */
  changes(view: PatchView): boolean;
  /** Changes that proxies would have refused. */
  problems(push: PushContext): readonly Problem[];
}

/** The version that `proxyVersion` of EnvoyFilters is compared with: that of Istio whose resources proxies get. */
const ISTIO_VERSION = '1.32.0';

type Direction = 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND';

/** A patcher that asks `check` about each changed resource. */
export function createPatcher(check: ResourceCheck = () => undefined): Patcher {
  const faults = createFaults();
  const change = { check, faults };
  return {
    clusters: (view, clusters) => [
      ...clusters.flatMap((cluster) => {
        const patches = patchesFor(
          view,
          cluster.name.startsWith('inbound|') || cluster.name.startsWith('Inbound') ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND',
        );
        return changed(view, change, { typeUrl: TYPE_URL.cluster, resource: cluster, patches, apply: patchCluster });
      }),
      ...added(view, change, { typeUrl: TYPE_URL.cluster, applyTo: 'CLUSTER', present: clusters }),
    ],
    listeners: (view, listeners) => [
      ...listeners.flatMap((listener) => {
        const patches = patchesFor(view, listener.traffic_direction === 'INBOUND' ? 'SIDECAR_INBOUND' : 'SIDECAR_OUTBOUND');
        return changed(view, change, { typeUrl: TYPE_URL.listener, resource: listener, patches, apply: patchListener });
      }),
      ...added(view, change, { typeUrl: TYPE_URL.listener, applyTo: 'LISTENER', present: listeners }),
    ],
    routes(view, table, gateways) {
      const apply = (json: JsonMap, patch: Patch): JsonMap => patchRouteTable(json, patch, { gateways });
      return changed(view, change, { typeUrl: TYPE_URL.route, resource: table, patches: patchesFor(view, 'SIDECAR_OUTBOUND'), apply })[0] ?? table;
    },
    changes: (view) => allPatches(view).length > 0,
    problems: (push) => [...push.envoyFilters.byNamespace.values()].flat().flatMap((filter) => faults.problems(filter)),
  };
}

/** The changes for a node, whatever their direction. */
function allPatches({ node, state: { push }, cache }: PatchView): readonly Patch[] {
  if (push.envoyFilters.byNamespace.size === 0) return NOTHING;
  return cache.latest('envoyFilterPatches', node, { table: push.envoyFilters, root: push.mesh.rootNamespace }, () =>
    patchesOf(envoyFiltersFor(push, node)).filter((patch) => suits(patch, node)),
  );
}

const NOTHING: readonly Patch[] = [];

function suits({ match }: Patch, node: ProxyNode): boolean {
  const context = match.context ?? 'ANY';
  if (context !== 'ANY' && (context === 'GATEWAY') !== (node.type === 'router')) return false;
  const { proxyVersion, metadata } = match.proxy ?? {};
  if (proxyVersion !== undefined && proxyVersion !== '' && !versionMatches(proxyVersion, ISTIO_VERSION)) return false;
  return Object.entries(metadata ?? {}).every(([key, value]) => node.metadata[key] === value);
}

function patchesFor(view: PatchView, direction: Direction): readonly Patch[] {
  const all = allPatches(view);
  if (all.length === 0 || view.node.type === 'router') return all;
  return all.filter(({ match: { context = 'ANY' } }) => context === 'ANY' || context === direction);
}

interface Tools {
  readonly check: ResourceCheck;
  readonly faults: Faults;
}

interface Change<T> {
  readonly typeUrl: string;
  readonly resource: T;
  readonly patches: readonly Patch[];
  readonly apply: (json: JsonMap, patch: Patch) => JsonMap | undefined;
}

/** The resource after its changes, or nothing when one removed it; the same object when none means it. */
function changed<T extends { readonly name?: string }>({ node, cache }: PatchView, tools: Tools, change: Change<T>): readonly T[] {
  const { typeUrl, resource, patches, apply } = change;
  if (patches.length === 0) return [resource];
  const key = { typeUrl, resource, patches, dataPlane: node.dataPlane };
  return cache.get('patched', key, () => {
    const accepts = (json: object): string | undefined => tools.check(node.dataPlane, typeUrl, json);
    // What a proxy refuses of itself is no fault of the change.
    const heeds = accepts(resource) === undefined;
    let json: JsonMap | undefined = asMap(resource);
    for (const patch of patches) {
      if (json === undefined) break;
      const next: JsonMap | undefined = apply(json, patch);
      const fault = next === json || next === undefined ? undefined : (shapeFault(typeUrl, next) ?? (heeds ? accepts(next) : undefined));
      tools.faults.note(
        patch,
        `${typeUrl} ${node.dataPlane} ${resource.name ?? ''}`,
        fault === undefined ? undefined : { name: resource.name ?? '', fault },
      );
      if (fault === undefined) json = next;
    }
    return json === undefined ? [] : [json as unknown as T];
  });
}

interface Addition<T> {
  readonly typeUrl: string;
  readonly applyTo: 'CLUSTER' | 'LISTENER';
  readonly present: readonly T[];
}

/** Resources that changes put beside those that were made. */
function added<T extends { readonly name: string }>(view: PatchView, tools: Tools, { typeUrl, applyTo, present }: Addition<T>): readonly T[] {
  const { dataPlane } = view.node;
  const names = new Set(present.map(({ name }) => name));
  return allPatches(view).flatMap((patch): T[] => {
    if (patch.applyTo !== applyTo || patch.operation !== 'ADD') return [];
    const name = textAt(patch.value, 'name');
    const faultOf = (value: JsonMap): string | undefined => shapeFault(typeUrl, value) ?? tools.check(dataPlane, typeUrl, value);
    const fault = name === '' ? 'it has no name' : names.has(name) ? 'there is one of that name' : faultOf(patch.value);
    tools.faults.note(patch, `${typeUrl} ${dataPlane} ${name}`, fault === undefined ? undefined : { name, fault });
    if (fault !== undefined) return [];
    names.add(name);
    return [patch.value as unknown as T];
  });
}

interface Fault {
  readonly name: string;
  readonly fault: string;
}

/** Which changes are left out, as long as their object is there. */
interface Faults {
  note(patch: Patch, place: string, fault: Fault | undefined): void;
  problems(filter: Config<EnvoyFilter>): readonly Problem[];
}

function createFaults(): Faults {
  const known = new WeakMap<Config<EnvoyFilter>, Map<number, Map<string, Fault>>>();
  return {
    note({ filter, index }, place, fault) {
      let patches = known.get(filter);
      if (patches === undefined) {
        if (fault === undefined) return;
        known.set(filter, (patches = new Map()));
      }
      let places = patches.get(index);
      if (places === undefined) patches.set(index, (places = new Map()));
      if (fault === undefined) places.delete(place);
      else places.set(place, fault);
    },
    problems: (filter) => [...(known.get(filter) ?? [])].flatMap(([index, places]) => problemOf(filter, index, [...places.values()])),
  };
}

function problemOf(filter: Config<EnvoyFilter>, index: number, faults: readonly Fault[]): readonly Problem[] {
  const [first] = faults;
  if (first === undefined) return [];
  const others = new Set(faults.map(({ name }) => name)).size - 1;
  const { namespace, name } = filter.meta;
  return [
    {
      code: 'MEL0202',
      severity: 'error',
      path: `spec.configPatches[${index}]`,
      message: `is not applied to "${first.name}"${others === 0 ? '' : ` and ${others} more`}, for a proxy would refuse it: ${first.fault}`,
      fix: { text: 'Correct the patch, or narrow its match to proxies that can do it.' },
      object: { kind: 'EnvoyFilter', namespace, name },
      origin: filter.origin,
    },
  ];
}
