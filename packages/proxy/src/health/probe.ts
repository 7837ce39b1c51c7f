import type { CompiledCluster, HealthCheck, Host } from '@meltemi/runtime';
import type { Worker } from '../core/worker.ts';
import type { DialTarget } from '../net/net-port.ts';
import type { Finding } from './check-state.ts';

/** What a probe is about. */
export interface ProbeTarget {
  readonly worker: Worker;
  readonly cluster: CompiledCluster;
  readonly host: Host;
  readonly config: HealthCheck;
  readonly dial: () => DialTarget;
}

/** A host's checks, one at a time. It may keep its connection in between. */
export interface Probe {
  /** Begins a check; `done` is called once, never before this returns. `status` of an HTTP response, 0 = there was none. */
  start(done: (finding: Finding, status: number) => void): void;
  /** Gives the running check up: it took too long, or is not wanted any more. */
  stop(): void;
}
