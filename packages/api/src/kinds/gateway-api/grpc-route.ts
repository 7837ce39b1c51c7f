import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { opt, regex, req } from '../../schema/fields.ts';
import {
  filterFindings,
  GATEWAY_GROUP,
  headerName,
  localRef,
  mirrorFilter,
  mirrorFindings,
  onceOnly,
  IDLE_TIMEOUT,
  sessionFindings,
  routeFields,
  ruleFields,
  sessionPersistence,
  requestHeaderModifier,
  responseHeaderModifier,
} from './common.ts';

const matchType = z.enum(['Exact', 'RegularExpression']).default('Exact').describe('How the value is compared.');
const match = z.strictObject({
  method: opt(
    z.strictObject({
      type: matchType,
      service: opt(z.string().min(1).max(1024), 'Service, with its package.'),
      method: opt(z.string().min(1).max(1024), 'Method.'),
    }),
    'Service and method.',
  ),
  headers: opt(
    z.array(z.strictObject({ type: matchType, name: req(headerName, 'Name.'), value: req(z.string().min(1).max(4096), 'Value.') })).max(16),
    'Headers, all of them.',
  ),
});
const filter = z.strictObject({
  type: req(z.enum(['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef']), 'Kind of the filter.'),
  requestHeaderModifier: opt(requestHeaderModifier, 'Changes to the request.'),
  responseHeaderModifier: opt(responseHeaderModifier, 'Changes to the response.'),
  requestMirror: opt(mirrorFilter, 'Sends copies.'),
  extensionRef: opt(localRef, 'A filter of a controller.'),
});
const FILTER_FIELDS = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  ExtensionRef: 'extensionRef',
} as const;

const grpcRouteSchema = z.strictObject({
  ...routeFields,
  rules: z
    .array(
      z.strictObject({
        ...ruleFields(match, filter, ['call', 'calls']),
        sessionPersistence: opt(sessionPersistence, 'Same client, same endpoint.'),
      }),
    )
    .max(16)
    .default([{}])
    .describe('Rules. The most specific match of all routes wins.'),
});

/** Spec of a GRPCRoute. */
export type GRPCRoute = DeepReadonly<z.output<typeof grpcRouteSchema>>;
export type GRPCRouteRule = GRPCRoute['rules'][number];
export type GRPCRouteMatch = NonNullable<GRPCRouteRule['matches']>[number];

const EXTENSION = 'there is no filter to refer to';

/** The kind GRPCRoute. */
export const grpcRouteKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1'], kind: 'GRPCRoute' },
  plural: 'grpcroutes',
  schema: grpcRouteSchema,
  unsupported: {
    'rules[].sessionPersistence.idleTimeout': IDLE_TIMEOUT,
    'rules[].filters[].extensionRef': EXTENSION,
    'rules[].backendRefs[].filters[].extensionRef': EXTENSION,
    useDefaultGateways: 'it is experimental in Kubernetes, and Istio does not implement it either',
  },
  validate: validateGrpcRoute,
  columns: [{ name: 'Hostnames', path: 'spec.hostnames' }],
  docs: 'gRPC routing of the Kubernetes Gateway API, for gateways and inside of the mesh.',
});

const REPEATABLE = new Set(['RequestMirror', 'ExtensionRef']);
const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;

function validateGrpcRoute(spec: GRPCRoute): Finding[] {
  return spec.rules.flatMap((rule, index): Finding[] => {
    const path = ['rules', index];
    return [
      ...filterFindings(rule.filters, FILTER_FIELDS, [...path, 'filters']),
      ...sessionFindings(rule, path),
      ...onceOnly(rule.filters, REPEATABLE, [...path, 'filters']),
      ...(rule.filters ?? []).flatMap((item, at) => mirrorFindings(item.requestMirror, [...path, 'filters', at, 'requestMirror'])),
      ...(rule.matches ?? []).flatMap((item, at) => methodFindings(item, [...path, 'matches', at])),
      ...(rule.backendRefs ?? []).flatMap(({ filters }, at) => {
        return filterFindings(filters, FILTER_FIELDS, [...path, 'backendRefs', at, 'filters']);
      }),
    ];
  });
}

function methodFindings({ method, headers }: GRPCRouteMatch, path: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  const check = (value: string | undefined, type: string | undefined, at: readonly (string | number)[]): void => {
    if (value === undefined) return;
    if (type === 'RegularExpression')
      for (const issue of regex.safeParse(value).error?.issues ?? []) findings.push({ path: at, message: issue.message });
    else if (at.includes('method') && !NAME.test(value)) findings.push({ path: at, message: `"${value}" is not a name of a service or method` });
  };
  if (method !== undefined && method.service === undefined && method.method === undefined)
    findings.push({ path: [...path, 'method'], message: 'needs service or method' });
  check(method?.service, method?.type, [...path, 'method', 'service']);
  check(method?.method, method?.type, [...path, 'method', 'method']);
  for (const [index, entry] of (headers ?? []).entries()) check(entry.value, entry.type, [...path, 'headers', index, 'value']);
  return findings;
}
