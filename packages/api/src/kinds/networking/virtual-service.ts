import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { exportTo, gatewayRef, opt, text } from '../../schema/fields.ts';
import { hostFault } from '../../schema/formats.ts';
import { httpRoute, tcpRoute, tlsRoute } from './http-route.ts';
import { validateVirtualService } from './virtual-service-rules.ts';

const virtualServiceHost = text((value) => hostFault(value, { wildcard: true, ip: true }));

const virtualServiceSchema = z.strictObject({
  hosts: z
    .array(virtualServiceHost)
    .default([])
    .describe('Hosts whose traffic these routes govern; short names get the namespace of this object. None: a delegate of other VirtualServices.'),
  gateways: z.array(gatewayRef).default(['mesh']).describe('Gateways that apply the routes; "mesh" stands for all sidecars and is the default.'),
  http: opt(z.array(httpRoute), 'Routes for HTTP, first match wins.'),
  tls: opt(z.array(tlsRoute), 'Routes for TLS that is passed through, by server name.'),
  tcp: opt(z.array(tcpRoute), 'Routes for opaque TCP, first match wins.'),
  exportTo: opt(exportTo, 'Namespaces that see this object; default all.'),
});

/** Spec of a VirtualService: how requests for a host are routed. */
export type VirtualService = DeepReadonly<z.output<typeof virtualServiceSchema>>;
/** One HTTP rule of a VirtualService. */
export type HttpRoute = NonNullable<VirtualService['http']>[number];
export type HttpMatchRequest = NonNullable<HttpRoute['match']>[number];
export type HttpRouteDestination = NonNullable<HttpRoute['route']>[number];
export type Destination = HttpRouteDestination['destination'];
export type Headers = NonNullable<HttpRoute['headers']>;
export type HttpRedirect = NonNullable<HttpRoute['redirect']>;
export type HttpDirectResponse = NonNullable<HttpRoute['directResponse']>;
export type HttpRewrite = NonNullable<HttpRoute['rewrite']>;
export type HttpRetry = NonNullable<HttpRoute['retries']>;
export type HttpFault = NonNullable<HttpRoute['fault']>;
/** `{}` (headers and query parameters only) asks for presence. */
export type StringMatch = { readonly exact?: string; readonly prefix?: string; readonly regex?: string };
/** One TCP rule of a VirtualService. */
export type TcpRoute = NonNullable<VirtualService['tcp']>[number];
/** Cross-origin rules of a route. */
export type CorsPolicy = NonNullable<HttpRoute['corsPolicy']>;
export type L4Match = NonNullable<TcpRoute['match']>[number];

/** The kind VirtualService. */
export const virtualServiceKind = defineKind({
  gvk: { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'], kind: 'VirtualService' },
  plural: 'virtualservices',
  shortNames: ['vs'],
  schema: virtualServiceSchema,
  unsupported: {
    'http[].match[].statPrefix': 'statistics are those of the mesh; in traces and logs a rule is known by its name',
    'http[].fault.delay.exponentialDelay': 'Istio does not implement it either; write fixedDelay',
    'http[].fault.abort.http2Error': 'Istio does not implement it either; write httpStatus',
    'tcp[].match[].sourceSubnet': 'Istio does not implement it either',
  },
  validate: validateVirtualService,
  columns: [
    { name: 'Gateways', path: 'spec.gateways' },
    { name: 'Hosts', path: 'spec.hosts' },
  ],
  docs: 'Routes for the traffic to one or more hosts: which service and which of its versions gets a request, and with what time-outs, retries, faults and rewrites.',
});
