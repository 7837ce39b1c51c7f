import type { ParityCase } from '../define.ts';
import { matching } from '../matching.ts';

/** A header matcher on `x-test`. */
function header(name: string, matcher: object, asked: readonly (readonly [value: string | undefined, matches: boolean])[]): ParityCase {
  return matching(
    name,
    { prefix: '/', headers: [{ name: 'x-test', ...matcher }] },
    asked.map(([value, matches]) => [{ headers: value === undefined ? {} : { 'x-test': value } }, matches] as const),
  );
}

/** Which headers a route matches. */
export const cases = [
  header('a header is equal', { string_match: { exact: 'one' } }, [
    ['one', true],
    ['One', false],
    ['one ', true],
    ['two', false],
    [undefined, false],
  ]),
  header('a header is equal in any case', { string_match: { exact: 'One', ignore_case: true } }, [
    ['oNE', true],
    ['two', false],
  ]),
  header('a header begins', { string_match: { prefix: 'be' } }, [
    ['begin', true],
    ['abe', false],
  ]),
  header('a header begins in any case', { string_match: { prefix: 'Be', ignore_case: true } }, [
    ['bEgin', true],
    ['abe', false],
  ]),
  header('a header ends', { string_match: { suffix: 'end' } }, [
    ['the end', true],
    ['ending', false],
  ]),
  header('a header contains', { string_match: { contains: 'mid' } }, [
    ['amidst', true],
    ['MID', false],
  ]),
  header('a header contains in any case', { string_match: { contains: 'Mid', ignore_case: true } }, [
    ['AMIDST', true],
    ['no', false],
  ]),
  header('a header matches a regular expression as a whole', { string_match: { safe_regex: { regex: 'v[12]' } } }, [
    ['v1', true],
    ['v12', false],
    ['xv1', false],
  ]),
  header('a header is there', { present_match: true }, [
    ['anything', true],
    ['', true],
    [undefined, false],
  ]),
  header('a header is not there', { present_match: false }, [
    ['anything', false],
    [undefined, true],
  ]),
  header('a header without a matcher must be there', {}, [
    ['x', true],
    [undefined, false],
  ]),
  header('a header in a range', { range_match: { start: '-5', end: '10' } }, [
    ['-5', true],
    ['9', true],
    ['10', false],
    ['0.5', false],
    ['x', false],
    ['', false],
  ]),
  header('an inverted match', { string_match: { exact: 'one' }, invert_match: true }, [
    ['two', true],
    ['one', false],
    [undefined, false],
  ]),
  header('an inverted range', { range_match: { start: '0', end: '10' }, invert_match: true }, [
    ['20', true],
    ['5', false],
    [undefined, false],
  ]),
  header('an inverted presence', { present_match: true, invert_match: true }, [
    ['x', false],
    [undefined, true],
  ]),
  header('a missing header treated as empty', { string_match: { exact: '' }, treat_missing_header_as_empty: true }, [
    [undefined, true],
    ['x', false],
  ]),
  header(
    'an inverted match of a missing header treated as empty',
    { string_match: { exact: 'one' }, invert_match: true, treat_missing_header_as_empty: true },
    [
      [undefined, true],
      ['one', false],
    ],
  ),
  header('the older spellings exact_match', { exact_match: 'old' }, [
    ['old', true],
    ['new', false],
  ]),
  header('the older spellings prefix_match', { prefix_match: 'ol' }, [['old', true]]),
  header('the older spellings suffix_match', { suffix_match: 'ld' }, [['old', true]]),
  header('the older spellings contains_match', { contains_match: 'l' }, [['old', true]]),
  header('the older spellings safe_regex_match', { safe_regex_match: { regex: 'o.d' } }, [['old', true]]),
  ...[
    { name: 'of several lines of a header one must be equal', string_match: { exact: 'b' }, matches: true },
    { name: 'several lines of a header are no list', string_match: { exact: 'a,b' }, matches: false },
    { name: 'of several lines of a header one is equal, inverted', string_match: { exact: 'b' }, invert_match: true, matches: false },
    { name: 'of several lines of a header none is equal, inverted', string_match: { exact: 'c' }, invert_match: true, matches: true },
    { name: 'of several lines of a header one must match the expression', string_match: { safe_regex: { regex: 'b+' } }, matches: true },
  ].map(({ name, matches, ...matcher }) =>
    matching(name, { prefix: '/', headers: [{ name: 'x-test', ...matcher }] }, [
      [
        {
          headers: [
            ['x-test', 'a'],
            ['x-test', 'b'],
          ],
        },
        matches,
      ],
    ]),
  ),
  matching(
    'method and authority are matched as headers',
    {
      prefix: '/',
      headers: [
        { name: ':method', string_match: { exact: 'PUT' } },
        { name: ':authority', string_match: { prefix: 'in.' } },
      ],
    },
    [
      [{ method: 'PUT', host: 'in.example' }, true],
      [{ method: 'GET', host: 'in.example' }, false],
      [{ method: 'PUT', host: 'out.example' }, false],
    ],
  ),
  matching('the path as a header is the whole target', { prefix: '/', headers: [{ name: ':path', string_match: { suffix: '?a=1' } }] }, [
    ['/x?a=1', true],
    ['/x', false],
  ]),
  matching('the scheme as a header', { prefix: '/', headers: [{ name: ':scheme', string_match: { exact: 'http' } }] }, [['/', true]]),
  matching(
    'all headers must match',
    {
      prefix: '/',
      headers: [
        { name: 'x-a', string_match: { exact: '1' } },
        { name: 'x-b', present_match: true },
      ],
    },
    [
      [{ headers: { 'x-a': '1', 'x-b': '' } }, true],
      [{ headers: { 'x-a': '1' } }, false],
    ],
  ),
];
