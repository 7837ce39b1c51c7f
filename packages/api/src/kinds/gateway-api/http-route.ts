import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { duration, opt, plainText, portNumber, regex, req, text } from '../../schema/fields.ts';
import { durationMs } from '../../duration.ts';
import { listedHeaderFault } from '../networking/http-values.ts';
import {
  backendObject,
  filterFindings,
  GATEWAY_GROUP,
  headerName,
  localRef,
  mirrorFilter,
  mirrorFindings,
  onceOnly,
  preciseHostname,
  IDLE_TIMEOUT,
  sessionFindings,
  routeFields,
  ruleFields,
  sessionPersistence,
  requestHeaderModifier,
  responseHeaderModifier,
} from './common.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;
const pathText = text((value) => {
  if (!value.startsWith('/')) return `"${value}" must begin with "/"`;
  if (!/^(?:[-\w/.~!$&'()*+,;=:@]|%[\da-fA-F]{2})+$/.test(value)) return `"${value}" holds characters that no path may`;
  const bad = ['//', '/./', '/../', '%2f', '%2F'].find((part) => value.includes(part));
  if (bad !== undefined) return `"${value}" must not contain "${bad}"`;
  return value.endsWith('/..') || value.endsWith('/.') ? `"${value}" must not end with "." or ".."` : undefined;
});
const matchType = z.enum(['Exact', 'RegularExpression']).default('Exact').describe('How the value is compared.');
const pathMatch = z.strictObject({
  type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).default('PathPrefix').describe('PathPrefix takes whole segments.'),
  value: z.string().max(1024).default('/').describe('Path.'),
});
const valueMatch = (name: z.ZodType<string>) =>
  z.strictObject({ type: matchType, name: req(name, 'Name.'), value: req(z.string().min(1).max(4096), 'Value.') });
const match = z.strictObject({
  path: opt(pathMatch, 'Path of the request; default: every path.'),
  headers: opt(z.array(valueMatch(headerName)).max(16), 'Headers, all of them.'),
  queryParams: opt(z.array(valueMatch(z.string().min(1).max(256))).max(16), 'Query parameters, all of them.'),
  method: opt(z.enum(METHODS), 'Method.'),
});

const pathModifier = z.strictObject({
  type: req(z.enum(['ReplaceFullPath', 'ReplacePrefixMatch']), 'What is replaced.'),
  replaceFullPath: opt(plainText.max(1024), 'The new path.'),
  replacePrefixMatch: opt(plainText.max(1024), 'What the matched prefix becomes.'),
});
const origin = text((value) =>
  value === '*' || /^[a-z][a-z0-9+.-]*:\/\/[^\s/]+$/i.test(value) ? undefined : `"${value}" is not an origin: write scheme://host, or "*"`,
);
const REDIRECT_CODES = [301, 302, 303, 307, 308];
const redirectStatus = z.int().check((ctx) => {
  if (!REDIRECT_CODES.includes(ctx.value))
    ctx.issues.push({ code: 'custom', message: `${ctx.value} is not one of ${REDIRECT_CODES.join(', ')}`, input: ctx.value, continue: true });
});
const filter = z.strictObject({
  type: req(
    z.enum([
      'RequestHeaderModifier',
      'ResponseHeaderModifier',
      'RequestMirror',
      'RequestRedirect',
      'URLRewrite',
      'CORS',
      'ExternalAuth',
      'ExtensionRef',
    ]),
    'Kind of the filter.',
  ),
  requestHeaderModifier: opt(requestHeaderModifier, 'Changes to the request.'),
  responseHeaderModifier: opt(responseHeaderModifier, 'Changes to the response.'),
  requestMirror: opt(mirrorFilter, 'Sends copies.'),
  requestRedirect: opt(
    z.strictObject({
      scheme: opt(z.enum(['http', 'https']), 'Scheme to redirect to.'),
      hostname: opt(preciseHostname, 'Host to redirect to.'),
      path: opt(pathModifier, 'Path to redirect to.'),
      port: opt(portNumber, 'Port to redirect to; left out: that of the scheme, or of the listener.'),
      statusCode: redirectStatus.default(302).describe('301, 302, 303, 307 or 308.'),
    }),
    'Answers with a redirect.',
  ),
  urlRewrite: opt(z.strictObject({ hostname: opt(preciseHostname, 'New host.'), path: opt(pathModifier, 'New path.') }), 'Changes host or path.'),
  cors: opt(
    z.strictObject({
      allowOrigins: opt(z.array(origin).max(64), 'Origins that may read.'),
      allowCredentials: opt(z.boolean(), 'Whether cookies may be sent.'),
      allowMethods: opt(z.array(z.enum([...METHODS, '*'])).max(9), 'Methods that may be used.'),
      allowHeaders: opt(z.array(text(listedHeaderFault)).max(64), 'Request headers that may be used.'),
      exposeHeaders: opt(z.array(text(listedHeaderFault)).max(64), 'Response headers that a page may read.'),
      maxAge: z.int().min(1).default(5).describe('Seconds that a preflight answer may be kept.'),
    }),
    'Cross-origin rules.',
  ),
  externalAuth: opt(
    z.strictObject({
      protocol: req(z.enum(['HTTP', 'GRPC']), 'How the service is asked.'),
      backendRef: req(z.strictObject(backendObject), 'The service.'),
      grpc: opt(z.strictObject({ allowedHeaders: opt(z.array(z.string()), 'Headers sent.') }), 'For GRPC.'),
      http: opt(
        z.strictObject({
          path: opt(z.string(), 'Prefix of the path.'),
          allowedHeaders: opt(z.array(z.string()), 'Headers sent.'),
          allowedResponseHeaders: opt(z.array(z.string()), 'Headers taken over.'),
        }),
        'For HTTP.',
      ),
      forwardBody: opt(z.strictObject({ maxSize: opt(z.int().min(0), 'Bytes of the body that are sent.') }), 'Body.'),
    }),
    'Asks a service whether a request may pass.',
  ),
  extensionRef: opt(localRef, 'A filter of a controller.'),
});
const FILTER_FIELDS = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  CORS: 'cors',
  ExternalAuth: 'externalAuth',
  ExtensionRef: 'extensionRef',
} as const;

const httpRouteSchema = z.strictObject({
  ...routeFields,
  rules: z
    .array(
      z.strictObject({
        ...ruleFields(match, filter, ['request', 'requests']),
        timeouts: opt(
          z.strictObject({
            request: opt(duration, 'For the whole request; 0s: none.'),
            backendRequest: opt(duration, 'For each try; 0s: none.'),
          }),
          'Time-outs.',
        ),
        retry: opt(
          z.strictObject({
            codes: opt(z.array(z.int().min(400).max(599)), 'Statuses to try again after.'),
            attempts: opt(z.int().min(0), 'Tries after the first.'),
            backoff: opt(duration, 'Wait before the next try.'),
          }),
          'Tries.',
        ),
        sessionPersistence: opt(sessionPersistence, 'Same client, same endpoint.'),
      }),
    )
    .max(16)
    .default([{}])
    .describe('Rules. The most specific match of all routes wins.'),
});

/** Spec of an HTTPRoute. */
export type HTTPRoute = DeepReadonly<z.output<typeof httpRouteSchema>>;
export type HTTPRouteRule = HTTPRoute['rules'][number];
export type HTTPRouteFilter = NonNullable<HTTPRouteRule['filters']>[number];
export type HTTPRouteMatch = NonNullable<HTTPRouteRule['matches']>[number];
export type HTTPBackendRef = NonNullable<HTTPRouteRule['backendRefs']>[number];

const EXTERNAL_AUTH = 'external authorization is not built yet';
const EXTENSION = 'there is no filter to refer to';

/** The kind HTTPRoute. */
export const httpRouteKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1', 'v1beta1'], kind: 'HTTPRoute' },
  plural: 'httproutes',
  schema: httpRouteSchema,
  unsupported: {
    'rules[].sessionPersistence.idleTimeout': IDLE_TIMEOUT,
    'rules[].filters[].externalAuth': EXTERNAL_AUTH,
    'rules[].filters[].extensionRef': EXTENSION,
    'rules[].backendRefs[].filters[].externalAuth': EXTERNAL_AUTH,
    'rules[].backendRefs[].filters[].extensionRef': EXTENSION,
    useDefaultGateways: 'it is experimental in Kubernetes, and Istio does not implement it either',
  },
  validate: validateHttpRoute,
  columns: [{ name: 'Hostnames', path: 'spec.hostnames' }],
  docs: 'HTTP routing of the Kubernetes Gateway API, for gateways (parentRef to a Gateway) and inside of the mesh (parentRef to a Service).',
});

