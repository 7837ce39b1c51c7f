/** Cases about one route of Gateway API, at a Gateway of its own. */
import type { BackendScript } from './backend/script.ts';
import { defineCase, type ParityCase } from './define.ts';
import type { CaseContext } from './harness/context.ts';
import { istio } from './istio.ts';

type Text = string | ((c: CaseContext) => string);

export interface RouteCase extends Pick<ParityCase, 'name' | 'steps' | 'log'> {
  readonly rules: Text;
  readonly kind?: 'HTTPRoute' | 'GRPCRoute';
  /** What `parentRefs` says besides the name of the Gateway. */
  readonly parent?: Text;
  readonly hostnames?: string;
  readonly backends?: Readonly<Record<string, BackendScript>>;
}

const BACKENDS: Readonly<Record<string, BackendScript>> = { main: [{ body: 'main' }], other: [{ body: 'other' }] };
const textOf = (text: Text, c: CaseContext): string => (typeof text === 'string' ? text : text(c));

/** A `backendRef` of the host of a backend. */
export const to = (host: string, more = ''): string => `{ group: networking.istio.io, kind: Hostname, name: $${host}, port: 80${more} }`;
export const TO_MAIN = `backendRefs: [${to('main')}]`;

/** A route at a Gateway whose one listener is called `http`. */
export function route({ name, rules, steps, kind = 'HTTPRoute', parent = '', hostnames, backends = BACKENDS, log }: RouteCase): ParityCase {
  return defineCase({
    name,
    backends,
    resources: (c) =>
      istio(
        c,
        `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web }
spec:
  gatewayClassName: istio
  listeners: [{ name: http, port: ${c.port()}, protocol: HTTP }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: all }
spec:
  parentRefs: [{ name: web${textOf(parent, c)} }]
${hostnames === undefined ? '' : `  hostnames: ${hostnames}\n`}  rules:
${textOf(rules, c).replaceAll(/^/gm, '    ')}
`,
      ),
    steps,
    ...(log === undefined ? {} : { log }),
  });
}
