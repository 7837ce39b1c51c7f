import { countCode, type AttemptEnd } from '@meltemi/runtime';
import { flagBit } from '../types.ts';
import { waitForAside } from './aside.ts';
import { abandonAttempt } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import { rememberTried } from './host-choice.ts';
import type { LocalReply } from './local-reply.ts';
import { resetReply } from './replies.ts';
import type { UpstreamStream } from './stream.ts';

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
  const reply = resetReply(failure.reason, failure.flag, failure.transport, x.info.attempts > 1);
  endAttempt(x, failure.end, x.interim ? { ...reply, details: reply.details.replace('before_response', 'after_response') } : reply);
}

/** Gives the attempt up; tries again if the policy says so, else answers. */
export function endAttempt(x: Exchange, end: AttemptEnd, reply: LocalReply): void {
  abandonAttempt(x, end.t === 'overflow' ? undefined : end.t === 'per-try-timeout' ? 'timeout' : 'local');
  if (mayRetry(x, end)) scheduleRetry(x, end);
  else if (!waitForAside(x, reply)) x.downstream.reply(x, reply);
}

/**
 * Do policy, counters and body allow another attempt after this end? A request that may have been processed is sent again only if the
 * policy asks for that; one whose body is no longer whole, or whose response has begun, never.
 */
export function mayRetry(x: Exchange, end: AttemptEnd): boolean {
  const { retry, breaker, info } = x;
  if (retry === undefined || breaker === undefined || x.phase === 'responding' || x.phase === 'done') return false;
  if (!retry.shouldRetry(end)) return false;
  if (x.retriesLeft <= 0) {
    if (x.cluster !== undefined) x.cluster.counts.rqRetryLimit++;
    info.flags |= flagBit('URX');
    return false;
  }
  if (!x.replayable) return false;
  if (!x.countedRetry && !breaker.mayRetry(x.worker.wheel.recent)) {
    if (x.cluster !== undefined) x.cluster.counts.rqRetryOverflow++;
    info.flags |= flagBit('UO');
    return false;
  }
  return true;
}

/** Methods that do no more when done twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * A kept-alive connection was closed before a byte of the response came: most often the upstream's idle time-out crossed the request.
 * An idempotent request without body is sent again at once, whatever the policy (RFC 9112 section 9.3.1). Every round takes a used
 * connection out of the pool, and a fresh one is no reason: so there is an end to it. Answers whether it was done.
 */
export function sentOnStale(x: Exchange, stream: UpstreamStream): boolean {
  if (stream.requests < 2 || stream.answering || x.downstream.hasBody || !IDEMPOTENT.has(x.info.method)) return false;
  if (x.upgrade !== '') return false;
  x.downstream.timers.stopTry();
  abandonAttempt(x, undefined);
  x.phase = 'held';
  x.again();
  return true;
}

/** So often a request is sent again because its connection was going away. */
const MAX_IN_VAIN = 3;

/**
 * The upstream said when it went away that it has not looked at this request: it is sent again at once, whatever the policy, if it is
 * still whole (RFC 9113 section 6.8). Answers whether it was done.
 */
export function sentInVain(x: Exchange): boolean {
  if (x.info.attempts > MAX_IN_VAIN || (x.downstream.hasBody && !x.replayable) || x.upgrade !== '') return false;
  x.downstream.timers.stopTry();
  abandonAttempt(x, undefined);
  x.phase = 'held';
  x.again();
  return true;
}

function countRetry({ cluster }: Exchange, end: AttemptEnd): void {
  if (cluster === undefined) return;
  cluster.counts.rqRetry++;
  if (end.t === 'response') countCode(cluster.counts, 'retriedCodes', end.status);
}

/** Begins another attempt after the policy's back-off, or after the time that the response asked for. The old one has been given up. */
export function scheduleRetry(x: Exchange, end: AttemptEnd): void {
  const { retry, breaker, worker } = x;
  if (retry === undefined || breaker === undefined) return;
  if (!x.countedRetry) breaker.usage.retries++;
  x.countedRetry = true;
  x.retriesLeft--;
  rememberTried(x, retry);
  x.phase = 'held';
  countRetry(x, end);
  const asked = retry.askedBackOffMs(end, worker.ports.clock.now(), worker.random());
  if (x.cluster !== undefined) x.cluster.counts[asked === undefined ? 'rqBackOff' : 'rqBackOffAsked']++;
  x.downstream.timers.wait(x, asked ?? retry.backOffMs(x.info.attempts, worker.random()), () => x.again());
}
