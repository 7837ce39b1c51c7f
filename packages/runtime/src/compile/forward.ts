import { compileRegex } from '@meltemi/match';
import type { CompiledForward, RequestView } from '../compiled.ts';
import type { ForwardAction, PathMatch } from '../types/route.ts';
import { compileHash } from './hash.ts';
import { compilePick, type Choice, type Inherited } from './pick-cluster.ts';
import { compileRetry } from './retry.ts';
import { compileRetryFor } from './retry-request.ts';
import { splitTarget } from './target.ts';

export function compileForward(own: ForwardAction, path: PathMatch, inherited: Inherited): CompiledForward {
  const config = withInherited(own, inherited);
  const retry = config.retry ?? inherited.retry;
  const rewrite = compilePathRewrite(config, path);
  const rewritesHost =
    config.host !== undefined || (config.cluster.t === 'weighted' && config.cluster.clusters.some((cluster) => cluster.hostRewrite !== undefined));
  return {
    t: 'forward',
    config,
    timeoutMs: config.timeoutMs,
    idleTimeoutMs: config.idleTimeoutMs,
    perTryTimeoutMs: retry?.perTryTimeoutMs ?? 0,
    perTryIdleTimeoutMs: retry?.perTryIdleTimeoutMs ?? 0,
    retry: retry === undefined ? undefined : compileRetry(retry),
    retryFor: compileRetryFor(retry),
    hash: compileHash(config.hash),
    pickCluster: compilePick(config, inherited),
    rewritePath: rewrite ?? ((request) => request.path),
    rewriteHost: compileHostRewrite(config),
    rewrites: rewrite !== undefined || rewritesHost,
  };
}

/** What the route does not say of its requests' copies, its virtual host or table does. */
function withInherited(own: ForwardAction, { hedge, mirrors }: Inherited): ForwardAction {
  const inheritsHedge = own.hedge === undefined && hedge !== undefined;
  const inheritsMirrors = own.mirrors.length === 0 && mirrors.length > 0;
  if (!inheritsHedge && !inheritsMirrors) return own;
  return { ...own, ...(inheritsHedge ? { hedge } : {}), mirrors: inheritsMirrors ? mirrors : own.mirrors };
}

function compilePathRewrite(config: ForwardAction, path: PathMatch): ((request: RequestView) => string) | undefined {
  if (config.path === undefined) return undefined;
  return compileTargetRewrite(config.path, path);
}

/** Rewrites the path and keeps the query. A prefix rewrite of an exact or regex match replaces the whole path. */
export function compileTargetRewrite(rewrite: NonNullable<ForwardAction['path']>, path: PathMatch): (request: RequestView) => string {
  if (rewrite.t === 'regex') {
    const regex = compileRegex(rewrite.pattern);
    return (request) => {
      const [bare, query] = splitTarget(request.path);
      return regex.replaceAll(bare, rewrite.substitution) + query;
    };
  }
  if (rewrite.t === 'template') return compileTemplateRewrite(rewrite.substitution, path);
  const { value } = rewrite;
  if (path.t === 'connect') return (request) => request.path;
  if (path.t === 'exact' || path.t === 'regex') return (request) => value + splitTarget(request.path)[1];
  const { length } = path.value;
  return (request) => value + request.path.slice(length);
}

/** `{name}` stands for what the route's own template has taken under that name. */
function compileTemplateRewrite(substitution: string, path: PathMatch): (request: RequestView) => string {
  if (path.t !== 'regex') return (request) => request.path;
  const regex = compileRegex(`^${path.value}$`);
  const names = path.names ?? [];
  const groups = substitution.replaceAll('\\', '\\\\').replace(/\{(\w+)\}/g, (_, name: string) => `\\${names.indexOf(name) + 1}`);
  return (request) => {
    const [bare, query] = splitTarget(request.path);
    return regex.replaceAll(bare, groups) + query;
  };
}

function compileHostRewrite(config: ForwardAction): CompiledForward['rewriteHost'] {
  const route = compileRouteHost(config.host);
  return (request, picked, hostname) => (picked as Choice).weighted?.hostRewrite ?? route(request, hostname);
}

function compileRouteHost(host: ForwardAction['host']): (request: RequestView, hostname: string) => string {
  if (host === undefined) return (request) => request.authority;
  if (host.t === 'literal') return () => host.value;
  if (host.t === 'auto') return (request, hostname) => (hostname === '' ? request.authority : hostname);
  if (host.t === 'header') {
    return (request) => {
      const value = request.header(host.name);
      return value === undefined || value === '' ? request.authority : value;
    };
  }
  const regex = compileRegex(host.pattern);
  return (request) => regex.replaceAll(splitTarget(request.path)[0], host.substitution);
}
