import type { Breaker, CompiledCluster } from '../compiled.ts';
import { SharedUsage } from '../shared/counted.ts';
import type { SharedNumbers } from '../shared/numbers.ts';
import { createClusterCounts } from '../stats/cluster-counts.ts';
import type { CircuitBreakers, RuntimeCluster } from '../types/cluster.ts';
import { Recent } from './recent.ts';

/** The two breakers of a cluster; what is in use, and what was counted, goes on over an update. */
export function createBreakers(
  config: RuntimeCluster,
  before: CompiledCluster | undefined,
  shared?: SharedNumbers,
): Pick<CompiledCluster, 'breakers' | 'usage' | 'traffic' | 'counts'> {
  const fresh = (priority: string): Breaker['usage'] => {
    const place = shared?.place(`${config.name}|${priority}`);
    return place === undefined ? { connections: 0, pending: 0, requests: 0, retries: 0 } : new SharedUsage(place);
  };
  const usage = before?.usage ?? fresh('default');
  const high = before?.breakers.high.usage ?? fresh('high');
  return {
    usage,
    counts: before?.counts ?? createClusterCounts(),
    traffic: before?.traffic ?? { seen: false },
    breakers: { default: breaker(config.limits, usage), high: breaker(config.highLimits, high) },
  };
}

function breaker(limits: CircuitBreakers, usage: Breaker['usage']): Breaker {
  const { retryBudget } = limits;
  const intervalMs = retryBudget?.intervalMs ?? 0;
  if ((usage.recent?.intervalMs ?? 0) !== intervalMs) usage.recent = intervalMs === 0 ? undefined : new Recent(intervalMs);
  return {
    limits,
    usage,
    began(nowMs) {
      usage.recent?.add(nowMs);
    },
    mayRetry(nowMs) {
      if (retryBudget === undefined) return usage.retries < limits.maxRetries;
      const requests = Math.max(usage.requests, usage.recent?.count(nowMs) ?? 0) + usage.pending;
      return usage.retries < Math.max(Math.floor((retryBudget.percent / 100) * requests), retryBudget.minConcurrency);
    },
  };
}
