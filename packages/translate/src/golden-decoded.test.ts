/** Everything that is translated has a wire form, and our own proxy takes it. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import { decodeCluster, decodeEndpoint, decodeListener, decodeRoute, nackText, type Decoded } from '@meltemi/runtime';
import { readMeshCase, resourcesOf, type NodeResources } from './testdata/mesh-case.ts';

const FOLDER = join(import.meta.dirname, 'testdata', 'golden');
const inputs = globSync('**/*.in.yaml', { cwd: FOLDER }).sort();
const caseOf = (file: string) => readMeshCase(readFileSync(join(FOLDER, file), 'utf8'), file);

/** What our own proxy says against the resources, one fault a line. */
function refusals(resources: NodeResources): readonly string[] {
  const decode = (list: readonly object[], read: (json: unknown) => Decoded<unknown>): readonly string[] =>
    list.flatMap((json) => {
      const decoded = read(json);
      if (decoded.ok) return [];
      const { name, cluster_name } = json as { readonly name?: string; readonly cluster_name?: string };
      return nackText([{ name: name ?? cluster_name ?? '', problems: decoded.problems }]).split('\n');
    });
  return [
    ...decode(resources.clusters, decodeCluster),
    ...decode(resources.endpoints, decodeEndpoint),
    ...decode(resources.listeners, decodeListener),
    ...decode(resources.routes, decodeRoute),
  ];
}

test('our own proxy takes every golden', () => {
  const refused = inputs.flatMap((file) => {
    const { nodes, state } = caseOf(file);
    return [...nodes].flatMap(([name, node]) =>
      refusals(resourcesOf({ ...node, dataPlane: 'embedded', convertsB3: false }, state)).map((text) => `${file} ${name}: ${text}`),
    );
  });
  assert.deepEqual(refused, []);
});

test('every golden has a wire form, and loses nothing on the way to our own proxy', () => {
  const codec = loadCodec('all', { cacheDirectory: false });
  const sidecar = loadCodec('sidecar', { cacheDirectory: false });
  const trip = (typeUrl: string, json: object): unknown => {
    const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    return sidecar.decode(type, codec.encode(type, json));
  };
  const seen = new Set<string>();
  for (const file of inputs) {
    const { nodes, state } = caseOf(file);
    for (const node of nodes.values()) {
      const resources = resourcesOf({ ...node, dataPlane: 'embedded', convertsB3: false }, state);
      for (const kind of ['cluster', 'endpoint', 'listener', 'route'] as const) {
        for (const json of resources[`${kind}s`]) {
          const text = JSON.stringify(json);
          if (seen.has(text)) continue;
          seen.add(text);
          const once = trip(TYPE_URL[kind], json);
          assert.deepEqual(trip(TYPE_URL[kind], once as object), once, file);
          // What the sidecar's schema does not know would come out as bytes.
          assert.doesNotMatch(JSON.stringify(once), /"@type":"[^"]*","value":"/, file);
        }
      }
    }
  }
});
