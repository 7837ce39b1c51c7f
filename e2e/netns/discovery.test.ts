/** What names and addresses of the mesh lead to, where connections are redirected: headless services, aliases, servers that speak first, names that nobody else knows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseInterception, createBridge, type OwnedBridge } from '@meltemi/agent';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startControlPlaneProcess, type ControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get } from '../testkit/load.ts';
import { startWorkload, type WorkloadProcess } from '../testkit/workload.ts';

/** Looks up, calls by HTTP, or connects and listens, as its query says. */
const CLIENT = `const http = require('http'), net = require('net'), dns = require('dns');
http.createServer((q, s) => {
  const { how, host, port } = Object.fromEntries(new URL(q.url, 'http://x').searchParams);
  const end = (text) => s.writableEnded || s.end(text);
  if (how === 'name') return dns.lookup(host, { all: true, family: 4 }, (e, all) => end(e ? e.code : all.map((a) => a.address).sort().join(' ')));
  if (how === 'listen') {
    let heard = '';
    return net.connect(+port, host).setTimeout(4000, () => end('silence')).setEncoding('utf8')
      .on('data', (t) => (heard += t)).on('end', () => end(heard)).on('error', () => end('refused'));
  }
  http.get({ host, port, agent: false, timeout: 4000 }, (r) => {
    let body = '';
    r.setEncoding('utf8').on('data', (t) => (body += t)).on('end', () => end([r.statusCode, body, r.headers['x-seen']].join(' ').trim()));
  }).on('error', () => end('refused'));
}).listen(+process.env.PORT, process.env.HOST)`;

/** Says its name: by HTTP, and on another port as soon as somebody connects. The same on ports that nobody declares, with what a proxy tells the application. */
const member = (name: string): string => `const http = require('http'), greet = (c) => c.on('error', () => {}).end('220 ${name}');
http.createServer((q, s) => s.end('${name}')).listen(9080, process.env.HOST);
http.createServer((q, s) => s.end('${name} ' + (q.headers['x-request-id'] ? 'as-http' : 'as-bytes'))).listen(9070, process.env.HOST);
for (const port of [9060, 9090]) require('net').createServer(greet).listen(port, process.env.HOST)`;

/** A name that nobody else knows, for one version of the members: its address is invented. */
const invented = (name: string, version: string): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: shop }
spec:
  hosts: [${name}.invented.example]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 9080 }, { number: 25, name: smtp, protocol: TCP, targetPort: 9090 }]
  workloadSelector: { labels: { app: db, version: ${version} } }
