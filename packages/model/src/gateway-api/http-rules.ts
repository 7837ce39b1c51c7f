import type {
  Config,
  CorsPolicy,
  GRPCRoute,
  GRPCRouteMatch,
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
import { firstOfEach, headersOf } from './modifiers.ts';
import type { RankedRule } from './precedence.ts';
import { partsOf, ruleFilters, withMirrors, type AnyRule } from './rule-parts.ts';
import { firstFault, type ResolvedBackend } from './references.ts';
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

/** The rules of an HTTPRoute as rules of a VirtualService. */
export function httpRules(objects: GatewayApiObjects, config: Config<HTTPRoute>, place: RulePlace): ConvertedRules {
  return convertRules<HTTPRouteMatch>(objects, config, config.spec.rules, (rule, match) => {
    const converted = httpMatch(match);
    const prefix = converted.uri?.prefix;
    const http = rule as HTTPRouteRule;
    const filtered = (filters: readonly HTTPRouteFilter[]) => fromFilters(filters, prefix, place);
    return { match: converted, more: { ...filtered(http.filters ?? []), ...timeouts(http), ...rename(http.name) }, filtered };
  });
}

/** The rules of a GRPCRoute as rules of a VirtualService. */
export function grpcRules(objects: GatewayApiObjects, config: Config<GRPCRoute>, place: RulePlace): ConvertedRules {
  return convertRules<GRPCRouteMatch>(objects, config, config.spec.rules, (rule, match) => ({
    match: grpcMatch(match),
    more: { ...fromFilters((rule.filters ?? []) as readonly HTTPRouteFilter[], undefined, place), ...rename(rule.name) },
    filtered: (filters) => fromFilters(filters, undefined, place),
  }));
}

const rename = (name: string | undefined): Partial<HttpRoute> => (name === undefined ? {} : { name });

/** One match of a rule. */
interface Converted {
  readonly match: HttpMatchRequest;
  /** What the rule says besides. */
  readonly more: Partial<HttpRoute>;
  /** What filters of one of its backends say. */
  readonly filtered: (filters: readonly HTTPRouteFilter[]) => Partial<HttpRoute>;
}

function convertRules<M>(
  objects: GatewayApiObjects,
  config: Config,
  rules: readonly AnyRule[],
  convert: (rule: AnyRule, match: M | undefined) => Converted,
): ConvertedRules {
  const faults: ResolvedBackend[] = [];
  const ranked = rules.flatMap((rule, index): RankedRule[] => {
    const references = { objects, config, faults };
    const parts = partsOf(references, rule);
    const session = sessionOfRule(config, rule, index);
    const matches = (rule.matches ?? []) as readonly M[];
    return (matches.length === 0 ? [undefined] : matches).flatMap((item, at) => {
      const { match, more, filtered } = convert(rule, item);
      return parts.map(({ targets, filters, upToPercent }): RankedRule => {
        const derived: DerivedRule = {
          source: config,
          path: `spec.rules[${index}]${item === undefined ? '' : `.matches[${at}]`}`,
          wholeSegments: true,
          missingStatus: 500,
          ...(session === undefined ? {} : { session }),
          ...(upToPercent === undefined ? {} : { upToPercent }),
        };
        const { headers: _, ...own } = filtered(filters);
        const all = { ...more, ...own };
        const http: DerivedHttpRoute = { ...all, ...(all.redirect === undefined ? targets : {}), match: [match], derived };
        return { http: withMirrors(references, [...ruleFilters(rule), ...filters], http), config, rule: index, match: at };
      });
    });
  });
  return { rules: ranked, fault: firstFault(faults) };
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
