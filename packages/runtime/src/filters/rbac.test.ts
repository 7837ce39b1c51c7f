import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { templateRegex } from '../rbac/uri-template.ts';
import { filterBench, filterFaults, type FilterCall } from '../testing/filters.ts';
import { any, request } from '../testing/samples.ts';
import type { PeerIdentity } from './types.ts';

const TYPE = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const ANY = { any: true };

const identity = (fields: Partial<PeerIdentity>): PeerIdentity => ({
  peerUri: '',
  peerDns: [],
  peerSubject: '',
  localUri: '',
  peerPem: '',
  ...fields,
});

/** Does a policy of one permission and one principal match? */
function matches(permission: object, principal: object, call: FilterCall = {}): boolean {
  const rules = { action: 'DENY', policies: { p: { permissions: [permission], principals: [principal] } } };
  return filterBench(TYPE, { rules }).decide(call)?.reply !== undefined;
}

test('every condition of a policy', () => {
  const at = (path: string, headers = {}): FilterCall => ({ request: request(path, 'reviews', headers) });
  const cases: readonly (readonly [string, object, object, FilterCall, boolean])[] = [
    ['any', ANY, ANY, {}, true],
    ['path without query', { url_path: { path: { exact: '/a' } } }, ANY, at('/a?b=c'), true],
    ['path without fragment', { url_path: { path: { exact: '/a' } } }, ANY, at('/a#b'), true],
    ['another path', { url_path: { path: { prefix: '/a/' } } }, ANY, at('/b'), false],
    ['header', { header: { name: 'x', string_match: { exact: '1' } } }, ANY, at('/', { x: '1' }), true],
    ['method', { header: { name: ':method', string_match: { exact: 'POST' } } }, ANY, at('/'), false],
    ['not', { not_rule: { header: { name: 'x', present_match: true } } }, ANY, at('/'), true],
    ['and', { and_rules: { rules: [ANY, { destination_port: 80 }] } }, ANY, {}, true],
    ['or', { or_rules: { rules: [{ destination_port: 81 }, { destination_port_range: { start: 80, end: 81 } }] } }, ANY, {}, true],
    ['range without its end', { destination_port_range: { start: 70, end: 80 } }, ANY, {}, false],
    ['destination address', { destination_ip: { address_prefix: '10.0.0.0', prefix_len: 24 } }, ANY, {}, true],
    ['server name', { requested_server_name: { suffix: '.example.com' } }, ANY, { peer: { serverName: 'a.example.com' } }, true],
    ['no server name', { requested_server_name: { exact: '' } }, ANY, {}, true],
    [
      'template',
      {
        uri_template: {
          name: 't',
          typed_config: any('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', { path_template: '/a/*/c' }),
        },
      },
      ANY,
      at('/a/b/c?d'),
      true,
    ],
    ['direct peer', ANY, { direct_remote_ip: { address_prefix: '10.0.0.9', prefix_len: 32 } }, { peer: { remoteAddress: '1.2.3.4' } }, true],
    ['client', ANY, { remote_ip: { address_prefix: '10.0.0.9', prefix_len: 32 } }, { peer: { remoteAddress: '1.2.3.4' } }, false],
    ['no TLS', ANY, { authenticated: {} }, {}, false],
    ['some TLS', ANY, { authenticated: {} }, { peer: { tls: identity({}) } }, true],
    ['URI', ANY, { authenticated: { principal_name: { exact: 'spiffe://a' } } }, { peer: { tls: identity({ peerUri: 'spiffe://a' }) } }, true],
    ['DNS', ANY, { authenticated: { principal_name: { exact: 'b' } } }, { peer: { tls: identity({ peerUri: 'spiffe://a', peerDns: ['b'] }) } }, true],
    ['subject', ANY, { authenticated: { principal_name: { exact: 'CN=c' } } }, { peer: { tls: identity({ peerSubject: 'CN=c' }) } }, true],
    ['nameless peer', ANY, { authenticated: { principal_name: { exact: 'spiffe://a' } } }, { peer: { tls: identity({}) } }, false],
    [
      'metadata',
      ANY,
      { metadata: { filter: 'f', path: [{ key: 'a' }, { key: 'b' }], value: { string_match: { exact: 'c' } } } },
      { metadata: { f: { a: { b: 'c' } } } },
      true,
    ],
    [
      'list',
      ANY,
      { metadata: { filter: 'f', path: [{ key: 'a' }], value: { list_match: { one_of: { string_match: { prefix: 'c' } } } } } },
      { metadata: { f: { a: ['b', 'cd'] } } },
      true,
    ],
    ['no metadata', ANY, { metadata: { filter: 'f', path: [{ key: 'a' }], value: { present_match: true } } }, {}, false],
    ['inverted', ANY, { metadata: { filter: 'f', path: [{ key: 'a' }], value: { bool_match: true }, invert: true } }, {}, true],
    ['not_id and and_ids', ANY, { and_ids: { ids: [ANY, { not_id: { header: { name: 'x', present_match: true } } }] } }, at('/'), true],
  ];
  for (const [name, permission, principal, call, expected] of cases) assert.equal(matches(permission, principal, call), expected, name);
});

