import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { istio } from '../istio.ts';
import type { Resources } from '../resources.ts';
import { count, http as ask } from '../steps.ts';

const AB = { 'web-a': [{ body: 'a' }], 'web-b': [{ body: 'b' }] } as const;
const RANDOM = ['0.responses.0.headers.set-cookie', '0.responses.0.headers.x-session', '0.responses.0.headers.content-length', '0.responses.0.body'];

const addressOf = (c: CaseContext, name: string): string => `${c.backend(name).host}:${c.backend(name).port}`;
const base64 = (data: string | Uint8Array): string => Buffer.from(data).toString('base64');

/** The message in a cookie: `{ address = 1 }`. */
function cookieOf(address: string): string {
  const text = Buffer.from(address);
  return base64(Buffer.concat([Buffer.from([10, text.length]), text]));
}

/** Only the case knows the ports of its backends: the gateway itself adds what the client would bring. */
function bringing(name: string, value: string): string {
  return `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: bringing }
spec:
  configPatches:
    - applyTo: HTTP_FILTER
      match: { context: GATEWAY, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } } }
      patch:
        operation: INSERT_FIRST
        value:
          name: bringing
          typed_config:
            '@type': type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
            mutations: { request_mutations: [{ append: { header: { key: ${name}, value: '${value}' } } }] }
`;
}

/** A rule of an HTTPRoute with these sessions. */
function route(c: CaseContext, session: string, more = ''): Resources {
  return istio(
    c,
    `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web }
spec: { gatewayClassName: meltemi, listeners: [{ name: http, port: ${c.port('api')}, protocol: HTTP }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: all }
spec:
  parentRefs: [{ name: web }]
  rules:
    - matches: [{ path: { value: /shop/ } }]
      sessionPersistence: ${session}
      backendRefs: [{ group: networking.istio.io, kind: Hostname, name: $web, port: 80 }]
---
${more}`,
  );
}

const here = { port: 'api', path: '/shop/x' } as const;

/** Sessions as users of the Gateway API and of Istio ask for them. */
export const cases: readonly ParityCase[] = [
  defineCase({
    name: 'a cookie of the browser session, for the path of the rule',
    backends: AB,
    resources: (c) => route(c, '{ sessionName: basket }'),
    steps: [ask(here.path, { status: 200, headers: { 'set-cookie': /^basket="[^"]+"; Path=\/shop; HttpOnly$/ } }, { port: here.port })],
    random: [...RANDOM, '0.backend', 'log.0.upstream'],
  }),
  defineCase({
    name: 'a permanent cookie says how long it lives',
    backends: AB,
    resources: (c) => route(c, '{ sessionName: basket, absoluteTimeout: 1h, cookieConfig: { lifetimeType: Permanent } }'),
    steps: [ask(here.path, { status: 200, headers: { 'set-cookie': /^basket="[^"]+"; Max-Age=3600; Path=\/shop; HttpOnly$/ } }, { port: here.port })],
    random: [...RANDOM, '0.backend', 'log.0.upstream'],
  }),
  defineCase({
    name: 'who brings the cookie comes back',
    backends: AB,
    resources: (c) => route(c, '{ sessionName: basket }', bringing('cookie', `basket="${cookieOf(addressOf(c, 'web-b'))}"`)),
    steps: [count(20, ask(here.path, { status: 200 }, { port: here.port }), { b: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'a header instead of a cookie',
    backends: AB,
    resources: (c) => route(c, '{ sessionName: X-Session, type: Header }', bringing('x-session', base64(addressOf(c, 'web-b')))),
    steps: [count(20, ask(here.path, { status: 200 }, { port: here.port }), { b: [20, 20] })],
    log: 'not compared',
  }),
  defineCase({
    name: 'a header is told once',
    backends: AB,
    resources: (c) => route(c, '{ sessionName: X-Session, type: Header }'),
    steps: [ask(here.path, { status: 200, headers: { 'x-session': /^[A-Za-z0-9+/]+={0,2}$/, 'set-cookie': null } }, { port: here.port })],
    random: [...RANDOM, '0.backend', 'log.0.upstream'],
  }),
];
