import { defineCase, type ParityCase } from '../define.ts';
import { edge } from '../edge.ts';
import type { CaseContext } from '../harness/context.ts';
import { count, http, type Step } from '../steps.ts';

const gateway = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: front }
spec: { selector: { case: $id }, servers: [{ port: { number: $port, name: http, protocol: HTTP }, hosts: ['*'] }] }`;
const route = (port: number): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: all }
spec: { hosts: ['*'], gateways: [front], http: [{ route: [{ destination: { host: $entry, port: { number: ${port} } } }] }] }`;
const address = (c: CaseContext, backend: string): string => `address: ${c.backend(backend).host}`;
const port = (c: CaseContext, backend: string): number => c.backend(backend).port;

/** A ServiceEntry `$entry` of this spec, called on a port of it. */
function entry(name: string, calls: number, spec: (c: CaseContext) => string, steps: readonly Step[]): ParityCase {
  return defineCase({
    name,
    backends: { main: [{ body: 'main' }], other: [{ body: 'other' }] },
    resources: (c) =>
      edge(
        c,
        [
          gateway,
          route(calls),
          `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: entry }\nspec: { hosts: [$entry], ${spec(c)} }`,
        ].join('\n---\n'),
      ),
    steps,
    log: 'not compared',
  });
}

/** What ServiceEntries say of where a host is. */
export const cases: readonly ParityCase[] = [
  entry(
    'targetPort: where the endpoints listen',
    80,
    (c) =>
      `location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP, targetPort: ${port(c, 'main')} }], endpoints: [{ ${address(c, 'main')} }]`,
    [http('/', { status: 200, body: 'main' })],
  ),
  entry(
    'endpoints take shares by weight',
    80,
    (c) =>
      `location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ ${address(c, 'main')}, weight: 3, ports: { http: ${port(c, 'main')} } }, { ${address(c, 'other')}, weight: 1, ports: { http: ${port(c, 'other')} } }]`,
    [count(200, http('/', { status: 200 }), { main: [120, 180], other: [20, 80] })],
  ),
  entry(
    'resolution DNS: the address of an endpoint is looked up, a literal one is taken as it is',
    80,
    (c) =>
      `location: MESH_EXTERNAL, resolution: DNS, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ ${address(c, 'main')}, ports: { http: ${port(c, 'main')} } }]`,
    [http('/', { status: 200, body: 'main' }, { eventually: true })],
  ),
  entry(
    'exportTo of its own namespace is enough for a gateway of it',
    80,
    (c) =>
      `exportTo: ['.'], addresses: [240.1.2.3], location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [{ ${address(c, 'main')}, ports: { http: ${port(c, 'main')} } }]`,
    [http('/', { status: 200, body: 'main' })],
  ),
];
