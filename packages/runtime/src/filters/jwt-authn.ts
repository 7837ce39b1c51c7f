import { compileMatch } from '../compile/predicates.ts';
import { pathOf } from '../compile/target.ts';
import type { RequestView } from '../compiled.ts';
import type { Reader } from '../decode/reader.ts';
import { decodeRouteMatch } from '../decode/route-match.ts';
import { decodeProviders, decodeRequirement } from '../jwt/decode.ts';
import { findTokens, type FoundToken } from '../jwt/extract.ts';
import { judgeJwt } from '../jwt/judge.ts';
import type { JwtProvider, JwtProviders, JwtRequirement } from '../jwt/types.ts';
import { jwtVerdict, type RefusalTerms } from '../jwt/verdict.ts';
import { statistics, type Statistic } from '../stats/statistic.ts';
import type { RouteMatch } from '../types/route.ts';
import { defineFilter, type FilterKind } from './define.ts';
import type { FilterAction, FilterContext, FilterVerdict, HeaderEdit } from './types.ts';

interface JwtConfig {
  readonly providers: JwtProviders;
  readonly rules: readonly { readonly match: RouteMatch; readonly requirement?: JwtRequirement }[];
  readonly named: Readonly<Record<string, JwtRequirement>>;
  readonly bypassPreflight: boolean;
  readonly stripBody: boolean;
}

/** A route's setting: which of the named requirements counts there; undefined = none. */
interface JwtRoute {
  readonly requirement?: string;
}

/** Tokens whose signatures are to be checked, for the half that knows keys. */
export interface JwtQuestion {
  readonly providers: JwtProviders;
  readonly requirement: JwtRequirement;
  readonly byProvider: Readonly<Record<string, readonly FoundToken[]>>;
  /** Where no provider is named. */
  readonly anyone: readonly FoundToken[];
  readonly terms: RefusalTerms;
}

const MAX_URI = 256;
const STATS = ['allowed', 'denied', 'cors_preflight_bypassed'] as const;
type JwtStats = Readonly<Record<(typeof STATS)[number], Statistic>>;

/** Lets requests through by their JSON web tokens (`envoy.filters.http.jwt_authn`). */
export const jwtAuthnFilter: FilterKind = defineFilter<JwtConfig, JwtRoute>({
  t: 'jwt-authn',
  types: ['envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication'],
  overrideTypes: ['envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig'],
  decode: decodeConfig,
  decodeOverride(reader) {
    if (reader.bool('disabled')) return {};
    const requirement = reader.string('requirement_name');
    reader.require('', requirement !== '', 'neither disabled nor requirement_name is set');
    return { requirement };
  },
  compile(config, { overrides, statPrefix }) {
    const stats = statistics(`${statPrefix}jwt_authn.`, STATS);
    const own = overrides.at(-1);
    const decide = own === undefined ? byRules(config, stats) : ofRoute(config, own, stats);
    return {
      stats,
      decide(context) {
        if (!config.bypassPreflight || !isPreflight(context.request)) return decide(context);
        stats.cors_preflight_bypassed.count(context.thread);
        stats.allowed.count(context.thread);
        return undefined;
      },
    };
  },
});

function decodeConfig(reader: Reader): JwtConfig {
  const providers = decodeProviders(reader);
  const named = Object.fromEntries(reader.entries('requirement_map').map(([name, item]) => [name, decodeRequirement(item, providers)]));
  reader.require('filter_state_rules', !reader.has('filter_state_rules'), 'rules by filter state are not supported by this proxy');
  reader.harmless('filter_state_rules');
  return {
    providers,
    rules: reader.messages('rules').map((rule) => decodeRule(rule, providers, named)),
    named,
    bypassPreflight: reader.bool('bypass_cors_preflight'),
    stripBody: reader.bool('strip_failure_response'),
  };
}

function decodeRule(reader: Reader, providers: JwtProviders, named: JwtConfig['named']): JwtConfig['rules'][number] {
  const match = reader.message('match');
  if (match === undefined) reader.fail('match', 'missing');
  const requires = reader.message('requires');
  const name = reader.string('requirement_name');
  reader.require('requirement_name', name === '' || Object.hasOwn(named, name), `there is no requirement "${name}"`);
  const requirement = requires === undefined ? named[name] : decodeRequirement(requires, providers);
  const decoded = match === undefined ? NOWHERE : decodeRouteMatch(match);
  return requirement === undefined ? { match: decoded } : { match: decoded, requirement };
}

const NOWHERE: RouteMatch = { path: { t: 'exact', value: '', ignoreCase: false }, headers: [], query: [], metadata: [], grpc: false, fraction: 1 };

type Decide = FilterAction['decide'];

