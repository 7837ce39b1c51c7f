import type { StreamInfo } from '../types.ts';
import type { Exchange } from './exchange.ts';

/** The request goes on as another one: what it was so far is counted and logged, and its record begins anew. */
export function logEarlier(x: Exchange, details: string): void {
  const { worker, plan, info } = x;
  if (x.countedRetry && x.breaker !== undefined) x.breaker.usage.retries--;
  x.countedRetry = false;
  const earlier: StreamInfo = { ...info, responseCodeDetails: details, endMs: worker.wheel.recent, bytesReceived: x.downstream.receivedBytes };
  worker.ports.streams.onStreamEnd(earlier);
  if (plan.logs.length > 0) worker.accessLog.log(plan.logs, earlier);
  info.attempts = 0;
  info.flags = 0;
  info.responseCode = 0;
  info.host = undefined;
  info.upstreamRemote = '';
  info.upstreamLocal = '';
  info.upstreamTls = undefined;
  info.upstreamFirstByteMs = 0;
  info.upstreamTransportFailureReason = '';
}
