/** TLS at a gateway as users have it: certificates from Secrets, several hosts on one port, mutual TLS, pass-through, renewal without loss. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { createAuthority, type Authority, type Pair } from '../testkit/certificates.ts';
import { startControlPlaneProcess, type ControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get } from '../testkit/load.ts';
import { hasOpenssl } from '../testkit/openssl.ts';
import { startWorkload, type WorkloadProcess } from '../testkit/workload.ts';

const WEB = `require('http').createServer((q, s) => s.end('web xfcc=' + (q.headers['x-forwarded-client-cert'] || ''))).listen(+process.env.PORT, process.env.HOST)`;

/** An application that ends TLS itself. */
const raw = ({ cert, key }: Pair): string =>
  `require('https').createServer(${JSON.stringify({ cert, key })}, (q, s) => s.end('raw')).listen(+process.env.PORT, process.env.HOST)`;

const secret = (name: string, values: Readonly<Record<string, string>>, type = 'Opaque', namespace = 'edge'): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, stringData: values });
const tlsSecret = (name: string, { cert, key }: Pair, more: Readonly<Record<string, string>> = {}): string =>
  secret(name, { 'tls.crt': cert, 'tls.key': key, ...more }, 'kubernetes.io/tls');

const server = (host: string, tls: string, protocol = 'HTTPS'): string =>
  `    - port: { number: 8443, name: ${host.replaceAll('.', '-')}, protocol: ${protocol} }
      hosts: [${host}]
      tls: { ${tls} }`;
const OBJECTS = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: front, namespace: edge }
spec:
  selector: { istio: front }
  servers:
    - port: { number: 8080, name: http, protocol: HTTP }
      hosts: [a.example]
      tls: { httpsRedirect: true }