/** The first rule that matches counts; one without a requirement lets pass. */
function byRules(config: JwtConfig, stats: JwtStats): Decide {
  const rules = config.rules.map(({ match, requirement }) => ({
    matches: compileMatch(match),
    decide: requirement === undefined ? undefined : demander(config, requirement, stats),
  }));
  const passes = passer(stats);
  return (context) => {
    const { request, thread } = context;
    const path = pathOf(request.path);
    const rule = rules.find(({ matches }) => matches(request, path, () => thread.random()));
    return (rule?.decide ?? passes)(context);
  };
}

/** A route's own setting: no requirement, or the one of this name. */
function ofRoute(config: JwtConfig, { requirement: name }: JwtRoute, stats: JwtStats): Decide {
  if (name === undefined) return passer(stats);
  const requirement = Object.hasOwn(config.named, name) ? config.named[name] : undefined;
  return requirement === undefined ? wrongName(config, name, stats) : demander(config, requirement, stats);
}

/** Nothing is demanded: that is counted, as of every request that this filter lets pass. */
function passer(stats: JwtStats): Decide {
  return ({ thread }) => {
    stats.allowed.count(thread);
    return undefined;
  };
}

function wrongName({ named }: JwtConfig, name: string, stats: JwtStats): Decide {
  const message = `Wrong requirement_name: ${name}. It should be one of [${Object.keys(named).join(',')}]`;
  const reply = {
    status: 403,
    body: `Failed JWT authentication: ${message}`,
    flag: '',
    details: `jwt_authn_access_denied{${message.replaceAll(' ', '_')}}`,
  };
  return ({ thread }) => {
    stats.denied.count(thread);
    return { reply };
  };
}

function demander(config: JwtConfig, requirement: JwtRequirement, stats: JwtStats): Decide {
  const { providers, stripBody } = config;
  const named = [...namesIn(requirement)];
  const all = Object.values(providers);
  const asksAnyone = hasTopLevelExcuse(requirement);
  const concerned = asksAnyone ? all : named.map((name) => providers[name] as JwtProvider);
  const own = concerned
    .flatMap((provider) => [provider.payloadHeader, ...provider.claimHeaders.map(({ header }) => header)])
    .filter((name) => name !== '');
  return (context) => {
    const { request } = context;
    // What only this filter may say must not come from the client.
    const edits: readonly HeaderEdit[] = own
      .filter((name) => request.header(name) !== undefined)
      .map((name) => ({ name, action: 'remove', value: '' }));
    const question: JwtQuestion = {
      providers,
      requirement,
      byProvider: Object.fromEntries(named.map((name) => [name, findTokens(request, [providers[name] as JwtProvider])])),
      anyone: asksAnyone ? findTokens(request, all) : [],
      terms: { uri: uriOf(request), stripBody },
    };
    const verdict = answer(question, context);
    if (verdict?.ask === undefined) stats[verdict?.reply === undefined ? 'allowed' : 'denied'].count(context.thread);
    return withEdits(edits, verdict);
  };
}

/** Without a token there is nothing to ask: what is missing is known at once. So is what signatures are worth, in a simulation that was told. */
function answer(question: JwtQuestion, { thread }: FilterContext): FilterVerdict | undefined {
  const { byProvider, anyone, terms } = question;
  const found = anyone.length > 0 || Object.values(byProvider).some((tokens) => tokens.length > 0);
  const check = found ? thread.signatures : (): string => '';
  if (check === undefined) return { ask: question };
  const nowSeconds = Math.floor(thread.wallMs() / 1000);
  const tokens = (provider: string | undefined): readonly FoundToken[] => (provider === undefined ? anyone : (byProvider[provider] ?? []));
  return jwtVerdict(judgeJwt({ ...question, nowSeconds, tokens, check }), terms);
}

function withEdits(edits: readonly HeaderEdit[], verdict: FilterVerdict | undefined): FilterVerdict | undefined {
  return edits.length === 0 ? verdict : { ...verdict, request: [...edits, ...(verdict?.request ?? [])] };
}

/** The providers that a requirement names. */
function namesIn(requirement: JwtRequirement): Set<string> {
  if (requirement.t === 'provider') return new Set([requirement.provider]);
  return requirement.t === 'any' || requirement.t === 'all' ? new Set(requirement.requirements.flatMap((item) => [...namesIn(item)])) : new Set();
}

function hasTopLevelExcuse({ t }: JwtRequirement): boolean {
  return t === 'allow-missing' || t === 'allow-missing-or-failed';
}

function isPreflight(request: RequestView): boolean {
  const has = (name: string): boolean => (request.header(name) ?? '') !== '';
  return request.method === 'OPTIONS' && has('origin') && has('access-control-request-method');
}

function uriOf(request: RequestView): string {
  return `${request.scheme}://${request.authority}${request.path.slice(0, MAX_URI)}`;
}
