import type { CompiledForward } from '@meltemi/runtime';
import { HEADER } from '@meltemi/wire';
import { startAttempt } from './attempt.ts';
import type { Exchange } from './exchange.ts';
import { cleanTarget } from './headers.ts';
import { drawExtraAttempts } from './hedge.ts';
import { chooseMirrors } from './mirror.ts';
import { createHostChoice, hashRequest, type HostChoice } from './host-choice.ts';
import { routeTimeoutMs, streamLifeMs } from './deadlines.ts';
import { runFilters, type RouterSteps } from './filters/run.ts';
import { logBegin } from './log-moments.ts';
import { localReply } from './local-reply.ts';
import { REPLIES } from './replies.ts';
import { openRequestChain } from './request-body.ts';
import { rescan } from './request-head.ts';
import { knownValue } from './request-view.ts';
import { startTrace } from './tracing.ts';
import { CONNECT, isUpgradeRefused } from './upgrades.ts';

/** Finds what is to be done with a request whose head the worker's scanner has just read, and begins it. */
export function routeRequest(x: Exchange): void {
  const { worker, plan } = x;
  choose(x);
  startTrace(x, worker.requestScanner, worker.view);
  if (worker.tap !== undefined) worker.tap.begin(x);
  if (plan.config.logMoments !== undefined) logBegin(x);
  if (x.upgrade !== '' && isUpgradeRefused(x)) {
    x.downstream.reply(x, x.upgrade === CONNECT && x.route === undefined ? REPLIES.routeNotFound : REPLIES.upgradeFailed);
    return;
  }
  // Filters stand before the router: they see redirects and direct responses too, and what no route matches.
  if (plan.http.filters.empty) act(x);
  else runFilters(x, -1, STEPS);
}

/** Like `routeRequest`, for a request that an upstream has sent elsewhere: the scanner shows it as it is now. */
export function routeAgain(x: Exchange): void {
  x.filters = undefined;
  choose(x);
  if (x.plan.config.logMoments !== undefined) logBegin(x);
  if (x.plan.http.filters.empty) act(x);
  else runFilters(x, -1, STEPS);
}

/** The route, and the cluster it leads to, of the request that the worker's scanner shows. */
function choose(x: Exchange): void {
  const { worker, info } = x;
  const route = x.plan.http.routes()?.match(worker.view, worker.random);
  x.route = route;
  x.forward = undefined;
  x.choice = undefined;
  x.cluster = undefined;
  info.route = route;
  info.cluster = undefined;
  info.clusterName = '';
  info.routeName = route?.config.name ?? '';
  info.virtualHost = route?.virtualHost.name ?? '';
  // Who is sent on to HTTPS is for no cluster.
  if (route?.action.t === 'forward' && !wantsTls(x, route.virtualHost.requireTls)) chooseCluster(x, route.action);
}

/** What the route says is to be done, once every filter has let the request pass. */
function act(x: Exchange): void {
  const { route } = x;
  x.plan.counts.rqRoutes++;
  if (route === undefined) {
    x.downstream.reply(x, x.plan.http.routes() === undefined ? REPLIES.noRouteTable : REPLIES.routeNotFound);
    return;
  }
  const { action } = route;
  if (wantsTls(x, route.virtualHost.requireTls)) redirectToTls(x);
  else if (action.t === 'forward') begin(x);
  else if (action.t === 'direct') x.downstream.reply(x, localReply(action.status, action.body, 'direct_response'));
  else if (action.t === 'redirect') {
    // After a delay the view may show another request by now.
    if (x.worker.scannedFor !== x) rescan(x);
    const { status, location } = action.locate(x.worker.view);
    x.downstream.reply(x, { ...localReply(status, '', 'direct_response'), lines: `location: ${cleanTarget(location)}\r\n` });
  } else x.downstream.reply(x, REPLIES.noAction);
}

const STEPS: RouterSteps = { choose, act };

function wantsTls(x: Exchange, required: 'none' | 'external-only' | 'all'): boolean {
  return required !== 'none' && x.scheme === 'http' && (required === 'all' || !x.internal);
}

