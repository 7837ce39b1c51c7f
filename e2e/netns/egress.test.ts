/** Ways out of the mesh, by the name or address that the application calls: passed through, refused, known by a ServiceEntry, by a gateway. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chooseInterception, createBridge, type OwnedBridge } from '@meltemi/agent';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { createAuthority } from '../testkit/certificates.ts';
import { startControlPlaneProcess, type ControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get } from '../testkit/load.ts';
import { startNameServer } from '../testkit/name-server.ts';
import { hasOpenssl } from '../testkit/openssl.ts';
import { queryValue } from '../testkit/prometheus.ts';
import { startWorkload, withResolvConf, type WorkloadProcess } from '../testkit/workload.ts';

/** Calls what its query says and tells what came back. `sni`: by TLS, with that server name. */
const CLIENT = `const http = require('http'), https = require('https');
http.createServer((q, s) => {
  const { host, port, path, sni } = Object.fromEntries(new URL(q.url, 'http://x').searchParams);
  const call = (sni ? https : http).get({ host, port, path, agent: false, timeout: 4000, ...(sni ? { servername: sni, rejectUnauthorized: false } : {}) }, (r) => {
    let body = '';
    r.setEncoding('utf8').on('data', (t) => (body += t)).on('end', () => s.end(r.statusCode + ' ' + body));
  });
  call.on('timeout', () => call.destroy(new Error('timeout')));
  call.on('error', () => s.end('refused'));
}).listen(+process.env.PORT, process.env.HOST)`;

const LOOKED_UP = 'looked-up.example';

const settings = (mode: string): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "outboundTrafficPolicy: { mode: ${mode} }" }
`;

/** A name that no name server knows: it gets an address of the mesh. */
const byName = (address: string, port: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: external, namespace: shop }
spec:
  hosts: [external.example]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: ${address}, ports: { http: ${port} } }]
`;

/** A name that the name servers of the machine know, and the proxy looks up. */
const byLookup = (port: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: looked-up, namespace: shop }
spec:
  hosts: [${LOOKED_UP}]
  resolution: DNS
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${port} }]
`;

const byServerName = (port: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: wild, namespace: shop }
spec:
  hosts: ["*.wild.example"]
  resolution: NONE
  ports: [{ number: ${port}, name: tls, protocol: TLS }]
`;

/** As Istio's task has it: the sidecars call the gateway by mutual TLS of the mesh, and the gateway calls outside. */
const BY_GATEWAY = `apiVersion: v1
kind: Service
metadata: { name: way-out, namespace: edge }
spec: { selector: { istio: egress }, ports: [{ port: 443, name: tls, targetPort: 8443 }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: way-out, namespace: edge }
spec:
  selector: { istio: egress }
  servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [external.example], tls: { mode: ISTIO_MUTUAL } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: way-out, namespace: edge }
spec:
  host: way-out.edge.svc.cluster.local
  subsets:
    - name: external
      trafficPolicy: { portLevelSettings: [{ port: { number: 443 }, tls: { mode: ISTIO_MUTUAL, sni: external.example } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: external, namespace: shop }
spec:
  hosts: [external.example]
  gateways: [mesh, edge/way-out]
  http:
    - match: [{ gateways: [mesh], port: 80 }]
      route: [{ destination: { host: way-out.edge.svc.cluster.local, subset: external, port: { number: 443 } } }]
    - match: [{ gateways: [edge/way-out], port: 443 }]
      route: [{ destination: { host: external.example, port: { number: 80 } }, headers: { request: { set: { x-way-out: "yes" } } } }]
`;

/** A port that is HTTP to somebody: so is what is sent there, to whomever. */
const httpPort = (port: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: somebody, namespace: shop }
spec:
  hosts: [somebody.example]
  resolution: STATIC
  ports: [{ number: ${port}, name: http, protocol: HTTP }]
  endpoints: [{ address: 192.0.2.1 }]
