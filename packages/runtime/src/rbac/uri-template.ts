/** A path template as a regular expression that the whole path must match, or what is wrong with it. */
export type TemplateRegex =
  | { readonly t: 'regex'; readonly source: string; /** Of its groups, in order. */ readonly names: readonly string[] }
  | { readonly t: 'fault'; readonly message: string };

/** Characters of a path segment that a `*` takes: RFC 3986's pchar without `=` and `*`, which are operators of the template. */
const SEGMENT = "a-zA-Z0-9\\-._~%!$&'()+,;:@";
const ONE = `[${SEGMENT}]+`;
const REST = `[${SEGMENT}/]*`;
const LITERAL = new RegExp(`^[${SEGMENT}]+$`);
const NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,15}$/;
const MAX_LENGTH = 256;
const MAX_VARIABLES = 5;

/**
 * Envoy's path templates: `*` takes one segment, `**` the rest and only at the end, `{name}` and `{name=pattern}` name what they take.
 * The result is linear to match, whatever the path.
 */
export function templateRegex(template: string): TemplateRegex {
  if (template.length === 0 || template.length > MAX_LENGTH) return fault(`must have 1 to ${MAX_LENGTH} characters`);
  if (!template.startsWith('/')) return fault('must begin with "/"');
  const names = new Set<string>();
  const segments = splitSegments(template.slice(1));
  let source = '';
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    const part = segmentRegex(segment, last, names);
    if (part.t === 'fault') return part;
    source += `/${part.source}`;
  }
  return names.size > MAX_VARIABLES ? fault(`has more than ${MAX_VARIABLES} variables`) : { t: 'regex', source, names: [...names] };
}

/** At slashes outside braces. */
function splitSegments(text: string): readonly string[] {
  const segments: string[] = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '{') depth++;
    if (character === '}') depth--;
    if (character === '/' && depth === 0) segments.push('');
    else segments[segments.length - 1] += character;
  }
  return segments;
}

type PartRegex = { readonly t: 'regex'; readonly source: string } | { readonly t: 'fault'; readonly message: string };

function segmentRegex(segment: string, last: boolean, names: Set<string>): PartRegex {
  if (segment === '') return last ? { t: 'regex', source: '' } : fault('has an empty segment');
  if (segment.startsWith('{')) return variableRegex(segment, last, names);
  const brace = segment.indexOf('{');
  if (brace > 0) {
    const prefix = segment.slice(0, brace);
    if (!LITERAL.test(prefix)) return fault(`"${prefix}" holds a character that must not stand there`);
    const rest = segmentRegex(segment.slice(brace), last, names);
    return rest.t === 'fault' ? rest : { t: 'regex', source: escaped(prefix) + rest.source };
  }
  return plainRegex(segment, last);
}

function plainRegex(segment: string, last: boolean): PartRegex {
  if (segment === '*') return { t: 'regex', source: ONE };
  if (segment.startsWith('**')) {
    const suffix = segment.slice(2);
    if (!last) return fault('"**" must come last');
    if (suffix !== '' && !LITERAL.test(suffix)) return fault(`"${suffix}" holds a character that must not stand there`);
    return { t: 'regex', source: REST + escaped(suffix) };
  }
  return LITERAL.test(segment) ? { t: 'regex', source: escaped(segment) } : fault(`"${segment}" holds a character that must not stand there`);
}

function variableRegex(segment: string, last: boolean, names: Set<string>): PartRegex {
  const close = segment.lastIndexOf('}');
  if (close < 0) return fault(`"${segment}" is not closed`);
  const inner = segment.slice(1, close);
  const suffix = segment.slice(close + 1);
  if (suffix !== '' && !LITERAL.test(suffix)) return fault(`"${suffix}" holds a character that must not stand there`);
  const equals = inner.indexOf('=');
  const name = equals < 0 ? inner : inner.slice(0, equals);
  if (!NAME.test(name)) return fault(`"${name}" is no name of a variable`);
  if (names.has(name)) return fault(`names "${name}" twice`);
  names.add(name);
  const pattern = equals < 0 ? '*' : inner.slice(equals + 1);
  const parts = pattern.split('/').map((part, index, all) => plainRegex(part, last && index === all.length - 1));
  const bad = parts.find((part) => part.t === 'fault');
  if (bad !== undefined) return bad;
  const taken = parts.map((part) => (part.t === 'regex' ? part.source : '')).join('/');
  return { t: 'regex', source: `(${taken})${escaped(suffix)}` };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function fault(message: string): PartRegex & { t: 'fault' } {
  return { t: 'fault', message };
}
