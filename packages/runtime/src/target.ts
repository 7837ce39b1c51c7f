import type { HttpConnectionManager } from './types/http.ts';

/** A path after the connection manager's rules; `reject` = 400, `redirect` = 307 to the path. */
export type TargetResult = { readonly t: 'ok' | 'redirect'; readonly path: string } | { readonly t: 'reject' };

type PathRules = Pick<HttpConnectionManager, 'normalizePath' | 'mergeSlashes' | 'escapedSlashes'>;

/** What may need work: percent signs, back-slashes, dot segments, doubled slashes. Most paths have none of them. */
const SUSPICIOUS = /[%\\]|\/\.|\/\//;
const ESCAPED_SLASH = /%2f|%5c/i;
const UNRESERVED = /%([0-9a-f]{2})/gi;

/** Applies `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action` (RFC 3986 section 6.2.2); the query stays as it is. */
export function normalizeTarget(target: string, http: PathRules): TargetResult {
  if (!SUSPICIOUS.test(target)) return { t: 'ok', path: target };
  const mark = target.indexOf('?');
  let path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark);
  let redirect = false;
  if (http.escapedSlashes !== 'keep' && ESCAPED_SLASH.test(path)) {
    if (http.escapedSlashes === 'reject') return { t: 'reject' };
    path = path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
    redirect = http.escapedSlashes === 'unescape-redirect';
  }
  if (http.normalizePath) {
    // Programs written in C end their strings there.
    if (path.includes('%00')) return { t: 'reject' };
    const normal = removeDots(path.replaceAll('\\', '/').replace(UNRESERVED, decodeUnreserved));
    if (normal === undefined) return { t: 'reject' };
    path = normal;
  }
  if (http.mergeSlashes) path = path.replace(/\/{2,}/g, '/');
  return { t: redirect ? 'redirect' : 'ok', path: path + query };
}

type AuthorityRules = Pick<HttpConnectionManager, 'stripPort' | 'stripTrailingHostDot'>;

/** Applies `strip_trailing_host_dot`, `strip_any_host_port` and `strip_matching_host_port`; `port` is the one that the client called. */
export function normalizeAuthority(authority: string, { stripPort, stripTrailingHostDot }: AuthorityRules, port: number): string {
  const trimmed = stripTrailingHostDot ? authority.replace(/\.(?=:\d+$|$)/, '') : authority;
  if (stripPort === 'none') return trimmed;
  const written = /:(\d+)$/.exec(trimmed)?.[1];
  if (written === undefined || (trimmed.startsWith('[') && trimmed.endsWith(']'))) return trimmed;
  return stripPort === 'any' || Number(written) === port ? trimmed.slice(0, -written.length - 1) : trimmed;
}

function decodeUnreserved(escape: string, hex: string): string {
  const character = String.fromCharCode(Number.parseInt(hex, 16));
  return /[A-Za-z0-9\-._~]/.test(character) ? character : escape;
}

/** RFC 3986 section 5.2.4; undefined when the path climbs above its root. */
function removeDots(path: string): string | undefined {
  const out: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1;
    if (segment === '..') {
      if (out.length === 0) return undefined;
      out.pop();
    } else if (segment !== '.') {
      out.push(segment);
      continue;
    }
    if (last) out.push('');
  }
  return `/${out.join('/')}`;
}
