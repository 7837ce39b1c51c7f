import { createHash, X509Certificate } from 'node:crypto';
import { defineCase, type ParityCase } from '../define.ts';
import { edge, secret } from '../edge.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, tcp, type ClientTls, type Step } from '../steps.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
const ROUTE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all }
spec: { hosts: ['*'], gateways: [front], http: [{ route: [{ destination: { host: $main, port: { number: 80 } } }] }] }`;
const gateway = (servers: string): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: front }
spec: { selector: { case: $id }, servers: [${servers}] }`;
const https = (tls: string, hosts = "'*'"): string =>
  `{ port: { number: $port, name: https, protocol: HTTPS }, bind: $address, hosts: [${hosts}], tls: ${tls} }`;

interface Setting {
  readonly name: string;
  readonly tls: string | ((c: CaseContext) => string);
  /** Beside `own`, the server's own certificate. */
  readonly secrets?: (c: CaseContext) => readonly string[];
  readonly steps: readonly Step[];
}

/** One HTTPS server with these settings of TLS. */
function secured({ name, tls, secrets = () => [], steps }: Setting): ParityCase {
  return defineCase({
    name,
    backends: { main: [{ body: 'main' }] },
    resources: (c) =>
      edge(
        c,
        [gateway(https(typeof tls === 'string' ? tls : tls(c))), ROUTE, secret(c, 'own', 'server', 'with roots'), ...secrets(c)].join('\n---\n'),
      ),
    steps,
    log: 'not compared',
  });
}

const taken = (tls: ClientTls = {}): Step => http('/', { status: 200, body: 'main' }, { tls });
const refused = (tls: ClientTls = {}): Step => tcp(GET, { received: '', connection: 'ended' }, { tls });
const unshaken = (tls: ClientTls): Step => tcp(GET, { tls: { refused: true } }, { tls });
const peer = (name: string): string => `spiffe://parity.test/ns/test/sa/${name}`;

function certificateOf(c: CaseContext, identity: string): X509Certificate {
  return new X509Certificate(c.identity(identity).chain);
}

