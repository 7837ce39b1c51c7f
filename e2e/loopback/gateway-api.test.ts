/** The Kubernetes Gateway API: at a gateway and inside of the mesh, with the status that its users wait for; the same on both data planes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { runCli, startDemo, type Demo } from '../testkit/demo.ts';
import { burst, eventually, get } from '../testkit/load.ts';

const SERVICES = ['v1', 'v2', 'v3']
  .map(
    (version) => `apiVersion: v1
kind: Service
metadata: { name: reviews-${version}, namespace: bookinfo }
spec: { ports: [{ port: 9080, name: http }], selector: { app: reviews, version: ${version} } }
---
`,
  )
  .join('');

const OBJECTS = `${SERVICES}apiVersion: v1
kind: Service
metadata: { name: ingress, namespace: istio-system }
spec: { ports: [{ port: 8080, name: http }], selector: { istio: ingressgateway } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: api, namespace: istio-system }
spec:
  gatewayClassName: istio
  addresses: [{ type: Hostname, value: ingress.istio-system.svc.cluster.local }]
  listeners: [{ name: http, port: 8080, protocol: HTTP, hostname: "*.gateway.example", allowedRoutes: { namespaces: { from: All } } }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: api, namespace: bookinfo }
spec:
  parentRefs: [{ name: api, namespace: istio-system }]
  hostnames: [books.gateway.example]
  rules:
    - matches: [{ path: { value: /strip } }]
      filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }]
      backendRefs: [{ name: productpage, port: 9080 }]
    - matches: [{ path: { value: /moved } }]
      filters: [{ type: RequestRedirect, requestRedirect: { hostname: new.example, path: { type: ReplacePrefixMatch, replacePrefixMatch: /there } } }]
    - matches: [{ path: { value: /missing } }]
      backendRefs: [{ name: nobody, port: 80 }]
    - backendRefs: [{ name: productpage, port: 9080 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: reviews, namespace: bookinfo }
spec:
  parentRefs: [{ group: "", kind: Service, name: reviews }]
  rules:
    - matches: [{ headers: [{ name: end-user, value: jason }] }]
      backendRefs: [{ name: reviews-v2, port: 9080 }]
    - backendRefs: [{ name: reviews-v1, port: 9080 }, { name: reviews-v3, port: 9080, weight: 0 }]
`;

interface Status {
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
    readonly listeners?: readonly { readonly attachedRoutes: number }[];
    readonly parents?: readonly { readonly conditions: NonNullable<Status['status']['conditions']> }[];
  };
}

async function statusOf(demo: Demo, ...object: readonly string[]): Promise<Status['status']> {
  const { stdout, stderr, code } = await demo.cli('get', ...object, '-o', 'json');
  assert.equal(code, 0, stderr);
  return (JSON.parse(stdout) as Status).status;
}

const told = (conditions: Status['status']['conditions']): readonly string[] =>
  (conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`);

for (const dataPlane of ['embedded', 'envoy'] as const) {
  const skip = dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
  test(`${dataPlane}: a Gateway and HTTPRoutes are in force, and their status says so`, { skip }, async () => {
    await using demo = await startDemo(['--data-plane', dataPlane, '--interception', 'ports', '--load', '0']);
    const applied = await runCli(['apply', '-f', '-', '--wait'], { MELTEMI_STATE: demo.stateDir }, OBJECTS);
    assert.equal(applied.code, 0, applied.stderr);

    const ask = (path: string, host = 'books.gateway.example') => get(`${demo.urls.gateway}${path}`, { host });
    await eventually('the route is served', 5_000, async () => ((await ask('/productpage')).status === 200 ? true : undefined));
    assert.match((await ask('/strip/productpage')).body, /Book Details/);
    assert.equal((await ask('/stripes')).status, 404);
    const moved = await ask('/moved/a?b=1');
    assert.deepEqual([moved.status, String(moved.headers['location'])], [302, 'http://new.example:8080/there/a?b=1']);
    assert.equal((await ask('/missing')).status, 500);
    assert.equal((await ask('/productpage', 'other.gateway.example')).status, 404);

    const plain = await burst(`${demo.urls.gateway}/productpage`, 30);
    assert.deepEqual([[...plain.statuses], [...plain.versions.keys()]], [[[200, 30]], ['v1']]);

    const gateway = await statusOf(demo, 'gateways.gateway.networking.k8s.io', 'api', '-n', 'istio-system');
    assert.deepEqual(
      [told(gateway.conditions), gateway.listeners?.[0]?.attachedRoutes],
      [['Accepted True Accepted', 'Programmed True Programmed'], 1],
    );
    const route = await statusOf(demo, 'httproute', 'api', '-n', 'bookinfo');
    assert.deepEqual(told(route.parents?.[0]?.conditions), ['Accepted True Accepted', 'ResolvedRefs False BackendNotFound']);
  });
}
