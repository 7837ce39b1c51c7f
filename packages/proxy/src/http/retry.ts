import type { AttemptEnd } from '@meltemi/runtime';
import { flagBit } from '../types.ts';
import { abandonAttempt, startAttempt } from './attempt.ts';
import type { Exchange } from './exchange.ts';
import type { LocalReply } from './local-reply.ts';
import { resetReply } from './replies.ts';

/** How an attempt ended that brought no response to pass on, in words for the answer. */
export interface Failure {
  readonly end: AttemptEnd;
  readonly flag: 'UF' | 'UC' | 'UO' | 'UPE' | 'UR';
  /** Envoy's name of the reset reason. */
  readonly reason: string;
  readonly transport: string;
}

/** Tries again where the route's policy allows it; answers with a local reply where not. */
export function attemptFailed(x: Exchange, failure: Failure): void {
  if (failure.transport !== '') x.info.upstreamTransportFailureReason = failure.transport;
  endAttempt(x, failure.end, resetReply(failure.reason, failure.flag, failure.transport, x.info.attempts > 1));
}

/** Gives the attempt up; tries again if the policy says so, else answers. */
export function endAttempt(x: Exchange, end: AttemptEnd, reply: LocalReply): void {
  abandonAttempt(x, end.t === 'overflow' ? undefined : 'local');
  if (mayRetry(x, end)) scheduleRetry(x);
  else x.downstream.reply(x, reply);
}

/**
 * Do policy, counters and body allow another attempt after this end? A request that may have been processed is sent again only if the
 * policy asks for that; one whose body is no longer whole, or whose response has begun, never.
 */
export function mayRetry(x: Exchange, end: AttemptEnd): boolean {
  const policy = x.forward?.retry;
  const { cluster, info } = x;
  if (policy === undefined || cluster === undefined || !x.replayable || x.phase === 'responding' || x.phase === 'done') return false;
  if (x.maxRetries === 0 || !policy.shouldRetry(end)) return false;
  if (x.retriesLeft <= 0) {
    info.flags |= flagBit('URX');
    return false;
  }
  if (!x.countedRetry && cluster.usage.retries >= cluster.config.limits.maxRetries) {
    info.flags |= flagBit('UO');
    return false;
  }
  return true;
}

/** Begins another attempt after the policy's back-off. The old one has been given up. */
export function scheduleRetry(x: Exchange): void {
  const policy = x.forward?.retry;
  if (policy === undefined || x.cluster === undefined) return;
  if (!x.countedRetry) x.cluster.usage.retries++;
  x.countedRetry = true;
  x.retriesLeft--;
  if (policy.config.avoidPreviousHosts && x.host !== undefined) (x.tried ??= []).push(x.host);
  x.phase = 'held';
  x.downstream.wait(x, policy.backOffMs(x.info.attempts, x.worker.random()), () => startAttempt(x));
}
