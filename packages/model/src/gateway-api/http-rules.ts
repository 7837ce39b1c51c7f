import type {
  Config,
  CorsPolicy,
  GRPCRoute,
  GRPCRouteMatch,
  Headers,
  HTTPRoute,
  HTTPRouteFilter,
  HTTPRouteMatch,
  HTTPRouteRule,
  HttpMatchRequest,
  HttpRedirect,
  HttpRetry,
  HttpRewrite,
  HttpRoute,
  StringMatch,
} from '@meltemi/api';
import { durationMs } from '@meltemi/api';
import type { DerivedHttpRoute, DerivedRule } from './derived.ts';
import type { Fault } from './conditions.ts';
import type { GatewayApiObjects } from './inputs.ts';
import type { RankedRule } from './precedence.ts';
import { firstFault, referrer, resolveBackend, type BackendReference, type ResolvedBackend } from './references.ts';
import { sessionOfRule } from './sessions.ts';

/** The rules of a route, one for each match, and the first reference that leads nowhere. */
export interface ConvertedRules {
  readonly rules: readonly RankedRule[];
  readonly fault: Fault | undefined;
}

/** Where the rules will stand. */
export interface RulePlace {
  /** At a gateway: redirects keep the port of the listener. */
  readonly atGateway: boolean;
}

type AnyRule = HTTPRouteRule | GRPCRoute['rules'][number];

/** The rules of an HTTPRoute as rules of a VirtualService. */
export function httpRules(objects: GatewayApiObjects, config: Config<HTTPRoute>, place: RulePlace): ConvertedRules {
  return convertRules<HTTPRouteMatch>(objects, config, config.spec.rules, (rule, match) => {
    const converted = httpMatch(match);
    const prefix = converted.uri?.prefix;
    const http = rule as HTTPRouteRule;
    return { match: converted, more: { ...fromFilters(http.filters ?? [], prefix, place), ...timeouts(http), ...rename(http.name) } };
  });
}

/** The rules of a GRPCRoute as rules of a VirtualService. */
export function grpcRules(objects: GatewayApiObjects, config: Config<GRPCRoute>, place: RulePlace): ConvertedRules {
  return convertRules<GRPCRouteMatch>(objects, config, config.spec.rules, (rule, match) => ({
    match: grpcMatch(match),
    more: { ...fromFilters((rule.filters ?? []) as readonly HTTPRouteFilter[], undefined, place), ...rename(rule.name) },
  }));
}

const rename = (name: string | undefined): Partial<HttpRoute> => (name === undefined ? {} : { name });

function convertRules<M>(
  objects: GatewayApiObjects,
  config: Config,
  rules: readonly AnyRule[],
  convert: (rule: AnyRule, match: M | undefined) => { readonly match: HttpMatchRequest; readonly more: Partial<HttpRoute> },
): ConvertedRules {
  const faults: ResolvedBackend[] = [];
  const ranked = rules.flatMap((rule, index): RankedRule[] => {
    const targets = backendsOf(objects, config, rule, faults);
    const session = sessionOfRule(config, rule, index);
    const matches = (rule.matches ?? []) as readonly M[];
    return (matches.length === 0 ? [undefined] : matches).map((item, at) => {
      const { match, more } = convert(rule, item);
      const derived: DerivedRule = {
        source: config,
        path: `spec.rules[${index}]${item === undefined ? '' : `.matches[${at}]`}`,
        wholeSegments: true,
        missingStatus: 500,
        ...(session === undefined ? {} : { session }),
      };
      const http: DerivedHttpRoute = { ...more, ...(more.redirect === undefined ? targets : {}), match: [match], derived };
      return { http: withMirrors({ objects, config, faults }, rule, http), config, rule: index, match: at };
    });
  });
  return { rules: ranked, fault: firstFault(faults) };
}

const NOTHING_THERE = { directResponse: { status: 500 } } as const;

/** Where a rule sends requests. Without a backend that may get one, it answers 500. */
function backendsOf(
  objects: GatewayApiObjects,
  config: Config,
  rule: AnyRule,
  faults: ResolvedBackend[],
): Pick<HttpRoute, 'route' | 'directResponse'> {
  const from = referrer(config);
  const all = (rule.backendRefs ?? []).map((ref) => ({ ref, resolved: resolveBackend(objects, ref, from) }));
  faults.push(...all.map(({ resolved }) => resolved));
  const open = all.filter(({ ref }) => ref.weight > 0);
  if (open.every(({ resolved }) => resolved.fault !== undefined)) return NOTHING_THERE;
  return {
    route: open.map(({ ref, resolved }) => {
      const headers = headersOf((ref.filters ?? []) as readonly HTTPRouteFilter[]);
      return { destination: resolved.destination, weight: ref.weight, ...(headers === undefined ? {} : { headers }) };
    }),
  };
}

