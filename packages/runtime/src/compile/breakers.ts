import type { Breaker, CompiledCluster } from '../compiled.ts';
import type { CircuitBreakers, RuntimeCluster } from '../types/cluster.ts';

/** The two breakers of a cluster; what is in use goes on counting over an update. */
export function createBreakers(config: RuntimeCluster, before: CompiledCluster | undefined): Pick<CompiledCluster, 'breakers' | 'usage' | 'traffic'> {
  const fresh = (): Breaker['usage'] => ({ connections: 0, pending: 0, requests: 0, retries: 0 });
  const usage = before?.usage ?? fresh();
  const high = before?.breakers.high.usage ?? fresh();
  return {
    usage,
    traffic: before?.traffic ?? { seen: false },
    breakers: { default: breaker(config.limits, usage), high: breaker(config.highLimits, high) },
  };
}

function breaker(limits: CircuitBreakers, usage: Breaker['usage']): Breaker {
  return {
    limits,
    usage,
    mayRetry() {
      const { retryBudget } = limits;
      if (retryBudget === undefined) return usage.retries < limits.maxRetries;
      return usage.retries < Math.max((retryBudget.percent / 100) * (usage.requests + usage.pending), retryBudget.minConcurrency);
    },
  };
}
