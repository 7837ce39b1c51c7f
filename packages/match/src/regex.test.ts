import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { compileRegex, regexFault, substitutionFault } from './regex.ts';
import { compileSimple } from './simple-regex.ts';

test('the whole text must match, in time linear in the text', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['/reviews/[0-9]+', '/reviews/12', true],
    ['/reviews/[0-9]+', '/reviews/12/x', false],
    ['^(.*?;)?(user=jason)(;.*)?$', 'a=b;user=jason;c=d', true],
    ['(?i)GET', 'get', true],
    ['a|ab', 'ab', true],
  ];
  for (const [pattern, value, expected] of cases) assert.equal(compileRegex(pattern).fullMatch(value), expected, `${pattern} on ${value}`);
  assert.equal(compileRegex('(x+x+)+y').fullMatch('x'.repeat(5000)), false);
});

test('faults are told in the words of RE2, and thrown on compiling', () => {
  assert.equal(regexFault('/a/.*'), undefined);
  for (const pattern of ['(', 'a**', '[z-a]', '(?=a)', '(?<=a)b', '\\1', 'a{2000}']) {
    assert.ok(regexFault(pattern) !== undefined, pattern);
    assert.throws(() => compileRegex(pattern), { code: 'match/regex' }, pattern);
  }
});

test('plain forms need no automaton', () => {
  for (const pattern of [
    '/api/.*',
    '.*',
    '.*\\.html',
    '/a/.+',
    '^/exact$',
    'GET|POST',
    '(GET|POST)',
    '^(?:GET|POST)$',
    'a\\.b\\/c',
    '.*needle.*',
    '',
  ])
    assert.ok(compileSimple(pattern) !== undefined, pattern);
  for (const pattern of ['/a.b', '[ab]', 'a?', 'a\\d', '\\.*', 'a.*b', '(a)(b)', '(?i)a', '\\Qa\\E', '.+.+'])
    assert.equal(compileSimple(pattern), undefined, pattern);
});

test('plain forms agree with RE2', () => {
  const piece = fc.constantFrom('a', 'b', '/', '.', '.*', '.+', '\\.', '\\*', '\\\\', '|', '(', ')', '(?:', '^', '$', '\\$', '\n', 'é', '?');
  const pattern = fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join(''));
  const value = fc.array(fc.constantFrom('a', 'b', '/', '.', '*', '\\', '$', '|', '\n', 'é'), { maxLength: 6 }).map((pieces) => pieces.join(''));
  let simple = 0;
  fc.assert(
    fc.property(pattern, value, (source, text) => {
      const test = compileSimple(source);
      if (test === undefined) return;
      simple += 1;
      assert.equal(test(text), RE2JS.compile(source).testExact(text), JSON.stringify([source, text]));
    }),
    { numRuns: 4000 },
  );
  assert.ok(simple > 500, `only ${simple} patterns were simple`);
});

test('substitution as RE2 does it', () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['^/service/([^/]+)(/.*)$', '\\2/instance/\\1', '/service/foo/v1/api', '/v1/api/instance/foo'],
    ['one', 'two', '/xxx/one/yyy/one/zzz', '/xxx/two/yyy/two/zzz'],
    ['/a/.*', '/b', '/a/x', '/b'],
    ['(?i)/xxx/', '/yyy/', '/aaa/XxX/bbb', '/aaa/yyy/bbb'],
    ['b*', '-', 'abc', '-a-c-'],
    ['(a)|(b)', '[\\1\\2\\0\\\\]', 'ab', '[aa\\][bb\\]'],
    ['x', '$1\\0', 'axb', 'a$1xb'],
  ];
  for (const [pattern, substitution, value, expected] of cases)
    assert.equal(compileRegex(pattern).replaceAll(value, substitution), expected, pattern);
  assert.equal(substitutionFault('(a)', '\\1\\0\\\\'), undefined);
  for (const bad of ['\\2', '\\x', '\\']) assert.ok(substitutionFault('(a)', bad) !== undefined, bad);
});
