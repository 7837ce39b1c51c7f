import { resetClusterCounts } from '@meltemi/runtime';
import type { EngineOrder } from '../main/engine.ts';
import type { Worker } from './worker.ts';

/** Does what an operator asks a thread for. */
export function obey(worker: Worker, order: EngineOrder): void {
  if (order.t === 'failing') worker.failing = order.failing;
  else if (order.t === 'reset-counters') {
    worker.stats.reset();
    worker.counters.clear();
    for (const cluster of worker.state.clusters()) resetClusterCounts(cluster.counts);
  }
}
