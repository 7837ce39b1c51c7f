import { apiVersionOf, configKey, kindByName, ofKind, publicConfig, toObject, type Config } from '@meltemi/api';
import type { Timers } from '@meltemi/base';
import type { ConfigObject, MeshSource, MeshView, NamespaceView } from '@meltemi/console-api';
import type { ConfigStore, Mesh } from '@meltemi/registry';
import type { ConnectedNode } from '../xds/connected-node.ts';
import type { Findings } from './findings.ts';
import { serviceView, type Around } from './service-view.ts';
import { workloadViews } from './workload-view.ts';

export interface MeshViewDeps {
  readonly mesh: Mesh;
  readonly store: ConfigStore;
  readonly findings: Findings;
  readonly nodes: () => readonly ConnectedNode[];
  /** Called whenever a proxy came, went or answered. */
  readonly onNodes: (listener: () => void) => () => void;
  readonly timers: Timers;
  readonly version: string;
}

/** Answers of proxies come in swarms; the console hears of them once. */
const QUIET_MS = 100;

/** The mesh as the console sees it; one picture per state, made when it is asked for. */
export function createMeshSource(deps: MeshViewDeps): MeshSource & { close(): void } {
  const listeners = new Set<() => void>();
  let view: MeshView | undefined;
  let revision = 0;
  let timer: { cancel(): void } | undefined;
  const changed = (): void => {
    view = undefined;
    timer ??= deps.timers.after(QUIET_MS, () => {
      timer = undefined;
      revision++;
      for (const listener of Array.from(listeners)) listener();
    });
  };
  const stops = [deps.mesh.watch(changed), deps.store.watchProblems(changed), deps.onNodes(changed)];
  return {
    view: () => (view ??= makeView(deps, revision)),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      timer?.cancel();
      for (const stop of stops) stop();
    },
  };
}

function makeView(deps: MeshViewDeps, revision: number): MeshView {
  const { mesh } = deps;
  const problems = deps.findings.all();
  const { push, endpoints } = mesh.state;
  const { configs } = push.inputs;
  const around: Around = {
    endpoints,
    configs: new Map(configs.map((config) => [configKey(config), config])),
    workloadsByNamespace: Map.groupBy(mesh.workloads(), ({ namespace }) => namespace),
  };
  const workloads = workloadViews(mesh.workloads(), deps.nodes(), push.mesh.trustDomain, ofKind(configs, 'Gateway'));
  return {
    version: `${mesh.version}-${revision}`,
    clusterName: 'meltemi',
    rootNamespace: push.mesh.rootNamespace,
    trustDomain: push.mesh.trustDomain,
    autoMtls: push.mesh.enableAutoMtls,
    outboundTrafficPolicy: push.mesh.outboundTrafficPolicy,
    meltemiVersion: deps.version,
    namespaces: namespaceViews(configs, [...push.inputs.services, ...mesh.workloads()], push.mesh.rootNamespace),
    services: push.inputs.services.map((service) => serviceView(service, around)).sort(byName),
    workloads,
    objects: configs
      .filter((config) => !['Namespace', 'Service', 'ServiceAccount', 'ConfigMap', 'Secret'].includes(config.kind))
      .map((config) => configObject(publicConfig(config)))
      .sort(byName),
    problems,
  };
}

/** Declared namespaces, and those that something lives in. */
function namespaceViews(configs: readonly Config[], inhabitants: readonly { readonly namespace: string }[], root: string): readonly NamespaceView[] {
  const declared = new Map(ofKind(configs, 'Namespace').map((config) => [config.meta.name, config.meta]));
  const names = new Set([root, ...declared.keys(), ...configs.map((config) => config.meta.namespace), ...inhabitants.map((one) => one.namespace)]);
  names.delete('');
  return [...names].sort().map((name) => {
    const meta = declared.get(name);
    const labels = meta?.labels ?? {};
    return {
      name,
      labels,
      annotations: meta?.annotations ?? {},
      // Stand-alone, whatever `run` starts has a sidecar: the label says it for namespaces that say nothing else.
      isInjected: labels['istio-injection'] !== 'disabled' && name !== root,
      isControlPlane: name === root,
      revision: labels['istio.io/rev'] ?? 'default',
    };
  });
}

const shown = new WeakMap<Config, ConfigObject>();

/** The same object for the same object: most stay as they are from one picture to the next. */
function configObject(config: Config): ConfigObject {
  let object = shown.get(config);
  if (object === undefined) shown.set(config, (object = makeObject(config)));
  return object;
}

function makeObject(config: Config): ConfigObject {
  const kind = kindByName(config.kind);
  const version = kind?.id.versions[0] ?? 'v1';
  const group = kind?.id.group ?? '';
  const resource = { ...toObject(config), ...(kind === undefined ? {} : { apiVersion: apiVersionOf(kind.id, version) }) };
  const { kind: name, meta, spec, origin } = config;
  return { group, version, kind: name, namespace: meta.namespace, name: meta.name, spec: spec as object, resource, origin };
}

function byName(a: { readonly namespace: string; readonly name: string }, b: { readonly namespace: string; readonly name: string }): number {
  return a.namespace < b.namespace ? -1 : a.namespace > b.namespace ? 1 : a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
