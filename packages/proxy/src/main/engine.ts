import type { RuntimeDelta, RuntimeState } from '@meltemi/runtime';
import type { Span } from '@meltemi/telemetry/recording';
import type { KnownWorkload } from '../telemetry/peers.ts';
import type { DataPlane, ListenerStatus } from '../types.ts';

/**
 * The traffic side of the proxy, as its configuration side sees it: everything that crosses is plain data, so that an engine may run on
 * this thread or on its own. What happens in between never waits for the configuration side.
 */
export interface Engine {
  /** Puts a change in force. Answers the listeners that could not be bound, with the reason. */
  apply(delta: RuntimeDelta): Promise<ReadonlyMap<string, string>>;
  /** Who stands behind an address that `EngineEvents.onWantWorkload` asked for. */
  learned(address: string, workload: KnownWorkload | undefined): void;
  /** Brings the metric registry that the engine was given up to date. */
  collect(): Promise<void>;
  snapshot(): Promise<EngineSnapshot>;
  /** Takes nothing new and lets what runs finish; resolves when idle or after the time. */
  drain(deadlineMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface EngineEvents {
  onWantWorkload(address: string): void;
  onForgetWorkload(address: string): void;
  onSpan(span: Span): void;
}

/** What the admin endpoint shows of the traffic side. */
export interface EngineSnapshot {
  readonly listeners: readonly ListenerStatus[];
  readonly clusters: readonly ClusterSnapshot[];
  readonly connections: number;
  readonly requests: number;
  readonly openTcp: number;
}

export interface ClusterSnapshot {
  readonly name: string;
  readonly usage: { readonly connections: number; readonly pending: number; readonly requests: number; readonly retries: number };
  readonly limits: {
    readonly maxConnections: number;
    readonly maxPendingRequests: number;
    readonly maxRequests: number;
    readonly maxRetries: number;
  };
  readonly hosts: readonly HostSnapshot[];
}

export interface HostSnapshot {
  readonly address: string;
  readonly hostname: string;
  readonly health: string;
  readonly ejected: boolean;
  readonly weight: number;
  readonly active: number;
}

/** The state of one engine, read between two requests. */
export function snapshotOf(state: RuntimeState, dataPlane: DataPlane, openTcp: number, nowMs: number): EngineSnapshot {
  const clusters = [...state.clusters()].map((cluster): ClusterSnapshot => ({
    name: cluster.config.name,
    usage: { ...cluster.usage },
    limits: cluster.config.limits,
    hosts: cluster.hosts().map((host) => ({
      address: host.key,
      hostname: host.endpoint.hostname,
      health: host.endpoint.health,
      ejected: host.ejectedUntilMs > nowMs,
      weight: host.endpoint.weight,
      active: host.active,
    })),
  }));
  return { listeners: dataPlane.listeners(), clusters, ...dataPlane.activity, openTcp };
}
