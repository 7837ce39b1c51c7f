/** Zone-aware routing from the WorkloadGroup to the call: proxies are told where they are and who else is of their service. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get } from '../testkit/load.ts';
import { startWorkload } from '../testkit/workload.ts';

const CALLS = 40;

/** Asks the service `web` so often as its query says, and tells who answered. */
const CLIENT = `const http = require('http');
const ask = () => new Promise((done) => http.get({ host: process.env.WEB_SERVICE_HOST, port: process.env.WEB_SERVICE_PORT, agent: false }, (r) => {
  let body = '';
  r.setEncoding('utf8').on('data', (t) => (body += t)).on('end', () => done(body));
}).on('error', () => done('-')));
http.createServer(async (q, s) => {
  const told = [];
  for (let left = ${CALLS}; left > 0; left--) told.push(await ask());
  s.end(told.join(''));
}).listen(+process.env.PORT, process.env.HOST)`;

const server = (zone: string): string => `require('http').createServer((q, s) => s.end('${zone}')).listen(+process.env.PORT, process.env.HOST)`;

const group = (app: string, zone: string): string => `apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: ${app}-${zone}, namespace: shop }
spec:
  metadata: { labels: { app: ${app}, version: ${zone} } }
  template: { ports: { http: 8080 }, locality: here/${zone} }
`;
const service = (app: string): string => `apiVersion: v1
kind: Service
metadata: { name: ${app}, namespace: shop }
spec: { selector: { app: ${app} }, ports: [{ name: http, port: 8080 }] }
`;
const GROUPS = ['client', 'web'].flatMap((app) => ['a', 'b'].map((zone) => group(app, zone)));
const OBJECTS = [...GROUPS, service('client'), service('web')].join('---\n');
const balancer = (setting: string): string => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN${setting} } } }
`;

for (const dataPlane of ['embedded', 'envoy'] as const) {
  test(
    `${dataPlane}: calls stay in the zone as soon as it is asked for`,
    { skip: dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false },
    async () => {
      await using mesh = await startControlPlaneProcess();
      const apply = async (text: string): Promise<void> => {
        const applied = await mesh.cli(['apply', '-f', '-', '--wait'], text);
        assert.equal(applied.code, 0, applied.stderr);
      };
      await apply(OBJECTS);
      await apply(balancer(''));
      const run = (name: string, program: string, plane: string = 'embedded') =>
        startWorkload(mesh, ['run', '--group', name, '--port', '8080', '-n', 'shop', '--data-plane', plane], program);
      await using _near = await run('web-a', server('a'));
      await using _far = await run('web-b', server('b'));
      await using _other = await run('client-b', CLIENT);
      await using client = await run('client-a', CLIENT, dataPlane);
      const shares = async (): Promise<string> => (await get(`http://${client.address}:8080/`)).body.split('').toSorted().join('');
      const until = (wanted: string): Promise<true> => eventually(wanted, 20_000, async () => ((await shares()) === wanted ? true : undefined));
      await until('a'.repeat(CALLS / 2) + 'b'.repeat(CALLS / 2));
      await apply(balancer(', zoneAwareLbSetting: { minClusterSize: 1 }'));
      await until('a'.repeat(CALLS));
      await apply(balancer(''));
      await until('a'.repeat(CALLS / 2) + 'b'.repeat(CALLS / 2));
    },
  );
}
