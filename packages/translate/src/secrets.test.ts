/** Who may have which Secret. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret as SecretSpec } from '@meltemi/api';
import type { ProxyNode } from '@meltemi/model';
import { TYPE_URL, type Secret } from '@meltemi/protos-types';
import { createTranslator, type MeshState, type Translator } from './index.ts';
import { readMeshCase } from './testdata/mesh-case.ts';

const secret = (namespace: string, name: string): string => `apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
stringData:
  tls.crt: "-----BEGIN CERTIFICATE-----\\n${namespace} ${name}\\n-----END CERTIFICATE-----\\n"
  tls.key: "-----BEGIN PRIVATE KEY-----\\n${namespace} ${name}\\n-----END PRIVATE KEY-----\\n"
  ca.crt: "-----BEGIN CERTIFICATE-----\\nroot of ${namespace} ${name}\\n-----END CERTIFICATE-----\\n"
`;

/** A listener that names two credentials. */
const PATCH = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: patch, namespace: shop }
spec:
  workloadSelector: { labels: { app: client } }
  configPatches:
    - applyTo: CLUSTER
      match: { context: SIDECAR_OUTBOUND, cluster: { service: web.shop.svc.cluster.local } }
      patch:
        operation: MERGE
        value:
          transport_socket_matches: []
          transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
              common_tls_context:
                tls_certificate_sds_secret_configs:
                  - { name: "kubernetes://own", sds_config: { ads: {} } }
                  - { name: "kubernetes-gateway://infra/edge", sds_config: { ads: {} } }
`;

const MESH = [
  '# mesh\n{ "base": "egress", "show": ["edge", "client", "web"] }\n',
  `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  selector: { istio: edge }
  servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: ["*"], tls: { mode: MUTUAL, credentialName: edge } }]
`,
  'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: web, namespace: shop }\nspec: { hosts: ["*"], gateways: [front], http: [{ route: [{ destination: { host: web, port: { number: 80 } } }] }] }\n',
  ...['edge', 'other'].map((name) => secret('infra', name)),
  ...['edge', 'own', 'other'].map((name) => secret('shop', name)),
].join('---\n');

const ASKED = ['edge', 'edge-cacert', 'other', 'own']
  .map((name) => `kubernetes://${name}`)
  .concat('kubernetes-gateway://infra/edge', 'configmap://infra/edge');

/** What a node gets of all names, and whose certificate it is. */
function given(translator: Translator, node: ProxyNode | undefined, state: MeshState): Readonly<Record<string, string>> {
  assert.ok(node !== undefined);
  const made = translator.generate(node, TYPE_URL.secret, new Set(ASKED), state);
  return Object.fromEntries(
    [...made].map(([name, { json }]) => {
      const { tls_certificate: pair, validation_context: trust } = json as Secret;
      return [name, (pair?.certificate_chain ?? trust?.trusted_ca)?.inline_string?.split('\n')[1] ?? ''];
    }),
  );
}

test('a proxy gets the credentials of its own namespace that its configuration names', () => {
  const { state, nodes } = readMeshCase(`${MESH}---\n${PATCH}`, 'secrets');
  const translator = createTranslator();
  assert.deepEqual(given(translator, nodes.get('edge'), state), {
    'kubernetes://edge': 'infra edge',
    'kubernetes://edge-cacert': 'root of infra edge',
  });
  assert.deepEqual(given(translator, nodes.get('web'), state), {}, 'a sidecar has no business with them');
  assert.deepEqual(given(translator, nodes.get('client'), state), { 'kubernetes://own': 'shop own' }, 'a patch reaches no other namespace');
});

test('a renewed Secret is another resource; the others stay as they are', () => {
  const { state, nodes, configs, rebuild } = readMeshCase(MESH, 'secrets');
  const translator = createTranslator();
  const node = nodes.get('edge') as ProxyNode;
  const make = (of: MeshState) => translator.generate(node, TYPE_URL.secret, new Set(ASKED), of);
  const before = make(state);
  const change = (name: string): MeshState =>
    rebuild(
      configs.map((config) => {
        if (config.kind !== 'Secret' || config.meta.namespace !== 'infra' || config.meta.name !== name) return config;
        const spec = JSON.parse(JSON.stringify(config.spec).replaceAll(name, 'renewed')) as SecretSpec;
        return { ...config, spec };
      }),
      state,
    );
  const same = make(change('other'));
  for (const [name, resource] of before) assert.equal(same.get(name)?.json, resource.json, name);
  assert.notDeepEqual(make(change('edge')).get('kubernetes://edge')?.json, before.get('kubernetes://edge')?.json);
  const gone = rebuild(
    configs.filter((config) => config.kind !== 'Secret'),
    state,
  );
  assert.equal(make(gone).size, 0);
});