`;

const OBJECTS = `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'protocolDetectionTimeout: 100ms' }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { clusterIP: None, selector: { app: db }, ports: [{ name: http, port: 9080 }, { name: tcp-greeting, port: 9090 }] }
---
apiVersion: v1
kind: Service
metadata: { name: mail, namespace: shop }
spec: { selector: { app: db }, ports: [{ name: tcp, port: 25, targetPort: 9090 }, { name: http, port: 80, targetPort: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: plain, namespace: shop }
spec: { selector: { app: db }, ports: [{ name: main, port: 8000, targetPort: 9080 }, { name: greeting, port: 8025, targetPort: 9090 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: plain, namespace: shop }
spec: { hosts: [plain], http: [{ route: [{ destination: { host: plain, port: { number: 8000 } } }], headers: { response: { set: { x-seen: as-http } } } }] }
---
apiVersion: v1
kind: Service
metadata: { name: post, namespace: shop }
spec: { type: ExternalName, externalName: mail.shop.svc.cluster.local }
---
${invented('first', 'v0')}---
${invented('second', 'v1')}`;

async function checkNames(mesh: ControlPlaneProcess, client: WorkloadProcess, members: readonly string[]): Promise<void> {
  const ask = async (how: 'name' | 'listen' | 'http', host: string, port = 0): Promise<string> =>
    (await get(`http://${client.address}:9080/?${new URLSearchParams({ how, host, port: String(port) })}`)).body;
  const until = (wanted: string, ...call: Parameters<typeof ask>): Promise<true> =>
    eventually(`${call.join(' ')} is ${wanted}`, 15_000, async () => ((await ask(...call)) === wanted ? true : undefined));
  const [zero = '', one = ''] = members;
  const applied = await mesh.cli(['apply', '-f', '-', '--wait'], OBJECTS);
  assert.equal(applied.code, 0, applied.stderr);

  // Headless: the name is those of all members; each has one of its own; who is called is who was meant.
  await until([...members].sort().join(' '), 'name', 'db.shop.svc.cluster.local');
  await until(one, 'name', 'db-v1.db');
  for (const [index, address] of [zero, one].entries()) {
    await until(`200 db-${index}`, 'http', `db-v${index}.db`, 9080);
    await until(`200 db-${index}`, 'http', address, 9080);
    await until(`220 db-${index}`, 'listen', `db-v${index}.db.shop.svc.cluster.local`, 9090);
    await until(`220 db-${index}`, 'listen', address, 9090);
  }
  // A server that speaks first, behind an address of the mesh; and the same by an alias.
  assert.match(await ask('listen', 'mail', 25), /^220 db-[01]$/);
  assert.match(await ask('http', 'mail', 80), /^200 db-[01]$/);
  assert.match(await ask('listen', 'post', 25), /^220 db-[01]$/);
  assert.match(await ask('http', 'post', 80), /^200 db-[01]$/);
  // Ports that say nothing: requests are known as such, and who waits for the server to speak is not kept waiting for ever.
  assert.match(await ask('http', 'plain', 8000), /^200 db-[01] as-http$/);
  assert.match(await ask('listen', 'plain', 8025), /^220 db-[01]$/);
  // Ports that nobody declares are looked at too: called from outside of the mesh, only the sidecar of the one that is called can have said that it is HTTP.
  assert.equal((await get(`http://${one}:9070/`)).body, 'db-1 as-http');
  assert.equal(await ask('http', one, 9070), '200 db-1 as-http');
  assert.equal(await ask('listen', one, 9060), '220 db-1');
  // Names that nobody else knows have an address each: the same port of both is told apart.
  const invented = [await ask('name', 'first.invented.example'), await ask('name', 'second.invented.example')];
  assert.ok(invented.every((address) => address.startsWith('240.240.')) && invented[0] !== invented[1], invented.join(' '));
  assert.equal(await ask('listen', 'first.invented.example', 25), '220 db-0');
  assert.equal(await ask('listen', 'second.invented.example', 25), '220 db-1');
  assert.equal(await ask('http', 'first.invented.example', 80), '200 db-0');
  assert.equal(await ask('http', 'second.invented.example', 80), '200 db-1');
}

const able = await chooseInterception('auto');

function reason(dataPlane: string): string | false {
  if (able.mode !== 'netns') return `needs Linux, root and the programs ip and nft: ${able.reason}`;
  return dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  test(`${dataPlane}: names and addresses of the mesh`, { skip: reason(dataPlane) }, async () => {
    let bridge: OwnedBridge | undefined;
    try {
      bridge = await createBridge();
      const { network } = bridge;
      await using mesh = await startControlPlaneProcess(['--network', [network.bridge, network.gateway, network.prefixLength].join(',')]);
      const flags = ['-n', 'shop', '--data-plane', dataPlane, '--interception', 'netns'];
      const run = (app: string, version: string, port: string, program: string) =>
        startWorkload(mesh, ['run', '--app', app, '--version', version, '--port', port, ...flags], program);
      await using client = await run('client', 'v1', '9080', CLIENT);
      await using zero = await run('db', 'v0', '9080,9090:tcp', member('db-0'));
      await using one = await run('db', 'v1', '9080,9090:tcp', member('db-1'));
      await checkNames(mesh, client, [zero.address, one.address]);
    } finally {
      await bridge?.close();
    }
  });
}
