import { upstreamAlpn } from '../compile/listener.ts';
import type { RouteTable } from '../compile/routes.ts';
import type {
  CompiledChain,
  CompiledForward,
  CompiledHeaders,
  CompiledHttp,
  CompiledListener,
  CompiledRoute,
  ClusterChoice,
  RequestView,
  RuntimeState,
} from '../compiled.ts';
import { normalizeAuthority, normalizeTarget } from '../target.ts';
import { decideCluster } from './cluster.ts';
import { runFilters, type Walk } from './filters.ts';
import type { DecideRequest, Decision, DecisionStep, Outcome } from './types.ts';
import { failedCriteria } from './why-not.ts';

/** What the steps are collected in while one call is followed. */
export interface Trail {
  readonly state: RuntimeState;
  readonly steps: DecisionStep[];
  readonly random: () => number;
  readonly request: DecideRequest;
}

/**
 * What the data plane does with a call, told step by step. It runs the matchers, filters and balancers of the request path themselves,
 * so an explanation cannot differ from what happens; `random` in [0, 1) stands for chance. Nothing is changed but turns of balancers.
 */
export function decide(state: RuntimeState, request: DecideRequest, random: () => number): Decision {
  const trail: Trail = { state, steps: [], random, request };
  return { steps: trail.steps, outcome: follow(trail) };
}

function follow(trail: Trail): Outcome {
  const listener = findListener(trail);
  if (listener === undefined) return { t: 'close', flag: 'NR', details: 'no listener for this destination' };
  const chain = listener.selectChain(trail.request.connection);
  if (chain === undefined) return { t: 'close', flag: 'NR', details: 'filter_chain_not_found' };
  trail.steps.push({
    t: 'filter-chain',
    name: chain.config.name,
    tls: chain.config.tls !== undefined,
    kind: chain.terminal.t,
    ...origin(chain.config),
  });
  return followChain(trail, chain);
}

function findListener(trail: Trail): CompiledListener | undefined {
  const { state, request } = trail;
  const { destination } = request.connection;
  const accepting = request.listener === undefined ? state.findListener(destination) : state.listener(request.listener);
  if (accepting === undefined) return undefined;
  const target = accepting.config.useOriginalDst ? state.findListener(destination) : undefined;
  const listener = target ?? accepting;
  const handedOver = target === undefined ? {} : { handedOverFrom: accepting.config.name };
  trail.steps.push({ t: 'listener', name: listener.config.name, ...handedOver, ...origin(listener.config) });
  return listener;
}

function followChain(trail: Trail, chain: CompiledChain): Outcome {
  const { terminal } = chain;
  if (terminal.t === 'tcp') {
    const picked = terminal.tcp.pickCluster(trail.random());
    const total = terminal.tcp.config.clusters.reduce((sum, item) => sum + item.weight, 0);
    trail.steps.push({
      t: 'cluster',
      name: picked.name,
      weights: terminal.tcp.config.clusters.map((item) => ({ cluster: item.name, share: item.weight / total })),
    });
    const wish = terminal.tcp.wish(trail.request.connection.source.address, picked);
    const decided = decideCluster(trail, picked.name, undefined, wish);
    const alpn = upstreamAlpn(chain);
    const offered = alpn === undefined ? {} : { alpn };
    return decided.t === 'host'
      ? { ...decided.forward, ...offered, path: '', authority: '' }
      : { t: 'close', flag: decided.flag, details: decided.details };
  }
  if (trail.request.http === undefined) return { t: 'close', flag: 'DPE', details: 'the filter chain expects HTTP' };
  const { method, path, authority } = trail.request.http;
  const { config } = terminal.http;
  const target = normalizeTarget(path, config);
  if (target.t === 'reject') return { t: 'respond', status: 400, flag: '', details: 'path_normalization_failed', body: '' };
  if (target.t === 'redirect') return { t: 'respond', status: 307, flag: '', details: 'path_normalization_failed', location: target.path, body: '' };
  // A tunnel goes to a port, whatever it is.
  const called = method === 'CONNECT' ? authority : normalizeAuthority(authority, config, trail.request.connection.destination.port);
  return followHttp(trail, terminal.http, requestView({ ...trail.request.http, path: target.path, authority: called }));
}

