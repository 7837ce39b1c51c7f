/** Fields of routes that only a running proxy proves: redirects that rewrite a prefix and keep the caller's port, gRPC aborts; the same on both data planes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { runCli, startDemo } from '../testkit/demo.ts';
import { get } from '../testkit/load.ts';

const ROUTES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: fields, namespace: bookinfo }
spec:
  hosts: [fields.example]
  gateways: [bookinfo-gateway]
  http:
    - match: [{ uri: { prefix: /old/ } }]
      redirect: { prefixRewrite: /new/, authority: elsewhere.example, redirectCode: 302 }
    - match: [{ uri: { exact: /port } }]
      redirect: { uri: /there, derivePort: FROM_REQUEST_PORT }
    - fault: { abort: { grpcStatus: NOT_FOUND, percentage: { value: 100 } } }
      route: [{ destination: { host: productpage, port: { number: 9080 } } }]
`;

for (const dataPlane of ['embedded', 'envoy'] as const) {
  const skip = dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
  test(`${dataPlane}: redirects and gRPC aborts are what the fields say, from the moment apply --wait returns`, { skip }, async () => {
    await using demo = await startDemo(['--data-plane', dataPlane, '--interception', 'ports', '--load', '0']);
    const applied = await runCli(['apply', '-f', '-', '--wait'], { MELTEMI_STATE: demo.stateDir }, ROUTES);
    assert.equal(applied.code, 0, applied.stderr);
    assert.match(applied.stderr, /acknowledged by 10 proxies/);
    const { port } = new URL(demo.urls.gateway);
    const host = `fields.example:${port}`;
    const location = async (path: string): Promise<string> => {
      const reply = await get(`${demo.urls.gateway}${path}`, { host });
      return `${reply.status} ${String(reply.headers['location'])}`;
    };
    assert.deepEqual(
      [await location('/old/books?q=1'), await location('/port')],
      ['302 http://elsewhere.example/new/books?q=1', `301 http://fields.example:${port}/there`],
    );
    const call = await get(`${demo.urls.gateway}/any`, { host, 'content-type': 'application/grpc' });
    assert.deepEqual([call.status, call.headers['grpc-status']], [200, '5']);
  });
}