/** What the servers of a Gateway do with TLS. */
export const cases: readonly ParityCase[] = [
  secured({
    name: 'SIMPLE with credentialName: its certificate, and plain bytes end the connection',
    tls: '{ mode: SIMPLE, credentialName: $id-own }',
    steps: [http('/', { status: 200, body: 'main', tls: { peer: peer('server') } }, { tls: {} }), tcp(GET, { connection: 'ended' })],
  }),
  secured({
    name: 'credentialNames: of several certificates the one of the name that is asked for',
    tls: '{ mode: SIMPLE, credentialNames: [$id-own, $id-second] }',
    secrets: (c) => [secret(c, 'second', 'other')],
    steps: [
      http('/', { status: 200, tls: { peer: peer('other') } }, { tls: { sni: 'other.test' } }),
      http('/', { status: 200, tls: { peer: peer('server') } }, { tls: { sni: 'server.test' } }),
      http('/', { status: 200, tls: { peer: peer('server') } }, { tls: { sni: 'any.test' } }),
    ],
  }),
  secured({
    name: 'MUTUAL: clients with a certificate of its roots',
    tls: '{ mode: MUTUAL, credentialName: $id-own }',
    steps: [taken({ identity: 'client' }), refused(), refused({ identity: 'stranger' })],
  }),
  secured({
    name: 'caCertCredentialName: the roots are in a Secret of their own',
    tls: '{ mode: MUTUAL, credentialName: $id-second, caCertCredentialName: $id-own }',
    secrets: (c) => [secret(c, 'second', 'other')],
    steps: [taken({ identity: 'client' }), refused({ identity: 'stranger' })],
  }),
  secured({
    name: 'OPTIONAL_MUTUAL: without a certificate, or with one of its roots',
    tls: '{ mode: OPTIONAL_MUTUAL, credentialName: $id-own }',
    steps: [taken(), taken({ identity: 'client' }), refused({ identity: 'stranger' })],
  }),
  secured({
    name: 'insecureSkipVerify: any certificate, but one',
    tls: '{ mode: MUTUAL, credentialName: $id-own, insecureSkipVerify: true }',
    steps: [taken({ identity: 'client' }), taken({ identity: 'stranger' }), refused()],
  }),
  secured({
    name: 'subjectAltNames: only clients of these names',
    tls: `{ mode: MUTUAL, credentialName: $id-own, subjectAltNames: ['${peer('client')}'] }`,
    steps: [taken({ identity: 'client' }), refused({ identity: 'guest' })],
  }),
  secured({
    name: 'verifyCertificateHash: only the client with this certificate',
    tls: (c) =>
      `{ mode: MUTUAL, credentialName: $id-own, verifyCertificateHash: [${certificateOf(c, 'client').fingerprint256.replaceAll(':', '').toLowerCase()}] }`,
    steps: [taken({ identity: 'client' }), refused({ identity: 'guest' })],
  }),
  secured({
    name: 'verifyCertificateSpki: only the client with this key',
    tls: (c) => {
      const spki = certificateOf(c, 'client').publicKey.export({ type: 'spki', format: 'der' });
      return `{ mode: MUTUAL, credentialName: $id-own, verifyCertificateSpki: ['${createHash('sha256').update(spki).digest('base64')}'] }`;
    },
    steps: [taken({ identity: 'client' }), refused({ identity: 'guest' })],
  }),
  secured({
    name: 'minProtocolVersion: older ones are refused',
    tls: '{ mode: SIMPLE, credentialName: $id-own, minProtocolVersion: TLSV1_3 }',
    steps: [taken(), unshaken({ maxVersion: 'TLSv1.2' })],
  }),
  secured({
    name: 'maxProtocolVersion: newer ones are not spoken',
    tls: '{ mode: SIMPLE, credentialName: $id-own, maxProtocolVersion: TLSV1_2 }',
    steps: [http('/', { status: 200, tls: { version: 'TLSv1.2' } }, { tls: {} }), unshaken({ minVersion: 'TLSv1.3' })],
  }),
  defineCase({
    name: 'cipherSuites: the one that is named is used',
    resources: (c) =>
      edge(
        c,
        [
          gateway(https('{ mode: SIMPLE, credentialName: $id-own, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384] }')),
          ROUTE,
          secret(c, 'own', 'server'),
        ].join('\n---\n'),
      ),
    steps: [taken()],
    log: [{ code: 200, cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' }],
  }),
  defineCase({
    name: 'httpsRedirect sends plain requests on to HTTPS',
    resources: (c) =>
      edge(
        c,
        [gateway('{ port: { number: $port, name: http, protocol: HTTP }, hosts: [a.example], tls: { httpsRedirect: true } }'), ROUTE].join('\n---\n'),
      ),
    steps: [http({ path: '/x?y', host: 'a.example' }, { status: 301, headers: { location: 'https://a.example/x?y' }, backend: null })],
  }),
  defineCase({
    name: 'PASSTHROUGH: by server name, to who holds the certificate',
    backends: {
      main: { t: 'http1', replies: [{ body: 'main' }], tls: { identity: 'server' } },
      other: { t: 'http1', replies: [{ body: 'other' }], tls: { identity: 'other' } },
    },
    resources: (c) =>
      edge(
        c,
        [
          gateway("{ port: { number: $port, name: tls, protocol: TLS }, hosts: ['*.test'], tls: { mode: PASSTHROUGH } }"),
          `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all }
spec:
  hosts: ['*.test']
  gateways: [front]
  tls:
  - { match: [{ sniHosts: [server.test] }], route: [{ destination: { host: $main, port: { number: 81 } } }] }
  - { match: [{ sniHosts: ['*.test'] }], route: [{ destination: { host: $other, port: { number: 81 } } }] }`,
        ].join('\n---\n'),
      ),
    steps: [
      http('/', { status: 200, body: 'main', tls: { peer: peer('server') } }, { tls: { sni: 'server.test' } }),
      http('/', { status: 200, body: 'other', tls: { peer: peer('other') } }, { tls: { sni: 'any.test' } }),
      unshaken({ sni: 'nobody.example' }),
    ],
    log: 'not compared',
  }),
  defineCase({
    name: 'TCP of a Gateway: weights of a VirtualService, TLS ended',
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: (c) =>
      edge(
        c,
        [
          gateway('{ port: { number: $port, name: tls, protocol: TLS }, hosts: [server.test], tls: { mode: SIMPLE, credentialName: $id-own } }'),
          `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all }
spec: { hosts: [server.test], gateways: [front], tcp: [{ match: [{ port: $port }], route: [{ destination: { host: $main, port: { number: 81 } } }] }] }`,
          secret(c, 'own', 'server'),
        ].join('\n---\n'),
      ),
    steps: [tcp(['hello', { received: 'hello' }, { fin: true }], { received: 'hello', connection: 'closed' }, { tls: { sni: 'server.test' } })],
    log: 'not compared',
  }),
];
