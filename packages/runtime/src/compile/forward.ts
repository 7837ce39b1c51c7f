import { compileRegex } from '@meltemi/match';
import type { ClusterChoice, CompiledForward, RequestView } from '../compiled.ts';
import type { ForwardAction, PathMatch, RetryPolicy } from '../types/route.ts';
import { compileHeaders, type MutationLevel } from './headers.ts';
import { compileRetry } from './retry.ts';
import { splitTarget } from './target.ts';

/** What a route inherits: header levels outside of the weighted cluster, in the order of evaluation, and the virtual host's retries. */
export interface Inherited {
  readonly request: readonly MutationLevel[];
  readonly response: readonly MutationLevel[];
  /** Levels run from general to specific, so that the weighted cluster's come last. */
  readonly specificLast: boolean;
  readonly retry: RetryPolicy | undefined;
}

/** Names taken from a request header are bounded, so that a client cannot fill the memory. */
const MAX_HEADER_CLUSTERS = 256;

export function compileForward(config: ForwardAction, path: PathMatch, inherited: Inherited): CompiledForward {
  const retry = config.retry ?? inherited.retry;
  const rewrite = compilePathRewrite(config, path);
  const rewritesHost =
    config.host !== undefined || (config.cluster.t === 'weighted' && config.cluster.clusters.some((cluster) => cluster.hostRewrite !== undefined));
  return {
    t: 'forward',
    config,
    timeoutMs: config.timeoutMs,
    idleTimeoutMs: config.idleTimeoutMs,
    retry: retry === undefined ? undefined : compileRetry(retry),
    pickCluster: compilePick(config, inherited),
    rewritePath: rewrite ?? ((request) => request.path),
    rewriteHost: compileHostRewrite(config),
    rewrites: rewrite !== undefined || rewritesHost,
  };
}

function compilePick(config: ForwardAction, inherited: Inherited): CompiledForward['pickCluster'] {
  const { cluster } = config;
  if (cluster.t === 'one') {
    const only = choice(cluster.name, 0, undefined, inherited);
    return () => only;
  }
  if (cluster.t === 'header') return pickByHeader(cluster.name, inherited);
  const choices = cluster.clusters.map((item, index) => choice(item.name, index, item, inherited));
  const bounds: number[] = [];
  let total = 0;
  for (const item of cluster.clusters) bounds.push((total += item.weight));
  const last = choices.at(-1);
  return (_, random) => {
    const point = random * total;
    for (let at = 0; at < bounds.length; at++) if (point < (bounds[at] ?? 0)) return choices[at] as ClusterChoice;
    return last as ClusterChoice;
  };
}

function pickByHeader(name: string, inherited: Inherited): CompiledForward['pickCluster'] {
  const none = choice('', 0, undefined, inherited);
  const seen = new Map<string, ClusterChoice>();
  return (request) => {
    const cluster = request.header(name);
    if (cluster === undefined || cluster === '') return none;
    let found = seen.get(cluster);
    if (found === undefined) {
      if (seen.size >= MAX_HEADER_CLUSTERS) seen.clear();
      seen.set(cluster, (found = choice(cluster, 0, undefined, inherited)));
    }
    return found;
  };
}

type Weighted = (ForwardAction['cluster'] & { t: 'weighted' })['clusters'][number];

/** A choice with the weighted cluster it came from, whose host rewrite goes before the route's. */
export interface Choice extends ClusterChoice {
  readonly weighted: Weighted | undefined;
}

function choice(cluster: string, index: number, weighted: Weighted | undefined, inherited: Inherited): Choice {
  const join = (levels: readonly MutationLevel[], own: MutationLevel | undefined): readonly MutationLevel[] =>
    own === undefined ? levels : inherited.specificLast ? [...levels, own] : [own, ...levels];
  const { headers, overrides = {} } = weighted ?? {};
  return {
    cluster,
    index,
    weighted,
    overrides: Object.keys(overrides).length === 0 ? undefined : overrides,
    requestHeaders: compileHeaders(join(inherited.request, headers && { remove: headers.requestRemove, add: headers.requestAdd })),
    responseHeaders: compileHeaders(join(inherited.response, headers && { remove: headers.responseRemove, add: headers.responseAdd })),
  };
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
  const { value } = rewrite;
  if (path.t === 'exact' || path.t === 'regex') return (request) => value + splitTarget(request.path)[1];
  const { length } = path.value;
  return (request) => value + request.path.slice(length);
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
