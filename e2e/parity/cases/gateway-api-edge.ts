import { defineCase, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import { edge, secret } from '../edge.ts';
import type { CaseContext } from '../harness/context.ts';
import { count, http, tcp, type ClientTls, type Step } from '../steps.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
const peer = (name: string): string => `spiffe://parity.test/ns/test/sa/${name}`;
const to = (host: string, port: number, more = ''): string => `{ group: networking.istio.io, kind: Hostname, name: $${host}, port: ${port}${more} }`;

const gateway = (listeners: string, more = ''): string => `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web }
spec: { gatewayClassName: istio, listeners: [${listeners}]${more} }`;

const route = (kind: string, name: string, spec: string): string => `apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name} }
spec: ${spec}`;

const configMap = (c: CaseContext): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: ${c.id}-roots }
data: ${JSON.stringify({ 'ca.crt': c.rootPem })}`;

interface Setting {
  readonly name: string;
  readonly backends: Readonly<Record<string, BackendScript>>;
  readonly objects: (c: CaseContext) => readonly string[];
  readonly steps: readonly Step[];
}

function at({ name, backends, objects, steps }: Setting): ParityCase {
  return defineCase({ name, backends, resources: (c) => edge(c, objects(c).join('\n---\n')), steps, log: 'not compared' });
}

const TEXTS = { main: [{ body: 'main' }], other: [{ body: 'other' }] };
const TO_MAIN = route('HTTPRoute', 'all', `{ parentRefs: [{ name: web }], rules: [{ backendRefs: [${to('main', 80)}] }] }`);
const SECURE = { main: { t: 'http1', replies: [{ body: 'main' }], tls: { identity: 'server' } } } as const;
const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: svc }
spec: { selector: { app: main }, ports: [{ name: http, port: 80, targetPort: $at(main) }] }`;
const unshaken = (tls: ClientTls): Step => tcp(GET, { tls: { refused: true } }, { tls });

