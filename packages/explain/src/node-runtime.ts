import { pushAll, type Problem } from '@meltemi/base';
import type { ProxyNode } from '@meltemi/model';
import { LOCAL_CLUSTER, TYPE_URL, type NameTable } from '@meltemi/protos-types';
import {
  createRuntimeState,
  decodeCluster,
  decodeEndpoint,
  decodeListener,
  decodeRoute,
  type Decoded,
  type RuntimeCluster,
  type RuntimeEndpoints,
  type RuntimePlace,
  type RuntimeState,
} from '@meltemi/runtime';
import { createTranslator, NAME_TABLE, type MeshState, type Translator } from '@meltemi/translate';

/** A proxy's configuration as it would be in force, or what it refuses. */
export type NodeRuntime =
  | { readonly t: 'runtime'; readonly runtime: RuntimeState; readonly names: NameTable }
  | { readonly t: 'refused'; readonly problems: readonly Problem[] };

/** Round robin begins anywhere; here always at the same place. */
const START = 0.5;

/** What a node's proxy would run: translated, and decoded by the proxy's own decoder. */
export function nodeRuntime(node: ProxyNode, state: MeshState, translator: Translator = createTranslator()): NodeRuntime {
  const problems: Problem[] = [];
  const read = <T>(typeUrl: string, decode: (json: unknown) => Decoded<T>, names: ReadonlySet<string> | '*' = '*'): readonly T[] =>
    [...translator.generate(node, typeUrl, names, state).values()].flatMap(({ json }) => {
      const decoded = decode(json);
      if (decoded.ok) return [decoded.value];
      pushAll(problems, decoded.problems);
      return [];
    });
  const clusters = read(TYPE_URL.cluster, decodeCluster);
  const place = placeOf(node);
  const local = place.local === undefined ? [] : read(TYPE_URL.endpoint, decodeEndpoint, new Set([LOCAL_CLUSTER]));
  const delta = {
    clusters: [...clusters, ...localCluster(place)],
    endpoints: [...read(TYPE_URL.endpoint, decodeEndpoint), ...local, ...clusters.flatMap(namedEndpoints)],
    routes: read(TYPE_URL.route, decodeRoute),
    listeners: read(TYPE_URL.listener, decodeListener),
  };
  if (problems.length > 0) return { t: 'refused', problems };
  const runtime = createRuntimeState(() => START, place);
  runtime.apply(delta);
  const names = translator.generate(node, TYPE_URL.nameTable, '*', state).get(NAME_TABLE)?.json as NameTable | undefined;
  return { t: 'runtime', runtime, names: names ?? {} };
}

/** Where the node is, as its proxy is told when it starts. */
function placeOf({ locality }: ProxyNode): RuntimePlace {
  return locality.region === '' ? {} : { local: { cluster: LOCAL_CLUSTER, locality } };
}

/** It stands in no answer of the control plane: proxies know it from their start. */
function localCluster({ local }: RuntimePlace): readonly RuntimeCluster[] {
  if (local === undefined) return [];
  const decoded = decodeCluster({ name: LOCAL_CLUSTER, type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } });
  return decoded.ok ? [decoded.value] : [];
}

/** Nobody looks up names here: a name stands for the address that it has. */
function namedEndpoints({ name, discovery }: RuntimeCluster): readonly RuntimeEndpoints[] {
  return discovery.t === 'dns' ? [{ ...discovery.endpoints, cluster: name }] : [];
}