${server('a.example', 'mode: SIMPLE, credentialName: a')}
${server('b.example', 'mode: SIMPLE, credentialName: b')}
${server('two.example', 'mode: SIMPLE, credentialNames: [two-rsa, two-ec]')}
${server('mutual.example', 'mode: MUTUAL, credentialName: mutual')}
${server('names.example', 'mode: MUTUAL, credentialName: mutual, subjectAltNames: [good.client]')}
${server('optional.example', 'mode: OPTIONAL_MUTUAL, credentialName: mutual')}
${server('absent.example', 'mode: SIMPLE, credentialName: absent')}
${server('raw.example', 'mode: PASSTHROUGH', 'TLS')}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: shop }
spec:
  hosts: ["*.example"]
  gateways: [edge/front]
  http: [{ route: [{ destination: { host: web, port: { number: 9080 } } }] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: raw, namespace: shop }
spec:
  hosts: [raw.example]
  gateways: [edge/front]
  tls: [{ match: [{ sniHosts: [raw.example] }], route: [{ destination: { host: raw, port: { number: 9443 } } }] }]
`;

interface Answer {
  readonly body: string;
  /** Serial number of the certificate that the server showed. */
  readonly serial: string;
  readonly cipher: string;
}

/** One request by Node's own TLS; what went wrong as `body`. */
function call(
  gateway: Pick<WorkloadProcess, 'address'>,
  host: string,
  ca: string,
  more: { readonly client?: Pair; readonly ciphers?: string; readonly port?: number } = {},
): Promise<Answer> {
  const { client, ...options } = more;
  return new Promise((resolve) => {
    const outgoing = httpsRequest(
      {
        host: gateway.address,
        port: 8443,
        path: '/',
        servername: host,
        headers: { host },
        ca,
        agent: false,
        ...client,
        ...options,
        maxVersion: options.ciphers === undefined ? 'TLSv1.3' : 'TLSv1.2',
      },
      (response) => {
        let body = '';
        const socket = response.socket as TLSSocket;
        const shown = socket.getPeerCertificate();
        const cipher = socket.getCipher().name;
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({ body: response.statusCode === 200 ? body : `status ${response.statusCode}`, serial: shown.serialNumber, cipher }),
        );
      },
    );
    outgoing.on('error', (error) => resolve({ body: `failed ${error.message}`, serial: '', cipher: '' }));
    outgoing.end();
  });
}

async function apply(mesh: ControlPlaneProcess, ...documents: readonly string[]): Promise<void> {
  const applied = await mesh.cli(['apply', '-f', '-', '--wait'], documents.join('\n---\n'));
  assert.equal(applied.code, 0, applied.stderr);
}

const serialOf = ({ cert }: Pair): string => new (process.getBuiltinModule('node:crypto').X509Certificate)(cert).serialNumber;

/** Everything that the servers of the Gateway say, by what a client sees. */
async function checkServers(gateway: WorkloadProcess, company: Authority, pairs: Readonly<Record<string, Pair>>): Promise<void> {
  const ask = (host: string, more?: Parameters<typeof call>[3]): Promise<Answer> => call(gateway, host, company.cert, more);
  const first = await eventually('the first certificate serves', 20_000, async () => {
    const answer = await ask('a.example');
    return answer.body.startsWith('web') ? answer : undefined;
  });
  const other = await ask('b.example');
  assert.deepEqual([first.serial, other.serial], [serialOf(pairs['a']!), serialOf(pairs['b']!)], 'each host has its certificate');
  const redirect = await get(`http://${gateway.address}:8080/x`, { host: 'a.example' });
  assert.deepEqual([redirect.status, redirect.headers['location']], [301, 'https://a.example/x']);
  assert.match((await ask('two.example', { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })).cipher, /RSA/);
  assert.match((await ask('two.example', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).cipher, /ECDSA/);

  const { good, bad, revoked, foreign } = pairs as Readonly<Record<'good' | 'bad' | 'revoked' | 'foreign', Pair>>;
  assert.match((await ask('mutual.example')).body, /failed/, 'a certificate is required');
  assert.match((await ask('mutual.example', { client: good })).body, /xfcc=.*good\.client/);
  assert.match((await ask('mutual.example', { client: foreign })).body, /failed/, 'of this authority');
  assert.match((await ask('mutual.example', { client: revoked })).body, /failed/, 'and not revoked');
  assert.match((await ask('names.example', { client: good })).body, /^web/);
  assert.match((await ask('names.example', { client: bad })).body, /failed/, 'with one of the names');
  const anonymous = (await ask('optional.example')).body;
  assert.match(anonymous, /^web/, 'none is fine');
  assert.doesNotMatch(anonymous, /\.client/);
  assert.match((await ask('optional.example', { client: good })).body, /good\.client/);
  assert.match((await ask('optional.example', { client: foreign })).body, /failed/, 'a wrong one is not');

  const passed = await ask('raw.example');
  assert.deepEqual([passed.body, passed.serial], ['raw', serialOf(pairs['raw']!)], 'the application ends TLS itself');
  assert.match((await ask('absent.example')).body, /failed/, 'a Secret that is not there holds up nothing else');
  assert.match((await ask('unknown.example')).body, /failed/);
}

/** A Sidecar ends the TLS of callers outside of the mesh at a port of the workload, with files beside it. */
async function checkSidecar(
  mesh: ControlPlaneProcess,
  web: WorkloadProcess,
  company: Authority,
  files: { readonly cert: string; readonly key: string },
): Promise<void> {
  await apply(
    mesh,
    `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: web, namespace: shop }
spec: { selector: { matchLabels: { app: web } }, portLevelMtls: { 9443: { mode: DISABLE } } }
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: web, namespace: shop }
spec:
  workloadSelector: { labels: { app: web } }
  ingress:
    - { port: { number: 9080, name: http, protocol: HTTP }, defaultEndpoint: 127.0.0.1:9080 }
    - { port: { number: 9443, name: https, protocol: HTTPS }, defaultEndpoint: 127.0.0.1:9080, tls: { mode: SIMPLE, serverCertificate: ${files.cert}, privateKey: ${files.key} } }
`,
  );
  const answer = await eventually('the sidecar ends TLS', 10_000, async () => {
    const got = await call(web, 'a.example', company.cert, { port: 9443 });
    return got.body.startsWith('web') ? got : undefined;
  });
  assert.equal(answer.body, 'web xfcc=');
}

/** A new certificate takes effect while requests run, and none of them fails. */
async function checkRenewal(mesh: ControlPlaneProcess, gateway: WorkloadProcess, company: Authority): Promise<void> {
  const renewed = await company.issue('a.example');
  const failures: string[] = [];
  let done = false;
  const load = (async () => {
    while (!done) {
      const { body } = await call(gateway, 'a.example', company.cert);
      if (!body.startsWith('web')) failures.push(body);
    }
  })();
  await apply(mesh, tlsSecret('a', renewed));
  await eventually('the new certificate serves', 10_000, async () =>
    (await call(gateway, 'a.example', company.cert)).serial === serialOf(renewed) ? true : undefined,
  );
  done = true;
  await load;
  assert.deepEqual(failures, []);
  const late = await company.issue('absent.example');
  await apply(mesh, tlsSecret('absent', late));
  await eventually('a Secret that comes late serves', 10_000, async () =>
    (await call(gateway, 'absent.example', company.cert)).serial === serialOf(late) ? true : undefined,
  );
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  const skip = !hasOpenssl ? 'no openssl' : dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
  test(`${dataPlane}: TLS, mutual TLS and pass-through by server name at one port of a gateway`, { skip }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meltemi-tls-'));
    try {
      const [company, others] = await Promise.all([createAuthority(folder, 'company'), createAuthority(folder, 'others')]);
      const names = {
        a: 'a.example',
        b: 'b.example',
        mutual: 'mutual.example',
        raw: 'raw.example',
        good: 'good.client',
        bad: 'bad.client',
        revoked: 'gone.client',
      };
      const pairs: Record<string, Pair> = {
        foreign: await others.issue('good.client'),
        twoRsa: await company.issue('two.example', { keyType: 'rsa' }),
        twoEc: await company.issue('two.example'),
      };
      for (const [name, host] of Object.entries(names)) pairs[name] = await company.issue(host);
      // One certificate for all hosts that ask for a client's: the client does not check its name here.
      const hosts = await company.issue('mutual.example,names.example,optional.example,absent.example');
      const crl = await company.revoke(pairs['revoked']!);
      await using mesh = await startControlPlaneProcess();
      const flags = ['--data-plane', dataPlane];
      await using web = await startWorkload(mesh, ['run', '--app', 'web', '--port', '9080', '-n', 'shop', ...flags], WEB);
      await using _raw = await startWorkload(mesh, ['run', '--app', 'raw', '--port', '9443:tls', '-n', 'shop', ...flags], raw(pairs['raw']!));
      await using gateway = await startWorkload(mesh, ['proxy', 'router', '--labels', 'istio=front', '-n', 'edge', ...flags]);
      await apply(
        mesh,
        OBJECTS,
        tlsSecret('a', pairs['a']!),
        secret('b', { cert: pairs['b']!.cert, key: pairs['b']!.key }),
        tlsSecret('two-rsa', pairs['twoRsa']!),
        tlsSecret('two-ec', pairs['twoEc']!),
        tlsSecret('mutual', hosts),
        secret('mutual-cacert', { 'ca.crt': company.cert, 'ca.crl': crl }),
        // Of another namespace: never the gateway's.
        secret('absent', { cert: hosts.cert, key: hosts.key }, 'Opaque', 'shop'),
      );
      await checkServers(gateway, company, pairs);
      await checkRenewal(mesh, gateway, company);
      const files = { cert: join(folder, 'sidecar.pem'), key: join(folder, 'sidecar-key.pem') };
      writeFileSync(files.cert, pairs['a']!.cert);
      writeFileSync(files.key, pairs['a']!.key, { mode: 0o600 });
      await checkSidecar(mesh, web, company, files);
      const shown = await mesh.cli(['get', 'secret', 'a', '-n', 'edge', '-o', 'yaml']);
      assert.match(shown.stdout, /tls\.key: \(hidden\)/);
      assert.doesNotMatch(shown.stdout + gateway.said() + mesh.said(), /PRIVATE KEY/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