/** What Gateways and their routes of the Gateway API do with connections and certificates. */
export const cases: readonly ParityCase[] = [
  at({
    name: 'TCPRoute: shares by weight, on the listener of its section',
    backends: TEXTS,
    objects: () => [
      gateway('{ name: raw, port: $port, protocol: TCP }, { name: more, port: $port(more), protocol: TCP }'),
      route(
        'TCPRoute',
        'raw',
        `{ parentRefs: [{ name: web, sectionName: raw }], rules: [{ name: all, backendRefs: [${to('main', 81, ', weight: 3')}, ${to('other', 81, ', weight: 1')}] }] }`,
      ),
      route('TCPRoute', 'more', `{ parentRefs: [{ name: web, port: $port(more) }], rules: [{ backendRefs: [${to('other', 81)}] }] }`),
    ],
    steps: [
      count(200, http('/', { status: 200 }), { main: [120, 180], other: [20, 80] }),
      http('/', { status: 200, body: 'other' }, { port: 'more' }),
    ],
  }),
  at({
    name: 'TLSRoute: by server name, to who holds the certificate',
    backends: { ...SECURE, other: { t: 'http1', replies: [{ body: 'other' }], tls: { identity: 'other' } } },
    objects: () => [
      gateway("{ name: pass, port: $port, protocol: TLS, hostname: '*.test', tls: { mode: Passthrough } }"),
      route(
        'TLSRoute',
        'one',
        `{ parentRefs: [{ name: web, sectionName: pass }], hostnames: [server.test], rules: [{ name: all, backendRefs: [${to('main', 81)}] }] }`,
      ),
      route(
        'TLSRoute',
        'rest',
        `{ parentRefs: [{ name: web, port: $port }], hostnames: ['*.test'], rules: [{ backendRefs: [${to('other', 81, ', weight: 1')}] }] }`,
      ),
    ],
    steps: [
      http('/', { status: 200, body: 'main', tls: { peer: peer('server') } }, { tls: { sni: 'server.test' } }),
      http('/', { status: 200, body: 'other', tls: { peer: peer('other') } }, { tls: { sni: 'any.test' } }),
      unshaken({ sni: 'nobody.example' }),
    ],
  }),
  at({
    name: 'TLSRoute: TLS ends at the gateway',
    backends: TEXTS,
    objects: (c) => [
      gateway('{ name: end, port: $port, protocol: TLS, hostname: server.test, tls: { mode: Terminate, certificateRefs: [{ name: $id-own }] } }'),
      route('TLSRoute', 'all', `{ parentRefs: [{ name: web }], hostnames: [server.test], rules: [{ backendRefs: [${to('main', 81)}] }] }`),
      secret(c, 'own', 'server'),
    ],
    steps: [http('/', { status: 200, body: 'main', tls: { peer: peer('server') } }, { tls: { sni: 'server.test' } })],
  }),
  at({
    name: 'HTTPS: the certificate of the listener of the name',
    backends: TEXTS,
    objects: (c) => [
      gateway(
        `{ name: one, port: $port, protocol: HTTPS, hostname: server.test, tls: { mode: Terminate, certificateRefs: [{ group: '', kind: Secret, name: $id-own }] } },
         { name: rest, port: $port, protocol: HTTPS, tls: { certificateRefs: [{ name: $id-second }] } }`,
      ),
      TO_MAIN,
      secret(c, 'own', 'server'),
      secret(c, 'second', 'other'),
    ],
    steps: [
      http({ path: '/', host: 'server.test' }, { status: 200, body: 'main', tls: { peer: peer('server') } }, { tls: { sni: 'server.test' } }),
      http('/', { status: 200, body: 'main', tls: { peer: peer('other') } }, { tls: { sni: 'any.test' } }),
    ],
  }),
  at({
    name: 'clients show a certificate of the roots of the gateway',
    backends: TEXTS,
    objects: (c) => [
      gateway(
        '{ name: one, port: $port, protocol: HTTPS, tls: { certificateRefs: [{ name: $id-own }] } }, { name: two, port: $port(two), protocol: HTTPS, tls: { certificateRefs: [{ name: $id-own }] } }',
        `, tls: { frontend: { default: { validation: { caCertificateRefs: [{ group: '', kind: ConfigMap, name: $id-roots }], mode: AllowValidOnly } }, perPort: [{ port: $port(two), tls: { validation: { caCertificateRefs: [{ group: '', kind: ConfigMap, name: $id-roots }], mode: AllowInsecureFallback } } }] } }`,
      ),
      TO_MAIN,
      secret(c, 'own', 'server'),
      configMap(c),
    ],
    steps: [
      http('/', { status: 200, body: 'main' }, { tls: { identity: 'client' } }),
      tcp(GET, { received: '', connection: 'ended' }, { tls: {} }),
      tcp(GET, { received: '', connection: 'ended' }, { tls: { identity: 'stranger' } }),
      http('/', { status: 200, body: 'main' }, { tls: {}, port: 'two' }),
    ],
  }),
  at({
    name: 'ListenerSet: more listeners for a gateway, with routes of their own',
    backends: TEXTS,
    objects: (c) => [
      gateway('{ name: http, port: $port, protocol: HTTP }', ', allowedListeners: { namespaces: { from: Same } }'),
      route(
        'ListenerSet',
        'more',
        `{ parentRef: { group: gateway.networking.k8s.io, kind: Gateway, name: web }, listeners: [
          { name: plain, port: $port(plain), protocol: HTTP, hostname: a.test, allowedRoutes: { namespaces: { from: Same }, kinds: [{ kind: HTTPRoute }] } },
          { name: safe, port: $port(safe), protocol: HTTPS, tls: { mode: Terminate, certificateRefs: [{ name: $id-own }] } }] }`,
      ),
      TO_MAIN,
      route('HTTPRoute', 'more', `{ parentRefs: [{ kind: ListenerSet, name: more }], rules: [{ backendRefs: [${to('other', 80)}] }] }`),
      secret(c, 'own', 'server'),
    ],
    steps: [
      http('/', { status: 200, body: 'main' }),
      http({ path: '/', host: 'a.test' }, { status: 200, body: 'other' }, { port: 'plain' }),
      http({ path: '/', host: 'b.test' }, { status: 404 }, { port: 'plain' }),
      http('/', { status: 200, body: 'other', tls: { peer: peer('server') } }, { port: 'safe', tls: {} }),
    ],
  }),
  ...(
    [
      ['its name', 'hostname: server.test', 200],
      ['another name', 'hostname: other.test', 503],
      ['a name of the list', `hostname: any.test, subjectAltNames: [{ type: URI, uri: '${peer('server')}' }]`, 200],
      ['a DNS name of the list', 'hostname: any.test, subjectAltNames: [{ type: Hostname, hostname: server.test }]', 200],
      ['no name of the list', 'hostname: server.test, subjectAltNames: [{ type: Hostname, hostname: other.test }]', 503],
    ] as const
  ).map(([name, validation, status]) =>
    at({
      name: `BackendTLSPolicy: ${name}`,
      backends: SECURE,
      objects: (c) => [
        gateway('{ name: http, port: $port, protocol: HTTP }'),
        SERVICE,
        route('HTTPRoute', 'all', '{ parentRefs: [{ name: web }], rules: [{ backendRefs: [{ name: svc, port: 80 }] }] }'),
        route(
          'BackendTLSPolicy',
          'safe',
          `{ targetRefs: [{ group: '', kind: Service, name: svc, sectionName: http }], validation: { ${validation}, caCertificateRefs: [{ group: '', kind: ConfigMap, name: $id-roots }] } }`,
        ),
        configMap(c),
      ],
      steps: [http('/', { status })],
    }),
  ),
];
