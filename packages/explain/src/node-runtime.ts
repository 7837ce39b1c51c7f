import type { Problem } from '@meltemi/base';
import type { ProxyNode } from '@meltemi/model';
import { TYPE_URL, type NameTable } from '@meltemi/protos-types';
import {
  createRuntimeState,
  decodeCluster,
  decodeEndpoint,
  decodeListener,
  decodeRoute,
  type Decoded,
  type RuntimeCluster,
  type RuntimeEndpoints,
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
  const read = <T>(typeUrl: string, decode: (json: unknown) => Decoded<T>): readonly T[] =>
    [...translator.generate(node, typeUrl, '*', state).values()].flatMap(({ json }) => {
      const decoded = decode(json);
      if (decoded.ok) return [decoded.value];
      problems.push(...decoded.problems);
      return [];
    });
  const clusters = read(TYPE_URL.cluster, decodeCluster);
  const delta = {
    clusters,
    endpoints: [...read(TYPE_URL.endpoint, decodeEndpoint), ...clusters.flatMap(namedEndpoints)],
    routes: read(TYPE_URL.route, decodeRoute),
    listeners: read(TYPE_URL.listener, decodeListener),
  };
  if (problems.length > 0) return { t: 'refused', problems };
  const runtime = createRuntimeState(() => START);
  runtime.apply(delta);
  const names = translator.generate(node, TYPE_URL.nameTable, '*', state).get(NAME_TABLE)?.json as NameTable | undefined;
  return { t: 'runtime', runtime, names: names ?? {} };
}

/** Nobody looks up names here: a name stands for the address that it has. */
function namedEndpoints({ name, discovery }: RuntimeCluster): readonly RuntimeEndpoints[] {
  return discovery.t === 'dns' ? [{ ...discovery.endpoints, cluster: name }] : [];
}
