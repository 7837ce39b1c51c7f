import type { Clock, Log, Random, Timers } from '@meltemi/base';
import { createRuntimeState, type RuntimePlace } from '@meltemi/runtime';
import { createStandardMetrics, type MetricRegistry } from '@meltemi/telemetry/recording';
import { createDataPlane } from '../data-plane.ts';
import type { TelemetryIdentity } from '../telemetry/identity.ts';
import { createClientPeers } from '../telemetry/peers.ts';
import { createSpanMaker } from '../telemetry/spans.ts';
import { createStreamRecorder } from '../telemetry/stream-recorder.ts';
import type { Overload } from '../core/overload.ts';
import type { PortSharing } from '../net/node-listener.ts';
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
  readonly times?: ProxyTimes | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** An engine on the thread that calls it. */
export function createLocalEngine(options: LocalEngineOptions): Engine {
  const { clock, events, registry, identity, random } = options;
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
    ...(options.local === undefined ? {} : { local: options.local }),
  });
  const own = {
    sharing: options.sharing ?? ('own' as const),
    times: options.times,
    ...(options.overload === undefined ? {} : { overload: options.overload }),
  };
  const dataPlane = createDataPlane(state, { ...options, streams: recorder, node: identity.self }, own);
  return {
    apply: (delta) => dataPlane.apply(state.apply(delta)),
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
