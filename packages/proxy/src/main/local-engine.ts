import type { Clock, Log, Random, Timers } from '@meltemi/base';
import { createRuntimeState, type RuntimeDelta, type SharedNumbers, type RuntimePlace } from '@meltemi/runtime';
import { createStandardMetrics, type MetricRegistry } from '@meltemi/telemetry/recording';
import { createDataPlane } from '../data-plane.ts';
import type { TelemetryIdentity } from '../telemetry/identity.ts';
import { createClientPeers } from '../telemetry/peers.ts';
import { createSpanMaker } from '../telemetry/spans.ts';
import { createStreamRecorder } from '../telemetry/stream-recorder.ts';
import type { Overload } from '../core/overload.ts';
import type { Denies } from '../net/denied-destinations.ts';
import type { PortSharing } from '../net/node-listener.ts';
import type { HostEvent } from '../health/host-events.ts';
import type { LogSink } from '../types.ts';
import type { ProxyTimes } from './options.ts';
import { snapshotOf, type Engine, type EngineEvents } from './engine.ts';

export interface LocalEngineOptions {
  readonly identity: TelemetryIdentity;
  readonly gateway: boolean;
  /** Where the proxy is, for zone-aware routing. */
  readonly local?: RuntimePlace['local'];
  readonly registry: MetricRegistry;
  readonly events: EngineEvents;
  readonly accessLog: LogSink;
  /** Who else may listen on the same ports; nobody otherwise. */
  readonly sharing?: PortSharing;
  /** What this thread may take on. */
  readonly overload?: Overload;
  readonly denies?: Denies | undefined;
  /** What threads count together, and what they tell each other; absent = there is one. */
  readonly together?: Together;
  readonly times?: ProxyTimes | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** What joins the threads of one process. */
export interface Together {
  readonly numbers: SharedNumbers;
  /** What this thread's clock lacks to one that all threads share. */
  readonly offsetMs: number;
  /** Another thread makes the active health checks. */
  readonly checksElsewhere: boolean;
  readonly onHostEvent: (event: HostEvent) => void;
}

/** An engine that is one of several. */
export interface ThreadEngine extends Engine {
  /** As `apply`, with what others have found out about hosts. */
  applyWith(delta: RuntimeDelta, found: readonly HostEvent[]): Promise<ReadonlyMap<string, string>>;
  adopt(event: HostEvent): void;
  checked(): readonly HostEvent[];
}

/** An engine on the thread that calls it. */
export function createLocalEngine(options: LocalEngineOptions): ThreadEngine {
  const { clock, events, registry, identity, random, together } = options;
  const now = (): number => clock.now();
  const clients = createClientPeers({ want: (address) => events.onWantWorkload(address), forget: (address) => events.onForgetWorkload(address) });
  const recorder = createStreamRecorder({
    metrics: createStandardMetrics({ registry, local: identity.labels, now }),
    clients,
    spans: createSpanMaker(identity.span, (span) => events.onSpan(span)),
    gateway: options.gateway,
    now,
  });
  const state = createRuntimeState(() => random.next(), {
    now: () => clock.monotonic(),
    shared: together?.numbers,
    onEjected: (host, forMs) => together?.onHostEvent({ t: 'ejected', cluster: host.cluster, host: host.key, forMs }),
    ...(options.local === undefined ? {} : { local: options.local }),
  });
  const own = {
    sharing: options.sharing ?? ('own' as const),
    times: options.times,
    ...(together === undefined
      ? {}
      : {
          shared: { numbers: together.numbers, offsetMs: together.offsetMs },
          checksElsewhere: together.checksElsewhere,
          onHostEvent: together.onHostEvent,
        }),
    denies: options.denies,
    ...(options.overload === undefined ? {} : { overload: options.overload }),
  };
  const dataPlane = createDataPlane(
    state,
    { ...options, streams: recorder, onTrace: (tap, trace) => events.onTrace(tap, trace), node: identity.self },
    own,
  );
  return {
    apply: async (delta) => dataPlane.apply(state.apply(delta)),
    applyWith: async (delta, found) => dataPlane.apply(state.apply(delta), found),
    adopt: (event) => dataPlane.adopt(event),
    checked: () => dataPlane.checked(),
    learned: (address, workload) => clients.learned(address, workload),
    async collect() {
      recorder.flushOpen();
    },
    async snapshot() {
      return snapshotOf(state, dataPlane, recorder.openTcp, clock.monotonic());
    },
    drain: (order) => dataPlane.drain(order),
    async order(order) {
      dataPlane.order(order);
    },
    close: () => dataPlane.close(),
  };
}
