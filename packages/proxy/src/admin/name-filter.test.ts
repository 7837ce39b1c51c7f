import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameFilter } from './name-filter.ts';

test('a filter finds what the regular expression finds, with and without plain text in front', () => {
  const piece = fc.constantFrom('a', 'b', '.', '\\.', 'a*', 'b+', 'a?', '[ab]', '(a)', '(?:b)', '|', '^', '$', 'a{2}', '\\|');
  const name = fc.array(fc.constantFrom('a', 'b', '.', '|', 'c'), { maxLength: 6 }).map((chars) => chars.join(''));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), fc.array(name, { maxLength: 8 }), (pieces, names) => {
      const pattern = pieces.join('');
      const filter = nameFilter(pattern);
      if (filter === undefined) return;
      let regex: RegExp;
      try {
        regex = new RegExp(pattern, 's');
      } catch {
        return;
      }
      for (const item of names) assert.equal(filter(item), regex.test(item), `${pattern} of ${item}`);
    }),
    { numRuns: 2_000 },
  );
});

test('what is no regular expression is none; without a filter all is wanted', () => {
  assert.equal(nameFilter('('), undefined);
  assert.equal(nameFilter('a'.repeat(300)), undefined);
  assert.equal(nameFilter(null)?.('x'), true);
  assert.equal(nameFilter('^cluster\\.a\\.')?.('cluster.a.b'), true);
});