/** Where references are looked up from, and what is wrong with them is gathered. */
interface References {
  readonly objects: GatewayApiObjects;
  readonly config: Config;
  readonly faults: ResolvedBackend[];
}

function withMirrors({ objects, config, faults }: References, rule: AnyRule, http: DerivedHttpRoute): DerivedHttpRoute {
  const wanted = ((rule.filters ?? []) as readonly HTTPRouteFilter[]).flatMap(({ requestMirror }) => requestMirror ?? []);
  const mirrors = wanted.flatMap(({ backendRef, percent, fraction }) => {
    const resolved = resolveBackend(objects, backendRef as BackendReference, referrer(config));
    faults.push(resolved);
    const share = fraction === undefined ? (percent ?? 100) : (fraction.numerator / fraction.denominator) * 100;
    return resolved.fault === undefined ? [{ destination: resolved.destination, percentage: { value: share } }] : [];
  });
  return mirrors.length === 0 ? http : { ...http, mirrors };
}

// ----------------------------------------------------------------------------------------------------------------- matches

function httpMatch(match: HTTPRouteMatch | undefined): HttpMatchRequest {
  return {
    uri: pathOf(match?.path),
    ...(match?.method === undefined ? {} : { method: { exact: match.method } }),
    ...valuesOf('headers', match?.headers, (name) => name.toLowerCase()),
    ...valuesOf('queryParams', match?.queryParams, (name) => name),
  };
}

function pathOf(path: HTTPRouteMatch['path']): StringMatch {
  if (path === undefined) return { prefix: '/' };
  if (path.type === 'Exact') return { exact: path.value };
  if (path.type === 'RegularExpression') return { regex: path.value };
  return { prefix: withoutSlash(path.value) };
}

/** A prefix takes whole segments, and its last slash says nothing. */
function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

/** Of entries with one name the first counts. */
function valuesOf(
  field: 'headers' | 'queryParams',
  entries: readonly { readonly name: string; readonly type: 'Exact' | 'RegularExpression'; readonly value: string }[] | undefined,
  key: (name: string) => string,
): Partial<HttpMatchRequest> {
  if (entries === undefined || entries.length === 0) return {};
  const values = entries.map(({ name, type, value }) => [key(name), type === 'Exact' ? { exact: value } : { regex: value }] as const);
  return { [field]: firstOfEach(values) };
}

