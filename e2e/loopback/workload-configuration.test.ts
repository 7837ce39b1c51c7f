/** What configuration says of workloads: what a Sidecar lets them know, WorkloadGroups and their probes, EnvoyFilter, the settings of the mesh. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startControlPlaneProcess, type ControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get, type Reply } from '../testkit/load.ts';
import { startWorkload, type WorkloadProcess } from '../testkit/workload.ts';

/** Answers with the headers that it got; after `/ill`, `/healthz` fails for a while. */
const WEB = `let ok = true;
require('http').createServer((q, s) => {
  if (q.url === '/ill') { ok = false; setTimeout(() => { ok = true; }, 4000); }
  s.statusCode = q.url === '/healthz' && !ok ? 500 : 200;
  s.end(JSON.stringify(q.headers));
}).listen(+process.env.PORT, process.env.HOST)`;

/** Calls the service of its query and answers with the status, or why there was none. */
const CLIENT = `require('http').createServer(async (q, s) => {
  const { searchParams: p } = new URL(q.url, 'http://x');
  const host = process.env[p.get('to').toUpperCase() + '_SERVICE_HOST'];
  const done = await fetch('http://' + host + ':9080' + p.get('path')).then(async (r) => ({ status: r.status, body: await r.text() }), (e) => ({ status: 0, body: e.cause.code }));
  s.end(JSON.stringify(done));
}).listen(+process.env.PORT, process.env.HOST)`;

const GROUP = `apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: vms, namespace: shop }
spec:
  metadata: { labels: { app: vms, version: v7 }, annotations: { team: a } }
  template: { serviceAccount: shop-vms, ports: { http: 9080 } }
  probe: { periodSeconds: 1, failureThreshold: 1, httpGet: { port: 9080, path: /healthz } }
`;

const SIDECAR = `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: client, namespace: shop }
spec:
  workloadSelector: { labels: { app: client } }
  egress: [{ hosts: ["./*", "~./far.shop.svc.cluster.local"] }]
`;

const filter = (name: string, patch: string): string => `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${name}, namespace: shop }
spec:
  workloadSelector: { labels: { app: client } }
  configPatches:
    - ${patch}
`;
const TEAPOT = filter(
  'teapot',
  `{ applyTo: HTTP_ROUTE, match: { context: SIDECAR_OUTBOUND, routeConfiguration: { vhost: { name: "web.shop.svc.cluster.local:9080" } } }, patch: { operation: INSERT_FIRST, value: { name: tea, match: { path: /tea }, direct_response: { status: 418 } } } }`,
);
const LUA = filter(
  'lua',
  `{ applyTo: HTTP_FILTER, match: { context: SIDECAR_INBOUND }, patch: { operation: INSERT_FIRST, value: { name: envoy.filters.http.lua, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: { inline_string: "function envoy_on_response(h) h:headers():add('x-lua', 'yes') end" } } } } }`,
);
const SETTINGS = `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    defaultConfig: { proxyHeaders: { server: { value: shop } } }
`;

interface World {
  readonly mesh: ControlPlaneProcess;
  readonly client: WorkloadProcess;
  readonly vms: WorkloadProcess;
}

async function apply({ mesh }: Pick<World, 'mesh'>, object: string): Promise<void> {
  const applied = await mesh.cli(['apply', '-f', '-', '--wait'], object);
  assert.equal(applied.code, 0, applied.stderr);
}

/** What the client's call of a service came to. */
async function call({ client }: World, to: string, path = '/'): Promise<{ readonly status: number; readonly body: string; readonly front: Reply }> {
  const front = await get(`http://${client.address}:9080/?to=${to}&path=${path}`);
  return { ...(JSON.parse(front.body) as { status: number; body: string }), front };
}

const until = (what: string, holds: () => Promise<boolean>): Promise<true> =>
  eventually(what, 15_000, async () => ((await holds()) ? true : undefined));

async function checkGroup(world: World): Promise<void> {
  const answer = await call(world, 'vms');
  const headers = JSON.parse(answer.body) as Record<string, string>;
  assert.match(
    headers['x-forwarded-client-cert'] ?? '',
    /By=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/shop-vms;/,
    'it runs as the account of its group',
  );
  const entries = JSON.parse((await world.mesh.cli(['get', 'workloadentry', '-n', 'shop', '-o', 'json'])).stdout) as {
    items: { metadata: { name: string; annotations: object }; spec: object }[];
  };
  const [entry] = entries.items;
  assert.equal(entry?.metadata.name, `vms-${world.vms.address}`);
  assert.deepEqual(entry.spec, {
    address: world.vms.address,
    labels: { app: 'vms', version: 'v7' },
    ports: { http: 9080 },
    serviceAccount: 'shop-vms',
    weight: 1,
  });
  await call(world, 'vms', '/ill');
  await until('an endpoint that its probe finds ill gets no calls', async () => (await call(world, 'vms')).status === 503);
  await until('it is well again', async () => (await call(world, 'vms')).status === 200);
}

async function checkSidecar(world: World): Promise<void> {
  assert.deepEqual([(await call(world, 'web')).status, (await call(world, 'far')).status], [200, 200]);
  await apply(world, SIDECAR);
  await until('what is not imported is not there', async () => (await call(world, 'far')).body === 'ECONNREFUSED');
  assert.equal((await call(world, 'web')).status, 200);
  const dump = await world.mesh.cli(['proxy-config', 'clusters', 'client-v1.shop', '-o', 'json']);
  assert.match(dump.stdout, /outbound\|9080\|\|web\.shop/);
  assert.doesNotMatch(dump.stdout, /outbound\|9080\|\|far\.shop/);
}

async function checkPatches(world: World, dataPlane: string): Promise<void> {
  await apply(world, TEAPOT);
  await until('a patch is in force', async () => (await call(world, 'web', '/tea')).status === 418);
  await apply(world, LUA);
  const problems = async (): Promise<string> => (await get(`${world.mesh.api}/meltemi/v1/problems`)).body;
  if (dataPlane === 'envoy') {
    await until('Envoy runs Lua', async () => (await call(world, 'web')).front.headers['x-lua'] === 'yes');
    assert.doesNotMatch(await problems(), /MEL0202/);
  } else {
    await until('what is not there is told', async () => /MEL0202[^]*Lua is not supported[^]*"name":"lua"/.test(await problems()));
    assert.equal((await call(world, 'web', '/tea')).status, 418, 'and everything else stays in force');
  }
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  const skip = dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
  test(`${dataPlane}: Sidecar, WorkloadGroup, EnvoyFilter and MeshConfig are in force`, { skip }, async () => {
    await using mesh = await startControlPlaneProcess();
    const flags = ['-n', 'shop', '--data-plane', dataPlane];
    await apply({ mesh }, GROUP);
    await using _web = await startWorkload(mesh, ['run', '--app', 'web', '--port', '9080', ...flags], WEB);
    await using _far = await startWorkload(mesh, ['run', '--app', 'far', '--port', '9080', ...flags], WEB);
    await using vms = await startWorkload(mesh, ['run', '--group', 'vms', ...flags], WEB);
    await using client = await startWorkload(mesh, ['run', '--app', 'client', '--port', '9080', ...flags], CLIENT);
    const world: World = { mesh, client, vms };
    await checkGroup(world);
    await checkSidecar(world);
    await checkPatches(world, dataPlane);
    await apply(world, SETTINGS);
    await until('the settings of the mesh are in force', async () => (await call(world, 'web')).front.headers['server'] === 'shop');
  });
}
