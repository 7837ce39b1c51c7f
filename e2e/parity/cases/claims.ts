import { defineCase, type ParityCase } from '../define.ts';
import { http, istio } from '../istio.ts';
import { http as ask, type Step } from '../steps.ts';
import { authentication, bearer, createIssuer, tokenOf } from '../tokens.ts';

const ISSUER = createIssuer('https://issuer.test');
const AUTHENTICATION = authentication([`{ issuer: '${ISSUER.name}', jwks: '${ISSUER.jwks}' }`]);

interface Claim {
  readonly name: string;
  /** Under `match`: one entry. */
  readonly match: string;
  /** Claims of tokens that take the route, and of those that do not; undefined: no token. */
  readonly holds: readonly (object | undefined)[];
  readonly fails: readonly (object | undefined)[];
}

function claim({ name, match, holds, fails }: Claim): ParityCase {
  const step = (claims: object | undefined, body: string): Step =>
    ask({ headers: claims === undefined ? {} : bearer(tokenOf(ISSUER, claims)) }, { status: 200, body });
  return defineCase({
    name,
    backends: { chosen: [{ body: 'chosen' }], other: [{ body: 'other' }] },
    resources: (c) =>
      istio(
        c,
        `${http(`- match: [${match}]\n  route: [{ destination: { host: $chosen } }]\n- route: [{ destination: { host: $other } }]`)}---\n${AUTHENTICATION}`,
      ),
    steps: [...holds.map((claims) => step(claims, 'chosen')), ...fails.map((claims) => step(claims, 'other'))],
    log: 'not compared',
  });
}

/** Routes of a gateway by claims of a token. */
export const cases: readonly ParityCase[] = [
  claim({
    name: 'exact, of a text or of one text in a list',
    match: '{ headers: { "@request.auth.claims.groups": { exact: admins } } }',
    holds: [{ groups: 'admins' }, { groups: ['people', 'admins'] }],
    fails: [undefined, {}, { groups: 'Admins' }, { groups: ['people'] }, { groups: 7 }, { groups: { admins: true } }],
  }),
  claim({
    name: 'prefix',
    match: '{ headers: { "@request.auth.claims.email": { prefix: ann@ } } }',
    holds: [{ email: 'ann@foo.example' }],
    fails: [undefined, { email: 'bob@foo.example' }],
  }),
  claim({
    name: 'regex: everybody of one customer',
    match: '{ headers: { "@request.auth.claims.email": { regex: ".*@foo[.]example" } } }',
    holds: [{ email: 'ann@foo.example' }, { email: ['x', 'bob@foo.example'] }],
    fails: [undefined, { email: 'ann@foo.example.org' }],
  }),
  claim({
    name: 'nested with dots',
    match: '{ headers: { "@request.auth.claims.address.city": { exact: Athens } } }',
    holds: [{ address: { city: 'Athens' } }],
    fails: [undefined, { address: 'Athens' }, { 'address.city': 'Athens' }],
  }),
  claim({
    name: 'nested in brackets: names may have dots',
    match: '{ headers: { "@request.auth.claims[shop.example/access][role]": { exact: buyer } } }',
    holds: [{ 'shop.example/access': { role: ['seller', 'buyer'] } }],
    fails: [undefined, { shop: { role: 'buyer' } }],
  }),
  claim({
    name: 'a scope is a list of words',
    match: '{ headers: { "@request.auth.claims.scope": { exact: write } } }',
    holds: [{ scope: 'read write' }],
    fails: [{ scope: 'rewrite' }],
  }),
  claim({
    name: 'presence',
    match: '{ headers: { "@request.auth.claims.email": {} } }',
    holds: [{ email: 'x' }, { email: ['x'] }],
    fails: [undefined, { mail: 'x' }],
  }),
  claim({
    name: 'withoutHeaders: who has not the claim, or another',
    match: '{ withoutHeaders: { "@request.auth.claims.groups": { exact: strangers } } }',
    holds: [undefined, {}, { groups: ['people'] }],
    fails: [{ groups: 'strangers' }, { groups: ['people', 'strangers'] }],
  }),
  claim({
    name: 'beside headers and the path',
    match: '{ uri: { prefix: / }, headers: { x-not: {}, "@request.auth.claims.groups": { exact: admins } } }',
    holds: [],
    fails: [{ groups: 'admins' }],
  }),
];
