import type { CompiledCluster, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { drainPool } from './drain.ts';
import { HostCheck } from './host-check.ts';

/** The active checks of all clusters. */
export interface HealthChecks {
  /** Checks exactly the hosts that the configuration now has. Answers a promise of the first checks of hosts that are new, bounded in time. */
  update(): Promise<void>;
  close(): void;
}

/** First checks are waited for at most so long. */
const MAX_WARM_MS = 5_000;

/** `dropLeft` takes hosts out of a cluster that have left its resource, now that they have failed. */
export function createHealthChecks(worker: Worker, dropLeft: (cluster: CompiledCluster) => void): HealthChecks {
  const checks = new Map<Host, HostCheck>();
  let waiting: { readonly hosts: Set<Host>; readonly done: () => void }[] = [];

  const onFinding = (host: Host, health: Host['activeHealth'], changed: boolean): void => {
    const cluster = worker.state.cluster(host.cluster);
    if (changed || host.activeHealth !== health) cluster?.checked(host, health, worker.wheel.recent);
    else if (health === 'healthy') cluster?.checkPassed(host, worker.wheel.recent);
    if (changed && health !== 'healthy' && health !== 'degraded' && cluster !== undefined) failed(cluster, host);
    settle(host);
  };
  const failed = (cluster: CompiledCluster, host: Host): void => {
    drainPool(host);
    if (cluster.config.closeOnHealthFailure) for (const connection of worker.connections) if (connection.upstreamHost === host) connection.destroy();
    if (host.leaving) dropLeft(cluster);
  };
  const settle = (host: Host): void => {
    for (const group of waiting) {
      group.hosts.delete(host);
      if (group.hosts.size === 0) group.done();
    }
    waiting = waiting.filter((group) => group.hosts.size > 0);
  };
  const stop = (host: Host): void => {
    checks.get(host)?.stop();
    checks.delete(host);
    host.check = undefined;
    settle(host);
  };

  return {
    update() {
      const wanted = new Map<Host, CompiledCluster>();
      for (const cluster of worker.state.clusters()) {
        if (cluster.config.healthChecks.length === 0) continue;
        for (const host of cluster.hosts()) if (!host.endpoint.check.disabled) wanted.set(host, cluster);
      }
      for (const [host, check] of checks) if (wanted.get(host)?.config.healthChecks[0] !== check.config) stop(host);
      const fresh = new Set<Host>();
      for (const [host, cluster] of wanted) {
        const [config] = cluster.config.healthChecks;
        if (config === undefined || checks.has(host)) continue;
        const check = new HostCheck(worker, { host, cluster, config }, { onFinding });
        host.check = check;
        checks.set(host, check);
        if (!check.checked) fresh.add(host);
        check.start();
      }
      return fresh.size === 0 ? Promise.resolve() : firstChecks(fresh);
    },
    close() {
      for (const host of checks.keys()) stop(host);
    },
  };

  function firstChecks(hosts: Set<Host>): Promise<void> {
    return new Promise((resolve) => {
      const timer = worker.ports.timers.after(MAX_WARM_MS, () => {
        hosts.clear();
        resolve();
      });
      waiting.push({
        hosts,
        done() {
          timer.cancel();
          resolve();
        },
      });
    });
  }
}

/** The response of a host says that it wants no more requests. */
export function expelHost(host: Host): void {
  if (host.check instanceof HostCheck) host.check.expel();
}