function redirectToTls(x: Exchange): void {
  const location = `https://${x.viewAuthority}${x.viewPath}`;
  x.downstream.reply(x, { ...localReply(301, '', 'direct_response'), lines: `location: ${cleanTarget(location)}\r\n` });
}

function chooseCluster(x: Exchange, action: CompiledForward): void {
  const { worker, info } = x;
  x.forward = action;
  x.choice = action.pickCluster(worker.view, worker.random());
  info.clusterName = x.choice.cluster;
  const named = worker.state.cluster(x.choice.cluster);
  // What an aggregate stands for is one of its members; with none it is itself, and has no host.
  const cluster = named?.member === undefined ? named : (named.member(worker.random, worker.wheel.recent) ?? named);
  x.cluster = cluster;
  x.breaker = cluster?.breakers[action.config.priority];
  info.cluster = cluster;
  x.hostChoice = cluster === undefined ? undefined : createHostChoice(x, action, cluster);
  setTimeouts(x, action);
}

/** Time-outs and number of retries: the route's, unless the caller's headers say otherwise. */
function setTimeouts(x: Exchange, action: CompiledForward): void {
  x.timeoutMs = routeTimeoutMs(x, action);
  x.retry = action.retryFor(x.worker.view, x.internal);
  x.perTryMs = action.perTryTimeoutMs;
  x.retriesLeft = x.retry?.config.numRetries ?? 0;
  x.hedgeOnTimeout = action.config.hedge?.onPerTryTimeout === true;
  x.extraAttempts = drawExtraAttempts(x);
  if (x.internal) obeyHeaders(x);
}

/** A caller of ours may set these for one request. */
function obeyHeaders(x: Exchange): void {
  const { requestScanner: scanner, view } = x.worker;
  const { bytes } = view;
  const timeout = HEADER['x-envoy-upstream-rq-timeout-ms'];
  const perTry = HEADER['x-envoy-upstream-rq-per-try-timeout-ms'];
  const hedged = HEADER['x-envoy-hedge-on-per-try-timeout'];
  if (scanner.known[hedged] !== 0) x.hedgeOnTimeout = obeyed(knownValue(scanner, bytes, hedged), x.hedgeOnTimeout);
  if (scanner.known[timeout] !== 0) x.timeoutMs = wholeNumber(knownValue(scanner, bytes, timeout)) ?? x.timeoutMs;
  if (scanner.known[perTry] !== 0) x.perTryMs = wholeNumber(knownValue(scanner, bytes, perTry)) ?? x.perTryMs;
}

function obeyed(text: string, otherwise: boolean): boolean {
  return text === 'true' || (text !== 'false' && otherwise);
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The first attempt. */
function begin(x: Exchange): void {
  if (x.cluster === undefined) {
    x.downstream.reply(x, localReply(x.forward?.config.clusterNotFoundStatus ?? 503, '', 'cluster_not_found', 'NC'));
    return;
  }
  meetExpectation(x);
  const lifeMs = streamLifeMs(x);
  if (lifeMs !== undefined) x.downstream.timers.limitLife(x, lifeMs);
  if (x.payloadRequest.length > 0) openRequestChain(x);
  if (x.bodyComplete) x.downstream.timers.startRoute(x);
  if (x.forward !== undefined && x.forward.config.mirrors.length > 0) chooseMirrors(x);
  if (x.hostChoice !== undefined) hashNow(x, x.hostChoice);
  startAttempt(x);
}

/** The client is told to go on, unless that is for the upstream to say. */
function meetExpectation(x: Exchange): void {
  if (x.expectsContinue && !x.requestComplete && !x.plan.config.proxy100Continue) x.downstream.sendInterim(x, undefined);
}

function hashNow(x: Exchange, choice: HostChoice): void {
  // After a delay the scanner may show another request by now.
  if (x.worker.scannedFor !== x) rescan(x);
  hashRequest(x, choice);
}