const REPEATABLE = new Set(['RequestMirror', 'ExtensionRef']);

function validateHttpRoute(spec: HTTPRoute): Finding[] {
  return spec.rules.flatMap((rule, index) => ruleFindings(rule, ['rules', index]));
}

function ruleFindings(rule: HTTPRouteRule, path: readonly (string | number)[]): Finding[] {
  const findings = filtersFindings(rule.filters, [...path, 'filters']);
  const types = new Set((rule.filters ?? []).map(({ type }) => type));
  if (types.has('RequestRedirect') && types.has('URLRewrite'))
    findings.push({ path: [...path, 'filters'], message: 'RequestRedirect and URLRewrite exclude one another' });
  if (types.has('RequestRedirect') && (rule.backendRefs ?? []).length > 0)
    findings.push({ path: [...path, 'backendRefs'], message: 'a rule that redirects has no backends' });
  for (const [at, item] of (rule.matches ?? []).entries()) findings.push(...matchFindings(item, [...path, 'matches', at]));
  findings.push(...prefixFindings(rule, path), ...timeoutFindings(rule, path), ...sessionFindings(rule, path));
  for (const [at, backend] of (rule.backendRefs ?? []).entries()) {
    const place = [...path, 'backendRefs', at];
    findings.push(...filtersFindings(backend.filters, [...place, 'filters']));
  }
  return findings;
}

