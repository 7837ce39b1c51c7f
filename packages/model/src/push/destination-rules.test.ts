import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import { buildPushContext, DEFAULT_MESH_CONFIG, destinationRuleFor, joinServices, type MergedDestinationRule, type PushContext } from '../index.ts';

const BACKEND = `
apiVersion: v1
kind: Service
metadata: { name: x, namespace: b }
spec: { selector: { app: x }, ports: [{ name: web, port: 80 }, { name: other, port: 81 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: roots, namespace: b }
data: { ca.crt: none }
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: secure, namespace: b }
spec:
  targetRefs: [{ group: '', kind: Service, name: x, sectionName: web }]
  validation: { hostname: x.example.com, caCertificateRefs: [{ group: '', kind: ConfigMap, name: roots }] }
`;

function meshOf(...rules: readonly string[]): PushContext {
  const { configs, problems } = decodeYaml([BACKEND, ...rules].join('\n---\n'));
  assert.deepEqual(
    problems.filter((problem) => problem.severity === 'error'),
    [],
  );
  return buildPushContext({ mesh: DEFAULT_MESH_CONFIG, configs, services: joinServices(configs, [], DEFAULT_MESH_CONFIG).services });
}

function ruleOf(namespace: string, host: string, spec: string): string {
  return `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: r, namespace: ${namespace} }\nspec: { host: ${host}, ${spec} }`;
}

function found(mesh: PushContext, namespace: string): MergedDestinationRule | undefined {
  return destinationRuleFor(mesh, { namespace, labels: { app: 'caller' } }, { hostname: 'x.b.svc.cluster.local', namespace: 'b' });
}

/** TLS at port 80, and at all ports. */
function tlsOf(rule: MergedDestinationRule | undefined): readonly (string | undefined)[] {
  const policy = rule?.trafficPolicy?.policy;
  return [policy?.portLevelSettings?.find(({ port }) => port.number === 80)?.tls?.sni, policy?.tls?.mode];
}

const POOL = 'trafficPolicy: { connectionPool: { tcp: { maxConnections: 7 } } }';

test('whichever DestinationRule is in force for a call, the TLS of the BackendTLSPolicy is in force with it', () => {
  const host = 'x.b.svc.cluster.local';
  const rules = {
    'no rule': [],
    'exported like it': [ruleOf('b', host, POOL)],
    'of its own namespace only': [ruleOf('b', host, `exportTo: ['.'], ${POOL}`)],
    'for one client': [ruleOf('b', host, `workloadSelector: { matchLabels: { app: caller } }, ${POOL}`)],
    'of a wider host': [ruleOf('b', '"*.b.svc.cluster.local"', POOL)],
    'of the root namespace': [ruleOf('istio-system', '"*.local"', POOL)],
    "the caller's": [ruleOf('a', host, POOL)],
    'without a policy': [ruleOf('a', host, 'subsets: [{ name: v1 }]')],
    'with port settings': [
      ruleOf('a', host, 'trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, connectionPool: { tcp: { maxConnections: 7 } } }] }'),
    ],
  };
  for (const [name, list] of Object.entries(rules)) {
    const mesh = meshOf(...list);
    for (const namespace of ['a', 'b']) {
      const rule = found(mesh, namespace);
      assert.deepEqual(tlsOf(rule), ['x.example.com', undefined], `${name}, called from ${namespace}`);
      assert.equal(found(mesh, namespace), rule, 'the same object for the same answer');
    }
  }
  assert.deepEqual(
    tlsOf(found(meshOf(ruleOf('a', host, 'trafficPolicy: { tls: { mode: DISABLE } }')), 'a')),
    [undefined, 'DISABLE'],
    'what a rule says of TLS itself stays',
  );
  const elsewhere = destinationRuleFor(meshOf(), { namespace: 'a', labels: {} }, { hostname: host, namespace: 'other' });
  assert.equal(elsewhere, undefined, 'a service of another namespace by the same name has policies of its own');
});

test('a rule with the TLS of a policy stays the same object while neither changes', () => {
  const before = meshOf(ruleOf('a', 'x.b.svc.cluster.local', POOL));
  const after = buildPushContext({ ...before.inputs, configs: [...before.inputs.configs, ...decodeYaml(ruleOf('c', 'y', POOL)).configs] }, before);
  assert.equal(found(after, 'a'), found(before, 'a'));
  assert.equal(found(after, 'b'), found(before, 'b'));
});
