import { regexFault, substitutionFault } from '@meltemi/match';
import { checkRegex } from './common.ts';
import type { Reader } from './reader.ts';

/** A pattern, and what its matches become (`\1` = the first group). */
export interface Substitution {
  readonly pattern: string;
  readonly substitution: string;
}

/** `RegexMatchAndSubstitute`. */
export function decodeSubstitution(reader: Reader): Substitution {
  const regex = reader.message('pattern');
  regex?.harmless('google_re2');
  const pattern = regex?.string('regex') ?? '';
  const substitution = reader.string('substitution');
  checkRegex(reader, 'pattern', pattern);
  const fault = regexFault(pattern) === undefined ? substitutionFault(pattern, substitution) : undefined;
  if (fault !== undefined) reader.fail('substitution', fault);
  return { pattern, substitution };
}
