import type { CompiledAction, RequestView } from '../compiled.ts';
import type { PathMatch, RedirectAction } from '../types/route.ts';
import { compileTargetRewrite } from './forward.ts';
import { splitTarget } from './target.ts';

export function compileRedirect(config: RedirectAction, path: PathMatch): CompiledAction {
  const target = compileRedirectTarget(config, path);
  const fixedScheme = config.scheme ?? (config.https ? 'https' : undefined);
  return {
    t: 'redirect',
    config,
    locate(request) {
      const scheme = fixedScheme ?? request.scheme;
      const host = config.host ?? hostWithoutStalePort(request, scheme, config.port !== undefined);
      const port = config.port === undefined ? '' : `:${config.port}`;
      return { status: config.status, location: `${scheme}://${host}${port}${target(request)}` };
    },
  };
}

/** The request's port goes when another is set, or when it is the default of a scheme that is being left. */
function hostWithoutStalePort(request: RequestView, scheme: string, replaced: boolean): string {
  const host = request.authority;
  const bracket = host.startsWith('[');
  const mark = bracket ? host.lastIndexOf(']:') : host.lastIndexOf(':');
  if (mark < 0) return host;
  const colon = bracket ? mark + 1 : mark;
  const port = host.slice(colon + 1);
  const stale = scheme !== request.scheme && ((request.scheme === 'https' && port === '443') || (request.scheme === 'http' && port === '80'));
  return replaced || stale ? host.slice(0, colon) : host;
}

function compileRedirectTarget(config: RedirectAction, path: PathMatch): (request: RequestView) => string {
  const strip = (target: string): string => (config.stripQuery ? splitTarget(target)[0] : target);
  if (config.path === undefined) return (request) => strip(request.path);
  if (config.path.t !== 'whole') {
    const rewrite = compileTargetRewrite(config.path, path);
    return (request) => strip(rewrite(request));
  }
  const { value } = config.path;
  // A query in the configured path wins, and is kept.
  if (value.includes('?')) return () => value;
  return (request) => (config.stripQuery ? value : value + splitTarget(request.path)[1]);
}
