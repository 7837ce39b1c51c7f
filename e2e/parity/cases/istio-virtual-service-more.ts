import { defineCase, type LogExpectation, type ParityCase } from '../define.ts';
import type { BackendScript } from '../backend/script.ts';
import type { CaseContext } from '../harness/context.ts';
import { bytesGateway, http, istio, rule } from '../istio.ts';
import { http as ask, tcp, type Step } from '../steps.ts';

const TO_MAIN = 'route: [{ destination: { host: $main } }]';

interface Setting {
  readonly name: string;
  readonly rules: string | ((c: CaseContext) => string);
  readonly steps: readonly Step[];
  readonly backends?: Readonly<Record<string, BackendScript>>;
  readonly more?: string | ((c: CaseContext) => string);
  readonly log?: readonly LogExpectation[] | 'not compared';
  readonly random?: readonly string[];
}

const textOf = (text: string | ((c: CaseContext) => string), c: CaseContext): string => (typeof text === 'string' ? text : text(c));

function field({ name, rules, steps, backends, more = '', log, random = [] }: Setting): ParityCase {
  return defineCase({
    name,
    ...(backends === undefined ? {} : { backends }),
    resources: (c) => istio(c, [http(textOf(rules, c)), textOf(more, c)].filter((text) => text !== '').join('---\n')),
    steps,
    random,
    ...(log === undefined ? {} : { log }),
  });
}

type Asked = readonly [request: Parameters<typeof ask>[0], matches: boolean];

function match(name: string, text: string | ((c: CaseContext) => string), asked: readonly Asked[]): ParityCase {
  return field({
    name,
    rules: (c) => `- match: [${textOf(text, c)}]\n  ${TO_MAIN}`,
    steps: asked.map(([request, matches]) => ask(request, { status: matches ? 200 : 404 })),
  });
}

/** A gateway's port for connections, and a service of this host that takes them. */
function connections(c: CaseContext, rules: string, weights = false): string {
  const entry = (name: string): string => {
    const { host, port } = c.backend(name);
    return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: tcp-${name} }
spec:
  hosts: [${name}.tcp.${c.id}.example]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: 7000, name: tcp, protocol: TCP }]
  endpoints: [{ address: ${host}, ports: { tcp: ${port} }, labels: { version: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: tcp-${name} }
spec: { host: ${name}.tcp.${c.id}.example, subsets: [{ name: v1, labels: { version: v1 } }] }`;
  };
  return `${bytesGateway(c)}---
${entry('one')}
---
${weights ? `${entry('two')}\n---\n` : ''}apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: bytes }
spec:
  hosts: ['*']
  gateways: [bytes]
  tcp:
${rules}
`;
}

const BYTES: Readonly<Record<string, BackendScript>> = {
  main: [{ body: 'main' }],
  one: { t: 'tcp', tcp: { greeting: 'one', after: 'close' } },
  two: { t: 'tcp', tcp: { greeting: 'two', after: 'close' } },
};
const heard = (text: string): Step => tcp([{ received: text }], { received: text }, { port: 'tcp' });
const OF_BYTES = (c: CaseContext, name: string, more = ''): string => `{ host: ${name}.tcp.${c.id}.example, port: { number: 7000 }${more} }`;

/** Further fields of VirtualService that a caller can see. */
export const cases: readonly ParityCase[] = [
  match('match.scheme.prefix', '{ scheme: { prefix: ht } }', [['/', true]]),
  match('match.scheme.prefix of another', '{ scheme: { prefix: https } }', [['/', false]]),
  match('match.scheme.regex', '{ scheme: { regex: https } }', [['/', false]]),
  match('match.method.prefix', '{ method: { prefix: D } }', [
    [{ method: 'DELETE' }, true],
    [{ method: 'GET' }, false],
  ]),
  match('match.method.regex', '{ method: { regex: "PUT|DELETE" } }', [
    [{ method: 'DELETE' }, true],
    [{ method: 'OPTIONS' }, false],
  ]),
  match('match.authority.exact', '{ authority: { exact: a.example } }', [
    [{ host: 'a.example' }, true],
    [{ host: 'b.example' }, false],
  ]),
  match('match.authority.regex', '{ authority: { regex: "[ab][.]example" } }', [
    [{ host: 'b.example' }, true],
    [{ host: 'c.example' }, false],
  ]),
  match('match.port is that of the gateway', (c) => `{ port: ${c.port()} }`, [['/', true]]),
  match('match.port of another server', '{ port: 9 }', [['/', false]]),
  match('match.gateways', '{ gateways: [front] }', [['/', true]]),
  match('match.gateways without this one', '{ gateways: [mesh] }', [['/', false]]),
  match('match.queryParams prefix', '{ queryParams: { q: { prefix: a } } }', [
    ['/?q=ab', true],
    ['/?q=b', false],
    ['/', false],
  ]),
  match('match.withoutHeaders prefix', '{ withoutHeaders: { x-a: { prefix: b } } }', [
    [{ headers: { 'x-a': 'bc' } }, false],
    [{ headers: { 'x-a': 'c' } }, true],
    ['/', true],
  ]),
  match('match.withoutHeaders regex', '{ withoutHeaders: { x-a: { regex: "b+" } } }', [
    [{ headers: { 'x-a': 'bb' } }, false],
    [{ headers: { 'x-a': 'bc' } }, true],
    ['/', true],
  ]),
  field({
    name: 'headers of one destination: add and remove',
    rules: `- route: [{ destination: { host: $main }, headers: { request: { add: { x-b: two }, remove: [x-r] }, response: { add: { x-c: two }, remove: [x-s] } } }]`,
    backends: { main: [{ headers: { 'x-c': 'one', 'x-s': 's' }, body: 'main' }] },
    steps: [
      ask(
        { headers: { 'x-b': 'one', 'x-r': 'r' } },
        { status: 200, headers: { 'x-c': 'one, two', 'x-s': null }, backend: { headers: { 'x-b': 'one, two', 'x-r': null } } },
      ),
    ],
  }),
  field({
    name: 'redirect.derivePort: FROM_REQUEST_PORT names the port of the gateway',
    rules: '- redirect: { authority: new.example, derivePort: FROM_REQUEST_PORT }',
    steps: [ask('/x', { status: 301, headers: { location: /^http:\/\/new\.example:\d+\/x$/ } })],
    random: ['0.responses.0.headers.location'],
  }),
  field({
    name: 'delegate of another namespace',
    rules: '- match: [{ uri: { prefix: /a } }]\n  delegate: { name: part, namespace: others }',
    more: `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: part, namespace: others }
