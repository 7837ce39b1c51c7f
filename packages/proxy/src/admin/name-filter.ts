import { compileRegex, regexFault } from '@meltemi/match';

/** Enough for every filter that somebody types. */
const MAX_PATTERN = 256;

/**
 * A test for names that hold a match of `pattern` somewhere; undefined = it is no regular expression. RE2, whose time is linear: the port is the
 * workload's own address, and what others ask there must not hold up the thread that carries traffic.
 */
export function nameFilter(pattern: string | null): ((name: string) => boolean) | undefined {
  if (pattern === null || pattern === '') return () => true;
  if (pattern.length > MAX_PATTERN || regexFault(pattern) !== undefined) return undefined;
  const regex = compileRegex(`(?s:.*)(?:${pattern})(?s:.*)`);
  return (name) => regex.fullMatch(name);
}
