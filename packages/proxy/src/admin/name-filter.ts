import { compileRegex, regexFault } from '@meltemi/match';

/** Enough for every filter that somebody types. */
const MAX_PATTERN = 256;

/**
 * A test for names that hold a match of `pattern` somewhere; undefined = it is no regular expression. RE2, whose time is linear: the port is the
 * workload's own address, and what others ask there must not hold up the thread that carries traffic. Most filters begin with plain text: names
 * without it are passed by at no cost, for there may be hundreds of thousands.
 */
export function nameFilter(pattern: string | null): ((name: string) => boolean) | undefined {
  if (pattern === null || pattern === '') return () => true;
  if (pattern.length > MAX_PATTERN || regexFault(pattern) !== undefined) return undefined;
  const { text, anchored, whole } = plainStart(pattern);
  const holds = anchored ? (name: string): boolean => name.startsWith(text) : (name: string): boolean => name.includes(text);
  if (whole) return holds;
  const regex = compileRegex(`(?s:.*)(?:${pattern})(?s:.*)`);
  return (name) => holds(name) && regex.fullMatch(name);
}

interface PlainStart {
  /** What every match begins with. */
  readonly text: string;
  /** Only at the beginning of a name. */
  readonly anchored: boolean;
  /** The pattern is nothing else. */
  readonly whole: boolean;
}

const QUANTIFIER = /^[*+?{]/;

/** The plain text that a pattern begins with, as far as one can see at a glance; nothing where it offers alternatives. */
function plainStart(pattern: string): PlainStart {
  const anchored = pattern.startsWith('^');
  if (pattern.includes('|') || pattern.includes('(?')) return { text: '', anchored: false, whole: false };
  let text = '';
  let rest = pattern.slice(anchored ? 1 : 0);
  for (let found = literal(rest); found !== undefined; found = literal(rest)) {
    const after = rest.slice(found.length);
    // It may not be there at all.
    if (QUANTIFIER.test(after)) return { text, anchored, whole: false };
    text += found.at(-1);
    rest = after;
  }
  return { text, anchored, whole: rest === '' };
}

/** A character that stands for itself, as it is or escaped. */
function literal(rest: string): string | undefined {
  return /^(?:[\w:;,@/ -]|\\[^\w\s])/.exec(rest)?.[0];
}
