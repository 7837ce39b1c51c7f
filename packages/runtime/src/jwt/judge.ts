import { compileText } from '../compile/text.ts';
import type { MetadataStruct, MetadataValue } from '../filters/types.ts';
import type { FoundToken } from './extract.ts';
import { parseJwt, type Jwt } from './parse.ts';
import type { JwtProvider, JwtProviders, JwtRequirement } from './types.ts';

/** Envoy's names of outcomes that others ask for. */
export const MISSING = 'Jwt is missing';
export const WRONG_AUDIENCE = 'Audiences in Jwt are not allowed';
/** What Envoy says of claims that its library does not look at. */
const UNFIT = 'Jwt verification fails';
const UNKNOWN_ISSUER = 'Jwt issuer is not configured';

/** Holds a token's signature against the keys of a provider; '' = it is good, else why not. */
export type SignatureCheck = (provider: string, token: string, jwt: Jwt) => string;

/** A token that a provider vouches for. */
export interface GoodToken {
  readonly provider: JwtProvider;
  readonly found: FoundToken;
  readonly jwt: Jwt;
}

/** What a request's tokens come to. */
export interface JwtJudgement {
  /** '' = the requirement is met. */
  readonly failure: string;
  readonly good: readonly GoodToken[];
  /** What failed, for providers that want it in their metadata. */
  readonly failures: readonly { readonly provider: JwtProvider; readonly message: string }[];
}

export interface JwtCase {
  readonly providers: JwtProviders;
  readonly requirement: JwtRequirement;
  readonly nowSeconds: number;
  /** The tokens that a provider looks for; undefined = any of them. */
  readonly tokens: (provider: string | undefined) => readonly FoundToken[];
  readonly check: SignatureCheck;
}

/** Holds the tokens of a request against a requirement. Never throws. */
export function judgeJwt(jwtCase: JwtCase): JwtJudgement {
  const record = { good: [] as GoodToken[], failures: [] as { provider: JwtProvider; message: string }[] };
  const failure = meet(jwtCase, jwtCase.requirement, record);
  return { failure, ...record };
}

type Notes = { readonly good: GoodToken[]; readonly failures: { provider: JwtProvider; message: string }[] };

function meet(jwtCase: JwtCase, requirement: JwtRequirement, notes: Notes): string {
  switch (requirement.t) {
    case 'provider':
      return meetProvider(jwtCase, requirement, notes);
    case 'any':
      return meetAny(jwtCase, requirement.requirements, notes);
    case 'all':
      return meetAll(jwtCase, requirement.requirements, notes);
    case 'allow-missing': {
      const failure = meetAnyone(jwtCase, notes, false);
      return failure === MISSING ? '' : failure;
    }
    case 'allow-missing-or-failed':
      meetAnyone(jwtCase, notes, true);
      return '';
  }
}

function meetProvider(jwtCase: JwtCase, { provider: name, audiences }: JwtRequirement & { t: 'provider' }, notes: Notes): string {
  const provider = jwtCase.providers[name] as JwtProvider;
  let failure = MISSING;
  // All that were found must be good: a second, bad one is somebody's attempt at something.
  for (const found of jwtCase.tokens(name).toReversed()) {
    failure = verify(jwtCase, found, { name, provider, audiences }, notes);
    if (failure !== '') break;
  }
  if (failure === '') return '';
  if (provider.failureKey !== '') notes.failures.push({ provider, message: failure });
  return failure;
}

/** No provider is named: the one whose issuer a token names is its. */
function meetAnyone(jwtCase: JwtCase, notes: Notes, everyToken: boolean): string {
  let failure = MISSING;
  for (const found of jwtCase.tokens(undefined).toReversed()) {
    failure = verify(jwtCase, found, undefined, notes);
    if (failure !== '' && !everyToken) return failure;
  }
  return failure;
}

/** Of several failures the one that says most is told: a token that is there and bad, before one that is not there. */
function meetAny(jwtCase: JwtCase, requirements: readonly JwtRequirement[], notes: Notes): string {
  let worst = MISSING;
  for (const requirement of requirements.filter(isDemand)) {
    const failure = meet(jwtCase, requirement, notes);
    if (failure === '') return '';
    if (failure !== MISSING && (failure !== UNKNOWN_ISSUER || worst === MISSING)) worst = failure;
  }
  return excused(requirements, worst);
}

