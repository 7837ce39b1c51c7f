import { compileRegex } from './regex.ts';

/** How one text is compared. `ignoreCase` does not affect a regular expression (as in Envoy). */
export type StringMatch = (
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly contains: string }
  | { readonly regex: string }
) & { readonly ignoreCase?: boolean };

/** The match as a closure. Throws MeshError `match/regex` for a pattern that is not RE2. */
export function compileStringMatch(match: StringMatch): (value: string) => boolean {
  if ('regex' in match) {
    const regex = compileRegex(match.regex);
    return (value) => regex.fullMatch(value);
  }
  const fold = match.ignoreCase === true ? foldCase : undefined;
  const test = plainTest(match, fold);
  return fold === undefined ? test : (value) => test(fold(value));
}

function plainTest(
  match: Exclude<StringMatch, { readonly regex: string }>,
  fold: ((value: string) => string) | undefined,
): (value: string) => boolean {
  const folded = (value: string): string => (fold === undefined ? value : fold(value));
  if ('exact' in match) {
    const exact = folded(match.exact);
    return (value) => value === exact;
  }
  if ('prefix' in match) {
    const prefix = folded(match.prefix);
    return (value) => value.startsWith(prefix);
  }
  if ('suffix' in match) {
    const suffix = folded(match.suffix);
    return (value) => value.endsWith(suffix);
  }
  const part = folded(match.contains);
  return (value) => value.includes(part);
}

// ASCII only, as Envoy compares: `toLowerCase` would fold letters of other scripts too.
function foldCase(value: string): string {
  return value.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
}
