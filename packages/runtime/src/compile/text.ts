import { compileStringMatch, type StringMatch as MatchInput } from '@meltemi/match';
import type { StringMatch } from '../types/common.ts';

export type TextTest = (value: string) => boolean;

/** A `StringMatcher` as a function. */
export function compileText(match: StringMatch): TextTest {
  return compileStringMatch(toMatch(match));
}

function toMatch(match: StringMatch): MatchInput {
  const { value, ignoreCase } = match;
  if (match.t === 'exact') return { exact: value, ignoreCase };
  if (match.t === 'prefix') return { prefix: value, ignoreCase };
  if (match.t === 'suffix') return { suffix: value, ignoreCase };
  return match.t === 'contains' ? { contains: value, ignoreCase } : { regex: value };
}