spec: { http: [{ match: [{ uri: { prefix: /a/b } }], ${TO_MAIN} }] }
`,
    steps: [ask('/a/b', { status: 200, body: 'main' }), ask('/a/c', { status: 404 })],
  }),
  field({
    name: 'fault.delay.percent, the old form',
    rules: `- fault: { delay: { percent: 100, fixedDelay: 0.05s } }\n  ${TO_MAIN}`,
    steps: [ask('/', { status: 200, body: 'main' })],
    log: [{ flags: 'DI' }],
  }),
  field({
    name: 'mirrors of a subset and port, each with its share',
    rules: `- mirrors: [{ destination: { host: $copy, subset: v1, port: { number: 80 } }, percentage: { value: 100 } }, { destination: { host: $main }, percentage: { value: 0 } }]\n  ${TO_MAIN}`,
    more: rule('copy', '', ['v1']),
    backends: { main: [{ body: 'main' }], 'copy-v1': [{ body: 'copy' }] },
    steps: [ask('/', { status: 200, body: 'main', backend: [{ at: 'main' }, { at: 'copy-v1' }] })],
  }),
  field({
    name: 'mirror of a subset and port',
    rules: `- mirror: { host: $copy, subset: v1, port: { number: 80 } }\n  ${TO_MAIN}`,
    more: rule('copy', '', ['v1']),
    backends: { main: [{ body: 'main' }], 'copy-v1': [{ body: 'copy' }] },
    steps: [ask('/', { status: 200, body: 'main', backend: [{ at: 'main' }, { at: 'copy-v1' }] })],
  }),
  ...['mirrorPercent', 'mirror_percent'].map((old) =>
    field({
      name: `${old}: 0, the old form, sends none`,
      rules: `- mirror: { host: $copy }\n  ${old}: 0\n  ${TO_MAIN}`,
      backends: { main: [{ body: 'main' }], copy: [{ body: 'copy' }] },
      steps: [ask('/', { status: 200, backend: { at: 'main' } })],
    }),
  ),
  field({
    name: 'corsPolicy.allowOrigin, the old form',
    rules: `- corsPolicy: { allowOrigin: ["https://a.example"] }\n  ${TO_MAIN}`,
    steps: [
      ask({ headers: { origin: 'https://a.example' } }, { status: 200, headers: { 'access-control-allow-origin': 'https://a.example' } }),
      ask({ headers: { origin: 'https://b.example' } }, { status: 200, headers: { 'access-control-allow-origin': null } }),
    ],
  }),
  field({
    name: 'tcp.route leads to a subset',
    rules: `- ${TO_MAIN}`,
    backends: BYTES,
    more: (c) =>
      connections(
        c,
        `    - match: [{ port: ${c.port('tcp')}, gateways: [bytes] }]\n      route: [{ destination: ${OF_BYTES(c, 'one', ', subset: v1')} }]`,
      ),
    steps: [heard('one')],
    log: 'not compared',
  }),
  field({
    name: 'tcp.match.destinationSubnets: who was called elsewhere does not match',
    rules: `- ${TO_MAIN}`,
    backends: BYTES,
    more: (c) =>
      connections(
        c,
        `    - match: [{ destinationSubnets: [192.0.2.0/24] }]\n      route: [{ destination: ${OF_BYTES(c, 'one')} }]
    - match: [{ destinationSubnets: [127.0.0.0/8] }]\n      route: [{ destination: ${OF_BYTES(c, 'two')} }]`,
        true,
      ),
    steps: [heard('two')],
    log: 'not compared',
  }),
  field({
    name: 'tcp.route.weight: all or nothing',
    rules: `- ${TO_MAIN}`,
    backends: BYTES,
    more: (c) =>
      connections(c, `    - route: [{ destination: ${OF_BYTES(c, 'one')}, weight: 0 }, { destination: ${OF_BYTES(c, 'two')}, weight: 100 }]`, true),
    steps: [heard('two')],
    log: 'not compared',
  }),
];
