import { parseProxyNode, type ProxyNode, type XdsNode } from '@meltemi/model';
import { createTranslator } from './translator.ts';
import type { GeneratedResource, MeshState } from './types.ts';

/** The translator with nodes as they present themselves: the generator port of an ADS server. */
export interface NodeGenerator {
  readonly generate: (node: XdsNode, typeUrl: string, names: ReadonlySet<string> | '*', state: MeshState) => ReadonlyMap<string, GeneratedResource>;
}

const NOTHING: ReadonlyMap<string, GeneratedResource> = new Map();

/** A generator; a node that cannot be understood (`parseProxyNode`) gets nothing. */
export function createNodeGenerator(options: { readonly maxCached?: number } = {}): NodeGenerator {
  const translator = createTranslator(options);
  const parsed = new WeakMap<XdsNode, { readonly node: ProxyNode | undefined }>();
  return {
    generate(node, typeUrl, names, state) {
      let known = parsed.get(node);
      if (known === undefined) {
        const result = parseProxyNode(node);
        parsed.set(node, (known = { node: 'node' in result ? result.node : undefined }));
      }
      return known.node === undefined ? NOTHING : translator.generate(known.node, typeUrl, names, state);
    },
  };
}
