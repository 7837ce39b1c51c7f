import type { Node } from '@meltemi/protos-types';

/** What a proxy is told when it starts; the agent hands it over as JSON in `MELTEMI_PROXY_OPTIONS`. */
export interface ProxyOptions {
  /** Unix socket of the agent: delta ADS with secrets, and telemetry. */
  readonly agentSocket: string;
  /** Address of the metrics port: the workload's own. */
  readonly address: string;
  /** Address of the admin port, where it is another: a gateway's is on loopback if others share its network. */
  readonly adminAddress?: string;
  /** The address that this machine has where the workload has a network namespace of its own: the admin port takes orders from there too. */
  readonly machineAddress?: string;
  /** 0 takes a free one. */
  readonly adminPort: number;
  /** Prometheus text on `/stats/prometheus`; 0 takes a free one. */
  readonly metricsPort: number;
  readonly node: Node;
  /** Traffic threads besides this one; 0 (the default) = traffic runs on this thread. See docs/decisions. */
  readonly workers?: number;
  /** How long requests may run on after SIGTERM. Default 5 000. */
  readonly drainMs?: number;
  /** Longest wait of a finished access-log line before it is written (Envoy's `--file-flush-interval-msec`). Default 1 000. */
  readonly accessLogFlushMs?: number;
  /** How long connections of a configuration that is gone may go on (Envoy's `--drain-time-s`). Default 45 000. */
  readonly retireMs?: number;
  readonly version?: string;
  /** Limits, under the names that Envoy's runtime has for them. */
  readonly runtime?: Readonly<Record<string, string>>;
  /** How often the proxy of this agent was exchanged before this one. Default 0. */
  readonly epoch?: number;
  /** Who may listen on its ports beside it: `own` nobody (the default), `first` a successor, `shared` its predecessor does so now, `given` nobody, and it is given its predecessor's sockets over IPC. */
  readonly sharing?: 'own' | 'first' | 'shared' | 'given';
}

/** Times that reach down to the data plane. */
export interface ProxyTimes {
  readonly accessLogFlushMs?: number | undefined;
  readonly retireMs?: number | undefined;
}

/** A proxy that runs. */
export interface RunningProxy {
  readonly adminPort: number;
  readonly metricsPort: number;
  /** Resolves when the first configuration is in force and the code is warm. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** Tells clients to go, lets requests finish (at most `drainMs`), ends. Again with less time: that counts. */
  stop(drainMs?: number): Promise<void>;
  /** Another proxy serves in its place: gives its ports up at once, lets connections come to their end (at most `retireMs`), ends. */
  retire(): Promise<void>;
}
