import type { Log } from '@meltemi/base';
import type { CompiledChain, Host, RuntimeState, SharedNumbers } from '@meltemi/runtime';
import { DEFAULT_LIMITS, type HeadScanner } from '@meltemi/wire';
import type { AccessLogger } from '../access-log/access-logger.ts';
import type { Exchange } from '../http/exchange.ts';
import type { RequestContext } from '../http/filters/context.ts';
import type { FilterHalf } from '../http/filters/half.ts';
import type { LiveFormat } from '../http/live-format.ts';
import type { HeadView } from '../http/request-view.ts';
import type { Denies } from '../net/denied-destinations.ts';
import type { Dialer } from '../net/net-port.ts';
import type { SharedBuffers } from '../net/shared-buffers.ts';
import type { TlsContexts } from '../net/tls-contexts.ts';
import type { SpanExporters } from '../tracing/exporters.ts';
import type { Counters } from '../stats/counters.ts';
import type { HttpCounts } from '../stats/http-counts.ts';
import type { ConnectionSet, ProxyStats } from '../stats/proxy-stats.ts';
import type { TapSession } from '../tap/tap-session.ts';
import type { ConnectionInfo, DataPlanePorts, Transport, TransportHandler } from '../types.ts';
import type { DrainScope } from './drain.ts';
import type { Faults } from './faults.ts';
import type { HeadStore } from './head-store.ts';
import type { Ids } from './ids.ts';
import type { Outputs } from './output.ts';
import type { Overload } from './overload.ts';
import type { TimerWheel } from './timer-wheel.ts';

/** A downstream connection as the data plane sees it. */
export interface Connection extends TransportHandler {
  readonly chain: CompiledChain;
  /** What HTTP is spoken; absent = none. */
  readonly protocol?: 'http1' | 'http2';
  /** It was of another protocol, and another connection has taken its place. */
  readonly handedOver?: boolean;
  /** The client ended it, not we. */
  readonly endedByPeer?: boolean;
  /** Of its connection manager; undefined = it has none. */
  readonly counts?: HttpCounts | undefined;
  /** The host that all its bytes go to (TCP). */
  readonly upstreamHost?: Host | undefined;
  /** Its chain is no longer in force: no further request than the next one. */
  retire(): void;
  /** No new request after the present one; close when idle. */
  drain(): void;
  /** The time of a drain is up: what still runs is ended, with a reason where the protocol has a place for it. */
  expire(): void;
  /** Close now. */
  destroy(): void;
}

/** What all connections of a thread share. */
export interface Worker {
  readonly state: RuntimeState;
  readonly ports: DataPlanePorts;
  readonly log: Log;
  readonly faults: Faults;
  readonly overload: Overload;
  /** Where clients may not lead this proxy; undefined = they may name any destination. */
  readonly denies: Denies | undefined;
  /** What threads count together; undefined = there is one. */
  readonly shared: { readonly numbers: SharedNumbers; readonly offsetMs: number } | undefined;
  readonly wheel: TimerWheel;
  readonly ids: Ids;
  readonly buffers: SharedBuffers;
  readonly outputs: Outputs;
  readonly heads: HeadStore;
  readonly dialer: Dialer;
  readonly tls: TlsContexts;
  readonly accessLog: AccessLogger;
  /** Spans for collectors. */
  readonly spans: SpanExporters;
  /** Results are read before the next scan, so that one of each is enough. */
  readonly requestScanner: HeadScanner;
  readonly responseScanner: HeadScanner;
  readonly view: HeadView;
  /** Whose head the request scanner has read last. */
  scannedFor: Exchange | undefined;
  /** Requests that a fault filter delays or has answered just now. */
  activeFaults: number;
  /** Somebody looks on. */
  tap: TapSession | undefined;
  /** Told to fail the health checks that the proxy answers itself (`/healthcheck/fail`). */
  failing: boolean;
  readonly format: LiveFormat;
  /** The request as filters see it. */
  readonly filterContext: RequestContext;
  /** The halves of filters that do I/O or work on payloads, by kind. */
  readonly filterHalves: ReadonlyMap<string, FilterHalf>;
  /** Statistics that filters count, under Envoy's names. */
  readonly counters: Counters;
  readonly connections: ConnectionSet;
  readonly stats: ProxyStats;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  requests: number;
  /** Which connections are to end. */
  draining: DrainScope | 'none';
  /** Monotonic milliseconds when a connection was accepted last. */
  acceptedMs: number;
}

/** Heads are scanned within the largest limits; a connection manager with smaller ones checks afterwards. */
export const SCAN_LIMITS = { ...DEFAULT_LIMITS, maxHeadBytes: 96 * 1024, maxHeaders: 250 };

/** A connection that was accepted, and the filter chain chosen for it. */
export interface Accepted {
  readonly chain: CompiledChain;
  readonly transport: Transport;
  readonly connection: ConnectionInfo;
}

/** Takes an accepted connection of a chain over. */
export type OpenConnection = (worker: Worker, accepted: Accepted) => Connection;
