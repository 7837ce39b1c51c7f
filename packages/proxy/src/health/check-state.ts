import type { HealthCheck, Host } from '@meltemi/runtime';

/** What a check has found. `network`: no answer, or a broken one; `retriable`: a bad answer that counts like that; `unhealthy`: the host says no. */
export type Finding = 'healthy' | 'degraded' | 'network' | 'retriable' | 'unhealthy';

/** What a finding means for the host, and when it is looked at again. */
export interface CheckStep {
  readonly health: Host['activeHealth'];
  readonly changed: boolean;
  readonly delayMs: number;
}

/** What thresholds have counted. Envoy's rules; no clock, no I/O. */
export class CheckState {
  readonly #config: HealthCheck;
  #good = 0;
  #bad = 0;
  #first = true;
  health: Host['activeHealth'];

  constructor(config: HealthCheck, health: Host['activeHealth']) {
    this.#config = config;
    this.health = health;
    // A host that was checked before keeps what is known of it.
    this.#first = health !== 'healthy' && health !== 'degraded';
  }

  /** Has it been checked yet? */
  get checked(): boolean {
    return !this.#first;
  }

  /** `traffic`: has the cluster had a connection yet? `random` in [0, 1). */
  take(finding: Finding, traffic: boolean, random: () => number): CheckStep {
    const before = this.health;
    const pending = finding === 'healthy' || finding === 'degraded' ? this.#passed(finding) : this.#failed(finding);
    this.#first = false;
    const healthy = finding === 'healthy' || finding === 'degraded';
    return { health: this.health, changed: this.health !== before, delayMs: this.#delay({ healthy, pending, traffic }, random) };
  }

  /** The host said itself that it wants no traffic (`x-envoy-immediate-health-check-fail`). */
  expel(): void {
    this.#good = 0;
    this.health = 'expelled';
  }

  /** Answers whether the finding is on its way to change something. */
  #passed(finding: 'healthy' | 'degraded'): boolean {
    this.#bad = 0;
    const down = this.health === 'unhealthy' || this.health === 'expelled' || this.health === 'pending';
    // The first check of all counts at once: starting is fast.
    if (down && !this.#first && ++this.#good < this.#config.healthyThreshold) return true;
    this.#good = 0;
    this.health = finding;
    return false;
  }

  #failed(finding: 'network' | 'retriable' | 'unhealthy'): boolean {
    this.#good = 0;
    if (this.health === 'unhealthy' || this.health === 'expelled') return false;
    if (this.health !== 'pending' && finding !== 'unhealthy' && ++this.#bad < this.#config.unhealthyThreshold) return true;
    this.#bad = 0;
    this.health = 'unhealthy';
    return false;
  }

  #delay(on: { readonly healthy: boolean; readonly pending: boolean; readonly traffic: boolean }, random: () => number): number {
    const { jitterPercent, jitterMs } = this.#config;
    const base = this.#interval(on);
    return Math.max(1, base + random() * ((base * jitterPercent) / 100) + random() * jitterMs);
  }

  #interval({ healthy, pending, traffic }: { readonly healthy: boolean; readonly pending: boolean; readonly traffic: boolean }): number {
    const config = this.#config;
    if (!traffic) return healthy ? config.noTrafficHealthyIntervalMs : config.noTrafficIntervalMs;
    if (pending) return healthy ? config.healthyEdgeIntervalMs : config.unhealthyEdgeIntervalMs;
    return healthy ? config.intervalMs : config.unhealthyIntervalMs;
  }
}
