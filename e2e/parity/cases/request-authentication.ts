import { defineCase, type Expected, type ParityCase } from '../define.ts';
import { http as rules, istio, type CaseMesh } from '../istio.ts';
import { LOG_FIELDS } from '../resources.ts';
import { sidecar } from '../sidecar.ts';
import { http, type Expectation, type Step } from '../steps.ts';
import { authentication, bearer, createIssuer, tokenOf, type Issuer } from '../tokens.ts';

const A = createIssuer('https://a.test');
const B = createIssuer('https://b.test');
/** A with other keys; or, where nobody has said so, somebody who says that he is A. */
const NEXT = createIssuer('https://a.test');
const FORGER = NEXT;

const third = createIssuer('https://c.test');
const fourth = createIssuer('https://d.test');
const fifth = createIssuer('https://e.test');

const ALL = rules('- route: [{ destination: { host: $main } }]');
const rule = (issuer: Issuer, more = ''): string => `{ issuer: '${issuer.name}', jwks: '${issuer.jwks}'${more === '' ? '' : `, ${more}`} }`;

const PASSED = { status: 200, body: 'main' } as const;
const seen = (headers: Readonly<Record<string, Expected>>, target?: string): Expectation => ({
  ...PASSED,
  backend: { headers, ...(target === undefined ? {} : { target }) },
});
const refused = (body: Expected): Expectation => ({ status: 401, body, backend: null });
const UNKNOWN = refused('Jwt issuer is not configured');
const NO_KEYS = refused("Jwks doesn't have any valid public key");

/** A gateway where these rules are in force. */
function takes(name: string, jwtRules: readonly string[], steps: readonly Step[], settings: CaseMesh = {}): ParityCase {
  return defineCase({ name, resources: (c) => istio(c, `${ALL}---\n${authentication(jwtRules)}`, settings), steps });
}

const withToken = (token: string): { readonly headers: Readonly<Record<string, string>> } => ({ headers: bearer(token) });

/** At the port that a sidecar serves, and at the one by which it calls others. */
const SIDECAR: readonly Step[] = [
  http(withToken(tokenOf(A)), seen({ authorization: null }), { port: 'in' }),
  http('/', PASSED, { port: 'in' }),
  http(withToken(tokenOf(FORGER)), refused('Jwt verification fails'), { port: 'in' }),
  http(withToken(tokenOf(FORGER)), seen({ authorization: /^Bearer / })),
];