function meetAll(jwtCase: JwtCase, requirements: readonly JwtRequirement[], notes: Notes): string {
  for (const requirement of requirements.filter(isDemand)) {
    const failure = meet(jwtCase, requirement, notes);
    if (failure !== '') return excused(requirements, failure);
  }
  return '';
}

/** Inside a list, permission to miss or fail is no demand of its own: it excuses the others. */
function isDemand(requirement: JwtRequirement): boolean {
  return requirement.t !== 'allow-missing' && requirement.t !== 'allow-missing-or-failed';
}

function excused(requirements: readonly JwtRequirement[], failure: string): string {
  if (requirements.some((requirement) => requirement.t === 'allow-missing-or-failed')) return '';
  return failure === MISSING && requirements.some((requirement) => requirement.t === 'allow-missing') ? '' : failure;
}

interface Demand {
  readonly name: string;
  readonly provider: JwtProvider;
  readonly audiences: readonly string[] | undefined;
}

function verify(jwtCase: JwtCase, found: FoundToken, demand: Demand | undefined, notes: Notes): string {
  const parsed = parseJwt(found.text);
  if (parsed.t === 'fault') return parsed.message;
  const { jwt } = parsed;
  if (!found.issuers.some((issuer) => issuer === '' || issuer === jwt.issuer)) return UNKNOWN_ISSUER;
  const judge = demand ?? issuerOf(jwtCase.providers, jwt.issuer);
  if (judge === undefined) return UNKNOWN_ISSUER;
  const { name, provider, audiences } = judge;
  const failure = claimFault(jwt, provider, audiences ?? provider.audiences, jwtCase.nowSeconds) || jwtCase.check(name, found.text, jwt);
  if (failure === '') notes.good.push({ provider, found, jwt });
  return failure;
}

function issuerOf(providers: JwtProviders, issuer: string): Demand | undefined {
  const entries = Object.entries(providers);
  const entry = entries.find(([, provider]) => provider.issuer === issuer) ?? entries.find(([, provider]) => provider.issuer === '');
  return entry === undefined ? undefined : { name: entry[0], provider: entry[1], audiences: undefined };
}

function claimFault(jwt: Jwt, provider: JwtProvider, audiences: readonly string[], now: number): string {
  const skew = provider.clockSkewSeconds;
  const { notBefore, expires } = jwt;
  if (notBefore !== undefined && now + skew < notBefore) return 'Jwt not yet valid';
  if (expires !== undefined && now > expires + skew) return 'Jwt is expired';
  if (audiences.length > 0 && !jwt.audiences.some((audience) => audiences.includes(bareAudience(audience)))) return WRONG_AUDIENCE;
  if (provider.subjects !== undefined && !compileText(provider.subjects)(jwt.subject)) return UNFIT;
  return livesTooLong(jwt, provider, now) ? UNFIT : '';
}

/** Without an expiration a token lives forever. */
function livesTooLong({ notBefore, issuedAt, expires }: Jwt, { requireExpiration, maxLifetimeSeconds }: JwtProvider, now: number): boolean {
  if (expires === undefined) return requireExpiration || maxLifetimeSeconds !== undefined;
  return maxLifetimeSeconds !== undefined && expires - (notBefore ?? issuedAt ?? now) > maxLifetimeSeconds;
}

/** `https://a/` and `http://a` are both `a`, as in Envoy. */
export function bareAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** The values that good tokens leave for other filters: payload, header, and why others failed. */
export function jwtMetadata({ good, failures }: JwtJudgement): MetadataStruct | undefined {
  const struct: Record<string, MetadataValue> = {};
  for (const { provider, jwt } of good) {
    if (provider.payloadKey !== '') struct[provider.payloadKey] = normalized(jwt.payload as MetadataStruct, provider.spaceDelimited);
    if (provider.headerKey !== '') struct[provider.headerKey] = jwt.header as MetadataStruct;
  }
  for (const { provider, message } of failures) struct[provider.failureKey] = { message };
  return Object.keys(struct).length === 0 ? undefined : struct;
}

/** Claims that hold several words become lists. */
function normalized(payload: MetadataStruct, claims: readonly string[]): MetadataStruct {
  const changed: Record<string, MetadataValue> = { ...payload };
  for (const claim of claims) {
    const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
    if (typeof value === 'string') changed[claim] = value.split(' ').filter((word) => word !== '');
  }
  return changed;
}
