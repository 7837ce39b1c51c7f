import type { JwtRule } from '@meltemi/api';
import type { JwtRuleInForce } from '@meltemi/model';
import { ANY_TYPE, EXTENSION_NAME, packAny, type JwtProvider, type JwtRequirement } from '@meltemi/protos-types';
import { defined, filled, nonEmpty } from '../common/defined.ts';
import type { HttpFilterDefinition } from './define.ts';

/** Where routes and access rules look for the claims of a good token, in the metadata of the filter. */
const PAYLOAD = 'payload';
/** Claims that always hold several words. */
const WORDS = ['scope', 'permission'];

/**
 * Tokens (RequestAuthentication): a bad one is refused, none at all passes; the claims of a good one stand in the metadata. Where services are called there is
 * none of it: whoever is called looks at the token.
 */
export const jwtAuthnFilter: HttpFilterDefinition = {
  name: EXTENSION_NAME.jwtAuthn,
  applies: ({ place, tokens = [] }) => place !== 'sidecar-outbound' && tokens.length > 0,
  build({ place, tokens = [] }) {
    const providers = Object.fromEntries(tokens.map((rule, index) => [nameOf(index), providerOf(rule, place === 'gateway')]));
    const config = { providers, rules: [{ match: { prefix: '/' }, requires: requirementOf(Object.keys(providers)) }], bypass_cors_preflight: true };
    return { name: EXTENSION_NAME.jwtAuthn, typed_config: packAny(ANY_TYPE.jwtAuthn, config) };
  },
};

function nameOf(index: number): string {
  return `origins-${index}`;
}

/** At gateways routes depend on claims: they are looked up again once these are known. */
function providerOf({ rule, jwks }: JwtRuleInForce, isGateway: boolean): JwtProvider {
  return defined({
    issuer: nonEmpty(rule.issuer),
    audiences: filled(rule.audiences ?? []),
    local_jwks: { inline_string: jwks ?? '' },
    forward: rule.forwardOriginalToken === true ? true : undefined,
    from_headers: filled((rule.fromHeaders ?? []).map(({ name, prefix }) => defined({ name, value_prefix: nonEmpty(prefix) }))),
    from_params: filled(rule.fromParams ?? []),
    from_cookies: filled(rule.fromCookies ?? []),
    forward_payload_header: nonEmpty(rule.outputPayloadToHeader),
    claim_to_headers: filled((rule.outputClaimToHeaders ?? []).map(({ header, claim }) => ({ header_name: header, claim_name: claim }))),
    payload_in_metadata: PAYLOAD,
    normalize_payload_in_metadata: { space_delimited_claims: wordsOf(rule) },
    clear_route_cache: isGateway ? true : undefined,
  });
}

function wordsOf({ spaceDelimitedClaims = [] }: JwtRule): readonly string[] {
  return [...new Set([...WORDS, ...spaceDelimitedClaims])];
}

/**
 * A token must be good for some issuer; none at all is fine. With several issuers: one good token is enough, where they are found in one place; else each that is
 * there must be good.
 */
function requirementOf(names: readonly string[]): JwtRequirement {
  const each = names.map((provider_name): JwtRequirement => ({ requires_any: { requirements: [{ provider_name }, { allow_missing: {} }] } }));
  const [only] = each;
  if (each.length === 1 && only !== undefined) return only;
  return { requires_any: { requirements: [...names.map((provider_name) => ({ provider_name })), { requires_all: { requirements: each } }] } };
}
