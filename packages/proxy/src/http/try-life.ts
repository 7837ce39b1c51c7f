import { createDeadline } from '../core/timer-wheel.ts';
import type { Exchange } from './exchange.ts';

/** An exchange with the upstream has begun; where its cluster limits how long one may live, its time runs from now on. */
export function startLife(x: Exchange): void {
  const lifeMs = x.cluster?.config.http.maxStreamDurationMs ?? 0;
  if (lifeMs === 0) return;
  const { wheel } = x.worker;
  x.tryLife ??= createDeadline(() => x.onTryLife());
  wheel.set(x.tryLife, wheel.recent, lifeMs);
}

/** The exchange with the upstream is over. */
export function stopLife(x: Exchange): void {
  if (x.tryLife !== undefined) x.worker.wheel.clear(x.tryLife);
}
