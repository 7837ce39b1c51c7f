import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileStringMatch, createHostIndex, hostMatches, hostsOverlap, labelsMatch, resolveHost, type StringMatch } from './index.ts';

test('string matches', () => {
  const cases: readonly (readonly [StringMatch, string, boolean])[] = [
    [{ exact: 'jason' }, 'jason', true],
    [{ exact: 'jason' }, 'Jason', false],
    [{ exact: 'JASON', ignoreCase: true }, 'jAsOn', true],
    [{ prefix: '/foo' }, '/foobar', true],
    [{ prefix: '/FOO', ignoreCase: true }, '/foobar', true],
    [{ suffix: '.html' }, '/a.html', true],
    [{ contains: 'mid' }, 'amidst', true],
    [{ regex: '/a/[0-9]+', ignoreCase: true }, '/A/1', false],
    [{ exact: 'é', ignoreCase: true }, 'É', false],
  ];
  for (const [match, value, expected] of cases) assert.equal(compileStringMatch(match)(value), expected, JSON.stringify([match, value]));
});

test('short names are completed with the namespace of the object that mentions them', () => {
  assert.deepEqual(
    ['reviews', 'reviews.prod', '*', '10.0.0.1', '::1', 'Reviews.Example.com'].map((host) => resolveHost(host, 'bookinfo')),
    ['reviews.bookinfo.svc.cluster.local', 'reviews.prod', '*', '10.0.0.1', '::1', 'reviews.example.com'],
  );
});

test('wildcards match any depth, and the most specific wins', () => {
  for (const [pattern, host, expected] of [
    ['*', 'a', true],
    ['*.foo.com', 'a.b.foo.com', true],
    ['*.foo.com', 'foo.com', false],
    ['*.foo.com', '*.b.foo.com', true],
    ['*.b.foo.com', '*.foo.com', false],
    ['A.com', 'a.COM', true],
  ] as const)
    assert.equal(hostMatches(pattern, host), expected, `${pattern} ${host}`);
  assert.ok(hostsOverlap('*.a.com', '*.com') && hostsOverlap('*.com', '*.a.com') && !hostsOverlap('*.a.com', '*.b.com'));
  const index = createHostIndex([
    ['*', 1],
    ['*.com', 2],
    ['*.foo.com', 3],
    ['a.foo.com', 4],
    ['a.foo.com', 5],
  ] as const);
  assert.deepEqual(
    ['x', 'b.com', 'b.a.foo.com', 'a.foo.com', '*.foo.com'].map((host) => index.lookup(host)),
    [1, 2, 3, 4, 3],
  );
});

test('the index finds what comparing every pattern finds', () => {
  const label = fc.constantFrom('a', 'b', 'foo', 'com');
  const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
  const pattern = fc.oneof(
    name,
    name.map((text) => `*.${text}`),
    fc.constant('*'),
  );
  fc.assert(
    fc.property(fc.uniqueArray(pattern), name, (patterns, host) => {
      const expected = patterns
        .filter((candidate) => hostMatches(candidate, host))
        .toSorted((a, b) => Number(a.startsWith('*')) - Number(b.startsWith('*')) || b.length - a.length)[0];
      assert.equal(createHostIndex(patterns.map((candidate) => [candidate, candidate] as const)).lookup(host), expected);
    }),
  );
});

test('labels', () => {
  assert.ok(labelsMatch({}, {}) && labelsMatch({ a: '1' }, { a: '1', b: '2' }));
  assert.ok(!labelsMatch({ a: '1' }, { a: '2' }) && !labelsMatch({ toString: 'x' }, {}));
});