function firstOfEach<T>(entries: readonly (readonly [name: string, value: T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(new Map(entries.toReversed()));
}

function grpcMatch(match: GRPCRouteMatch | undefined): HttpMatchRequest {
  const headers = valuesOf('headers', match?.headers, (name) => name.toLowerCase());
  return { uri: grpcPath(match?.method), ...headers };
}

function grpcPath(method: GRPCRouteMatch['method']): StringMatch {
  if (method === undefined) return { prefix: '/' };
  const { type, service, method: name } = method;
  if (type === 'RegularExpression')
    return { regex: `/${service === undefined ? '[^/]+' : `(?:${service})`}/${name === undefined ? '[^/]+' : `(?:${name})`}` };
  if (service !== undefined && name !== undefined) return { exact: `/${service}/${name}` };
  if (service !== undefined) return { prefix: `/${service}` };
  return { regex: `/[^/]+/${escaped(name ?? '')}` };
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

// ----------------------------------------------------------------------------------------------------------------- filters

function fromFilters(filters: readonly HTTPRouteFilter[], prefix: string | undefined, place: RulePlace): Partial<HttpRoute> {
  const headers = headersOf(filters);
  const redirect = filters.find((filter) => filter.requestRedirect !== undefined)?.requestRedirect;
  const rewrite = filters.find((filter) => filter.urlRewrite !== undefined)?.urlRewrite;
  const cors = filters.find((filter) => filter.cors !== undefined)?.cors;
  return {
    ...(headers === undefined ? {} : { headers }),
    ...(redirect === undefined ? {} : { redirect: redirectOf(redirect, prefix, place) }),
    ...(rewrite === undefined ? {} : { rewrite: rewriteOf(rewrite, prefix) }),
    ...(cors === undefined ? {} : { corsPolicy: corsOf(cors) }),
  };
}

function headersOf(filters: readonly HTTPRouteFilter[]): Headers | undefined {
  const request = filters.find((filter) => filter.requestHeaderModifier !== undefined)?.requestHeaderModifier;
  const response = filters.find((filter) => filter.responseHeaderModifier !== undefined)?.responseHeaderModifier;
  if (request === undefined && response === undefined) return undefined;
  return {
    ...(request === undefined ? {} : { request: operations(request) }),
    ...(response === undefined ? {} : { response: operations(response) }),
  };
}

type Modifier = NonNullable<HTTPRouteFilter['requestHeaderModifier']>;

function operations({ set, add, remove }: Modifier): NonNullable<Headers['request']> {
  // A "%" is a plain character here.
  const record = (list: Modifier['set']) => firstOfEach((list ?? []).map(({ name, value }) => [name.toLowerCase(), value.replaceAll('%', '%%')]));
  return {
    ...(set === undefined ? {} : { set: record(set) }),
    ...(add === undefined ? {} : { add: record(add) }),
    ...(remove === undefined ? {} : { remove: remove.map((name) => name.toLowerCase()) }),
  };
}

type Redirect = NonNullable<HTTPRouteFilter['requestRedirect']>;

function redirectOf(redirect: Redirect, prefix: string | undefined, { atGateway }: RulePlace): HttpRedirect {
  const { scheme, hostname, path, port, statusCode } = redirect;
  const keepsPort = port === undefined && scheme === undefined && atGateway;
  return {
    redirectCode: statusCode,
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { authority: hostname }),
    ...(port === undefined ? {} : { port }),
    ...(keepsPort ? { derivePort: 'FROM_REQUEST_PORT' as const } : {}),
    ...(path?.replaceFullPath === undefined ? {} : { uri: path.replaceFullPath }),
    ...(path?.replacePrefixMatch === undefined ? {} : { prefixRewrite: redirectPrefix(path.replacePrefixMatch, prefix) }),
  };
}

/** `/foo/bar` with `/foo` → `/` is `/bar`: what follows begins with a slash of its own, unless all paths match. */
function redirectPrefix(replacement: string, prefix: string | undefined): string {
  const bare = withoutSlash(replacement === '' ? '/' : replacement);
  return prefix === '/' && bare !== '/' ? `${bare}/` : bare;
}

type Rewrite = NonNullable<HTTPRouteFilter['urlRewrite']>;

function rewriteOf({ hostname, path }: Rewrite, prefix: string | undefined): HttpRewrite {
  return { ...(hostname === undefined ? {} : { authority: hostname }), ...(path === undefined ? {} : rewrittenPath(path, prefix ?? '/')) };
}

function rewrittenPath(path: NonNullable<Rewrite['path']>, prefix: string): Pick<HttpRewrite, 'uri' | 'uriRegexRewrite'> {
  if (path.replaceFullPath !== undefined) return { uriRegexRewrite: { match: '/.*', rewrite: plain(path.replaceFullPath) } };
  const bare = withoutSlash(path.replacePrefixMatch === '' ? '/' : (path.replacePrefixMatch ?? '/'));
  if (prefix === bare) return {};
  // What follows the prefix has a slash of its own; two would stand in a row.
  if (bare === '/') return { uriRegexRewrite: { match: `^${escaped(prefix)}/*`, rewrite: '/' } };
  if (prefix === '/') return { uriRegexRewrite: { match: '^/', rewrite: `${plain(bare)}/` } };
  return { uri: bare };
}

function plain(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

type Cors = NonNullable<HTTPRouteFilter['cors']>;

function corsOf({ allowOrigins, allowCredentials, allowMethods, allowHeaders, exposeHeaders, maxAge }: Cors): CorsPolicy {
  return {
    allowOrigins: (allowOrigins ?? []).map(originOf),
    maxAge: `${maxAge}s`,
    ...(allowCredentials === undefined ? {} : { allowCredentials }),
    ...(allowMethods === undefined ? {} : { allowMethods }),
    ...(allowHeaders === undefined ? {} : { allowHeaders }),
    ...(exposeHeaders === undefined ? {} : { exposeHeaders }),
  };
}

function originOf(origin: string): StringMatch {
  if (origin === '*') return { regex: '.*' };
  return origin.includes('*') ? { regex: origin.split('*').map(escaped).join('.*') } : { exact: origin };
}

function timeouts({ timeouts: limits, retry }: HTTPRouteRule): Partial<HttpRoute> {
  const given = (text: string | undefined): string | undefined => (text === undefined || durationMs(text) === 0 ? undefined : text);
  const request = given(limits?.request);
  const perTry = given(limits?.backendRequest);
  const retries: HttpRetry | undefined =
    retry === undefined
      ? undefined
      : {
          attempts: retry.attempts ?? 2,
          retryOn: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', ...(retry.codes ?? [])].join(','),
          ...(given(retry.backoff) === undefined ? {} : { backoff: retry.backoff }),
          ...(perTry === undefined ? {} : { perTryTimeout: perTry }),
        };
  const timeout = retries === undefined ? (perTry ?? request) : request;
  return { ...(timeout === undefined ? {} : { timeout }), ...(retries === undefined ? {} : { retries }) };
}
