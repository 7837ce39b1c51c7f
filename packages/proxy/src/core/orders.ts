import { resetClusterCounts } from '@meltemi/runtime';
import type { EngineOrder } from '../main/engine.ts';
import { TapSession } from '../tap/tap-session.ts';
import type { Worker } from './worker.ts';

/** Does what an operator asks a thread for. */
export function obey(worker: Worker, order: EngineOrder): void {
  if (order.t === 'tap')
    worker.tap = new TapSession(
      order.tap,
      () => worker.ports.clock.monotonic(),
      (trace) => worker.ports.onTrace?.(order.tap.id, trace),
    );
  else if (order.t === 'untap') worker.tap = undefined;
  else if (order.t === 'failing') worker.failing = order.failing;
  else if (order.t === 'reset-counters') {
    worker.stats.reset();
    worker.counters.reset();
    for (const cluster of worker.state.clusters()) resetClusterCounts(cluster.counts);
  }
}
