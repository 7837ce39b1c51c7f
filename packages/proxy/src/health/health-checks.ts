import type { CompiledCluster, HealthCheck, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import { drainPool } from './drain.ts';
import type { HostEvent } from './host-events.ts';
import { HostCheck } from './host-check.ts';

/** The active checks of all clusters. */
export interface HealthChecks {
  /** Checks exactly the hosts that the configuration now has. Answers a promise of the first checks of hosts that are new, bounded in time. */
  update(): Promise<void>;
  /** What was found elsewhere. */
  adopt(event: HostEvent): void;
  /** What is known of every host that is checked. */
  known(): readonly HostEvent[];
  close(): void;
}

export interface HealthCheckHooks {
  /** Takes hosts out of a cluster that have left its resource, now that they have failed. */
  dropLeft(cluster: CompiledCluster): void;
  /** Another thread does the checks. */
  readonly elsewhere: boolean;
  onEvent(event: HostEvent): void;
}

/** First checks are waited for at most so long. */
const MAX_WARM_MS = 5_000;

export function createHealthChecks(worker: Worker, hooks: HealthCheckHooks): HealthChecks {
  const checks = new Map<Host, HostCheck>();
  const waiting = new FirstChecks(worker);

  const onFinding = (host: Host, health: Host['activeHealth'], changed: boolean): void => {
    const cluster = worker.state.cluster(host.cluster);
    if (changed || host.activeHealth !== health) cluster?.checked(host, health, worker.wheel.recent);
    else if (health === 'healthy') cluster?.checkPassed(host, worker.wheel.recent);
    if (changed && health !== 'healthy' && health !== 'degraded' && cluster !== undefined) failed(cluster, host);
    if (changed) hooks.onEvent({ t: 'checked', cluster: host.cluster, host: host.key, health });
    waiting.checked(host);
  };
  const failed = (cluster: CompiledCluster, host: Host): void => {
    drainPool(host);
    if (cluster.config.closeOnHealthFailure) for (const connection of worker.connections) if (connection.upstreamHost === host) connection.destroy();
    if (host.leaving) hooks.dropLeft(cluster);
  };
  const stop = (host: Host): void => {
    checks.get(host)?.stop();
    checks.delete(host);
    host.check = undefined;
    waiting.checked(host);
  };
  const start = (host: Host, cluster: CompiledCluster, config: HealthCheck): HostCheck => {
    const check = new HostCheck(worker, { host, cluster, config }, { onFinding });
    host.check = check;
    checks.set(host, check);
    return check;
  };

  return {
    update() {
      if (hooks.elsewhere) return Promise.resolve();
      const wanted = hostsToCheck(worker);
      for (const [host, check] of checks) if (wanted.get(host)?.config.healthChecks[0] !== check.config) stop(host);
      const fresh = new Set<Host>();
      for (const [host, cluster] of wanted) {
        const [config] = cluster.config.healthChecks;
        if (config === undefined || checks.has(host)) continue;
        const check = start(host, cluster, config);
        if (!check.checked) fresh.add(host);
        check.start();
      }
      return fresh.size === 0 ? Promise.resolve() : waiting.wait(fresh);
    },
    adopt: (event) => adopt(worker, event, failed),
    known: () => [...checks.keys()].map((host) => ({ t: 'checked', cluster: host.cluster, host: host.key, health: host.activeHealth }) as const),
    close() {
      for (const host of checks.keys()) stop(host);
    },
  };
}

/** What another thread has found out; `failed`: the host must not be used any more. */
function adopt(worker: Worker, event: HostEvent, failed: (cluster: CompiledCluster, host: Host) => void): void {
  const cluster = worker.state.cluster(event.cluster);
  const host = cluster?.find(event.host);
  if (cluster === undefined || host === undefined) return;
  const now = worker.wheel.now();
  if (event.t === 'ejected') {
    cluster.ejectedElsewhere(host, event.forMs, now);
    drainPool(host);
    return;
  }
  const { health } = event;
  if (host.activeHealth === health) return;
  cluster.checked(host, health, now);
  if (health !== 'healthy' && health !== 'degraded') failed(cluster, host);
}

function hostsToCheck(worker: Worker): ReadonlyMap<Host, CompiledCluster> {
  const wanted = new Map<Host, CompiledCluster>();
  for (const cluster of worker.state.clusters()) {
    if (cluster.config.healthChecks.length === 0) continue;
    for (const host of cluster.hosts()) if (!host.endpoint.check.disabled) wanted.set(host, cluster);
  }
  return wanted;
}

/** Who waits for the first checks of which hosts. */
class FirstChecks {
  readonly #worker: Worker;
  #groups: { readonly hosts: Set<Host>; readonly done: () => void }[] = [];

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  wait(hosts: Set<Host>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#worker.ports.timers.after(MAX_WARM_MS, () => {
        hosts.clear();
        resolve();
      });
      this.#groups.push({
        hosts,
        done() {
          timer.cancel();
          resolve();
        },
      });
    });
  }

  checked(host: Host): void {
    for (const group of this.#groups) {
      group.hosts.delete(host);
      if (group.hosts.size === 0) group.done();
    }
    this.#groups = this.#groups.filter((group) => group.hosts.size > 0);
  }
}

/** The response of a host says that it wants no more requests. */
export function expelHost(host: Host): void {
  if (host.check instanceof HostCheck) host.check.expel();
}
