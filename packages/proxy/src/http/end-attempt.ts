import type { OutlierOutcome } from '@meltemi/runtime';
import { drainPool } from '../health/drain.ts';
import { httpPool } from '../pool/host-pools.ts';
import type { Exchange } from './exchange.ts';
import { dropFilters } from './filters/state.ts';
import { endAttemptSpan } from './spans.ts';
import { stopTryIdle } from './try-idle.ts';
import { stopLife } from './try-life.ts';
import { NO_PIECES } from './pieces.ts';

/** The body is not needed again. */
export function forget(x: Exchange): void {
  x.replayable = false;
  if (x.bodyBytes === 0) return;
  x.body = NO_PIECES;
  x.bodyBytes = 0;
}

/** Ends an attempt at the head of its response, which nobody wants; its connection goes back if it can. */
export function dismissAttempt(x: Exchange): void {
  if (x.upstream?.user === x) x.upstream.dismiss();
  abandonAttempt(x, undefined);
}

/** Ends an attempt without its connection going back: counters, outlier detection, waiting places. */
export function abandonAttempt(x: Exchange, outcome: OutlierOutcome | undefined): void {
  const { upstream, host, worker } = x;
  settle(x);
  stopTryIdle(x);
  stopLife(x);
  // Of a response that is cut, what has come.
  if (x.phase === 'responding' && x.info.bytesSent === 0 && upstream !== undefined) x.info.bytesSent = upstream.payloadBytes;
  if (outcome !== undefined) tell(x, outcome);
  x.upstream = undefined;
  if (upstream !== undefined && (upstream.user === x || upstream.user?.owner === x)) upstream.abandon();
  else if (host !== undefined && upstream === undefined) httpPool(worker, host).cancel(x);
}

function tell({ host, cluster, worker }: Exchange, outcome: OutlierOutcome): void {
  if (host !== undefined && cluster?.report(host, outcome, worker.wheel.recent) === true) drainPool(host);
}

/** Takes the attempt out of the counters. */
export function settle(x: Exchange): void {
  if (x.filters !== undefined) dropFilters(x);
  if (x.span?.attempt !== undefined) endAttemptSpan(x);
  if (!x.counted) return;
  x.counted = false;
  if (x.host !== undefined) x.host.active--;
  if (x.breaker !== undefined) x.breaker.usage.requests--;
}
