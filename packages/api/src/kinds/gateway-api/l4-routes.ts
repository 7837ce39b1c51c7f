import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { opt, req } from '../../schema/fields.ts';
import { backendRef, GATEWAY_GROUP, hostname, parentRefs, sectionName } from './common.ts';

const rules = z
  .array(
    z.strictObject({
      name: opt(sectionName, 'Name of the rule.'),
      backendRefs: req(z.array(backendRef).min(1).max(16), 'Where connections go.'),
    }),
  )
  .length(1)
  .describe('Exactly one rule.');

const tcpRouteSchema = z.strictObject({
  parentRefs: opt(parentRefs, 'What the route attaches to.'),
  useDefaultGateways: opt(z.string(), 'Experimental.'),
  rules,
});
const tlsRouteSchema = z.strictObject({
  parentRefs: opt(parentRefs, 'What the route attaches to.'),
  hostnames: opt(z.array(hostname).max(1024), 'Server names (SNI); left out: those of the listener.'),
  useDefaultGateways: opt(z.string(), 'Experimental.'),
  rules,
});

/** Spec of a TCPRoute. */
export type TCPRoute = DeepReadonly<z.output<typeof tcpRouteSchema>>;
/** Spec of a TLSRoute. */
export type TLSRoute = DeepReadonly<z.output<typeof tlsRouteSchema>>;

const unsupported = { useDefaultGateways: 'it is experimental in Kubernetes, and Istio does not implement it either' };

/** The kind TCPRoute. */
export const tcpRouteKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1', 'v1alpha2'], kind: 'TCPRoute' },
  plural: 'tcproutes',
  schema: tcpRouteSchema,
  unsupported,
  docs: 'Where the connections of a TCP listener, or to a port of a Service, go.',
});

/** The kind TLSRoute. */
export const tlsRouteKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1', 'v1alpha3', 'v1alpha2'], kind: 'TLSRoute' },
  plural: 'tlsroutes',
  schema: tlsRouteSchema,
  unsupported,
  columns: [{ name: 'Hostnames', path: 'spec.hostnames' }],
  docs: 'Where TLS connections go, by the server name that the client asks for.',
});
