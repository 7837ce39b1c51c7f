import type { ClusterChoice, CompiledForward, RequestView } from '../compiled.ts';
import { mergeCriteria } from '../lb/subsets.ts';
import type { Criteria } from '../types/balancing.ts';
import type { ForwardAction, HedgePolicy, MirrorPolicy, RetryPolicy } from '../types/route.ts';
import { compileHeaders, type MutationLevel } from './headers.ts';

/** What a route inherits: header levels outside of the weighted cluster, in the order of evaluation, and what the virtual host says of retries and copies. */
export interface Inherited {
  readonly request: readonly MutationLevel[];
  readonly response: readonly MutationLevel[];
  /** Levels run from general to specific, so that the weighted cluster's come last. */
  readonly specificLast: boolean;
  readonly retry: RetryPolicy | undefined;
  readonly hedge: HedgePolicy | undefined;
  readonly mirrors: readonly MirrorPolicy[];
}

/** Names taken from a request header are bounded, so that a client cannot fill the memory. */
const MAX_HEADER_CLUSTERS = 256;

/** How a route finds its cluster. */
export function compilePick(config: ForwardAction, inherited: Inherited): CompiledForward['pickCluster'] {
  const { cluster, criteria } = config;
  const site: Site = { inherited, criteria };
  if (cluster.t === 'one') {
    const only = choice(cluster.name, 0, undefined, site);
    return () => only;
  }
  if (cluster.t === 'header') return pickByHeader(cluster.name, 0, undefined, site);
  const picks = cluster.clusters.map((item, index): CompiledForward['pickCluster'] => {
    if (item.header !== undefined) return pickByHeader(item.header, index, item, site);
    const fixed = choice(item.name, index, item, site);
    return () => fixed;
  });
  return weigh(cluster, picks);
}

function weigh(
  cluster: ForwardAction['cluster'] & { t: 'weighted' },
  picks: readonly CompiledForward['pickCluster'][],
): CompiledForward['pickCluster'] {
  const bounds: number[] = [];
  let total = 0;
  for (const item of cluster.clusters) bounds.push((total += item.weight));
  const { randomHeader } = cluster;
  return (request, random) => {
    const point = (randomHeader === undefined ? undefined : numberIn(request, randomHeader, total)) ?? random * total;
    const at = bounds.findIndex((bound) => point < bound);
    return (picks[at] ?? (picks.at(-1) as CompiledForward['pickCluster']))(request, random);
  };
}

/** The caller's own draw: a whole number, as large as it likes. */
function numberIn(request: RequestView, name: string, total: number): number | undefined {
  const text = request.header(name);
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(BigInt(text) % BigInt(total)) : undefined;
}

function pickByHeader(name: string, index: number, weighted: Weighted | undefined, site: Site): CompiledForward['pickCluster'] {
  const none = choice('', index, weighted, site);
  const seen = new Map<string, ClusterChoice>();
  return (request) => {
    const cluster = request.header(name);
    if (cluster === undefined || cluster === '') return none;
    let found = seen.get(cluster);
    if (found === undefined) {
      if (seen.size >= MAX_HEADER_CLUSTERS) seen.clear();
      seen.set(cluster, (found = choice(cluster, index, weighted, site)));
    }
    return found;
  };
}

type Weighted = (ForwardAction['cluster'] & { t: 'weighted' })['clusters'][number];

interface Site {
  readonly inherited: Inherited;
  readonly criteria: Criteria;
}

/** A choice with the weighted cluster it came from, whose host rewrite goes before the route's. */
export interface Choice extends ClusterChoice {
  readonly weighted: Weighted | undefined;
}

function choice(cluster: string, index: number, weighted: Weighted | undefined, { inherited, criteria }: Site): Choice {
  const join = (levels: readonly MutationLevel[], own: MutationLevel | undefined): readonly MutationLevel[] =>
    own === undefined ? levels : inherited.specificLast ? [...levels, own] : [own, ...levels];
  const { headers, overrides = {} } = weighted ?? {};
  return {
    cluster,
    index,
    weighted,
    criteria: weighted === undefined ? criteria : mergeCriteria(criteria, weighted.criteria),
    overrides: Object.keys(overrides).length === 0 ? undefined : overrides,
    requestHeaders: compileHeaders(join(inherited.request, headers && { remove: headers.requestRemove, add: headers.requestAdd })),
    responseHeaders: compileHeaders(join(inherited.response, headers && { remove: headers.responseRemove, add: headers.responseAdd })),
  };
}