function filtersFindings(filters: readonly HTTPRouteFilter[] | undefined, path: readonly (string | number)[]): Finding[] {
  return [
    ...filterFindings(filters, FILTER_FIELDS, path),
    ...onceOnly(filters, REPEATABLE, path),
    ...(filters ?? []).flatMap((item, index) => [
      ...mirrorFindings(item.requestMirror, [...path, index, 'requestMirror']),
      ...modifierFindings(item.requestRedirect?.path, [...path, index, 'requestRedirect', 'path']),
      ...modifierFindings(item.urlRewrite?.path, [...path, index, 'urlRewrite', 'path']),
    ]),
  ];
}

function modifierFindings(modifier: DeepReadonly<z.output<typeof pathModifier>> | undefined, path: readonly (string | number)[]): Finding[] {
  if (modifier === undefined) return [];
  const wanted = modifier.type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch';
  const other = wanted === 'replaceFullPath' ? 'replacePrefixMatch' : 'replaceFullPath';
  return [
    ...(modifier[wanted] === undefined ? [{ path, message: `type ${modifier.type} needs ${wanted}` }] : []),
    ...(modifier[other] === undefined ? [] : [{ path: [...path, other], message: `is not for type ${modifier.type}` }]),
  ];
}

function matchFindings(item: HTTPRouteMatch, path: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  const check = (schema: z.ZodType, value: string, at: readonly (string | number)[]): void => {
    const result = schema.safeParse(value);
    for (const issue of result.error?.issues ?? []) findings.push({ path: at, message: issue.message });
  };
  if (item.path !== undefined) check(item.path.type === 'RegularExpression' ? regex : pathText, item.path.value, [...path, 'path', 'value']);
  for (const field of ['headers', 'queryParams'] as const)
    for (const [index, entry] of (item[field] ?? []).entries())
      if (entry.type === 'RegularExpression') check(regex, entry.value, [...path, field, index, 'value']);
  return findings;
}

/** The matched prefix can be replaced only where every match is one. */
function prefixFindings(rule: HTTPRouteRule, path: readonly (string | number)[]): Finding[] {
  const placed = [
    ...(rule.filters ?? []).map((item, index) => ({ item, at: [...path, 'filters', index] })),
    ...(rule.backendRefs ?? []).flatMap(({ filters }, at) =>
      (filters ?? []).map((item, index) => ({ item, at: [...path, 'backendRefs', at, 'filters', index] })),
    ),
  ];
  return placed.flatMap(({ item, at }) => {
    const modifier = item.requestRedirect?.path ?? item.urlRewrite?.path;
    if (modifier?.type !== 'ReplacePrefixMatch') return [];
    const others = (rule.matches ?? []).some((one) => (one.path?.type ?? 'PathPrefix') !== 'PathPrefix');
    return others ? [{ path: at, message: 'ReplacePrefixMatch needs matches by PathPrefix, all of them' }] : [];
  });
}

function timeoutFindings({ timeouts }: HTTPRouteRule, path: readonly (string | number)[]): Finding[] {
  const request = durationMs(timeouts?.request ?? '0s') ?? 0;
  const backend = durationMs(timeouts?.backendRequest ?? '0s') ?? 0;
  return request > 0 && backend > request
    ? [{ path: [...path, 'timeouts', 'backendRequest'], message: 'is longer than timeouts.request: no try could take so long' }]
    : [];
}
