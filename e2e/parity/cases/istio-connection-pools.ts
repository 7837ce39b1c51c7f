import { defineCase, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import { bytesGateway, http, istio, rule } from '../istio.ts';
import { admin, http as ask, raw, tcp, together, type Part, type Step } from '../steps.ts';

interface Setting {
  readonly name: string;
  /** `connectionPool`. */
  readonly pool: string;
  readonly steps: readonly Step[];
  readonly backend?: BackendScript;
  readonly retries?: string;
  readonly more?: string;
  /** The backend notes bytes that each proxy has of its own: a handshake, a preface. */
  readonly bytes?: true;
}

/** A limit of the connections to `web`. */
function pool({ name, pool: limits, steps, backend = [{ body: 'web' }], retries = 'attempts: 0', more = '', bytes }: Setting): ParityCase {
  return defineCase({
    name: `connectionPool.${name}`,
    backends: { web: backend },
    resources: (c) =>
      istio(
        c,
        `${http(`- route: [{ destination: { host: $web } }]\n  retries: { ${retries} }`)}---\n${rule('web', `{ connectionPool: ${limits}${more} }`)}`,
      ),
    steps,
    log: 'not compared',
    random: bytes === undefined ? [] : ['0.backend'],
  });
}

/** What both proxies count of their connections to `web`, at once or within 5 s. */
function connections(expected: Readonly<Record<string, number>>): Step {
  return admin(
    ({ id }) =>
      `/stats?format=json&filter=${encodeURIComponent(`^cluster\\.outbound\\|80\\|\\|web\\.${id}\\.example\\.(${Object.keys(expected).join('|')})$`)}`,
    (answer) => {
      const { stats = [] } = answer as { readonly stats?: readonly { readonly name?: string; readonly value?: number }[] };
      return Object.fromEntries(stats.map(({ name = '', value }) => [name.slice(name.lastIndexOf('.') + 1), Number(value)] as const).sort());
    },
    Object.fromEntries(Object.entries(expected).sort()),
  );
}

const OK = ask('/', { status: 200, body: 'web' });
const GET = 'GET / HTTP/1.1\r\nhost: a.example\r\n\r\n';
const call = (before: readonly Part[], after: readonly Part[], status: number): Step => raw([...before, GET, ...after, { responses: 1 }], { status });
/** The one connection goes by itself, and the next call makes another. */
const ENDS_AND_COMES_AGAIN = [OK, connections({ upstream_cx_active: 0, upstream_cx_total: 1 }), OK, connections({ upstream_cx_total: 2 })];
/** SETTINGS without any setting, and silence. */
const SILENT_HTTP2: BackendScript = { t: 'tcp', tcp: { greeting: '\0\0\0\x04\0\0\0\0\0' } };

/** What DestinationRules say of connections, where it shows. */
export const cases: readonly ParityCase[] = [
  pool({
    name: 'http.maxRequestsPerConnection: the next request has a connection of its own',
    pool: '{ http: { maxRequestsPerConnection: 1 } }',
    steps: [OK, OK, connections({ upstream_cx_total: 2 })],
  }),
  pool({ name: 'http.idleTimeout: a connection that nobody uses is closed', pool: '{ http: { idleTimeout: 0.2s } }', steps: ENDS_AND_COMES_AGAIN }),
  pool({
    name: 'tcp.maxConnectionDuration: a connection that is old enough is closed',
    pool: '{ tcp: { maxConnectionDuration: 0.2s } }',
    steps: ENDS_AND_COMES_AGAIN,
  }),
  pool({
    name: 'tcp.maxConnectionDuration: HTTP/2',
    pool: '{ tcp: { maxConnectionDuration: 0.2s }, http: { h2UpgradePolicy: UPGRADE } }',
    backend: { t: 'http2', replies: [{ body: 'web' }] },
    steps: ENDS_AND_COMES_AGAIN,
  }),
  pool({
    name: 'http.maxRetries: who would be one too many is not tried again',
    pool: '{ http: { maxRetries: 1 } }',
    retries: 'attempts: 1, retryOn: 5xx',
    backend: [{ status: 503 }, { gate: 'go', body: 'web' }, { status: 503 }],
    steps: [together(call([], [], 200), raw([{ backendHas: 2 }, GET, { responses: 1 }, { open: 'go' }], { status: 503 }))],
  }),
  pool({
    name: 'http.maxConcurrentStreams: the next request has a connection of its own',
    pool: '{ http: { h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 1 } }',
    backend: { t: 'http2', replies: [{ gate: 'go', body: 'web' }] },
    steps: [together(call([], [], 200), call([{ backendHas: 1 }], [{ backendHas: 2 }, { open: 'go' }], 200)), connections({ upstream_cx_total: 2 })],
  }),
  pool({
    name: 'http.http2KeepAlive: a server that answers no PING is given up',
    pool: '{ http: { h2UpgradePolicy: UPGRADE, http2KeepAlive: { interval: 0.2s, timeout: 0.2s } } }',
    backend: SILENT_HTTP2,
    bytes: true,
    steps: [ask('/', { status: 503, body: /connection termination/ })],
  }),
  pool({
    name: 'tcp.connectTimeout: a server that does not go on with its handshake is given up',
    pool: '{ tcp: { connectTimeout: 0.2s } }',
    more: ', tls: { mode: SIMPLE, insecureSkipVerify: true }',
    backend: { t: 'tcp', tcp: {} },
    bytes: true,
    steps: [ask('/', { status: 503, body: /connection timeout/ })],
  }),
  defineCase({
    name: 'connectionPool.tcp.idleTimeout: a connection of bytes that nobody uses is closed',
    backends: { main: { t: 'tcp', tcp: { greeting: 'hello' } } },
    resources: (c) => {
      const { host, port } = c.backend('main');
      return istio(
        c,
        `${bytesGateway(c)}---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: bytes }
spec:
  hosts: [bytes.${c.id}.example]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: 7000, name: tcp, protocol: TCP }]
  endpoints: [{ address: ${host}, ports: { tcp: ${port} } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: bytes }
spec: { host: bytes.${c.id}.example, trafficPolicy: { connectionPool: { tcp: { idleTimeout: 0.5s } } } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: bytes }
spec: { hosts: ['*'], gateways: [bytes], tcp: [{ route: [{ destination: { host: bytes.${c.id}.example, port: { number: 7000 } } }] }] }
`,
      );
    },
    steps: [tcp([{ received: 'hello' }], { received: 'hello', connection: 'ended' }, { port: 'tcp' })],
    log: 'not compared',
  }),
];
