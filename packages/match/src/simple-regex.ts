type Test = (value: string) => boolean;
type Open = 'none' | 'any' | 'some';

const META = /[\\^$.|?*+()[\]{}]/;
const ESCAPED_PUNCTUATION = /^[!-/:-@[-`{-~]$/;

/**
 * A test for patterns that need no automaton: `literal`, `literal.*`, `.*literal`, `.*literal.*` (also with `.+`), and alternatives
 * of literals. Undefined for every other pattern. Must agree with RE2 exactly; a property test compares them.
 */
export function compileSimple(source: string): Test | undefined {
  let body = source.startsWith('^') ? source.slice(1) : source;
  if (body.endsWith('$') && !endsEscaped(body)) body = body.slice(0, -1);
  const inner = /^\((?:\?:)?([^()\\[\]]*)\)$/.exec(body)?.[1] ?? (body.includes('|') && body !== source ? undefined : body);
  if (inner === undefined) return undefined;
  if (inner.includes('|')) return compileAlternatives(inner);
  return compileSingle(inner);
}

function endsEscaped(body: string): boolean {
  const slashes = /\\*(?=\$$)/.exec(body)?.[0].length ?? 0;
  return slashes % 2 === 1;
}

function compileAlternatives(body: string): Test | undefined {
  const literals = body.split('|').map(literalOf);
  const set = new Set<string>();
  for (const literal of literals) {
    if (literal === undefined) return undefined;
    set.add(literal);
  }
  return (value) => set.has(value);
}

function compileSingle(body: string): Test | undefined {
  const head = openAt(body, 0);
  let rest = head === 'none' ? body : body.slice(2);
  let tail: Open = 'none';
  if (rest.length >= 2 && !rest.slice(0, -2).endsWith('\\')) tail = openAt(rest, rest.length - 2);
  if (tail !== 'none') rest = rest.slice(0, -2);
  const literal = literalOf(rest);
  if (literal === undefined) return undefined;
  return testOf(literal, head, tail);
}

function openAt(body: string, index: number): Open {
  const two = body.slice(index, index + 2);
  return two === '.*' ? 'any' : two === '.+' ? 'some' : 'none';
}

function testOf(literal: string, head: Open, tail: Open): Test | undefined {
  if (head === 'none' && tail === 'none') return (value) => value === literal;
  const least = literal.length + (head === 'some' ? 1 : 0) + (tail === 'some' ? 1 : 0);
  // RE2's dot does not match a line break.
  if (head === 'none') return (value) => value.length >= least && value.startsWith(literal) && !value.includes('\n', literal.length);
  if (tail === 'none')
    return (value) => value.length >= least && value.endsWith(literal) && !value.slice(0, value.length - literal.length).includes('\n');
  if (head === 'some' || tail === 'some' || literal.includes('\n')) return undefined;
  return (value) => value.includes(literal) && !value.includes('\n');
}

/** The text a pattern stands for, when it is nothing but text. */
function literalOf(body: string): string | undefined {
  if (!META.test(body)) return body;
  let out = '';
  for (let index = 0; index < body.length; index += 1) {
    const char = body.charAt(index);
    if (char !== '\\') {
      if (META.test(char)) return undefined;
      out += char;
      continue;
    }
    index += 1;
    const next = body.charAt(index);
    if (!ESCAPED_PUNCTUATION.test(next)) return undefined;
    out += next;
  }
  return out;
}
