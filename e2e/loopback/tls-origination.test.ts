/** TLS that begins at a proxy: towards servers outside of the mesh, with files beside the workload or a Secret, as DestinationRules say; on both data planes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { createAuthority, type Authority, type Pair } from '../testkit/certificates.ts';
import { startControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get } from '../testkit/load.ts';
import { hasOpenssl } from '../testkit/openssl.ts';
import { startWorkload } from '../testkit/workload.ts';

/** Tells what it was asked for by TLS, and who asks. */
async function startServer(pair: Pair, clientCa?: string): Promise<Server> {
  const options = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  const server = createServer({ ...pair, ...options }, (request, response) => {
    const socket = request.socket as TLSSocket;
    const subject = clientCa === undefined ? undefined : socket.getPeerCertificate().subject;
    response.end(`sni=${String(socket.servername)} host=${String(request.headers.host)} client=${String(subject?.CN)}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

const external = (name: string, port: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: edge }
spec:
  hosts: [${name}.example]
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: 127.0.0.1, ports: { http: ${port} } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: edge }
spec:
  hosts: [${name}.example]
  gateways: [front]
  http: [{ ${name === 'rewritten' ? 'rewrite: { authority: checked.example }, ' : ''}route: [{ destination: { host: ${name}.example } }] }]
`;
const rule = (name: string, tls: string): string => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: edge }
spec: { host: ${name}.example, trafficPolicy: { tls: { ${tls} } } }
`;
const GATEWAY = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: front, namespace: edge }
spec:
  selector: { istio: front }
  servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ['*'] }]
`;

/** What the gateway answers for each name, from the same two servers. */
async function rulesOf(folder: string, company: Authority): Promise<Readonly<Record<string, string>>> {
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const client = await company.issue('the.client');
  const ca = file('ca.pem', company.cert);
  const [certificate, key] = [file('client.pem', client.cert), file('client.key', client.key)];
  return {
    checked: `mode: SIMPLE, caCertificates: ${ca}`,
    named: `mode: SIMPLE, caCertificates: ${ca}, sni: named.example, subjectAltNames: [checked.example]`,
    wrong: `mode: SIMPLE, caCertificates: ${ca}, sni: wrong.example, subjectAltNames: [wrong.example]`,
    rewritten: `mode: SIMPLE, caCertificates: ${ca}`,
    system: 'mode: SIMPLE',
    blind: 'mode: SIMPLE, insecureSkipVerify: true, sni: blind.example',
    mutual: `mode: MUTUAL, clientCertificate: ${certificate}, privateKey: ${key}, caCertificates: ${ca}, sni: mutual.example, subjectAltNames: [checked.example]`,
    secret: 'mode: MUTUAL, credentialName: client, sni: secret.example, subjectAltNames: [checked.example]',
  };
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  const skip = !hasOpenssl ? 'no openssl' : dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
  test(`${dataPlane}: a gateway calls servers with TLS as the rule of each says`, { skip }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meltemi-origination-'));
    const company = await createAuthority(folder, 'company');
    const shown = await company.issue('checked.example');
    const [plain, asking] = [await startServer(shown), await startServer(shown, company.cert)];
    try {
      const rules = await rulesOf(folder, company);
      const client = await company.issue('secret.client');
      const stringData = { 'tls.crt': client.cert, 'tls.key': client.key, 'ca.crt': company.cert };
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'client', namespace: 'edge' }, type: 'kubernetes.io/tls', stringData };
      await using mesh = await startControlPlaneProcess();
      await using gateway = await startWorkload(mesh, ['proxy', 'router', '--labels', 'istio=front', '-n', 'edge', '--data-plane', dataPlane]);
      const services = Object.keys(rules).map((name) => external(name, portOf(name === 'mutual' || name === 'secret' ? asking : plain)));
      const documents = [GATEWAY, JSON.stringify(secret), ...services, ...Object.entries(rules).map(([name, tls]) => rule(name, tls))];
      const applied = await mesh.cli(['apply', '-f', '-', '--wait'], documents.join('\n---\n'));
      assert.equal(applied.code, 0, applied.stderr);
      const ask = async (name: string): Promise<string> => {
        const { status, body } = await get(`http://${gateway.address}:8080/`, { host: `${name}.example` });
        return status === 200 ? body : String(status);
      };
      await eventually('the gateway has what it needs', 20_000, async () => ((await ask('checked')).startsWith('sni') ? true : undefined));
      await eventually('and the Secret', 20_000, async () => ((await ask('secret')).startsWith('sni') ? true : undefined));
      assert.deepEqual(Object.fromEntries(await Promise.all(Object.keys(rules).map(async (name) => [name, await ask(name)] as const))), {
        checked: 'sni=checked.example host=checked.example client=undefined',
        named: 'sni=named.example host=named.example client=undefined',
        wrong: '503',
        rewritten: 'sni=checked.example host=checked.example client=undefined',
        system: '503',
        blind: 'sni=blind.example host=blind.example client=undefined',
        mutual: 'sni=mutual.example host=mutual.example client=the.client',
        secret: 'sni=secret.example host=secret.example client=secret.client',
      });
    } finally {
      for (const server of [plain, asking]) {
        server.closeAllConnections();
        server.close();
      }
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
