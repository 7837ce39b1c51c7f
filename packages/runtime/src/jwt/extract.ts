import type { RequestView } from '../compiled.ts';
import type { HeaderEdit } from '../filters/types.ts';
import type { JwtProvider } from './types.ts';

/** A token of a request, and where it was. */
export interface FoundToken {
  readonly text: string;
  readonly at: { readonly t: 'header' | 'param' | 'cookie'; readonly name: string };
  /** Of the providers that look there: '' = any issuer will do. */
  readonly issuers: readonly string[];
  /** Takes it out of the request. A cookie stays: it may carry more than the token. */
  readonly removal: readonly HeaderEdit[];
}

const DEFAULT_HEADERS = [{ name: 'authorization', prefix: 'Bearer ' }];
const DEFAULT_PARAMS = ['access_token'];
const TOKEN = /[A-Za-z0-9_.-]+/g;

/** The tokens that some providers look for, in the order of headers, parameters, cookies. */
export function findTokens(request: RequestView, providers: readonly JwtProvider[]): readonly FoundToken[] {
  const found = new Map<string, FoundToken & { issuers: string[] }>();
  for (const kind of ['header', 'param', 'cookie'] as const) {
    for (const provider of providers) {
      for (const { key, name, text } of tokensAt(request, provider, kind)) {
        const known = found.get(key);
        if (known === undefined) found.set(key, { text, at: { t: kind, name }, issuers: [provider.issuer], removal: removalOf(request, kind, name) });
        else known.issuers.push(provider.issuer);
      }
    }
  }
  return [...found.values()];
}

interface Spot {
  readonly key: string;
  readonly name: string;
  readonly text: string;
}

function tokensAt(request: RequestView, provider: JwtProvider, kind: FoundToken['at']['t']): readonly Spot[] {
  const places = placesOf(provider);
  if (kind === 'header') return places.headers.map(({ name, prefix }) => headerToken(request, name, prefix)).filter((spot) => spot !== undefined);
  const names = kind === 'param' ? places.params : provider.cookies;
  const read = kind === 'param' ? queryValue(request.path) : cookieValue(request.header('cookie') ?? '');
  return names.flatMap((name) => {
    const text = read(name);
    return text === undefined ? [] : [{ key: `${kind} ${name}`, name, text }];
  });
}

/** Without places of its own a provider's tokens are where RFC 6750 has them. */
function placesOf({ headers, params, cookies }: JwtProvider): Pick<JwtProvider, 'headers' | 'params'> {
  const standard = headers.length === 0 && params.length === 0 && cookies.length === 0;
  return standard ? { headers: DEFAULT_HEADERS, params: DEFAULT_PARAMS } : { headers, params };
}

function headerToken(request: RequestView, name: string, prefix: string): Spot | undefined {
  const value = request.header(name);
  if (value === undefined) return undefined;
  const key = `header ${name} ${prefix}`;
  if (prefix === '') return { key, name, text: value };
  const at = value.indexOf(prefix);
  if (at < 0) return undefined;
  TOKEN.lastIndex = at + prefix.length;
  return { key, name, text: TOKEN.exec(value)?.[0] ?? value };
}

function queryValue(target: string): (name: string) => string | undefined {
  const mark = target.indexOf('?');
  const pairs = mark < 0 ? [] : target.slice(mark + 1).split('&');
  return (name) => {
    for (const pair of pairs) {
      const equals = pair.indexOf('=');
      if (unescapeQuery(equals < 0 ? pair : pair.slice(0, equals)) === name) return equals < 0 ? '' : unescapeQuery(pair.slice(equals + 1));
    }
    return undefined;
  };
}

/** Escapes that are none stay as they are. */
function unescapeQuery(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function cookieValue(header: string): (name: string) => string | undefined {
  const pairs = header.split(/[;,]/).map((pair) => pair.trim());
  return (name) => {
    const pair = pairs.find((item) => item.startsWith(`${name}=`));
    return pair?.slice(name.length + 1).replace(/^"(.*)"$/, '$1');
  };
}

function removalOf(request: RequestView, kind: FoundToken['at']['t'], name: string): readonly HeaderEdit[] {
  if (kind === 'header') return [{ name, action: 'remove', value: '' }];
  if (kind === 'cookie') return [];
  const mark = request.path.indexOf('?');
  const kept = request.path
    .slice(mark + 1)
    .split('&')
    .filter((pair) => unescapeQuery(pair.split('=', 1)[0] ?? '') !== name);
  return [{ name: ':path', action: 'overwrite', value: request.path.slice(0, mark) + (kept.length === 0 ? '' : `?${kept.join('&')}`) }];
}