/** RequestAuthentication, as callers and applications see it. */
export const cases: readonly ParityCase[] = [
  takes(
    'a good token passes and is not passed on; none passes; a bad one is refused',
    [rule(A)],
    [
      http(withToken(tokenOf(A)), seen({ authorization: null })),
      http('/', PASSED),
      http(withToken(tokenOf(FORGER)), refused('Jwt verification fails')),
      http(withToken(tokenOf(A, { exp: 1 })), { ...refused('Jwt is expired'), headers: { 'www-authenticate': /error="invalid_token"/ } }),
      http(withToken(tokenOf(B)), UNKNOWN),
      http(withToken('nonsense'), refused(/^Jwt is not in the form/)),
    ],
  ),
  takes('a signature with one byte behind it', [rule(A)], [http(withToken(`${tokenOf(A)}w`), {})]),
  takes(
    'audiences',
    [rule(A, 'audiences: [books, films]')],
    [
      http(withToken(tokenOf(A, { aud: 'films' })), PASSED),
      http(withToken(tokenOf(A, { aud: ['x', 'books'] })), PASSED),
      http(withToken(tokenOf(A, { aud: 'shoes' })), { status: 403, body: 'Audiences in Jwt are not allowed', backend: null }),
    ],
  ),
  takes('without audiences a token may be for anybody', [rule(A)], [http(withToken(tokenOf(A, { aud: 'shoes' })), PASSED)]),
  takes(
    'any issuer who has the keys',
    [`{ jwks: '${A.jwks}' }`],
    [http(withToken(tokenOf(A, { iss: 'somebody' })), PASSED), http(withToken(tokenOf(FORGER)), { status: 401, backend: null })],
  ),
  takes(
    'the query parameter access_token',
    [rule(A)],
    [http(`/x?a=b&access_token=${tokenOf(A)}`, seen({}, '/x?a=b')), http(`/?access_token=${tokenOf(B)}`, UNKNOWN)],
  ),
  takes(
    'fromHeaders, with and without something before the token',
    [rule(A, "fromHeaders: [{ name: X-Token, prefix: 'JWT ' }, { name: x-plain }]")],
    [
      http({ headers: { 'x-token': `JWT ${tokenOf(A)}` } }, seen({ 'x-token': null })),
      http({ headers: { 'x-plain': tokenOf(A) } }, seen({ 'x-plain': null })),
      http({ headers: { 'x-token': `JWT ${tokenOf(B)}` } }, UNKNOWN),
      http(withToken(tokenOf(B)), seen({ authorization: /^Bearer / })),
    ],
  ),
  takes(
    'fromParams',
    [rule(A, 'fromParams: [t]')],
    [http(`/x?t=${tokenOf(A)}`, seen({}, '/x')), http(`/x?t=${tokenOf(B)}`, UNKNOWN), http(`/?access_token=${tokenOf(B)}`, PASSED)],
  ),
  takes(
    'fromCookies',
    [rule(A, 'fromCookies: [session]')],
    [
      http({ headers: { cookie: `a=b; session=${tokenOf(A)}` } }, seen({ cookie: /session=/ })),
      http({ headers: { cookie: `session=${tokenOf(B)}` } }, UNKNOWN),
      http({ headers: { cookie: 'a=b' } }, PASSED),
    ],
  ),
  takes('forwardOriginalToken', [rule(A, 'forwardOriginalToken: true')], [http(withToken(tokenOf(A)), seen({ authorization: /^Bearer / }))]),
  takes(
    'outputPayloadToHeader: what a caller writes there is no claim',
    [rule(A, 'outputPayloadToHeader: x-claims')],
    [
      http(withToken(tokenOf(A)), seen({ 'x-claims': Buffer.from(JSON.stringify({ iss: A.name, sub: 'ann' })).toString('base64url') })),
      http({ headers: { 'x-claims': 'forged' } }, seen({ 'x-claims': null })),
    ],
  ),
  takes(
    'outputClaimToHeaders: what a caller writes there is no claim',
    [rule(A, 'outputClaimToHeaders: [{ header: x-user, claim: sub }, { header: x-city, claim: address.city }]')],
    [
      http(withToken(tokenOf(A, { address: { city: 'Athens' } })), seen({ 'x-user': 'ann', 'x-city': 'Athens' })),
      http({ headers: { ...bearer(tokenOf(A)), 'x-city': 'forged' } }, seen({ 'x-user': 'ann', 'x-city': null })),
      http({ headers: { 'x-user': 'forged' } }, seen({ 'x-user': null })),
    ],
  ),
  defineCase({
    name: 'spaceDelimitedClaims, besides scope and permission',
    backends: { chosen: [{ body: 'chosen' }], other: [{ body: 'other' }] },
    resources: (c) =>
      istio(
        c,
        `${rules(`- match: [{ headers: { "@request.auth.claims.groups": { exact: admins }, "@request.auth.claims.permission": { exact: write } } }]
  route: [{ destination: { host: $chosen } }]
- route: [{ destination: { host: $other } }]`)}---\n${authentication([rule(A, 'spaceDelimitedClaims: [groups]')])}`,
      ),
    steps: [
      http(withToken(tokenOf(A, { groups: 'people admins', permission: 'read write' })), { body: 'chosen' }),
      http(withToken(tokenOf(A, { groups: 'people', permission: 'write' })), { body: 'other' }),
    ],
  }),
  takes(
    'jwksUri: with keys that were fetched',
    [`{ issuer: '${A.name}', jwksUri: 'https://keys.test/a', timeout: 2s }`],
    [http(withToken(tokenOf(A)), seen({ authorization: null })), http(withToken(tokenOf(FORGER)), refused('Jwt verification fails'))],
    { keySets: new Map([['keys https://keys.test/a', { jwks: A.jwks, fault: undefined }]]) },
  ),
  takes(
    'as long as there are no keys no token of the issuer is good; all others are as ever',
    [`{ issuer: '${A.name}', jwksUri: 'https://keys.test/a' }`, rule(B)],
    [http(withToken(tokenOf(A)), NO_KEYS), http(withToken(tokenOf(FORGER)), NO_KEYS), http('/', PASSED), http(withToken(tokenOf(B)), PASSED)],
  ),
  takes('an issuer that is yet to be asked for its keys', [`{ issuer: '${A.name}' }`], [http(withToken(tokenOf(A)), NO_KEYS), http('/', PASSED)]),
  takes(
    'two issuers in one place',
    [rule(A), rule(B)],
    [
      http(withToken(tokenOf(A)), PASSED),
      http(withToken(tokenOf(B)), PASSED),
      http('/', PASSED),
      http(withToken(tokenOf(A, { iss: 'https://c.test' })), UNKNOWN),
      http(withToken(tokenOf(FORGER)), { status: 401, backend: null }),
    ],
  ),
  takes(
    'two issuers in places of their own: each token that is there',
    [rule(A, 'fromHeaders: [{ name: x-a }]'), rule(B, 'fromHeaders: [{ name: x-b }]')],
    [
      http({ headers: { 'x-a': tokenOf(A), 'x-b': tokenOf(B) } }, PASSED),
      http({ headers: { 'x-a': tokenOf(A) } }, PASSED),
      http({ headers: { 'x-b': tokenOf(FORGER) } }, { status: 401, backend: null }),
    ],
  ),
  takes(
    'two rules of one issuer: a token that is good for one is good',
    [rule(A, 'audiences: [books]'), rule(NEXT, 'audiences: [films]')],
    [
      http(withToken(tokenOf(A, { aud: 'books' })), PASSED),
      http(withToken(tokenOf(NEXT, { aud: 'films' })), PASSED),
      http(withToken(tokenOf(A, { aud: 'films' })), { status: 403, backend: null }),
    ],
  ),
  defineCase({
    name: 'policies of the mesh, of the namespace, by labels and by targetRefs count together',
    resources: (c) => {
      const of = (issuer: Issuer, name: string, more: string): string => authentication([rule(issuer)], { name, more });
      const mesh = of(A, 'mesh, namespace: istio-system', '');
      const own = of(B, 'own', '');
      const selected = of(third, 'selected', `selector: { matchLabels: { case: ${c.id} } }`);
      const target = of(fourth, 'target', 'targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: web }]');
      const others = of(fifth, 'others', 'selector: { matchLabels: { case: other } }');
      return istio(c, [ALL, mesh, own, selected, target, others].join('\n---\n'));
    },
    steps: [...[A, B, third, fourth].map((issuer) => http(withToken(tokenOf(issuer)), PASSED)), http(withToken(tokenOf(fifth)), UNKNOWN)],
  }),
  defineCase({
    name: 'a preflight has no token and needs none',
    resources: (c) =>
      istio(
        c,
        `${rules('- corsPolicy: { allowOrigins: [{ exact: "https://shop.test" }], allowMethods: [PUT] }\n  route: [{ destination: { host: $main } }]')}---\n${authentication([rule(A)])}`,
      ),
    steps: [
      http(
        { method: 'OPTIONS', headers: { ...bearer('bad'), origin: 'https://shop.test', 'access-control-request-method': 'PUT' } },
        { status: 200, headers: { 'access-control-allow-origin': 'https://shop.test' }, backend: null },
      ),
      http({ headers: { ...bearer('bad'), origin: 'https://shop.test' } }, { status: 401, backend: null }),
    ],
  }),
  defineCase({
    name: 'issuer and subject for logs and access rules',
    resources: (c) =>
      istio(c, `${ALL}---\n${authentication([rule(A)])}`, {
        accessLogFormat: JSON.stringify({
          case: c.id,
          ...LOG_FIELDS,
          iss: '%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:iss)%',
          sub: '%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload:sub)%',
        }),
      }),
    steps: [http(withToken(tokenOf(A)), PASSED), http('/', PASSED)],
    log: [
      { iss: A.name, sub: 'ann' },
      { iss: null, sub: null },
    ],
  }),
  defineCase({
    name: 'a sidecar looks at tokens of those who call it, and not at those of its own calls',
    resources: (c) => sidecar(c, authentication([rule(A)])),
    steps: SIDECAR,
  }),
];
