import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { filterBench, filterFaults } from '../testing/filters.ts';
import { any, request } from '../testing/samples.ts';
import type { JwtQuestion } from '../filters/jwt-authn.ts';
import { fromBase64, fromBase64Url, fromUtf8, toBase64Url, toUtf8 } from './base64.ts';
import { findTokens } from './extract.ts';
import { judgeJwt, MISSING } from './judge.ts';
import { parseJwt } from './parse.ts';
import type { JwtProvider, JwtRequirement } from './types.ts';

const TYPE = 'envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication';
const JWKS = { inline_string: '{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}' };
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: object = {}, header: object = { alg: 'RS256' }): string => `${encode(header)}.${encode({ iss: 'i', ...claims })}.AAAA`;

const PROVIDER: JwtProvider = {
  issuer: 'i',
  audiences: [],
  requireExpiration: false,
  jwks: { t: 'local', text: '' },
  headers: [],
  params: [],
  cookies: [],
  forward: true,
  payloadHeader: '',
  padPayload: false,
  claimHeaders: [],
  payloadKey: '',
  headerKey: '',
  failureKey: '',
  spaceDelimited: [],
  clockSkewSeconds: 60,
  cacheSize: 0,
  clearRoute: false,
};

test('base64url and UTF-8 as Node has them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64url');
      assert.equal(toBase64Url(bytes), text);
      assert.deepEqual(fromBase64Url(text), bytes);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
      assert.deepEqual(toUtf8(text), new Uint8Array(Buffer.from(text)));
      assert.equal(fromUtf8(toUtf8(text)), text);
    }),
  );
  for (const bad of ['a', 'a=', 'AB', '+/', 'é']) assert.equal(fromBase64Url(bad), undefined, bad);
  for (const good of ['-_8=', '+/8', '-_8']) assert.deepEqual(fromBase64(good), Uint8Array.of(0xfb, 0xff), good);
  assert.equal(fromBase64(`${'='.repeat(1_000_000)}x`), undefined, 'each sign of it is looked at once');
  assert.equal(fromUtf8(Uint8Array.of(0xff)), undefined);
});

test('whatever a token is, it is read or told off, never thrown at', () => {
  const section = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
    fc.dictionary(fc.constantFrom('alg', 'kid', 'iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', '__proto__'), fc.jsonValue()).map(encode),
    fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  );
  fc.assert(
    fc.property(fc.array(section, { maxLength: 5 }), (sections) => {
      const parsed = parseJwt(sections.join('.'));
      assert.ok(parsed.t === 'jwt' || parsed.message.startsWith('Jwt '));
      if (parsed.t === 'jwt') assert.ok(parsed.jwt.audiences.every((item) => typeof item === 'string'));
    }),
    { numRuns: 5_000 },
  );
});

test('a payload that is nested too deep is none', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const parsed = (depth: number): string => parseJwt(`${encode({ alg: 'RS256' })}.${Buffer.from(nested(depth)).toString('base64url')}.AAAA`).t;
  assert.deepEqual([parsed(90), parsed(101), parsed(20_000)], ['jwt', 'fault', 'fault']);
});

test('where tokens are looked for', () => {
  const at = (provider: Partial<JwtProvider>, path: string, headers: Record<string, string> = {}): readonly string[] =>
    findTokens(request(path, 'a', headers), [{ ...PROVIDER, ...provider }]).map(({ text }) => text);
  assert.deepEqual(at({}, '/?access_token=b', { authorization: 'Bearer a' }), ['a', 'b']);
  assert.deepEqual(at({}, '/', { authorization: 'Basic a' }), []);
  assert.deepEqual(at({}, '/', { authorization: 'Bearer a.b.c,Bearer d' }), ['a.b.c']);
  assert.deepEqual(at({ params: ['t'] }, '/?t=a%2Eb&t=c'), ['a.b']);
  assert.deepEqual(at({ params: ['t'] }, '/?t=%zz'), ['%zz']);
  assert.deepEqual(at({ cookies: ['s'] }, '/', { cookie: 'x=y; s="abc"; s=d' }), ['abc']);
  const [found] = findTokens(request('/a?x=1&t=abc&y=2'), [{ ...PROVIDER, params: ['t'] }]);
  assert.deepEqual(found?.removal, [{ name: ':path', action: 'overwrite', value: '/a?x=1&y=2' }]);
});

test('any request, any place: no throw, and every token found is a part of the request', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '.', '=', '&', '?', ';', '%', '2', 'E', '"', ' ', ',', 'Bearer '), maxLength: 12 });
  fc.assert(
    fc.property(text, text, text, (query, header, cookie) => {
      const view = request(`/?${query}`, 'a', { authorization: header, cookie });
      for (const provider of [PROVIDER, { ...PROVIDER, params: ['a'], cookies: ['a'], headers: [{ name: 'authorization', prefix: 'Bearer ' }] }])
        for (const { text: found } of findTokens(view, [provider])) assert.ok(found.length <= query.length + header.length + cookie.length);
    }),
    { numRuns: 2_000 },
  );
});

