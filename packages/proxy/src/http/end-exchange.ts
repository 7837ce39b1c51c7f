import { flagBit, type StreamInfo } from '../types.ts';
import { countExchange } from '../stats/count-exchange.ts';
import { dropAside } from './aside.ts';
import { abandonAttempt, settle } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import type { LocalReply } from './local-reply.ts';
import { hedge, hedges } from './hedge.ts';
import { REPLIES } from './replies.ts';
import { endAttempt } from './retry.ts';
import { endSpan } from './spans.ts';

/** The exchange is over: counters, record, logs. Once. */
export function recordExchange(x: Exchange): void {
  if (x.phase === 'done') return;
  const { worker, plan, info, downstream } = x;
  release(x);
  info.endMs = worker.wheel.recent;
  if (x.upgrade === '') info.bytesReceived = downstream.receivedBytes;
  countExchange(x);
  if (x.tap !== undefined) x.tap.end();
  worker.ports.streams.onStreamEnd(info as StreamInfo);
  if (x.span !== undefined) endSpan(x);
  if (plan.logs.length > 0) worker.accessLog.log(plan.logs, info);
}

/** Gives everything back that is counted, timed or held for the exchange. */
function release(x: Exchange): void {
  const { worker, downstream } = x;
  settle(x);
  x.phase = 'done';
  worker.requests--;
  if (x.countedRetry && x.breaker !== undefined) x.breaker.usage.retries--;
  if (x.activeFault) worker.activeFaults--;
  downstream.timers.stopStream();
  removeDeadlines(x);
  dropAside(x);
  x.mirrors = undefined;
  x.requestChain?.drop();
  x.responseChain?.drop();
}

function removeDeadlines({ worker, tryIdle, tryLife, logTurn }: Exchange): void {
  if (tryIdle !== undefined) worker.wheel.remove(tryIdle);
  if (tryLife !== undefined) worker.wheel.remove(tryLife);
  if (logTurn !== undefined) worker.wheel.remove(logTurn);
}

/** The client has gone before its exchange was over. */
export function clientGone(x: Exchange, details: string = 'downstream_remote_disconnect', flag: 'DC' | 'DPE' | 'DR' = 'DC'): void {
  if (x.phase !== 'tunnel' && x.phase !== 'done') {
    x.info.flags |= flagBit(flag);
    x.info.responseCodeDetails = details;
    if (x.phase !== 'responding') x.info.responseCode = 0;
  }
  abandonAttempt(x, undefined);
  recordExchange(x);
}

/** Gives the attempt up, if there is one, and answers. */
export function giveUp(x: Exchange, reply: LocalReply): void {
  abandonAttempt(x, x.phase === 'sent' ? 'local' : undefined);
  x.downstream.reply(x, reply);
}

/** The whole of the request takes too long. */
export function routeExpired(x: Exchange): void {
  countTimeout(x, 'rqTimeout');
  giveUp(x, REPLIES.routeTimeout);
}

function countTimeout({ cluster, host }: Exchange, kind: 'rqTimeout' | 'rqPerTryTimeout' | 'rqPerTryIdleTimeout' | 'rqMaxDuration'): void {
  if (cluster !== undefined) cluster.counts[kind]++;
  if (host !== undefined) host.counts.rqTimeout++;
}

/** The present attempt takes too long. */
export function perTryExpired(x: Exchange): void {
  countTimeout(x, 'rqPerTryTimeout');
  if (hedges(x)) hedge(x);
  else if (x.phase === 'sent') endAttempt(x, { t: 'per-try-timeout' }, REPLIES.perTryTimeout);
}

/** The present attempt has not brought a byte for too long. */
export function tryIdleExpired(x: Exchange): void {
  countTimeout(x, 'rqPerTryIdleTimeout');
  if (hedges(x)) hedge(x);
  else if (x.phase === 'sent') endAttempt(x, { t: 'per-try-timeout' }, REPLIES.perTryIdleTimeout);
  else if (x.phase === 'responding') {
    x.info.flags |= flagBit('UT');
    x.info.responseCodeDetails = REPLIES.perTryIdleTimeout.details;
    abandonAttempt(x, 'timeout');
    x.downstream.cut(x);
  }
}

/** The present exchange with the upstream has lived as long as its cluster allows. */
export function tryLifeExpired(x: Exchange): void {
  const reply = REPLIES.upstreamMaxDuration;
  countTimeout(x, 'rqMaxDuration');
  if (x.phase === 'sent') endAttempt(x, { t: 'reset', requestSent: true }, reply);
  else if (x.phase === 'responding') {
    x.info.flags |= reply.flags;
    x.info.responseCodeDetails = reply.details;
    abandonAttempt(x, 'local');
    x.downstream.cut(x);
  }
}

/** No byte has moved for too long. */
export function streamIdleExpired(x: Exchange): void {
  giveUp(x, x.requestComplete ? REPLIES.idleResponse : REPLIES.idleRequest);
}

/** The stream has lived as long as it may. */
export function lifeExpired(x: Exchange): void {
  if (x.info.grpc) giveUp(x, REPLIES.grpcDeadline);
  else giveUp(x, x.requestComplete ? REPLIES.maxDuration : REPLIES.maxDurationOfRequest);
}

/** What came of the upstream could not be dealt with: the client's connection or stream ends, and nothing else does. */
export function shed(x: Exchange, error: unknown): void {
  const { faults } = x.worker;
  faults.report('exchange', error);
  const ended = x.phase === 'done';
  const tap = ended ? undefined : x.tap;
  x.phase = 'done';
  for (const step of [() => abandonAttempt(x, undefined), () => (ended ? undefined : release(x)), () => tap?.end()])
    faults.guard('exchange', step, () => {});
  x.downstream.shed();
}
