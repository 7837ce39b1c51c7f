import { defineCase, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import { edge } from '../edge.ts';
import { http, tcp, type Step } from '../steps.ts';

const gateway = (protocol: string): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: front }
spec: { selector: { case: $id }, servers: [{ port: { number: $port, name: in, protocol: ${protocol} }, hosts: ['*'] }] }`;
const TO_SERVICE = 'route: [{ destination: { host: svc, port: { number: 80 } } }]';
const rules = (kind: 'http' | 'tcp'): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all }
spec: { hosts: ['*'], gateways: [front], ${kind}: [{ ${kind === 'tcp' ? 'match: [{ port: $port }], ' : ''}${TO_SERVICE} }] }`;

/** A Service `svc` of this spec behind a gateway. */
function service(
  name: string,
  spec: string,
  steps: readonly Step[],
  backend: BackendScript = [{ body: 'main' }],
  kind: 'http' | 'tcp' = 'http',
): ParityCase {
  return defineCase({
    name,
    backends: { main: backend, other: [{ body: 'other' }] },
    resources: (c) =>
      edge(
        c,
        [gateway(kind === 'http' ? 'HTTP' : 'TCP'), rules(kind), `apiVersion: v1\nkind: Service\nmetadata: { name: svc }\nspec: { ${spec} }`].join(
          '\n---\n',
        ),
        // Who has no identity shows none.
        { enableAutoMtls: false },
      ),
    steps,
    log: 'not compared',
  });
}

const HTTP2: BackendScript = { t: 'http2', replies: [{ body: 'main' }] };
const OK = [http('/', { status: 200, body: 'main' })];

/** What Services say of how they are called. */
export const cases: readonly ParityCase[] = [
  service('selector and targetPort: the endpoints', 'selector: { app: main }, ports: [{ name: http, port: 80, targetPort: $at(main) }]', OK),
  service(
    'the name of a port is its protocol: http2',
    'selector: { app: main }, ports: [{ name: http2-web, port: 80, targetPort: $at(main) }]',
    OK,
    HTTP2,
  ),
  service(
    'appProtocol goes before the name',
    'type: ClusterIP, selector: { app: main }, ports: [{ name: http, appProtocol: kubernetes.io/h2c, protocol: TCP, port: 80, targetPort: $at(main) }]',
    OK,
    HTTP2,
  ),
  service(
    'headless: calls of a gateway are shared among the endpoints',
    'clusterIP: None, selector: { app: main }, ports: [{ name: http, port: 80, targetPort: $at(main) }]',
    OK,
  ),
  service(
    'a port of bytes',
    'selector: { app: main }, ports: [{ name: tcp, port: 80, targetPort: $at(main) }]',
    [tcp(['hello', { received: 'hello' }, { fin: true }], { received: 'hello', connection: 'closed' })],
    { t: 'tcp', tcp: { echo: true } },
    'tcp',
  ),
];
