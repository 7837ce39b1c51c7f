import type { OverloadFigures } from '../core/overload.ts';
import { healthFlags, type Breaker, type CompiledCluster, type Host, type HostCounts, type RuntimeDelta, type RuntimeState } from '@meltemi/runtime';
import type { Span } from '@meltemi/telemetry/recording';
import type { DrainOrder, DrainReport } from '../core/drain.ts';
import type { LogLevel } from './ports.ts';
import type { StatScope } from '../stats/scopes.ts';
import type { TapOrder } from '../tap/tap-session.ts';
import type { TapTrace } from '../tap/trace.ts';
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
  /** One step of a drain; answers what had to be ended so far because its time was up. */
  drain(order: DrainOrder): Promise<DrainReport>;
  /** Does what an operator asks for. */
  order(order: EngineOrder): Promise<void>;
  close(): Promise<void>;
}

export type EngineOrder =
  /** Health checks that the proxy answers itself fail from now on, or no longer. */
  | { readonly t: 'failing'; readonly failing: boolean }
  | { readonly t: 'reset-counters' }
  /** One tap at a time; the next one takes its place. */
  | { readonly t: 'tap'; readonly tap: TapOrder }
  | { readonly t: 'untap' }
  /** For threads of their own: their log is another one. */
  | { readonly t: 'log-level'; readonly level: LogLevel };

export interface EngineEvents {
  onWantWorkload(address: string): void;
  onForgetWorkload(address: string): void;
  onSpan(span: Span): void;
  /** What a tap of this number has seen. */
  onTrace(tap: number, trace: TapTrace): void;
}

/** What the admin endpoint shows of the traffic side. */
export interface EngineSnapshot {
  readonly listeners: readonly ListenerStatus[];
  readonly clusters: readonly ClusterSnapshot[];
  readonly connections: number;
  readonly requests: number;
  readonly openTcp: number;
  readonly overload: OverloadFigures;
  readonly stats: readonly StatScope[];
}

export interface ClusterSnapshot {
  readonly name: string;
  /** Its name in statistics. */
  readonly statName: string;
  /** Does it eject hosts? */
  readonly outlier: boolean;
  /** By priority. */
  readonly breakers: Readonly<Record<'default' | 'high', BreakerSnapshot>>;
  readonly hosts: readonly HostSnapshot[];
}

export interface BreakerSnapshot {
  readonly usage: { readonly connections: number; readonly pending: number; readonly requests: number; readonly retries: number };
  readonly limits: {
    readonly maxConnections: number;
    readonly maxPendingRequests: number;
    readonly maxRequests: number;
    readonly maxRetries: number;
    /** What is left is to be shown. */
    readonly trackRemaining: boolean;
  };
}

export interface HostSnapshot {
  readonly address: string;
  readonly hostname: string;
  /** The endpoint set's word. */
  readonly health: string;
  /** Why it gets no traffic, or less, in Envoy's words; none = healthy. */
  readonly flags: readonly string[];
  readonly weight: number;
  readonly priority: number;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  readonly canary: boolean;
  readonly active: number;
  readonly connections: number;
  readonly counts: HostCounts;
}

/** The state of one engine, read between two requests. */
export function snapshotOf(state: RuntimeState, dataPlane: DataPlane, openTcp: number, nowMs: number): EngineSnapshot {
  const clusters = [...state.clusters()].map((cluster) => clusterSnapshot(cluster, nowMs));
  return { listeners: dataPlane.listeners(), clusters, ...dataPlane.activity, openTcp, stats: dataPlane.stats() };
}

function clusterSnapshot(cluster: CompiledCluster, nowMs: number): ClusterSnapshot {
  const { breakers } = cluster;
  return {
    name: cluster.config.name,
    statName: cluster.config.statName,
    outlier: cluster.config.outlier !== undefined,
    breakers: { default: breakerSnapshot(breakers.default), high: breakerSnapshot(breakers.high) },
    hosts: cluster.hosts().map((host) => hostSnapshot(host, nowMs)),
  };
}

function hostSnapshot(host: Host, nowMs: number): HostSnapshot {
  const { key, endpoint, locality, priority, active, connections } = host;
  return {
    address: key,
    hostname: endpoint.hostname,
    health: endpoint.health,
    flags: healthFlags(host, nowMs),
    weight: endpoint.weight,
    priority,
    locality: { region: locality.region, zone: locality.zone, subZone: locality.subZone },
    canary: endpoint.metadata['canary'] === true,
    active,
    connections,
    counts: { ...host.counts },
  };
}

function breakerSnapshot({ usage, limits }: Breaker): BreakerSnapshot {
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries, trackRemaining } = limits;
  const { connections, pending, requests, retries } = usage;
  return {
    usage: { connections, pending, requests, retries },
    limits: { maxConnections, maxPendingRequests, maxRequests, maxRetries, trackRemaining },
  };
}
