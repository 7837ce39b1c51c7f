/** Workloads are replaced one after another under load, with retries off: what ends says so first, and is called no more when it does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get, startLoad } from '../testkit/load.ts';
import { startWorkload, type WorkloadProcess } from '../testkit/workload.ts';

const BACKENDS = 3;
const ROUNDS = 3;

const SERVER = `require('http').createServer((q, s) => setTimeout(() => s.end('web'), 5)).listen(+process.env.PORT, process.env.HOST)`;
/** Calls the service over kept connections and passes its answer on. */
const CLIENT = `const http = require('http');
const agent = new http.Agent({ keepAlive: true });
http.createServer((q, s) => {
  const { WEB_SERVICE_HOST: host, WEB_SERVICE_PORT: port } = process.env;
  const call = http.get({ host, port, agent, headers: { host: 'web' } }, (r) => {
    s.statusCode = r.statusCode;
    r.pipe(s);
  });
  call.on('error', (e) => { s.statusCode = 599; s.end(String(e)); });
}).listen(+process.env.PORT, process.env.HOST)`;

const NO_RETRIES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec: { hosts: [web], http: [{ retries: { attempts: 0 }, route: [{ destination: { host: web } }] }] }
`;

test(`${BACKENDS} workloads are replaced ${ROUNDS} times: no request fails`, { timeout: 290_000 }, async (t) => {
  await using mesh = await startControlPlaneProcess();
  const start = (version: string): Promise<WorkloadProcess> =>
    startWorkload(mesh, ['run', '--app', 'web', '--version', version, '-n', 'shop', '--port', '9080'], SERVER);
  const backends: WorkloadProcess[] = [];
  try {
    for (let at = 0; at < BACKENDS; at++) backends.push(await start(`v${at}`));
    await using client = await startWorkload(mesh, ['run', '--app', 'client', '-n', 'shop', '--port', '9081'], CLIENT);
    assert.equal((await mesh.cli(['apply', '-f', '-'], NO_RETRIES)).code, 0);
    const url = `http://${client.address}:9081/`;
    await eventually('the service answers', 10_000, async () => ((await get(url)).status === 200 ? true : undefined));
    const load = startLoad(url, 6, {}, 2);
    for (let round = 0; round < ROUNDS; round++)
      for (const [at, backend] of backends.entries()) {
        await backend[Symbol.asyncDispose]();
        backends[at] = await start(`v${at}`);
      }
    const { sent, failures } = await load.stop();
    t.diagnostic(`${sent} requests`);
    assert.deepEqual(failures, []);
  } finally {
    for (const backend of backends) await backend[Symbol.asyncDispose]();
  }
});
