import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml, ofKind } from '@meltemi/api';
import { parseProxyNode, workloadFromEntry, type ProxyNode, type Workload } from '@meltemi/model';
import { createDeclaredWorkloads } from './declared-workloads.ts';

function node(address: string, serviceAccount: string, namespace = 'a'): ProxyNode {
  const parsed = parseProxyNode({
    id: `router~${address}~x.${namespace}~${namespace}.svc.cluster.local`,
    metadata: { NAMESPACE: namespace, SERVICE_ACCOUNT: serviceAccount },
  });
  assert.ok('node' in parsed);
  return parsed.node;
}

function entriesOf(...specs: readonly string[]): readonly Workload[] {
  const objects = specs.map(
    (spec, i) => `apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: { name: e${i}, namespace: a }\nspec: ${spec}\n`,
  );
  const { configs, problems } = decodeYaml(objects.join('---\n'), { source: 'test' });
  assert.deepEqual(problems, []);
  return ofKind(configs, 'WorkloadEntry').flatMap((config) => workloadFromEntry(config) ?? []);
}

test('an address of a WorkloadEntry is for the account that it names; one that names none gives it to nobody', () => {
  let entries = entriesOf(
    '{ address: 10.0.0.1, serviceAccount: edge }',
    '{ address: 10.0.0.2 }',
    '{ address: 10.0.0.3, serviceAccount: one }',
    '{ address: 10.0.0.3, serviceAccount: two }',
  );
  const declared = createDeclaredWorkloads(() => entries);
  const name = (...claim: Parameters<typeof node>): string | undefined => declared(node(...claim))?.name;
  assert.deepEqual([name('10.0.0.1', 'edge'), name('10.0.0.1', 'other'), name('10.0.0.1', 'edge', 'b')], ['e0', undefined, undefined]);
  assert.deepEqual([name('10.0.0.2', 'default'), name('10.0.0.2', 'edge')], [undefined, undefined]);
  assert.deepEqual([name('10.0.0.3', 'one'), name('10.0.0.3', 'two')], ['e2', 'e3']);
  entries = entriesOf('{ address: 10.0.0.1, serviceAccount: other }');
  assert.deepEqual([name('10.0.0.1', 'edge'), name('10.0.0.1', 'other'), name('10.0.0.3', 'one')], [undefined, 'e0', undefined]);
});