`;

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function apply(mesh: ControlPlaneProcess, object: string): Promise<void> {
  const applied = await mesh.cli(['apply', '-f', '-', '--wait'], object);
  assert.equal(applied.code, 0, applied.stderr);
}

async function checkWays(
  mesh: ControlPlaneProcess,
  client: WorkloadProcess,
  outside: { address: string; plain: number; tls: number; embedded: boolean },
): Promise<void> {
  const { address, plain, tls, embedded } = outside;
  const metrics = { urls: mesh };
  const call = async (host: string, port: number, sni = ''): Promise<string> =>
    (await get(`http://${client.address}:9080/?${new URLSearchParams({ host, port: String(port), path: '/x', sni })}`)).body;
  const until = (wanted: string, host: string, port: number, sni = ''): Promise<true> =>
    eventually(`${host}:${port} ${sni} is ${wanted}`, 15_000, async () => ((await call(host, port, sni)) === wanted ? true : undefined));

  /** What metrics call the service of requests and of connections that belong to none. */
  const counted = async (metric: string, name: string): Promise<void> => {
    const series = `${metric},reporter="source",source_app="client",destination_service_name="${name}"}`;
    await eventually(series, 10_000, async () => ((await queryValue(metrics, `sum(${series})`)) > 0 ? true : undefined));
  };

  await until('200 plain direct', address, plain);
  assert.equal(await call(address, tls, 'a.wild.example'), '200 tls a.wild.example');
  await counted('istio_tcp_connections_opened_total{response_flags="-"', 'PassthroughCluster');
  await apply(mesh, settings('REGISTRY_ONLY'));
  await until('refused', address, tls, 'a.wild.example');
  // What is plain HTTP is refused as such where the port is HTTP to somebody, else as bytes.
  assert.match(await call(address, plain), /^(refused|502 )/);
  // Envoy's log names no cluster for a connection that found no host.
  if (embedded) await counted('istio_tcp_connections_opened_total{response_flags="-"', 'BlackHoleCluster');
  await apply(mesh, httpPort(plain));
  await until('502 ', address, plain);
  await counted('istio_requests_total{response_code="502"', 'BlackHoleCluster');
  await apply(mesh, settings('ALLOW_ANY'));
  await until('200 plain direct', address, plain);
  await counted('istio_requests_total{response_code="200"', 'PassthroughCluster');
  await apply(mesh, settings('REGISTRY_ONLY'));
  await until('502 ', address, plain);

  await apply(mesh, byServerName(tls));
  await until('200 tls a.wild.example', address, tls, 'a.wild.example');
  assert.equal(await call(address, tls, 'a.tame.example'), 'refused', 'only names that are known');
  await apply(mesh, byName(address, plain));
  await until('200 plain direct', 'external.example', 80);
  await apply(mesh, byLookup(plain));
  await until('200 plain direct', LOOKED_UP, 80);
  await apply(mesh, BY_GATEWAY);
  await until('200 plain by the gateway', 'external.example', 80);
  await apply(mesh, settings('ALLOW_ANY'));
  await until('200 tls a.tame.example', address, tls, 'a.tame.example');
}

const able = await chooseInterception('auto');
const outsideAddress = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

function reason(dataPlane: string): string | false {
  if (able.mode !== 'netns') return `needs Linux, root and the programs ip and nft: ${able.reason}`;
  if (outsideAddress === undefined) return 'this machine has no address besides those of its loopback';
  if (!hasOpenssl) return 'no openssl';
  return dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  test(`${dataPlane}: out of the mesh`, { skip: reason(dataPlane) }, async () => {
    const address = outsideAddress ?? '';
    const folder = mkdtempSync(join(tmpdir(), 'meltemi-egress-'));
    const pair = await (await createAuthority(folder, 'outside')).issue('a.wild.example');
    await using names = await startNameServer({ [LOOKED_UP]: address });
    const resolvConf = join(folder, 'resolv.conf');
    writeFileSync(resolvConf, `nameserver ${names.address}\n`);
    const plain = createServer((request, response) => response.end(request.headers['x-way-out'] === 'yes' ? 'plain by the gateway' : 'plain direct'));
    const tls = createTlsServer(pair, (request, response) => response.end(`tls ${String((request.socket as { servername?: string }).servername)}`));
    for (const server of [plain, tls]) await new Promise<void>((resolve) => server.listen(0, address, resolve));
    let bridge: OwnedBridge | undefined;
    try {
      bridge = await createBridge();
      const { network } = bridge;
      await using mesh = await startControlPlaneProcess(['--network', [network.bridge, network.gateway, network.prefixLength].join(',')]);
      const flags = ['--data-plane', dataPlane, '--interception', 'netns'];
      await using _gateway = await startWorkload(mesh, ['proxy', 'router', '--labels', 'istio=egress', '-n', 'edge', ...flags]);
      await using client = await startWorkload(
        mesh,
        ['run', '--app', 'client', '--port', '9080', '-n', 'shop', ...flags],
        CLIENT,
        withResolvConf(resolvConf),
      );
      await checkWays(mesh, client, { address, plain: portOf(plain), tls: portOf(tls), embedded: dataPlane === 'embedded' });
    } finally {
      await bridge?.close();
      rmSync(folder, { recursive: true, force: true });
      for (const server of [plain, tls]) {
        server.closeAllConnections();
        server.close();
      }
    }
  });
}
