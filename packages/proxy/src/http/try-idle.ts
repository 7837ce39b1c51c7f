import { createDeadline } from '../core/timer-wheel.ts';
import type { Exchange } from './exchange.ts';

/** The present try has brought or taken a byte: its idle time runs from now on. Nothing happens without such a limit. */
export function touchTry(x: Exchange): void {
  const idleMs = x.forward?.perTryIdleTimeoutMs ?? 0;
  if (idleMs === 0) return;
  const { wheel } = x.worker;
  x.tryIdle ??= createDeadline(() => x.onTryIdle());
  wheel.set(x.tryIdle, wheel.recent, idleMs);
}

/** No try runs now. */
export function stopTryIdle(x: Exchange): void {
  if (x.tryIdle !== undefined) x.worker.wheel.clear(x.tryIdle);
}
