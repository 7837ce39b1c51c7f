/** What services of the mesh lead to, where applications are told addresses: servers that speak first, ports without a protocol, headless services, names of others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get } from '../testkit/load.ts';
import { startWorkload } from '../testkit/workload.ts';

/** Calls a service by the address that it was told at its start, by HTTP or to listen to what it says. */
const CLIENT = `const http = require('http'), net = require('net');
http.createServer((q, s) => {
  const { how, service, port, name } = Object.fromEntries(new URL(q.url, 'http://x').searchParams);
  const host = process.env[service.toUpperCase() + '_SERVICE_HOST'];
  const end = (text) => s.writableEnded || s.end(text);
  if (host === undefined) return end('not told');
  if (how === 'listen') {
    let heard = '';
    return net.connect(+port, host).setTimeout(4000, () => end('silence')).setEncoding('utf8')
      .on('data', (t) => (heard += t)).on('end', () => end(heard)).on('error', () => end('refused'));
  }
  http.get({ host, port, agent: false, timeout: 4000, headers: { host: name || service } }, (r) => {
    let body = '';
    r.setEncoding('utf8').on('data', (t) => (body += t)).on('end', () => end([r.statusCode, body, r.headers['x-seen']].join(' ').trim()));
  }).on('error', () => end('refused'));
}).listen(+process.env.PORT, process.env.HOST)`;

/** Says its name: by HTTP, and on another port as soon as somebody connects. */
const member = (name: string): string => `require('http').createServer((q, s) => s.end('${name}')).listen(9080, process.env.HOST);
require('net').createServer((c) => c.on('error', () => {}).end('220 ${name}')).listen(9090, process.env.HOST)`;

const OBJECTS = `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'protocolDetectionTimeout: 100ms' }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { clusterIP: None, selector: { app: db }, ports: [{ name: http, port: 8081, targetPort: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: mail, namespace: shop }
spec: { selector: { app: db }, ports: [{ name: tcp, port: 8025, targetPort: 9090 }, { name: http, port: 8080, targetPort: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: plain, namespace: shop }
spec: { selector: { app: db }, ports: [{ name: main, port: 8000, targetPort: 9080 }, { name: greeting, port: 8026, targetPort: 9090 }] }
---
apiVersion: v1
kind: Service
metadata: { name: post, namespace: shop }
spec: { type: ExternalName, externalName: mail.shop.svc.cluster.local }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: plain, namespace: shop }
spec: { hosts: [plain], http: [{ route: [{ destination: { host: plain, port: { number: 8000 } } }], headers: { response: { set: { x-seen: as-http } } } }] }
`;

for (const dataPlane of ['embedded', 'envoy'] as const) {
  const skip = dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
  test(`${dataPlane}: services by the addresses that applications are told`, { skip }, async () => {
    await using mesh = await startControlPlaneProcess();
    const applied = await mesh.cli(['apply', '-f', '-'], OBJECTS);
    assert.equal(applied.code, 0, applied.stderr);
    const run = (app: string, version: string, port: string, program: string) =>
      startWorkload(mesh, ['run', '--app', app, '--version', version, '--port', port, '-n', 'shop', '--data-plane', dataPlane], program);
    await using _zero = await run('db', 'v0', '9080,9090:tcp', member('db-0'));
    await using _one = await run('db', 'v1', '9080,9090:tcp', member('db-1'));
    await using client = await run('client', 'v1', '9081', CLIENT);
    const ask = async (how: 'listen' | 'http', service: string, port: number): Promise<string> =>
      (await get(`http://${client.address}:9081/?${new URLSearchParams({ how, service, port: String(port) })}`)).body;
    const until = (wanted: RegExp, ...call: Parameters<typeof ask>): Promise<true> =>
      eventually(`${call.join(' ')} is ${wanted.source}`, 15_000, async () => (wanted.test(await ask(...call)) ? true : undefined));

    await until(/^200 db-[01]$/, 'http', 'mail', 8080);
    // A server that speaks first, behind a port that says so.
    await until(/^220 db-[01]$/, 'listen', 'mail', 8025);
    // The same by another name of it.
    await until(/^200 db-[01]$/, 'http', 'post', 8080);
    await until(/^220 db-[01]$/, 'listen', 'post', 8025);
    // Ports that say nothing: requests are known as such, and who waits for the server to speak is not kept waiting for ever.
    await until(/^200 db-[01] as-http$/, 'http', 'plain', 8000);
    await until(/^220 db-[01]$/, 'listen', 'plain', 8026);
    // A headless service has an address here as any other; both members answer.
    const seen = new Set<string>();
    await eventually('both members', 15_000, async () =>
      seen.add(await ask('http', 'db', 8081)).has('200 db-0') && seen.has('200 db-1') ? true : undefined,
    );
  });
}