function requestView(http: NonNullable<DecideRequest['http']>): RequestView {
  return { ...http, header: (name) => (Object.hasOwn(http.headers, name) ? http.headers[name] : undefined) };
}

function followHttp(trail: Trail, http: CompiledHttp, request: RequestView): Outcome {
  const table = http.routes() as RouteTable | undefined;
  const choose = (view: RequestView): Walk => chooseRoute(trail, table, view);
  const filtered = runFilters(trail, http, choose(request), choose);
  if (filtered.t === 'stopped') return filtered.outcome;
  const { route } = filtered.walk;
  if (table === undefined) return notFound('route table not there yet');
  return route === undefined ? notFound('route_not_found') : followRoute(trail, route, filtered.walk);
}

function chooseRoute(trail: Trail, table: RouteTable | undefined, request: RequestView): Walk {
  const none = { request, route: undefined, choice: undefined };
  if (table === undefined) return none;
  trail.steps.push({ t: 'route-table', name: table.config.name, ...origin(table.config) });
  const host = table.host(request.authority);
  if (host === undefined) return none;
  trail.steps.push({ t: 'virtual-host', name: host.config.name, authority: request.authority, domains: host.config.domains, ...origin(host.config) });
  const drawn = trail.random();
  const route = table.match(request, () => drawn);
  for (const [index, entry] of host.entries.entries()) {
    if (entry.route === route) break;
    const { config } = entry.route;
    trail.steps.push({
      t: 'route-skipped',
      name: config.name,
      index,
      because: failedCriteria(config.match, request, () => drawn),
      ...origin(config),
    });
  }
  if (route === undefined) return none;
  trail.steps.push({ t: 'route', name: route.config.name, index: host.entries.findIndex((entry) => entry.route === route), ...origin(route.config) });
  return { request, route, choice: route.action.t === 'forward' ? pickCluster(trail, route.action, request) : undefined };
}

function followRoute(trail: Trail, route: CompiledRoute, { request, choice }: Walk): Outcome {
  const { action } = route;
  if (action.t === 'none') return { t: 'respond', status: 404, flag: 'NR', details: 'non_forwarding_action', body: '' };
  if (action.t === 'forward') return followForward(trail, action, choice as ClusterChoice, request);
  headerStep(trail, 'response', route.responseHeaders);
  if (action.t === 'direct') return { t: 'respond', status: action.status, flag: '', details: 'direct_response', body: action.body };
  const { status, location } = action.locate(request);
  return { t: 'respond', status, flag: '', details: 'direct_response', location, body: '' };
}

function pickCluster(trail: Trail, action: CompiledForward, request: RequestView): ClusterChoice {
  const choice = action.pickCluster(request, trail.random());
  const { cluster } = action.config;
  const list = cluster.t === 'weighted' ? cluster.clusters : [{ name: choice.cluster, weight: 1 }];
  const total = list.reduce((sum, item) => sum + item.weight, 0);
  trail.steps.push({ t: 'cluster', name: choice.cluster, weights: list.map((item) => ({ cluster: item.name, share: item.weight / total })) });
  return choice;
}

function followForward(trail: Trail, action: CompiledForward, choice: ClusterChoice, request: RequestView): Outcome {
  headerStep(trail, 'request', choice.requestHeaders);
  headerStep(trail, 'response', choice.responseHeaders);
  const decided = decideCluster(trail, choice.cluster, { action, choice, request });
  if (decided.t === 'none') {
    const status = decided.flag === 'NC' ? action.config.clusterNotFoundStatus : 503;
    return { t: 'respond', status, flag: decided.flag, details: decided.details, body: '' };
  }
  const path = action.rewritePath(request);
  const authority = action.rewriteHost(request, choice, decided.hostname);
  if (path !== request.path || authority !== request.authority) trail.steps.push({ t: 'rewrite', path, authority });
  return { ...decided.forward, path, authority };
}

function headerStep(trail: Trail, direction: 'request' | 'response', headers: CompiledHeaders): void {
  if (headers.empty) return;
  trail.steps.push({ t: 'headers', direction, remove: headers.remove, set: headers.set.map(({ name, action }) => ({ name, action })) });
}

function notFound(details: string): Outcome {
  return { t: 'respond', status: 404, flag: 'NR', details, body: '' };
}

function origin(config: { readonly origin?: string }): { readonly origin?: string } {
  return config.origin === undefined ? {} : { origin: config.origin };
}
