/** A fault with `meltemi.io/ttl` ends by itself: by the control plane, and when that is away, by the agents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get } from '../testkit/load.ts';
import { startWorkload } from '../testkit/workload.ts';

const SERVER = `require('http').createServer((q, s) => s.end('web')).listen(+process.env.PORT, process.env.HOST)`;
/** Calls the service and tells the status. */
const CLIENT = `const http = require('http');
http.createServer((q, s) => {
  const { WEB_SERVICE_HOST: host, WEB_SERVICE_PORT: port } = process.env;
  http.get({ host, port, headers: { host: 'web' } }, (r) => r.resume().on('end', () => s.end(String(r.statusCode)))).on('error', () => s.end('none'));
}).listen(+process.env.PORT, process.env.HOST)`;

const fault = (status: number, ttl: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop, annotations: { meltemi.io/ttl: ${ttl} } }
spec:
  hosts: [web]
  http:
  - fault: { abort: { httpStatus: ${status}, percentage: { value: 100 } } }
    route: [{ destination: { host: web } }]
`;

test('a fault ends at its time, with the control plane and without it', async () => {
  await using mesh = await startControlPlaneProcess();
  await using _web = await startWorkload(mesh, ['run', '--app', 'web', '-n', 'shop', '--port', '9080'], SERVER);
  await using client = await startWorkload(mesh, ['run', '--app', 'client', '-n', 'shop', '--port', '9081'], CLIENT);
  const status = async (): Promise<string> => (await get(`http://${client.address}:9081/`)).body;
  const becomes = (wanted: string, limitMs: number): Promise<true> =>
    eventually(`status ${wanted}`, limitMs, async () => ((await status()) === wanted ? true : undefined));
  const apply = async (text: string): Promise<number> => {
    const { code, stderr } = await mesh.cli(['apply', '-f', '-'], text);
    assert.equal(code, 0, stderr);
    return performance.now();
  };

  await becomes('200', 10_000);
  const refused = await mesh.cli(['apply', '-f', '-'], fault(418, 'soon'));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /expected a duration such as "30s", found "soon"/);

  let begun = await apply(fault(418, '4s'));
  await becomes('418', 3_000);
  await becomes('200', 8_000);
  assert.ok(performance.now() - begun > 3_000);

  // Another life, from the change on.
  begun = await apply(fault(429, '6s'));
  await becomes('429', 4_000);
  await mesh[Symbol.asyncDispose]();
  assert.equal(await status(), '429');
  await becomes('200', 9_000);
  assert.ok(performance.now() - begun > 5_000);
});
