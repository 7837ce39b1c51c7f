import type { HostEvent } from '../health/host-events.ts';
import type { RuntimeDelta, RuntimePlace } from '@meltemi/runtime';
import type { Span, TelemetryBatch } from '@meltemi/telemetry/recording';
import type { TelemetryIdentity } from '../telemetry/identity.ts';
import type { DrainOrder, DrainReport } from '../core/drain.ts';
import type { OverloadLimits } from '../core/overload.ts';
import type { PortSharing } from '../net/node-listener.ts';
import type { TapTrace } from '../tap/trace.ts';
import type { KnownWorkload } from '../telemetry/peers.ts';
import type { EngineOrder, EngineSnapshot } from './engine.ts';
import type { ProxyTimes } from './options.ts';
import type { LogLevel } from './ports.ts';

/** What a traffic thread is told when it starts. */
export interface WorkerStart {
  readonly identity: TelemetryIdentity;
  readonly gateway: boolean;
  readonly local: RuntimePlace['local'];
  /** Who else listens on the same ports. */
  readonly sharing: PortSharing;
  readonly limits: OverloadLimits;
  /** Destinations that clients may not name, as the options say it. */
  readonly denied?: string | undefined;
  /** One number: connections of all threads. */
  readonly open: Int32Array;
  /** Memory of `SharedNumbers`. */
  readonly numbers: SharedArrayBuffer;
  /** The first thread makes the active health checks, and tells the others. */
  readonly first: boolean;
  readonly logLevel: LogLevel;
  readonly times?: ProxyTimes | undefined;
}

/** What a traffic thread may be asked. */
export type Question =
  | { readonly t: 'apply'; readonly delta: RuntimeDelta; readonly found: readonly HostEvent[] }
  | { readonly t: 'host'; readonly event: HostEvent }
  | { readonly t: 'learned'; readonly address: string; readonly workload: KnownWorkload | undefined }
  | { readonly t: 'collect' }
  | { readonly t: 'snapshot' }
  | { readonly t: 'drain'; readonly order: DrainOrder }
  | { readonly t: 'order'; readonly order: EngineOrder }
  | { readonly t: 'close' };

/** To a traffic thread. Each is answered by a `done` or a `failed` with its `id`. */
export interface ToWorker {
  readonly id: number;
  readonly question: Question;
}

/** The answers; what `done` holds depends on the question. */
export interface Answers {
  readonly apply: { readonly failures: ReadonlyMap<string, string>; readonly found: readonly HostEvent[] };
  readonly host: undefined;
  readonly learned: undefined;
  readonly collect: TelemetryBatch;
  readonly snapshot: EngineSnapshot;
  readonly drain: DrainReport;
  readonly order: undefined;
  readonly close: undefined;
}

export type FromWorker =
  | { readonly t: 'done'; readonly id: number; readonly value: unknown }
  | { readonly t: 'failed'; readonly id: number; readonly reason: string }
  | { readonly t: 'want'; readonly address: string }
  | { readonly t: 'forget'; readonly address: string }
  | { readonly t: 'span'; readonly span: Span }
  | { readonly t: 'trace'; readonly tap: number; readonly trace: TapTrace }
  | { readonly t: 'access-log'; readonly path: string; readonly bytes: Uint8Array }
  | { readonly t: 'host'; readonly event: HostEvent }
  | { readonly t: 'log'; readonly line: string };