test('requirements, with every outcome of two tokens', () => {
  const judge = (requirement: JwtRequirement, tokens: Record<string, string | undefined>): string =>
    judgeJwt({
      providers: { p: PROVIDER, q: { ...PROVIDER, issuer: 'j' } },
      requirement,
      nowSeconds: 1_000,
      tokens: (name) =>
        Object.entries(tokens)
          .filter(([key, text]) => text !== undefined && (name === undefined || key === name))
          .map(([key, text = '']) => ({ text, at: { t: 'header', name: key }, issuers: [key === 'p' ? 'i' : 'j'], removal: [] })),
      check: (_, text) => (text.includes('bad') ? 'Jwt verification fails' : ''),
    }).failure;
  const p = { t: 'provider', provider: 'p' } as const;
  const q = { t: 'provider', provider: 'q' } as const;
  const good = token();
  const expired = token({ exp: 1 });
  const other = token({ iss: 'j' });
  const cases: readonly (readonly [JwtRequirement, Record<string, string | undefined>, string])[] = [
    [p, {}, MISSING],
    [p, { p: good }, ''],
    [p, { p: expired }, 'Jwt is expired'],
    [p, { p: other }, 'Jwt issuer is not configured'],
    [{ t: 'any', requirements: [p, q] }, { q: other }, ''],
    [{ t: 'any', requirements: [p, q] }, { p: expired }, 'Jwt is expired'],
    [{ t: 'any', requirements: [p, q] }, { p: other }, 'Jwt issuer is not configured'],
    [{ t: 'any', requirements: [p, q] }, {}, MISSING],
    [{ t: 'all', requirements: [p, q] }, { p: good }, MISSING],
    [{ t: 'all', requirements: [p, q] }, { p: good, q: other }, ''],
    [{ t: 'any', requirements: [p, { t: 'allow-missing' }] }, {}, ''],
    [{ t: 'any', requirements: [p, { t: 'allow-missing' }] }, { p: expired }, 'Jwt is expired'],
    [{ t: 'any', requirements: [p, { t: 'allow-missing-or-failed' }] }, { p: expired }, ''],
    [{ t: 'allow-missing' }, {}, ''],
    [{ t: 'allow-missing' }, { p: expired }, 'Jwt is expired'],
    [{ t: 'allow-missing-or-failed' }, { p: expired }, ''],
  ];
  for (const [requirement, tokens, expected] of cases)
    assert.equal(judge(requirement, tokens), expected, JSON.stringify([requirement, Object.keys(tokens)]));
});

test('the filter decides at once without a token, and asks with one', () => {
  const bench = filterBench(TYPE, {
    providers: { p: { issuer: 'i', local_jwks: JWKS, forward_payload_header: 'x-payload' } },
    rules: [{ match: { prefix: '/' }, requires: { provider_name: 'p' } }],
  });
  assert.equal(bench.decide()?.reply?.body, MISSING);
  const verdict = bench.decide({ request: request('/', 'a', { authorization: `Bearer ${token()}`, 'x-payload': 'forged' }) });
  assert.deepEqual(verdict?.request, [{ name: 'x-payload', action: 'remove', value: '' }]);
  assert.deepEqual(
    (verdict?.ask as JwtQuestion | undefined)?.byProvider['p']?.map(({ text }) => text),
    [token()],
  );
});

test('what cannot be enforced is refused with its path', () => {
  const provider = { issuer: 'i', local_jwks: JWKS };
  assert.deepEqual(filterFaults(TYPE, { providers: { p: provider }, rules: [{ match: { prefix: '/' }, requires: { provider_name: 'q' } }] }), [
    'rules[0].requires.provider_name: there is no provider "q"',
  ]);
  assert.match(
    filterFaults(TYPE, { providers: { p: { issuer: 'i', local_jwks: { inline_string: '{"keys":[]}' } } } }).join(),
    /local_jwks: is no key set/,
  );
  assert.match(
    filterFaults(TYPE, { providers: { p: { issuer: 'i', local_jwks: { filename: '/etc/keys' } } } }).join(),
    /local_jwks: neither inline_string/,
  );
  const backedOff = (retry_back_off: object): string => {
    const remote_jwks = { http_uri: { uri: 'http://keys.test/', cluster: 'c', timeout: '1s' }, retry_policy: { retry_back_off } };
    return filterFaults(TYPE, { providers: { p: { issuer: 'i', remote_jwks } } }).join();
  };
  assert.match(backedOff({ max_interval: '0.5s' }), /max_interval: is less than a second, which counts because base_interval is missing$/);
  assert.match(backedOff({ base_interval: '2s', max_interval: '1s' }), /max_interval: is less than base_interval$/);
  assert.equal(backedOff({ base_interval: '0.1s', max_interval: '0.5s' }), '');
  assert.match(filterFaults(TYPE, { filter_state_rules: {} }).join(), /filter_state_rules: rules by filter state/);
  const override = { typed_per_filter_config: { subject: any('envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig', {}) } };
  assert.match(filterFaults(TYPE, {}, { route: { cluster: 'c' }, ...override }).join(), /neither disabled nor requirement_name/);
});