test('allow needs a policy, deny needs none, and the reply tells which', () => {
  const policy = (path: string): object => ({ permissions: [{ url_path: { path: { prefix: path } } }], principals: [ANY] });
  const deny = filterBench(TYPE, { rules: { action: 'DENY', policies: { b: policy('/a'), a: policy('/') } } });
  assert.equal(deny.decide({ request: request('/a') })?.reply?.details, 'rbac_access_denied_matched_policy[a]');
  const allow = filterBench(TYPE, { rules: { policies: { a: policy('/a') } } });
  assert.deepEqual(allow.decide({ request: request('/a') }), {
    metadata: { 'envoy.filters.http.rbac': { enforced_effective_policy_id: 'a', enforced_engine_result: 'allowed' } },
  });
  assert.deepEqual(allow.decide({ request: request('/b') })?.reply, {
    status: 403,
    body: 'RBAC: access denied',
    flag: '',
    details: 'rbac_access_denied_matched_policy[none]',
  });
  assert.deepEqual(
    [...allow.counted],
    [
      ['http.test.rbac.allowed', 1],
      ['http.test.rbac.denied', 1],
    ],
  );
});

test('rules on trial change nothing and are told of', () => {
  const bench = filterBench(TYPE, { shadow_rules: { policies: {} }, shadow_rules_stat_prefix: 'trial_' });
  assert.deepEqual(bench.decide(), { metadata: { 'envoy.filters.http.rbac': { trial_shadow_engine_result: 'denied' } } });
  assert.equal(bench.counted.get('http.test.rbac.trial_.shadow_denied'), 1);
});

test('a route can have its own rules, or none', () => {
  const perRoute = (fields: object): object => ({
    route: { typed_per_filter_config: { subject: any('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', fields) } },
  });
  const chain = { rules: { policies: {} } };
  assert.equal(filterBench(TYPE, chain, perRoute({})).decide(), undefined);
  assert.equal(filterBench(TYPE, chain, perRoute({ rbac: { rules: { action: 'DENY', policies: {} } } })).decide()?.reply, undefined);
  assert.notEqual(filterBench(TYPE, chain).decide()?.reply, undefined);
});

test('what cannot be enforced is refused with its path', () => {
  const policy = (permission: object, principal: object): object => ({
    rules: { policies: { p: { permissions: [permission], principals: [principal] } } },
  });
  const path = 'rules.policies["p"]';
  assert.deepEqual(filterFaults(TYPE, policy({ matcher: { name: 'x' } }, ANY)), [
    `${path}.permissions[0].matcher: permissions as extensions are not supported by this proxy`,
  ]);
  assert.deepEqual(filterFaults(TYPE, policy(ANY, { filter_state: { key: 'x' } })), [
    `${path}.principals[0].filter_state: filter state is not supported by this proxy`,
  ]);
  assert.match(filterFaults(TYPE, policy({}, ANY)).join(), /permissions\[0\]: no condition is set/);
  assert.match(filterFaults(TYPE, { matcher: {} }).join(), /matcher: neither matcher_list, matcher_tree nor on_no_match is set/);
  assert.match(filterFaults(TYPE, { rules: { policies: { p: { permissions: [ANY], principals: [] } } } }).join(), /principals: needs at least one/);
});

test('path templates', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['/a/*', '/a/b', true],
    ['/a/*', '/a/b/c', false],
    ['/a/*', '/a/', false],
    ['/a/**', '/a/b/c', true],
    ['/a/**', '/a/', true],
    ['/a/{x}/c', '/a/b/c', true],
    ['/a/{x=*/y}/c', '/a/b/y/c', true],
    ['/a.b/*', '/aXb/c', false],
    ['/**.html', '/a/b.html', true],
  ];
  for (const [template, path, expected] of cases) {
    const regex = templateRegex(template);
    assert.ok(regex.t === 'regex', template);
    assert.equal(new RegExp(`^(?:${regex.source})$`).test(path), expected, `${template} on ${path}`);
  }
  for (const bad of ['', 'a', '/a//b', '/**/b', '/a*', '/{', '/{1}', '/{a}/{a}', '/{a}b{c}d']) assert.equal(templateRegex(bad).t, 'fault', bad);
  // Whatever the template: a regular expression, or a fault in words.
  const piece = fc.constantFrom('/', 'a', '*', '**', '{', '}', '=', '[', '\\', '(', '.', '%', ' ');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
      const regex = templateRegex(`/${pieces.join('')}`);
      if (regex.t === 'regex') new RegExp(regex.source);
    }),
    { numRuns: 2000 },
  );
});
