import { formatAddress, parseAddress } from '../compile/hosts-of.ts';
import type { ClusterChoice, CompiledCluster, CompiledForward, Host, PickWish, RequestView } from '../compiled.ts';
import { healthFlags, isUsable } from '../lb/health.ts';
import type { DecisionHost, Outcome } from './types.ts';
import type { Trail } from './index.ts';

/** Where a cluster sends the call, or why it cannot. */
export type ClusterDecision =
  | { readonly t: 'host'; readonly hostname: string; readonly forward: Omit<Outcome & { t: 'forward' }, 'path' | 'authority'> }
  | { readonly t: 'none'; readonly flag: string; readonly details: string };

/** The moment that decisions are made for: no host is ejected then. */
const NOW = Infinity;

/** The route that asks for a host, with the request as it is there. */
export interface Asking {
  readonly action: CompiledForward;
  readonly choice: ClusterChoice;
  readonly request: RequestView;
}

/** `tcp`: what a connection of plain bytes asks for. */
export function decideCluster(trail: Trail, name: string, asking: Asking | undefined, tcp?: PickWish): ClusterDecision {
  const outer = trail.state.cluster(name);
  if (outer === undefined) return { t: 'none', flag: 'NC', details: 'cluster_not_found' };
  const cluster = outer.member === undefined ? outer : outer.member(trail.random, NOW);
  if (cluster === undefined) return { t: 'none', flag: 'UH', details: 'no_healthy_upstream' };
  const { config } = cluster;
  const action = asking?.action;
  const host = pickHost(trail, cluster, asking, tcp);
  const loads = cluster.loads(NOW);
  trail.steps.push({
    t: 'endpoints',
    cluster: config.name,
    policy: config.lb.t,
    priorities: loads.healthy.map((healthy, index) => ({ healthy, degraded: loads.degraded[index] ?? 0, panic: loads.panic[index] ?? false })),
    hosts: cluster.hosts().map((item) => describeHost(cluster, item)),
    ...(config.origin === undefined ? {} : { origin: config.origin }),
  });
  policyStep(trail, cluster, action);
  const dropped = cluster.drop(trail.random());
  if (dropped !== undefined) return { t: 'none', flag: dropped, details: dropped === 'DO' ? 'drop_overload' : 'unconditional_drop_overload' };
  if (config.discovery.t === 'dynamic') return calledHost(cluster, name, asking?.request.authority ?? trail.request.connection.serverName);
  return host === undefined ? { t: 'none', flag: 'UH', details: 'no_healthy_upstream' } : chosenHost(name, host);
}

function chosenHost(cluster: string, { transport, endpoint, key }: Host): ClusterDecision {
  const tls = transport.t === 'tls';
  return { t: 'host', hostname: endpoint.hostname, forward: { t: 'forward', cluster, host: key, tls, sni: tls ? transport.tls.sni : '' } };
}

/** A dynamic forward proxy goes where it is called to: what address that has only the running proxy learns. */
function calledHost({ config }: CompiledCluster, cluster: string, called: string): ClusterDecision {
  if (called === '') return { t: 'none', flag: 'UH', details: 'no_healthy_upstream' };
  const tls = config.transport.t === 'tls';
  return { t: 'host', hostname: called, forward: { t: 'forward', cluster, host: called, tls, sni: tls ? called.replace(/:\d+$/, '') : '' } };
}

function policyStep(trail: Trail, { config }: CompiledCluster, action: CompiledForward | undefined): void {
  const base = { t: 'policy', limits: config.limits, connectTimeoutMs: config.connectTimeoutMs } as const;
  if (action === undefined) {
    trail.steps.push({ ...base, timeoutMs: 0 });
    return;
  }
  const { mirrors, hedge, priority } = action.config;
  trail.steps.push({
    ...base,
    limits: priority === 'high' ? config.highLimits : config.limits,
    timeoutMs: action.timeoutMs,
    ...(action.retry === undefined ? {} : { retry: action.retry.config }),
    ...(mirrors.length === 0 ? {} : { mirrors }),
    ...(hedge === undefined ? {} : { hedge }),
  });
}

function pickHost(trail: Trail, cluster: CompiledCluster, asking: Asking | undefined, tcp: PickWish | undefined): Host | undefined {
  const { discovery } = cluster.config;
  if (discovery.t === 'original-dst') {
    const named = discovery.header === undefined ? undefined : asking?.request.header(discovery.header);
    const address = named === undefined ? trail.request.connection.destination : parseAddress(named);
    return address === undefined ? undefined : cluster.originalDst(address);
  }
  // What a name is looked up to have only the running proxy learns.
  if (discovery.t === 'dynamic') return undefined;
  return cluster.pick(trail.random, NOW, asking === undefined ? tcp : wishOf(trail, asking));
}

function wishOf({ request: { connection } }: Trail, { action, choice, request }: Asking): PickWish | undefined {
  const { source, destination } = connection;
  const pair = formatAddress(source) + formatAddress(destination);
  const hash = action.hash?.compute(request, { source: source.address, pair }, () => {});
  if (hash === undefined && choice.criteria.length === 0) return undefined;
  return { hash, criteria: choice.criteria.length === 0 ? undefined : choice.criteria };
}

function describeHost(cluster: CompiledCluster, host: Host): DecisionHost {
  const { discovery } = cluster.config;
  return {
    address: host.key,
    health: healthText(host),
    priority: host.priority,
    flags: healthFlags(host, NOW),
    usable: discovery.t === 'original-dst' || isUsable(host, NOW),
    tls: host.transport.t === 'tls',
    workload: host.endpoint.workload?.name ?? '',
  };
}

/** What the resource says in the words of traffic: an endpoint of which nothing is said is as good as a healthy one. */
function healthText({ endpoint }: Host): string {
  if (endpoint.health === 'unknown') return 'healthy';
  return endpoint.health === 'timeout' ? 'unhealthy' : endpoint.health;
}
